// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"slices"

	"github.com/vecino-edge/vecino/crypto/group"
)

// MaxPending bounds the shares that an issuer holds and does not use yet.
const MaxPending = 4

// Pending is a share that was dealt and becomes the issuer's own with the
// charter of generation Gen, if that names its verification key. Which of
// several dealings wins is not known before, so that none is thrown away until
// a charter of its generation, or a later one, is there.
type Pending struct {
	Gen   uint32
	Share Share
	P     Pub
}

type savedShare struct {
	_         struct{} `cbor:",toarray"`
	Gen       uint32
	Index     uint8
	Secret, P [32]byte
}

func (p Pending) save() savedShare {
	return savedShare{Gen: p.Gen, Index: p.Share.Index, Secret: group.EncodeScalar(p.Share.Secret), P: p.P}
}

// meant reports whether c is the charter that this share waits for.
func (p Pending) meant(c *Charter) bool {
	own := c.Issuer(p.Share.Index)
	return c.Gen == p.Gen && c.P == p.P && own != nil && own.Y == group.EncodePoint(p.Share.Public())
}

// adopt returns the keys as they are under a charter, and whether they changed:
// a pending share that the charter names takes the place of the old one, an
// issuer that the charter leaves out drops its share, and shares that waited
// for this charter or an earlier one are dropped.
func (k *Keys) adopt(c *Charter) (*Keys, bool) {
	if c.Gen < k.Gen {
		return k, false
	}
	next := *k
	next.Pending = nil
	for _, p := range k.Pending {
		switch {
		case p.meant(c):
			next.Share, next.P, next.Gen = p.Share, p.P, c.Gen
		case p.Gen > c.Gen:
			next.Pending = append(next.Pending, p)
		}
	}
	own := Pub(next.Public().Ed25519)
	named := slices.ContainsFunc(c.Issuers, func(s Issuer) bool { return s.Ed25519 == own })
	if !named && next.Share.Index != 0 {
		next.Share, next.P, next.Gen = Share{}, Pub{}, c.Gen
	}
	changed := next.Share != k.Share || next.P != k.P || len(next.Pending) != len(k.Pending)
	return &next, changed
}

// hold returns the keys with one more pending share.
func (k *Keys) hold(p Pending) *Keys {
	next := *k
	next.Pending = append(slices.Clone(k.Pending), p)
	return &next
}
