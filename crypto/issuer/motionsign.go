// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"maps"
	"slices"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// signMotion is a signature that this issuer began. An attempt that fails for
// one signer is followed by another without it, with new nonces of all.
type signMotion struct {
	keys       []*Charter // whose P is to sign, one after the other
	evidence   []byte
	signatures []Signature
	attempts   int
	out        map[uint8]bool // those who refused or cheated
	bound      error

	commits map[uint8]Commitment
	signing *frost.Signing
	parts   map[uint8]*group.Scalar
}

// Propose begins to have a proposal signed under P by t issuers: a deny list or
// a rekey. The signature is in the [Result].
func (c *Council) Propose(m Matter, proposal []byte) ([][]byte, error) {
	if m != MatterDeny && m != MatterRekey {
		return nil, errors.New("issuer: only deny lists and rekeys are proposed so")
	}
	return c.propose(m, proposal, nil)
}

// ProposeCharter begins to have a charter signed. One with other issuers comes
// with the evidence of their shares; one with a new P is signed under both.
func (c *Council) ProposeCharter(next *Charter, dealt *Dealt) ([][]byte, error) {
	var evidence []byte
	if dealt != nil {
		evidence = wire.MustMarshal(dealt)
	}
	return c.propose(MatterCharter, wire.MustMarshal(next), evidence)
}

func (c *Council) propose(matter Matter, proposal, evidence []byte) ([][]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next, err := c.checkProposal(matter, proposal, evidence)
	if err != nil {
		return nil, err
	}
	m := &motion{matter: matter, proposal: proposal, sign: &signMotion{keys: []*Charter{c.charter}, evidence: evidence}}
	if next != nil && next.P != c.charter.P {
		m.sign.keys = []*Charter{next, c.charter}
	}
	if err := c.begin(m); err != nil {
		return nil, err
	}
	if err := c.under(m.sign.keys[0]); err != nil {
		c.own = nil
		return nil, err
	}
	return c.flush(), nil
}

// under begins the signature under the P of a charter.
func (c *Council) under(key *Charter) error {
	m := c.own
	m.peers, m.sign.out = issuersOf(key), map[uint8]bool{}
	m.sign.attempts = 0
	return c.attempt()
}

// key is the charter under whose P is signed now.
func (s *signMotion) key() *Charter { return s.keys[len(s.signatures)] }

// attempt asks all who are left for commitments, in a session of its own.
func (c *Council) attempt() error {
	m := c.own
	s := m.sign
	left := maps.Clone(m.peers)
	maps.DeleteFunc(left, func(i uint8, _ peer) bool { return s.out[i] })
	if len(left) < int(s.key().T) || s.attempts == MaxAttempts {
		c.finish(m.failure())
		return nil
	}
	s.attempts++
	if s.attempts > 1 || len(s.signatures) > 0 {
		var err error
		if m.session, err = c.newSession(); err != nil {
			return err
		}
	}
	s.commits, s.signing, s.parts = map[uint8]Commitment{}, nil, map[uint8]*group.Scalar{}
	body := wire.MustMarshal(motionBody{Matter: m.matter, P: s.key().P, Proposal: m.proposal, Evidence: s.evidence})
	return c.ask(stepSign, bodyForAll(left, body))
}

// failure is why too few are left to sign.
func (m *motion) failure() error {
	errs := slices.Clone(m.cheats)
	if m.sign.bound != nil {
		errs = append(errs, m.sign.bound)
	}
	return errors.Join(append(errs, &RefusalError{Refused: m.refused})...)
}

func (c *Council) signAnswer(from uint8, body []byte) error {
	if c.own.step == stepSign {
		return c.takeCommitment(from, body)
	}
	return c.takePart(from, body)
}

// expel goes on without one who cheats.
func (c *Council) expel(from uint8, reason string) error {
	m := c.own
	m.cheats = append(m.cheats, &CheatError{from, reason})
	m.sign.out[from] = true
	return c.attempt()
}

