// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// Offer returns the message by which a member offers an issuer to become one
// too. Nothing answers it: it belongs sent again until a plan comes or the
// owner changes their mind.
func (c *Council) Offer(id *Identity, to uint8) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.charter.Issuer(to)
	if s == nil {
		return nil, fmt.Errorf("issuer: offer: the charter has no issuer %d", to)
	}
	if c.charter.Member(id.Ed25519()) == nil {
		return nil, errors.New("issuer: offer: only a member can become an issuer; join first")
	}
	session, err := c.newSession()
	if err != nil {
		return nil, err
	}
	y := Candidate(c.keys, id, c.charter.Nbhd)
	return c.write(0, peer{s.Index, s.HPKE, s.Ed25519}, session, stepCandidacy, wire.MustMarshal(y))
}

// note keeps a member's offer, the newest in the place of an earlier one.
func (c *Council) note(l *letter, s *said) error {
	var y Candidacy
	if err := letterDecoder.Unmarshal(s.Body, &y); err != nil {
		return ErrRefused
	}
	if l.From != 0 || l.To != c.public.Index || !c.fresh(s.Session) || !y.holds(c.charter) || !s.verify(y.Ed25519, c.charter.Nbhd, l) {
		return ErrRefused
	}
	c.candidates[y.Member] = y
	return nil
}

// Candidates returns the members that offer to be issuers, in the order of the
// charter. There is at most one offer of each member.
func (c *Council) Candidates() []Candidacy {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Candidacy
	for _, m := range c.charter.Members {
		if y, ok := c.candidates[m.Ed25519]; ok {
			out = append(out, y)
		}
	}
	return out
}
