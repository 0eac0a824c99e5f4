// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// rewritten returns a letter with another content, signed and sealed as its
// sender would, who cheats.
func (h *house) rewritten(t testing.TB, msg []byte, change func(s *said)) []byte {
	t.Helper()
	l := must(decodeLetter(msg))(t)
	to, from := h.seats[l.To-1].council, h.seats[l.From-1].council
	s := must(to.open(l))(t)
	change(s)
	out, err := from.write(l.From, peer{l.To, to.public.HPKE, to.public.Ed25519}, s.Session, s.Step, s.Body)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// settleWith is settle with a hand on every letter of one sender and step.
func (h *house) settleWith(t testing.TB, i int, from, step uint8, change func(to uint8, s *said)) *Result {
	t.Helper()
	for range 200 {
		for len(h.flying) > 0 {
			msg := h.flying[0]
			h.flying = h.flying[1:]
			if l := must(decodeLetter(msg))(t); l.From == from {
				if s := must(h.seats[l.To-1].council.open(l))(t); s.Step == step {
					msg = h.rewritten(t, msg, func(s *said) { change(l.To, s) })
				}
			}
			h.deliver(t, msg)
		}
		if r := h.seats[i].council.Result(); r != nil {
			return r
		}
		h.tick(t)
	}
	t.Fatal("the session does not end")
	return nil
}

func decoded[T any](t testing.TB, b []byte) (v T) {
	t.Helper()
	if err := letterDecoder.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestDealerIsNamed has issuer 2 cheat at each step of a dealing that issuer 1
// begins.
func TestDealerIsNamed(t *testing.T) {
	var h *house
	editDeal := func(f func(d *frost.Deal)) func(uint8, *said) {
		return func(_ uint8, s *said) {
			d := decoded[frost.Deal](t, s.Body)
			f(&d)
			s.Body = wire.MustMarshal(d)
		}
	}
	editParcel := func(f func(p *parcel)) func(uint8, *said) {
		return func(_ uint8, s *said) {
			p := decoded[[]parcel](t, s.Body)
			f(&p[2])
			s.Body = wire.MustMarshal(p)
		}
	}
	wrongShare := func(p *parcel) {
		seat := h.seats[1].council.seats[1]
		v := handed{Value: group.EncodeScalar(group.Reduce([64]byte{5}))}
		copy(v.Sig[:], ed25519.Sign(h.seats[1].council.keys.Ed25519, handedText(h.charter.Nbhd, seat.round, 2, 3, v.Value)))
		p.Sealed = must(SealTo(h.charter.Issuer(3).HPKE, parcelInfo(seat, 2, 3), wire.MustMarshal(v)))(t)
	}
	falseComplaint := func(_ uint8, s *said) {
		y := complaint{Dealer: 1, Handed: handed{Value: [32]byte{1}}}
		s.Step, s.Body = stepRefusal, wire.MustMarshal(refusal{Reason: ReasonShare, Data: wire.MustMarshal(y)})
	}
	for name, tc := range map[string]struct {
		from, step uint8
		change     func(to uint8, s *said)
		named      uint8
	}{
		"wrong proof":          {2, stepPlan + 1, editDeal(func(d *frost.Deal) { d.Proof[0] ^= 1 }), 2},
		"a commitment changed": {2, stepPlan + 1, editDeal(func(d *frost.Deal) { d.Commitments[1] = h.charter.P }), 2},
		"a deal of another":    {2, stepPlan + 1, editDeal(func(d *frost.Deal) { d.Dealer = 3 }), 2},
		"no deal":              {2, stepPlan + 1, func(_ uint8, s *said) { s.Body = nil }, 2},
		"another first round":  {2, stepDeals + 1, func(_ uint8, s *said) { s.Body = wire.MustMarshal(vote{Index: 2}) }, 2},
		"vote of another": {2, stepDeals + 1, func(_ uint8, s *said) {
			v := decoded[vote](t, s.Body)
			v.Index = 3
			s.Body = wire.MustMarshal(v)
		}, 2},
		"no vote":                {2, stepDeals + 1, func(_ uint8, s *said) { s.Body = []byte{0xf6} }, 2},
		"a share too few":        {2, stepAgreed + 1, func(_ uint8, s *said) { s.Body = wire.MustMarshal(decoded[[]parcel](t, s.Body)[:2]) }, 2},
		"shares for others":      {2, stepAgreed + 1, editParcel(func(p *parcel) { p.Index = 9 }), 2},
		"a wrong share, signed":  {2, stepAgreed + 1, editParcel(wrongShare), 2},
		"not ready after all":    {3, stepShares + 1, func(_ uint8, s *said) { s.Body = wire.MustMarshal(vote{Index: 3}) }, 3},
		"a false complaint":      {3, stepShares + 1, falseComplaint, 3},
		"a share that is sealed": {2, stepAgreed + 1, editParcel(func(p *parcel) { p.Sealed[40] ^= 1 }), 0},
	} {
		t.Run(name, func(t *testing.T) {
			h = newHouse(t, "dealer", 2, 3, 0)
			c := h.seats[0].council
			h.send(c.Deal(NewPlan(c.charter, 4, 2, nil, h.receivers(t, 1, 2, 3))))(t)
			r := h.settleWith(t, 0, tc.from, tc.step, tc.change)
			var who *CheatError
			var doubt *DoubtError
			switch {
			case tc.named == 0 && (!errors.As(r.Err, &doubt) || *doubt != DoubtError{Receiver: 3, Dealer: 2}):
				t.Errorf("error %v, want doubt between 3 and 2", r.Err)
			case tc.named != 0 && (!errors.As(r.Err, &who) || who.Index != tc.named):
				t.Errorf("error %v, want one that names %d", r.Err, tc.named)
			}
			h.flying = nil
			h.signs(t, 0)
		})
	}
}

// TestWrongConstantTerm hands a key on, and issuer 2 deals something of its own
// instead of its share.
func TestWrongConstantTerm(t *testing.T) {
	h := newHouse(t, "constant", 2, 3, 0)
	c := h.seats[0].council
	p := NewPlan(c.charter, 4, 2, []uint8{1, 2}, h.receivers(t, 1, 2, 3))
	h.send(c.Deal(p))(t)
	r := h.settleWith(t, 0, 2, stepPlan+1, func(_ uint8, s *said) {
		d := must(p.dealing(h.charter, s.Session, 1))(t)
		_, own, err := d.Deal(h.rand, Share{Index: 2, Secret: group.Reduce([64]byte{7})})
		if err != nil {
			t.Fatal(err)
		}
		s.Body = wire.MustMarshal(own)
	})
	var who *CheatError
	if !errors.As(r.Err, &who) || who.Index != 2 {
		t.Errorf("error %v, want one that names 2", r.Err)
	}
}

// TestCheatingSignerIsNamed has issuer 2 of five answer wrongly: the others sign
// without it.
func TestCheatingSignerIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		step   uint8
		change func(to uint8, s *said)
	}{
		"no commitment":        {stepSign + 1, func(_ uint8, s *said) { s.Body = nil }},
		"identity":             {stepSign + 1, func(_ uint8, s *said) { s.Body = wire.MustMarshal(Commitment{Index: 2}) }},
		"another's index":      {stepSign + 1, func(_ uint8, s *said) { c := decoded[Commitment](t, s.Body); c.Index = 3; s.Body = wire.MustMarshal(c) }},
		"a wrong part":         {stepCommitments + 1, func(_ uint8, s *said) { s.Body[0] ^= 1 }},
		"a part over the rest": {stepCommitments + 1, func(_ uint8, s *said) { s.Body[31] = 0xff }},
		"half a part":          {stepCommitments + 1, func(_ uint8, s *said) { s.Body = s.Body[:16] }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, "signer", 3, 5, 0)
			h.send(h.seats[0].council.Propose(MatterRekey, rekey()))(t)
			r := h.settleWith(t, 0, 2, tc.step, tc.change)
			if r.Err != nil || !r.Sig.Verify(h.charter.P, rekey()) {
				t.Fatal(r.Err)
			}
			var who *CheatError
			if len(r.Cheats) != 1 || !errors.As(r.Cheats[0], &who) || who.Index != 2 {
				t.Errorf("named are %v, want issuer 2", r.Cheats)
			}
		})
	}
	t.Run("too many", func(t *testing.T) {
		h := newHouse(t, "signers", 2, 2, 0)
		h.send(h.seats[0].council.Propose(MatterRekey, rekey()))(t)
		r := h.settleWith(t, 0, 2, stepCommitments+1, func(_ uint8, s *said) { s.Body[0] ^= 1 })
		var who *CheatError
		if !errors.As(r.Err, &who) || who.Index != 2 {
			t.Errorf("error %v, want one that names 2", r.Err)
		}
	})
}
