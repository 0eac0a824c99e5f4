// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// goldenCouncil is testdata/council.json: a founder hands its key on to 2 of 2,
// has the charter signed, and the two sign a deny list.
type goldenCouncil struct {
	Comment  string         `json:"comment"`
	Nbhd     string         `json:"nbhd"`
	Issuers  []goldenSeat   `json:"issuers"`
	Letters  []goldenLetter `json:"letters"`
	Round    string         `json:"round_one_hash"`
	Agreed   string         `json:"signed_for_agreement_by_2"`
	Ready    string         `json:"signed_for_readiness_by_2"`
	Parcels  []goldenParcel `json:"shares"`
	Dealt    string         `json:"evidence"`
	Charter  string         `json:"signed_charter"`
	Deny     string         `json:"signed_deny"`
	Keys     string         `json:"saved_keys_of_2_while_pending"`
	Adopted  string         `json:"saved_keys_of_2_after_the_charter"`
	Offer    string         `json:"candidacy_of_2"`
	OfferSig string         `json:"signed_for_candidacy_of_2"`
}

type goldenSeat struct {
	Index   uint8      `json:"index"`
	HPKE    goldenPair `json:"hpke_x25519"`
	Ed25519 goldenPair `json:"ed25519"`
}

// goldenLetter is a letter from both sides. Where its body holds sealed shares it
// is a sample like Letter, since HPKE is random.
type goldenLetter struct {
	From   uint8  `json:"from"`
	To     uint8  `json:"to"`
	Step   uint8  `json:"step"`
	Sample bool   `json:"body_is_a_sample"`
	Signed string `json:"signed"`
	Plain  string `json:"plaintext"`
	Info   string `json:"info"`
	Letter string `json:"sample_letter"`
}

type goldenParcel struct {
	Dealer   uint8  `json:"dealer"`
	Receiver uint8  `json:"receiver"`
	Info     string `json:"info"`
	Signed   string `json:"signed"`
	Plain    string `json:"plaintext"`
	Sealed   string `json:"sample_sealed"`
}

// record notes a letter on its way.
func (g *goldenCouncil) record(t testing.TB, h *house, msg []byte) {
	t.Helper()
	l := must(decodeLetter(msg))(t)
	c := h.seats[l.To-1].council
	s := must(c.open(l))(t)
	g.Letters = append(g.Letters, goldenLetter{
		From: l.From, To: l.To, Step: s.Step, Sample: s.Step == stepAgreed+1 || s.Step == stepShares,
		Signed: hexOf(s.signed(h.charter.Nbhd, l.From, l.To)), Plain: hexOf(wire.MustMarshal(s)),
		Info: hexOf(letterInfo(h.charter.Nbhd, l.From, l.To)), Letter: hexOf(msg),
	})
	if s.Step != stepShares {
		return
	}
	seat := c.seats[l.From]
	g.Round = hexOf(seat.round[:])
	g.Agreed, g.Ready = hexOf(voteText(h.charter.Nbhd, stageAgreed, 2, seat.round)), hexOf(voteText(h.charter.Nbhd, stageReady, 2, seat.round))
	for _, p := range decoded[[]parcel](t, s.Body) {
		info := parcelInfo(seat, p.Index, l.To)
		plain := must(OpenWith(c.keys.HPKE, info, p.Sealed))(t)
		text := handedText(h.charter.Nbhd, seat.round, p.Index, l.To, decoded[handed](t, plain).Value)
		g.Parcels = append(g.Parcels, goldenParcel{p.Index, l.To, hexOf(info), hexOf(text), hexOf(plain), hexOf(p.Sealed)})
	}
}

func (g *goldenCouncil) run(t testing.TB, h *house) *Result {
	t.Helper()
	for len(h.flying) > 0 {
		msg := h.flying[0]
		h.flying = h.flying[1:]
		g.record(t, h, msg)
		h.deliver(t, msg)
	}
	r := h.seats[0].council.Result()
	if r == nil || r.Err != nil {
		t.Fatalf("the session has not ended well: %+v", r)
	}
	return r
}

// forget replaces what is random in every run by what the file has.
func (g *goldenCouncil) forget(want *goldenCouncil) {
	for i := range g.Letters {
		if i >= len(want.Letters) {
			return
		}
		g.Letters[i].Letter = want.Letters[i].Letter
		if g.Letters[i].Sample {
			g.Letters[i].Signed, g.Letters[i].Plain = want.Letters[i].Signed, want.Letters[i].Plain
		}
	}
	for i := range g.Parcels {
		if i < len(want.Parcels) {
			g.Parcels[i].Sealed = want.Parcels[i].Sealed
		}
	}
}