func (c *Council) takeCommitment(from uint8, body []byte) error {
	m := c.own
	var one Commitment
	if err := letterDecoder.Unmarshal(body, &one); err != nil || one.Index != from || !one.Valid() {
		return c.expel(from, "its commitment is none")
	}
	m.drop(from)
	m.sign.commits[from] = one
	prompt := 0
	for i := range m.sign.commits {
		if !m.passed[i] {
			prompt++
		}
	}
	if need := int(m.sign.key().T); prompt >= need || len(m.bodies) == 0 && len(m.sign.commits) >= need {
		return c.choose()
	}
	return nil
}

// choose fixes the signers: t of those who have committed, and of them first the
// ones who have not been silent before.
func (c *Council) choose() error {
	m := c.own
	s := m.sign
	order := slices.Sorted(maps.Keys(s.commits))
	slices.SortStableFunc(order, func(a, b uint8) int { return rank(m.passed[a]) - rank(m.passed[b]) })
	chosen := slices.Sorted(slices.Values(order[:s.key().T]))
	var list []Commitment
	asked := map[uint8]peer{}
	for _, i := range chosen {
		list, asked[i] = append(list, s.commits[i]), m.peers[i]
	}
	var err error
	if s.signing, err = frost.NewSigning(s.key().P, m.proposal, list); err != nil {
		return err
	}
	return c.ask(stepCommitments, bodyForAll(asked, wire.MustMarshal(list)))
}

func rank(passed bool) int {
	if passed {
		return 1
	}
	return 0
}

func (c *Council) takePart(from uint8, body []byte) error {
	m := c.own
	s := m.sign
	z, ok := s.check(from, body)
	if !ok {
		return c.expel(from, "its part of a signature is wrong")
	}
	m.drop(from)
	s.parts[from] = z
	if len(m.bodies) > 0 {
		return nil
	}
	sig := s.signing.Join(slices.Collect(maps.Values(s.parts)))
	if !sig.Verify(s.key().P, m.proposal) {
		c.finish(errors.New("issuer: the parts are right and the signature is not: the charter's issuers do not have shares of P"))
		return nil
	}
	if s.signatures = append(s.signatures, sig); len(s.signatures) < len(s.keys) {
		return c.under(s.key())
	}
	c.finish(nil)
	return nil
}

// check holds a part against the signer's verification key.
func (s *signMotion) check(from uint8, body []byte) (*group.Scalar, bool) {
	if len(body) != group.Size {
		return nil, false
	}
	z, err := group.DecodeScalar([group.Size]byte(body))
	if err != nil {
		return nil, false
	}
	y, err := group.DecodePoint(s.key().Issuer(from).Y)
	if err != nil {
		return nil, false
	}
	return z, s.signing.Check(from, y, z)
}

// signRefused goes on without one who refuses. Who has only forgotten the
// session is asked again.
func (c *Council) signRefused(from uint8, r *refusal, said Refusal) error {
	m := c.own
	if r.Reason == ReasonForgotten || r.Reason == ReasonLater {
		return c.attempt()
	}
	m.refused = append(m.refused, said)
	m.sign.out[from] = true
	if r.Reason == ReasonBound {
		m.sign.bound = &BoundError{Index: from, Charter: r.Data}
	}
	if m.step == stepCommitments {
		return c.attempt()
	}
	m.drop(from)
	if left := len(m.bodies) + len(m.sign.commits); left < int(m.sign.key().T) {
		c.finish(m.failure())
	} else if len(m.bodies) == 0 {
		return c.choose()
	}
	return nil
}

// signLate passes over those who have not answered for a while, where enough
// others are there.
func (c *Council) signLate() error {
	m := c.own
	enough := len(m.sign.commits) >= int(m.sign.key().T)
	if m.step == stepSign && !enough {
		return nil
	}
	for i := range m.bodies {
		m.passed[i] = true
	}
	if m.step == stepSign {
		return c.choose()
	}
	return c.attempt()
}

func (s *signMotion) fill(m *motion, r *Result) {
	if m.matter == MatterCharter {
		r.Charter = &SignedCharter{Charter: m.proposal, Signatures: s.signatures}
		return
	}
	r.Proposal, r.Sig = m.proposal, s.signatures[0]
}
