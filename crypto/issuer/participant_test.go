// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestParticipantRefuses has an initiator that cheats change what it asks of
// issuer 2, one request after another. Issuer 2 says why it refuses, and neither
// gives a share or a part away nor keeps one.
func TestParticipantRefuses(t *testing.T) {
	commitmentsOf := func(f func(l []Commitment) []Commitment) func(*testing.T, *said) {
		return func(t *testing.T, s *said) { s.Body = wire.MustMarshal(f(decoded[[]Commitment](t, s.Body))) }
	}
	deals := func(f func(l []frost.Deal) []frost.Deal) func(*testing.T, *said) {
		return func(t *testing.T, s *said) { s.Body = wire.MustMarshal(f(decoded[[]frost.Deal](t, s.Body))) }
	}
	proposal := func(f func(m *motionBody)) func(*testing.T, *said) {
		return func(t *testing.T, s *said) {
			m := decoded[motionBody](t, s.Body)
			f(&m)
			s.Body = wire.MustMarshal(m)
		}
	}
	empty := func(_ *testing.T, s *said) { s.Body = nil }
	for name, tc := range map[string]struct {
		step   uint8
		change func(t *testing.T, s *said)
		reason uint8
	}{
		"no plan": {stepPlan, empty, ReasonProposal},
		"foreign": {stepPlan, func(t *testing.T, s *said) {
			p := decoded[Plan](t, s.Body)
			p.Base[0] ^= 1
			s.Body = wire.MustMarshal(p)
		}, ReasonCharter},
		"without us": {stepPlan, func(t *testing.T, s *said) {
			p := decoded[Plan](t, s.Body)
			p.Dealers, p.Receivers = []uint8{1, 3}, p.Receivers[2:]
			p.T, p.New = 1, false
			s.Body = wire.MustMarshal(p)
		}, ReasonCharter},
		"no deals":    {stepDeals, empty, ReasonRound},
		"deal less":   {stepDeals, deals(func(l []frost.Deal) []frost.Deal { return l[:2] }), ReasonRound},
		"deal twice":  {stepDeals, deals(func(l []frost.Deal) []frost.Deal { l[2] = l[0]; return l }), ReasonRound},
		"deal edited": {stepDeals, deals(func(l []frost.Deal) []frost.Deal { l[0].Proof[9] ^= 1; return l }), ReasonRound},
		"no votes":    {stepAgreed, empty, ReasonRound},
		"no shares":   {stepShares, empty, ReasonProposal},
		"share less":  {stepShares, func(t *testing.T, s *said) { s.Body = wire.MustMarshal(decoded[[]parcel](t, s.Body)[:2]) }, ReasonProposal},
		"exchanged": {stepShares, func(t *testing.T, s *said) {
			p := decoded[[]parcel](t, s.Body)
			slices.Reverse(p)
			s.Body = wire.MustMarshal(p)
		}, ReasonSealed},
		"spoilt": {stepShares, func(t *testing.T, s *said) {
			p := decoded[[]parcel](t, s.Body)
			p[0].Sealed = nil
			s.Body = wire.MustMarshal(p)
		}, ReasonSealed},

		"no proposal":     {stepSign, empty, ReasonProposal},
		"another key":     {stepSign, proposal(func(m *motionBody) { m.P[0] ^= 1 }), ReasonCharter},
		"another matter":  {stepSign, proposal(func(m *motionBody) { m.Matter = MatterDeny }), ReasonCharter},
		"no matter":       {stepSign, proposal(func(m *motionBody) { m.Matter = 77 }), ReasonCharter},
		"too long":        {stepSign, proposal(func(m *motionBody) { m.Proposal = append(rekey(), make([]byte, MaxProposal)...) }), ReasonCharter},
		"no commitments":  {stepCommitments, empty, ReasonProposal},
		"fewer than t":    {stepCommitments, commitmentsOf(func(l []Commitment) []Commitment { return l[:1] }), ReasonProposal},
		"signer unknown":  {stepCommitments, commitmentsOf(func(l []Commitment) []Commitment { l[0].Index = 9; slices.Reverse(l); return l }), ReasonProposal},
		"without our own": {stepCommitments, commitmentsOf(func(l []Commitment) []Commitment { l[1].Index = 3; return l }), ReasonProposal},
		"ours exchanged":  {stepCommitments, commitmentsOf(func(l []Commitment) []Commitment { l[1].Hiding = l[0].Hiding; return l }), ReasonProposal},
		"identity":        {stepCommitments, commitmentsOf(func(l []Commitment) []Commitment { l[0].Binding = [32]byte{}; return l }), ReasonProposal},
		"out of order":    {stepCommitments, commitmentsOf(func(l []Commitment) []Commitment { slices.Reverse(l); return l }), ReasonProposal},

		"no invite": {stepRegister, empty, ReasonProposal},
		"too large": {stepRegister, func(_ *testing.T, s *said) { s.Body = wire.MustMarshal(make([]byte, MaxGuest+1)) }, ReasonProposal},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, "participant", 2, 3, 0)
			h.dead[2] = tc.step == stepCommitments || tc.step == stepSign // so that 2 is needed
			c := h.seats[0].council
			switch {
			case tc.step < stepSign:
				h.send(c.Deal(NewPlan(c.charter, 4, 2, nil, h.receivers(t, 1, 2, 3))))(t)
			case tc.step < stepRegister:
				h.send(c.Propose(MatterRekey, rekey()))(t)
			default:
				h.send(c.Register([]byte("J")))(t)
			}
			for {
				msg := h.flying[0]
				h.flying = h.flying[1:]
				if l := must(decodeLetter(msg))(t); l.To == 2 {
					if s := must(h.seats[1].council.open(l))(t); s.Step == tc.step {
						h.refusesWith(t, h.rewritten(t, msg, func(s *said) { tc.change(t, s) }), tc.reason)
						break
					}
				}
				h.deliver(t, msg)
			}
		})
	}
}

