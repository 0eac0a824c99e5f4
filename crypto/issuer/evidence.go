// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Dealt shows that shares were dealt by a plan and lie on the disks of all their
// receivers. Without it no issuer signs a charter with other issuers.
type Dealt struct {
	_         struct{} `cbor:",toarray"`
	Session   sessionID
	Initiator uint8
	Plan      []byte
	Deals     []frost.Deal // one of each dealer, in order
	Ready     []vote       // one of each receiver, in order
}

var errDealt = errors.New("issuer: the shares of the charter are not those that were dealt")

// check reads the evidence under the present charter and returns the key, the
// threshold and the issuers that follow from it.
func (e *Dealt) check(c *Charter) (*Plan, *frost.Public, []Issuer, error) {
	p, err := DecodePlan(e.Plan)
	if err != nil {
		return nil, nil, nil, err
	}
	d, err := p.dealing(c, e.Session, e.Initiator)
	if err != nil {
		return nil, nil, nil, err
	}
	public, err := d.Public(e.Deals)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(e.Ready) != len(p.Receivers) {
		return nil, nil, nil, fmt.Errorf("issuer: %d of %d receivers are ready", len(e.Ready), len(p.Receivers))
	}
	round := roundOne(d, e.Deals)
	var issuers []Issuer
	for i, r := range p.Receivers {
		if v := e.Ready[i]; v.Index != r.Index || !v.verify(r.Offer.Ed25519, c.Nbhd, stageReady, round) {
			return nil, nil, nil, fmt.Errorf("issuer: receiver %d has not said that it is ready", r.Index)
		}
		issuers = append(issuers, Issuer{
			Index: r.Index, Y: public.Shares[i].Y, POPRF: r.Offer.POPRF, HPKE: r.Offer.HPKE, Ed25519: r.Offer.Ed25519,
		})
	}
	return p, public, issuers, nil
}

// Charter returns the present charter with the issuers that were dealt shares.
func (e *Dealt) Charter(c *Charter) (*Charter, error) {
	p, public, issuers, err := e.check(c)
	if err != nil {
		return nil, err
	}
	next := *c
	next.Gen, next.P, next.T, next.Issuers = p.Gen, public.P, public.T, issuers
	return &next, nil
}

// checkCharter holds a proposed charter against the present one: an issuer signs
// it where it is the next of the same neighbourhood and either keeps all issuers
// or comes with the evidence of others.
func (c *Council) checkCharter(b, evidence []byte) (*Charter, error) {
	var next Charter
	if err := charterDecoder.Unmarshal(b, &next); err != nil {
		return nil, fmt.Errorf("issuer: proposed charter: %w", err)
	}
	if err := next.check(); err != nil {
		return nil, fmt.Errorf("issuer: proposed charter: %w", err)
	}
	old := c.charter
	if next.Nbhd != old.Nbhd || next.V < old.V || !ahead(old.Gen, next.Gen) {
		return nil, fmt.Errorf("issuer: proposed charter: it does not follow generation %d", old.Gen)
	}
	if next.P == old.P && next.T == old.T && slices.Equal(next.Issuers, old.Issuers) {
		return &next, nil
	}
	var e Dealt
	if err := letterDecoder.Unmarshal(evidence, &e); err != nil {
		return nil, fmt.Errorf("issuer: evidence for other issuers: %w", err)
	}
	p, public, issuers, err := e.check(old)
	if err != nil {
		return nil, err
	}
	if p.Gen != next.Gen || public.P != next.P || public.T != next.T || !slices.Equal(issuers, next.Issuers) {
		return nil, errDealt
	}
	return &next, nil
}

// labelled reports whether b is an array that begins with a label, so that what
// is signed for one purpose never serves another.
func labelled(b []byte, label wire.Label) bool {
	head := wire.MustMarshal(label)
	return len(b) > len(head) && b[0] >= 0x81 && b[0] <= 0x97 && string(b[1:1+len(head)]) == string(head)
}
