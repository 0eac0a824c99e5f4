// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestCrossingOffers has both sides offer at once, and messages come twice: one
// secret comes of it.
func TestCrossingOffers(t *testing.T) {
	a, b := newAcquaintance(t, 0), newAcquaintance(t, 1)
	fromA, fromB := a.Offer(4, a.as(4), b.as(4), 1), b.Offer(4, b.as(4), a.as(4), 1)
	atB := must(b.Handle(b.rand, 4, b.as(4), a.as(4), fromA, 1))(t)
	atA := must(a.Handle(a.rand, 4, a.as(4), b.as(4), fromB, 1))(t)
	for range 2 {
		for _, m := range [][]byte{fromB, atB.Answer} {
			if e := must(a.Handle(a.rand, 4, a.as(4), b.as(4), m, 0))(t); !e.Paired || e.Handle != atA.Handle {
				t.Errorf("at a: %+v", e)
			}
		}
		if e := must(b.Handle(b.rand, 4, b.as(4), a.as(4), atA.Answer, 0))(t); !e.Paired || e.Handle != atB.Handle {
			t.Errorf("at b: %+v", e)
		}
	}
	if a.Len() != 1 || b.Len() != 1 || a.pairs[0].Secret != b.pairs[0].Secret {
		t.Error("there are several secrets")
	}
}

func TestDecline(t *testing.T) {
	a, b := newAcquaintance(t, 0), newAcquaintance(t, 1)
	e := must(b.Handle(b.rand, 4, b.as(4), a.as(4), a.Offer(4, a.as(4), b.as(4), 1), 0))(t)
	if e.Paired || b.Len() != 0 {
		t.Fatalf("without a place: %+v", e)
	}
	if e := must(a.Handle(a.rand, 4, a.as(4), b.as(4), e.Answer, 1))(t); !e.Declined || e.Paired || e.Answer != nil || a.Len() != 0 {
		t.Errorf("declined: %+v", e)
	}
}

// TestLostBook has a device lose its book within the epoch and offer again.
func TestLostBook(t *testing.T) {
	a, b := newAcquaintance(t, 0), newAcquaintance(t, 1)
	_, atB := meet(t, a, b, 4)
	a.Pairs = must(NewPairs(a.rand))(t)
	_, again := meet(t, a, b, 4)
	if again.Handle != atB.Handle || b.Len() != 1 {
		t.Error("one pseudonym has two handles")
	}
	if !b.sees(t, a, 5).Known || !a.sees(t, b, 5).Known {
		t.Error("the newer secret is not the one that counts")
	}
}

