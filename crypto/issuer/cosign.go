// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// motionBody is the body of a request to sign.
type motionBody struct {
	_        struct{} `cbor:",toarray"`
	Matter   Matter
	P        Pub // the key under which it is signed
	Proposal []byte
	Evidence []byte // of a charter with other issuers
}

// checkProposal holds what is to be signed against the charter. It returns the
// proposed charter, or nil for another matter.
func (c *Council) checkProposal(m Matter, proposal, evidence []byte) (*Charter, error) {
	switch {
	case len(proposal) > MaxProposal:
		return nil, fmt.Errorf("issuer: a proposal of %d bytes, at most %d", len(proposal), MaxProposal)
	case m == MatterCharter:
		return c.checkCharter(proposal, evidence)
	case m == MatterDeny:
		_, err := decodeDeny(proposal, c.charter.Nbhd)
		return nil, err
	case m == MatterRekey && labelled(proposal, wire.LabelRekey):
		return nil, nil
	}
	return nil, fmt.Errorf("issuer: that is nothing to be signed")
}

// signers returns the public side of those who sign under p: the issuers of the
// present charter, or those of a proposed one that has a new key.
func (c *Council) signers(p Pub, proposed *Charter) *Charter {
	switch {
	case p == c.charter.P:
		return c.charter
	case proposed != nil && p == proposed.P:
		return proposed
	}
	return nil
}

// shareFor returns our share of the key p: the present one where the charter
// names it, or a pending one for the charter with the new key that it is meant
// for. A pending share of the present key signs nothing before it is adopted.
func (c *Council) shareFor(p Pub, proposed *Charter) (Share, bool) {
	if p == c.charter.P {
		return c.keys.Share, c.appointed()
	}
	for _, held := range c.keys.Pending {
		if proposed != nil && held.P == p && held.meant(proposed) {
			return held.Share, true
		}
	}
	return Share{}, false
}

// commit takes a proposal and answers with a commitment to fresh nonces.
func (c *Council) commit(s *seat, body []byte) ([]byte, error) {
	var in motionBody
	if err := letterDecoder.Unmarshal(body, &in); err != nil {
		return nil, refuse(ReasonProposal, "that is no proposal")
	}
	proposed, err := c.checkProposal(in.Matter, in.Proposal, in.Evidence)
	if err != nil {
		return nil, refuse(ReasonCharter, err.Error())
	}
	share, ok := c.shareFor(in.P, proposed)
	if !ok || share.Index != s.index {
		return nil, refuse(ReasonCharter, "no share of that key is held here")
	}
	if err := c.approve(in.Matter, in.Proposal); err != nil {
		return nil, err
	}
	s.matter, s.p, s.proposal, s.evidence = in.Matter, in.P, in.Proposal, in.Evidence
	if s.nonces, s.commitment, err = frost.Commit(c.Rand, share); err != nil {
		return nil, err
	}
	return wire.MustMarshal(s.commitment), nil
}

// part takes all commitments and answers with our part of the signature. The
// nonces are gone before, whatever happens, and the charter is written down as
// the only one of its generation that we sign.
func (c *Council) part(s *seat, body []byte) ([]byte, error) {
	nonces := s.nonces
	s.nonces = nil
	if nonces == nil {
		return nil, refuse(ReasonForgotten, "there are no nonces for this")
	}
	var list []Commitment
	if err := letterDecoder.Unmarshal(body, &list); err != nil {
		return nil, refuse(ReasonProposal, "those are no commitments")
	}
	proposed, err := c.checkProposal(s.matter, s.proposal, s.evidence) // the charter may be another by now
	if err != nil {
		return nil, refuse(ReasonCharter, err.Error())
	}
	share, ok := c.shareFor(s.p, proposed)
	if !ok || share.Index != s.index {
		return nil, refuse(ReasonCharter, "no share of that key is held here")
	}
	if err := fits(list, c.signers(s.p, proposed)); err != nil {
		return nil, refuse(ReasonProposal, err.Error())
	}
	signing, err := frost.NewSigning(s.p, s.proposal, list)
	if err != nil {
		return nil, refuse(ReasonProposal, err.Error())
	}
	if proposed != nil {
		if err := c.bind(s.p, proposed.Gen, s.proposal); err != nil {
			return nil, err
		}
	}
	z, err := signing.Sign(share, nonces)
	if err != nil {
		return nil, refuse(ReasonProposal, "our commitment is not among the commitments")
	}
	encoded := group.EncodeScalar(z)
	return encoded[:], nil
}

// fits wants a list to be of t signers that exist: one of fewer, or of others,
// would have a part made that belongs to no signature.
func fits(list []Commitment, c *Charter) error {
	if len(list) != int(c.T) {
		return fmt.Errorf("%d commitments, %d are needed", len(list), c.T)
	}
	for _, one := range list {
		if c.Issuer(one.Index) == nil {
			return fmt.Errorf("there is no issuer %d", one.Index)
		}
	}
	return nil
}

// bind writes down which charter of a generation this issuer signs, so that two
// who propose at the same time cannot both succeed.
func (c *Council) bind(p Pub, gen uint32, charter []byte) error {
	bound, err := c.Ledger.BindCharter(p, gen, charter)
	if err != nil {
		return fmt.Errorf("issuer: record charter of generation %d: %w", gen, err)
	}
	if !bytes.Equal(bound, charter) {
		return &refusal{Reason: ReasonBound, Text: fmt.Sprintf("another charter of generation %d is signed already", gen), Data: bound}
	}
	return nil
}
