// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package frost

import (
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/gtank/ristretto255"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Proof shows that a dealer knows its constant term: a challenge and a response.
type Proof [2 * group.Size]byte

// challenge binds the proof to the dealing, the dealer and all it commits to, so
// that nobody can hand in another's constant term, or one made from another's.
func (d *Dealing) challenge(deal *Deal, t [group.Size]byte) *group.Scalar {
	parts := [][]byte{d.Session[:], wire.U8(deal.Dealer)}
	for i := range deal.Commitments {
		parts = append(parts, deal.Commitments[i][:])
	}
	return group.Reduce(wire.Hash(wire.LabelDeal, append(parts, t[:])...))
}

func (d *Dealing) prove(deal *Deal, secret, k *group.Scalar) (p Proof) {
	c := d.challenge(deal, group.EncodePoint(group.Base(k)))
	cb, zb := group.EncodeScalar(c), group.EncodeScalar(group.MulAdd(c, secret, k))
	copy(p[:], cb[:])
	copy(p[group.Size:], zb[:])
	return p
}

func (d *Dealing) verify(deal *Deal, constant *group.Point) bool {
	c, err := group.DecodeScalar([group.Size]byte(deal.Proof[:group.Size]))
	if err != nil {
		return false
	}
	z, err := group.DecodeScalar([group.Size]byte(deal.Proof[group.Size:]))
	if err != nil {
		return false
	}
	t := group.EncodePoint(group.VarTimeDouble(group.Neg(c), constant, z))
	got := group.EncodeScalar(d.challenge(deal, t))
	return subtle.ConstantTimeCompare(got[:], deal.Proof[:group.Size]) == 1
}

// powers returns 1, x, x² and so on, n of them.
func powers(index uint8, n int) []*group.Scalar {
	x, out := identifier(index), make([]*group.Scalar, n)
	for i := range out {
		if i == 0 {
			out[i] = one()
			continue
		}
		out[i] = ristretto255.NewScalar().Multiply(out[i-1], x)
	}
	return out
}

// at is the commitment to the polynomial's value at an index.
func at(points []*group.Point, index uint8) *group.Point {
	return ristretto255.NewIdentityElement().VarTimeMultiScalarMult(powers(index, len(points)), points)
}

// CheckShare returns a [*DealError] where s is not the value, at the receiver's
// index, of the polynomial that the deal commits to.
func (d *Dealing) CheckShare(deal *Deal, receiver uint8, s *group.Scalar) error {
	points, err := deal.points()
	if err != nil || len(points) != int(d.T) {
		return &DealError{deal.Dealer, "its commitments are not points"}
	}
	if group.Base(s).Equal(at(points, receiver)) != 1 {
		return &DealError{deal.Dealer, fmt.Sprintf("its share for %d is not what it committed to", receiver)}
	}
	return nil
}

var errDeals = errors.New("frost: there is not one deal of each dealer, in order")

// Public checks the deals, one of each dealer in order, and returns the key and
// all verification keys that follow from them.
func (d *Dealing) Public(deals []Deal) (*Public, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	if len(deals) != len(d.Dealers) {
		return nil, errDeals
	}
	sums := make([]*group.Point, d.T)
	for k := range sums {
		sums[k] = ristretto255.NewIdentityElement()
	}
	for i := range deals {
		if deals[i].Dealer != d.Dealers[i] {
			return nil, errDeals
		}
		if err := d.CheckDeal(&deals[i]); err != nil {
			return nil, err
		}
		points, err := deals[i].points()
		if err != nil {
			return nil, err
		}
		for k, p := range points {
			sums[k].Add(sums[k], p)
		}
	}
	return d.public(sums)
}

// public evaluates the sum of all commitments. It fails where a key is the
// identity, which honest dealers do not meet, and where the old key is not kept.
func (d *Dealing) public(sums []*group.Point) (*Public, error) {
	out := &Public{P: group.EncodePoint(sums[0]), T: d.T}
	if _, err := group.DecodePoint(out.P); err != nil {
		return nil, fmt.Errorf("frost: public key of the dealing: %w", err)
	}
	if d.Old != nil && out.P != d.Old.P {
		return nil, errors.New("frost: the dealing does not keep the public key")
	}
	for _, j := range d.Receivers {
		y := group.EncodePoint(at(sums, j))
		if _, err := group.DecodePoint(y); err != nil {
			return nil, fmt.Errorf("frost: verification key of %d: %w", j, err)
		}
		out.Shares = append(out.Shares, PublicShare{j, y})
	}
	return out, nil
}

// Receive is the last step of a receiver: the share that the dealers' values
// add up to. The values are in the order of the dealers; each is checked.
func (d *Dealing) Receive(index uint8, deals []Deal, values []*group.Scalar) (Share, *Public, error) {
	public, err := d.Public(deals)
	if err != nil {
		return Share{}, nil, err
	}
	y, ok := public.Share(index)
	if !ok || len(values) != len(deals) {
		return Share{}, nil, fmt.Errorf("frost: %d is not among the receivers, or a value is missing", index)
	}
	sum := ristretto255.NewScalar()
	for i, v := range values {
		if err := d.CheckShare(&deals[i], index, v); err != nil {
			return Share{}, nil, err
		}
		sum.Add(sum, v)
	}
	share := Share{Index: index, Secret: sum}
	if group.EncodePoint(share.Public()) != y {
		return Share{}, nil, errors.New("frost: the share does not have its verification key")
	}
	return share, public, nil
}