func makeGoldenCouncil(t testing.TB) (h *house, got goldenCouncil) {
	t.Helper()
	h = newHouse(t, "vecino golden council 1", 1, 1, 1)
	got = goldenCouncil{
		Comment: "Three sessions of a council (council.cddl): shares for 2 of 2, the charter, a deny list. Everything is hex; letters and sealed shares are samples: HPKE is random.",
		Nbhd:    hexOf(h.charter.Nbhd[:]),
	}
	for i, s := range h.seats {
		k := s.council.Keys()
		got.Issuers = append(got.Issuers, goldenSeat{
			uint8(i + 1), goldenPair{hexOf(k.HPKE.Bytes()), hexOf(k.HPKE.PublicKey().Bytes())},
			goldenPair{hexOf(k.Ed25519.Seed()), hexOf(k.Ed25519[32:])},
		})
	}
	offer := Candidate(h.seats[1].council.Keys(), h.seats[1].id, h.charter.Nbhd)
	got.Offer, got.OfferSig = hexOf(wire.MustMarshal(offer)), hexOf(offer.signed(h.charter.Nbhd))
	c := h.seats[0].council
	h.send(c.Deal(NewPlan(c.charter, 4, 2, []uint8{1}, h.receivers(t, 1, 2))))(t)
	dealt := got.run(t, h).Dealt
	got.Dealt, got.Keys = hexOf(wire.MustMarshal(dealt)), hexOf(h.seats[1].keys)
	h.send(c.ProposeCharter(must(dealt.Charter(h.charter))(t), dealt))(t)
	signed := got.run(t, h).Charter
	h.adopt(t, signed)
	got.Charter, got.Adopted = hexOf(signed.Encode()), hexOf(h.seats[1].keys)
	deny := &Deny{Label: wire.LabelDeny, Nbhd: h.charter.Nbhd, Epoch: 100, PIDs: [][16]byte{{1}, {2}}}
	h.send(c.Propose(MatterDeny, deny.Encode()))(t)
	r := got.run(t, h)
	got.Deny = hexOf(wire.MustMarshal(SignedDeny{Deny: r.Proposal, Signature: r.Sig}))
	return h, got
}

func TestGoldenCouncil(t *testing.T) {
	h, got := makeGoldenCouncil(t)
	if !*update {
		var before goldenCouncil
		readJSON(t, "council.json", &before)
		got.forget(&before)
	}
	var want goldenCouncil
	golden(t, "council.json", got, &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("golden council differs (-want +got):\n%s", d)
	}
	for i, g := range want.Letters {
		l := must(decodeLetter(unhex(t, g.Letter)))(t)
		c := h.seats[l.To-1].council
		s := must(c.open(l))(t)
		if hexOf(wire.MustMarshal(s)) != g.Plain || !s.verify(h.seats[l.From-1].council.public.Ed25519, h.charter.Nbhd, l) {
			t.Errorf("letter %d of the file holds something else", i)
		}
		writeSeed(t, "FuzzCouncil", fmt.Sprintf("letter_%d_step_%d", i, g.Step), s.Body, g.Step, l.To)
	}
	for _, p := range want.Parcels {
		plain := must(OpenWith(h.seats[p.Receiver-1].council.keys.HPKE, unhex(t, p.Info), unhex(t, p.Sealed)))(t)
		if hexOf(plain) != p.Plain {
			t.Errorf("the share of %d for %d is another", p.Dealer, p.Receiver)
		}
	}
	if _, err := DecodeDeny(unhex(t, want.Deny), h.charter); err != nil {
		t.Error(err)
	}
	writeSeed(t, "FuzzDecodeDeny", "golden", unhex(t, want.Deny))
	writeSeed(t, "FuzzDecodeDeny", "empty", []byte{})
	writeSeed(t, "FuzzRestoreKeys", "pending", unhex(t, want.Keys))
	writeSeed(t, "FuzzRestoreKeys", "adopted", unhex(t, want.Adopted))
	writeSeed(t, "FuzzRestoreKeys", "founder", h.seats[0].council.Keys().Save())
	writeSeed(t, "FuzzCouncil", "refusal", wire.MustMarshal(refusal{Reason: ReasonShare, Text: "x", Data: []byte{0x82, 1, 0x80}}), uint8(stepRefusal), uint8(1))
	writeSeed(t, "FuzzCouncil", "register", wire.MustMarshal([]byte("J")), uint8(stepRegister), uint8(2))
}

// FuzzCouncil shows bodies to issuer 2, as requests of issuer 1 in one session
// after another, and to issuer 1, as answers of issuer 2 to what it asks.
func FuzzCouncil(f *testing.F) {
	h := newHouse(f, "vecino golden council 1", 2, 2, 1)
	f.Fuzz(func(t *testing.T, body []byte, step, to uint8) {
		to = 1 + to%2
		from, at := h.seats[2-to].council, h.seats[to-1].council
		var session sessionID
		if to == 1 {
			if at.own == nil {
				if _, err := at.Deal(NewPlan(at.charter, at.charter.Gen+1, 2, []uint8{1, 2}, h.receivers(t, 1, 2, 3))); err != nil {
					t.Fatal(err)
				}
			}
			session = at.own.session
		} else if session = from.last; opens(step) || session == (sessionID{}) {
			session = must(from.newSession())(t)
		}
		msg, err := from.write(from.public.Index, peer{to, at.public.HPKE, at.public.Ed25519}, session, step, body)
		if err != nil {
			return
		}
		if _, err := at.Handle(msg); err != nil && err != ErrRefused {
			t.Fatal(err)
		}
		if _, err := at.Handle(body); err != nil && err != ErrRefused {
			t.Fatal(err)
		}
		if len(at.seats) > 2 || len(at.keys.Pending) > MaxPending {
			t.Fatalf("%d sessions, %d shares", len(at.seats), len(at.keys.Pending))
		}
	})
}

func FuzzDecodeDeny(f *testing.F) {
	h := newHouse(f, "vecino golden council 1", 1, 1, 1)
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := DecodeDeny(b, h.charter); (d == nil) != (err != nil) {
			t.Fatalf("got %v, %v", d, err)
		}
	})
}

func FuzzRestoreKeys(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := RestoreKeys(b)
		if err != nil {
			return
		}
		again, err := RestoreKeys(k.Save())
		if err != nil || string(again.Save()) != string(k.Save()) {
			t.Fatalf("restored keys do not come back: %v", err)
		}
	})
}
