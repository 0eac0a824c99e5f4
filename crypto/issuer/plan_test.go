// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestNoSharesBeforeAllAgree has the initiator show issuer 3 another first round
// than issuer 2, and claim that all have signed: no share leaves.
func TestNoSharesBeforeAllAgree(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, s *said){
		"a vote too few": func(t *testing.T, s *said) { s.Body = wire.MustMarshal(decoded[[]vote](t, s.Body)[:2]) },
		"one vote twice": func(t *testing.T, s *said) {
			v := decoded[[]vote](t, s.Body)
			v[2] = v[1]
			s.Body = wire.MustMarshal(v)
		},
		"another's vote": func(t *testing.T, s *said) {
			v := decoded[[]vote](t, s.Body)
			v[2].Index = 4
			s.Body = wire.MustMarshal(v)
		},
		"of another round": func(t *testing.T, s *said) {
			v := decoded[[]vote](t, s.Body)
			v[2].Signature[3] ^= 1
			s.Body = wire.MustMarshal(v)
		},
		"votes of no form": func(t *testing.T, s *said) { s.Body = []byte{1} },
		"all":              func(*testing.T, *said) {},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, "agree", 2, 3, 0)
			c := h.seats[0].council
			h.send(c.Deal(NewPlan(c.charter, 4, 2, nil, h.receivers(t, 1, 2, 3))))(t)
			for len(h.flying) > 0 && (c.own.step != stepAgreed) {
				msg := h.flying[0]
				h.flying = h.flying[1:]
				h.deliver(t, msg)
			}
			msg := h.flying[slices.IndexFunc(h.flying, func(m []byte) bool { return must(decodeLetter(m))(t).To == 2 })]
			out, err := h.seats[1].council.Handle(h.rewritten(t, msg, func(s *said) { change(t, s) }))
			if err != nil || len(out) != 1 {
				t.Fatal(err)
			}
			reply := must(c.open(must(decodeLetter(out[0]))(t)))(t)
			if want := name == "all"; (reply.Step == stepAgreed+1) != want {
				t.Errorf("answered with step %d", reply.Step)
			}
			seat := h.seats[1].council.seats[1]
			if (seat.poly == nil) != (name == "all") {
				t.Error("the polynomial is gone too early, or stays")
			}
		})
	}
}

// TestCharterNeedsEvidence proposes charters with other issuers that were not
// dealt so. Honest issuers do not sign them, whoever proposes.
func TestCharterNeedsEvidence(t *testing.T) {
	h := newHouse(t, "evidence", 2, 3, 1)
	c := h.seats[0].council
	h.send(c.Deal(NewPlan(c.charter, 4, 2, []uint8{1, 2}, h.receivers(t, 1, 2, 4))))(t)
	dealt := h.settle(t, 0).Dealt
	good := must(dealt.Charter(h.charter))(t)
	evidence := wire.MustMarshal(dealt)
	edited := func(f func(e *Dealt)) []byte {
		e := decoded[Dealt](t, evidence)
		f(&e)
		return wire.MustMarshal(e)
	}
	changed := func(f func(c *Charter)) *Charter {
		n := copyOf(good)
		f(n)
		return n
	}
	for name, tc := range map[string]struct {
		next     *Charter
		evidence []byte
		ok       bool
	}{
		"as dealt":              {good, evidence, true},
		"none":                  {good, nil, false},
		"another generation":    {changed(func(c *Charter) { c.Gen++ }), evidence, false},
		"another share":         {changed(func(c *Charter) { c.Issuers[2].Y = c.P }), evidence, false},
		"another token key":     {changed(func(c *Charter) { c.Issuers[2].POPRF = c.P }), evidence, false},
		"another HPKE key":      {changed(func(c *Charter) { c.Issuers[2].HPKE[0] ^= 1 }), evidence, false},
		"another threshold":     {changed(func(c *Charter) { c.T = 3 }), evidence, false},
		"an issuer less":        {changed(func(c *Charter) { c.Issuers = c.Issuers[:2] }), evidence, false},
		"another neighbourhood": {changed(func(c *Charter) { c.Nbhd[0] ^= 1 }), evidence, false},
		"an eviction undone":    {changed(func(c *Charter) { c.V-- }), evidence, false},
		"another session":       {good, edited(func(e *Dealt) { e.Session[0] ^= 1 }), false},
		"another initiator":     {good, edited(func(e *Dealt) { e.Initiator = 2 }), false},
		"one is not ready":      {good, edited(func(e *Dealt) { e.Ready = e.Ready[:2] }), false},
		"one is not, forged":    {good, edited(func(e *Dealt) { e.Ready[2].Signature[5] ^= 1 }), false},
		"another's word":        {good, edited(func(e *Dealt) { e.Ready[2] = e.Ready[1] }), false},
		"a deal less":           {good, edited(func(e *Dealt) { e.Deals = e.Deals[:1] }), false},
		"no plan":               {good, edited(func(e *Dealt) { e.Plan = nil }), false},
	} {
		_, err := h.seats[2].council.checkCharter(wire.MustMarshal(tc.next), tc.evidence)
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.send(c.ProposeCharter(good, dealt))(t)
	h.adopt(t, h.settle(t, 0).Charter)
	if _, err := h.seats[0].council.checkCharter(wire.MustMarshal(good), evidence); err == nil {
		t.Error("evidence is good for a second time")
	}
}

// TestPlanRefuses shows participants plans that they must not follow.
func TestPlanRefuses(t *testing.T) {
	h := newHouse(t, "plans", 2, 3, 2)
	c := h.seats[0].council
	stranger := must(NewIdentity(h.rand))(t)
	for name, tc := range map[string]struct {
		change func(p *Plan)
		want   bool
	}{
		"as it is":              {func(*Plan) {}, true},
		"another base":          {func(p *Plan) { p.Base[0] ^= 1 }, false},
		"an earlier generation": {func(p *Plan) { p.Gen = 3 }, false},
		"far ahead":             {func(p *Plan) { p.Gen = 4 + MaxAhead }, false},
		"t of half":             {func(p *Plan) { p.T = 1 }, false},
		"too few dealers":       {func(p *Plan) { p.Dealers = p.Dealers[:1] }, false},
		"a dealer of nobody":    {func(p *Plan) { p.Dealers[1] = 4 }, false},
		"index of another":      {func(p *Plan) { p.Receivers[2].Index = 3 }, false},
		"issuer moves":          {func(p *Plan) { p.Receivers[1].Index = 3 }, false},
		"issuer with other key": {func(p *Plan) { p.Receivers[1].Offer.HPKE[0] ^= 1 }, false},
		"forged candidate":      {func(p *Plan) { p.Receivers[2].Offer.Signature[0] ^= 1 }, false},
		"candidate's key taken": {func(p *Plan) { p.Receivers[2].Offer.HPKE = p.Receivers[1].Offer.HPKE }, false},
		"candidate no member": {func(p *Plan) {
			p.Receivers[2].Offer = Candidate(h.seats[4].council.keys, stranger, h.charter.Nbhd)
		}, false},
		"candidate twice": {func(p *Plan) { p.Receivers = append(p.Receivers, p.Receivers[2]); p.Receivers[3].Index = 6 }, false},
		"candidate of another place": {func(p *Plan) {
			p.Receivers[2].Offer = Candidate(h.seats[3].council.keys, h.seats[3].id, [16]byte{1})
		}, false},
	} {
		p := NewPlan(c.charter, 4, 2, []uint8{1, 2}, h.receivers(t, 1, 2, 4))
		tc.change(p)
		if _, err := p.dealing(h.charter, sessionID{1}, 1); (err == nil) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