// TestHandleRefuses are messages that mean nothing, or not here.
func TestHandleRefuses(t *testing.T) {
	a, b, c := newAcquaintance(t, 0), newAcquaintance(t, 1), newAcquaintance(t, 2)
	half := [32]byte{1}
	mine := a.half(4, a.as(4), b.as(4))
	accept := pairMessage{Kind: pairAccept, Places: 1, Half: half, Echo: mine}
	with := func(m pairMessage, change func(*pairMessage)) []byte {
		change(&m)
		return wire.MustMarshal(m)
	}
	offer := b.Offer(4, b.as(4), a.as(4), 1)
	for name, msg := range map[string][]byte{
		"empty":                    {},
		"no accept of ours":        with(accept, func(m *pairMessage) { m.Echo[31] ^= 1 }),
		"accept of another epoch":  with(accept, func(m *pairMessage) { m.Echo = a.half(3, a.as(3), b.as(3)) }),
		"accept of another's":      with(accept, func(m *pairMessage) { m.Echo = a.half(4, a.as(4), c.as(4)) }),
		"accept without a half":    with(accept, func(m *pairMessage) { m.Half = [32]byte{} }),
		"accept, too many places":  with(accept, func(m *pairMessage) { m.Places = MaxPairs + 1 }),
		"offer with an echo":       with(accept, func(m *pairMessage) { m.Kind = pairOffer }),
		"offer without a half":     with(pairMessage{}, func(m *pairMessage) { m.Places = 1 }),
		"decline with a half":      with(accept, func(m *pairMessage) { m.Kind, m.Places = pairDecline, 0 }),
		"decline with places":      with(accept, func(m *pairMessage) { m.Kind, m.Half = pairDecline, [32]byte{} }),
		"decline of nothing":       with(pairMessage{Kind: pairDecline, Echo: half}, func(*pairMessage) {}),
		"decline without an echo":  with(pairMessage{Kind: pairDecline}, func(*pairMessage) {}),
		"kind that nobody knows":   with(accept, func(m *pairMessage) { m.Kind = 3 }),
		"bytes behind":             append(bytes.Clone(offer), 0),
		"cut":                      offer[:len(offer)-1],
		"longer than any of these": append(bytes.Clone(offer), make([]byte, 200)...),
	} {
		if e, err := a.Handle(a.rand, 4, a.as(4), b.as(4), msg, 1); !errors.Is(err, ErrPair) || e.Paired || a.Len() != 0 {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	if _, err := a.Handle(a.rand, 4, a.as(4), a.as(4), offer, 1); !errors.Is(err, ErrPair) {
		t.Error("a device pairs with itself")
	}
	if _, err := a.Handle(bytes.NewReader(nil), 4, a.as(4), b.as(4), offer, 1); err == nil || a.Len() != 0 {
		t.Error("a source that ends gives a handle")
	}
	if e := must(a.Handle(a.rand, 4, a.as(4), b.as(4), wire.MustMarshal(accept), 1))(t); !e.Paired {
		t.Error("the unchanged message is refused as well")
	}
}

// TestPairBits flips each bit of the messages: what is taken nonetheless gives a
// secret that the other side does not have, and nothing else.
func TestPairBits(t *testing.T) {
	a, b := newAcquaintance(t, 0), newAcquaintance(t, 1)
	offer := a.Offer(4, a.as(4), b.as(4), 1)
	sealed := must(b.Handle(b.rand, 4, b.as(4), a.as(4), offer, 1))(t).Answer
	for i := range len(sealed) * 8 {
		msg := bytes.Clone(sealed)
		msg[i/8] ^= 1 << (i % 8)
		fresh := &Pairs{seed: a.seed}
		e, err := fresh.Handle(newStream("bits"), 4, a.as(4), b.as(4), msg, 1)
		if err != nil && !errors.Is(err, ErrPair) {
			t.Fatalf("bit %d: %v", i, err)
		}
		places := e.Places != 1
		if e.Paired && !places && fresh.pairs[0].Secret == b.pairs[0].Secret {
			t.Errorf("bit %d changes nothing", i)
		}
	}
}

// TestDecodePairsRefuses are books that contradict themselves.
func TestDecodePairsRefuses(t *testing.T) {
	a := newAcquaintance(t, 0)
	meet(t, a, newAcquaintance(t, 1), 1)
	meet(t, a, newAcquaintance(t, 2), 2)
	a.hello(t, 2)
	var saved savedPairs
	if err := pairsDecoder.Unmarshal(a.Encode(), &saved); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(s *savedPairs){
		"later version": func(s *savedPairs) { s.Version = 2 },
		"handle twice":  func(s *savedPairs) { s.Pairs[1].Handle = s.Pairs[0].Handle },
		"secret twice":  func(s *savedPairs) { s.Pairs[1].Secret = s.Pairs[0].Secret },
		"seen before":   func(s *savedPairs) { s.Pairs[0].Since = s.Pairs[0].Seen + 1 },
		"tags missing":  func(s *savedPairs) { s.Own.Tags = s.Own.Tags[1:] },
		"tags unsorted": func(s *savedPairs) { slices.Reverse(s.Own.Tags) },
		"too many": func(s *savedPairs) {
			for i := range byte(MaxPairs - 1) {
				s.Pairs = append(s.Pairs, pair{Handle: Handle{0xff, i}, Secret: [32]byte{0xff, i}})
			}
		},
	} {
		s := saved
		s.Own.Tags, s.Pairs = slices.Clone(saved.Own.Tags), slices.Clone(saved.Pairs)
		change(&s)
		if _, err := DecodePairs(wire.MustMarshal(s)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := DecodePairs(nil); err == nil {
		t.Error("no bytes are taken")
	}
}

// goldenPairs is testdata/pairs.json.
type goldenPairs struct {
	Comment string            `json:"comment"`
	Epoch   uint32            `json:"epoch"`
	SeedA   string            `json:"seed_a"`
	SeedB   string            `json:"seed_b"`
	UA      string            `json:"U_sig_a"`
	UB      string            `json:"U_sig_b"`
	HalfA   string            `json:"half_a"`
	HalfB   string            `json:"half_b"`
	Secret  string            `json:"secret"`
	Offer   string            `json:"offer_a_to_b"`
	Accept  string            `json:"accept_b_to_a"`
	Decline string            `json:"decline_b_to_a"`
	TagA    map[string]string `json:"tags_of_a_by_epoch_under_U_sig_a"`
	TagB    map[string]string `json:"tags_of_b_by_epoch_under_U_sig_b"`
	Saved   string            `json:"saved_a"`
}

func TestGoldenPairs(t *testing.T) {
	a, b := newAcquaintance(t, 0), newAcquaintance(t, 1)
	seedA, seedB := a.seed, b.seed
	ua, ub := a.as(7), b.as(7)
	offer := a.Offer(7, ua, ub, 4)
	atB := must(b.Handle(b.rand, 7, ub, ua, offer, 2))(t)
	full := must(newAcquaintance(t, 1).Handle(b.rand, 7, ub, ua, offer, 0))(t)
	must(a.Handle(a.rand, 7, ua, ub, atB.Answer, 4))(t)
	must(a.Tags(a.rand, 8, ua))(t)
	ha, hb, secret := a.half(7, ua, ub), b.half(7, ub, ua), a.pairs[0].Secret
	tags := func(u [32]byte) map[string]string {
		one, two := pairTag(&secret, 8, u), pairTag(&secret, 0xffffffff, u)
		return map[string]string{"8": hexOf(one[:]), "4294967295": hexOf(two[:])}
	}
	got := goldenPairs{
		Comment: "Message type 16 and saved pairs (pairs.cddl). Everything is hex.",
		Epoch:   7, SeedA: hexOf(seedA[:]), SeedB: hexOf(seedB[:]), UA: hexOf(ua[:]), UB: hexOf(ub[:]),
		HalfA: hexOf(ha[:]), HalfB: hexOf(hb[:]), Secret: hexOf(secret[:]),
		Offer: hexOf(offer), Accept: hexOf(atB.Answer), Decline: hexOf(full.Answer),
		TagA: tags(ua), TagB: tags(ub), Saved: hexOf(a.Encode()),
	}
	var want goldenPairs
	readGolden(t, "testdata/pairs.json", got, &want)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("golden pairs differ (-want +got):\n%s", d)
	}
	if back := must(DecodePairs(unhex(t, want.Saved)))(t); hexOf(back.Encode()) != want.Saved || back.Len() != 1 {
		t.Error("saved pairs do not come back")
	}
	writeSeeds(t, "FuzzPair", map[string][]byte{
		"offer": offer, "accept": atB.Answer, "decline": full.Answer, "cut": offer[:20], "long": {0x84, 0x00, 0x00, 0x5b, 0, 0, 1, 0, 0, 0, 0, 0},
	})
	writeSeeds(t, "FuzzPairs", map[string][]byte{
		"golden": a.Encode(), "empty": must(NewPairs(newStream("empty")))(t).Encode(), "cut": a.Encode()[:100], "later": {0x84, 0x02},
	})
}

// FuzzPair shows bytes to one that has offered: it pairs or refuses, and its
// book stays one that can be read.
func FuzzPair(f *testing.F) {
	a, b := newAcquaintance(f, 0), newAcquaintance(f, 1)
	f.Fuzz(func(t *testing.T, msg []byte) {
		p := &Pairs{seed: a.seed}
		e, err := p.Handle(newStream("fuzz"), 7, a.as(7), b.as(7), msg, 1)
		if err != nil && err != ErrPair || e.Paired != (p.Len() == 1) {
			t.Fatalf("got %+v, %v", e, err)
		}
		if _, err := DecodePairs(p.Encode()); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzPairs(f *testing.F) {
	a, b := newAcquaintance(f, 0), newAcquaintance(f, 1)
	f.Fuzz(func(t *testing.T, saved []byte) {
		p, err := DecodePairs(saved)
		if (p == nil) != (err != nil) {
			t.Fatalf("got %v, %v", p, err)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(p.Encode(), saved) {
			t.Fatal("the pairs do not come back")
		}
		must(p.Tags(newStream("fuzz"), 8, a.as(8)))(t)
		p.Recognise(b.hello(t, 8), b.as(8), 8)
		p.Prune(9)
	})
}