// refusesWith gives a letter to issuer 2, who is to refuse it for a reason.
func (h *house) refusesWith(t *testing.T, msg []byte, reason uint8) {
	t.Helper()
	out, err := h.seats[1].council.Handle(msg)
	if err != nil || len(out) != 1 {
		t.Fatalf("got %d letters, %v", len(out), err)
	}
	s := must(h.seats[0].council.open(must(decodeLetter(out[0]))(t)))(t)
	if s.Step != stepRefusal {
		t.Fatalf("answered with step %d", s.Step)
	}
	if r := decoded[refusal](t, s.Body); r.Reason != reason || r.Error() == "" {
		t.Errorf("reason %d (%s), want %d", r.Reason, r.Text, reason)
	}
	if len(h.seats[1].council.Keys().Pending) != 0 {
		t.Error("a share is kept")
	}
	if seat := h.seats[1].council.seats[1]; seat != nil && seat.nonces != nil && s.Step == stepCommitments {
		t.Error("nonces outlive a refusal")
	}
}

// TestIssuersChangeMeanwhile adopts a charter with other issuers while a session
// is under way: it ends, and says so.
func TestIssuersChangeMeanwhile(t *testing.T) {
	h := newHouse(t, "meanwhile", 2, 3, 1)
	c := h.seats[1].council
	h.send(c.Deal(NewPlan(c.charter, 6, 2, []uint8{1, 2}, h.receivers(t, 1, 2, 3))))(t)
	h.flying = nil
	h.deals(t, 0, 2, []uint8{1, 2}, 1, 2, 4)
	if r := c.Result(); r == nil || !errors.Is(r.Err, errDissolved) {
		t.Errorf("the session goes on: %+v", r)
	}
	h.signs(t, 1)
}

// TestErrorsNameIssuers holds what people read.
func TestErrorsNameIssuers(t *testing.T) {
	for want, err := range map[string]error{
		"issuers [2 5] did not answer":       &SilentError{Silent: []uint8{2, 5}},
		"issuer 4 says: no":                  &RefusalError{Refused: []Refusal{{Index: 4, Text: "no"}}},
		"too few issuers":                    &RefusalError{},
		"issuer 3 has signed another":        &BoundError{Index: 3},
		"share of issuer 2 for issuer 4":     &DoubtError{Receiver: 4, Dealer: 2},
		"issuer 2 cheats: it lies":           &CheatError{2, "it lies"},
		"issuer 2 answered with a wrong par": &CheatError{Index: 2},
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
}
