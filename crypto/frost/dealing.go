// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package frost

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gtank/ristretto255"
	"github.com/vecino-edge/vecino/crypto/group"
)

// Dealing is what all who take part in the making of shares agree on. Each
// dealer deals a polynomial of degree T-1; a receiver's share is the sum of the
// dealers' values at its index.
//
// Where Old is nil the dealers are the receivers, and the new key is the sum of
// their random secrets. Otherwise exactly Old.T of the old signers deal what
// their shares contribute to the old key, so that the key stays and every old
// share becomes useless with the new ones: that refreshes shares, and replaces,
// adds or drops a signer.
type Dealing struct {
	Session   [32]byte // never twice
	T         uint8    // of the new shares, more than half of the receivers
	Dealers   []uint8  // ascending
	Receivers []uint8  // ascending
	Old       *Public
}

// Public is what everybody may know of a group of signers.
type Public struct {
	P      [group.Size]byte
	T      uint8
	Shares []PublicShare // ascending
}

// PublicShare is the verification key of one signer's share.
type PublicShare struct {
	Index uint8
	Y     [group.Size]byte
}

// Share returns the verification key of a signer, false where there is none.
func (p *Public) Share(index uint8) ([group.Size]byte, bool) {
	for _, s := range p.Shares {
		if s.Index == index {
			return s.Y, true
		}
	}
	return [group.Size]byte{}, false
}

// Deal is round one of a dealer: commitments to its coefficients, the constant
// one first, and a proof that it knows that one.
type Deal struct {
	_           struct{} `cbor:",toarray"`
	Dealer      uint8
	Commitments [][group.Size]byte // T of them
	Proof       Proof
}

// DealError names a dealer that broke the rules.
type DealError struct {
	Dealer uint8
	Reason string
}

func (e *DealError) Error() string { return fmt.Sprintf("frost: dealer %d: %s", e.Dealer, e.Reason) }

// Check holds a dealing against its bounds.
func (d *Dealing) Check() error {
	n := len(d.Receivers)
	switch {
	case !ascending(d.Dealers) || !ascending(d.Receivers):
		return errors.New("frost: dealers and receivers must be 1 to 16 different indices in order")
	case int(d.T) > n || 2*int(d.T) <= n:
		return fmt.Errorf("frost: %d of %d shares; the threshold must be more than half", d.T, n)
	case d.Old == nil && !slices.Equal(d.Dealers, d.Receivers):
		return errors.New("frost: a new key is dealt by its receivers")
	case d.Old == nil:
		return nil
	case len(d.Dealers) != int(d.Old.T):
		return fmt.Errorf("frost: %d old signers deal, %d are needed", len(d.Dealers), d.Old.T)
	}
	for _, i := range d.Dealers {
		if _, ok := d.Old.Share(i); !ok {
			return fmt.Errorf("frost: dealer %d is no old signer", i)
		}
	}
	return nil
}

func ascending(set []uint8) bool {
	for i, x := range set {
		if x == 0 || x > MaxSigners || i > 0 && x <= set[i-1] {
			return false
		}
	}
	return len(set) > 0
}

// Polynomial is a dealer's secret. It lives in memory, for one dealing.
type Polynomial struct {
	coefficients []*group.Scalar
}

// At returns the share of the receiver with an index.
func (p *Polynomial) At(index uint8) *group.Scalar {
	x, y := identifier(index), ristretto255.NewScalar()
	for _, c := range slices.Backward(p.coefficients) {
		y = group.MulAdd(y, x, c)
	}
	return y
}

// Erase overwrites the coefficients. The polynomial is worthless afterwards.
func (p *Polynomial) Erase() {
	for _, c := range p.coefficients {
		c.Zero()
	}
	p.coefficients = nil
}

// Deal is round one of a dealer. The share is the dealer's old one, whose
// Secret is not looked at where a new key is made.
func (d *Dealing) Deal(rand io.Reader, share Share) (*Polynomial, *Deal, error) {
	if err := d.Check(); err != nil {
		return nil, nil, err
	}
	if !slices.Contains(d.Dealers, share.Index) {
		return nil, nil, fmt.Errorf("frost: %d is not among the dealers", share.Index)
	}
	p := &Polynomial{}
	for range d.T {
		c, err := group.RandomScalar(rand)
		if err != nil {
			return nil, nil, err
		}
		p.coefficients = append(p.coefficients, c)
	}
	if d.Old != nil {
		lambda := lagrange(share.Index, d.Dealers)
		p.coefficients[0].Multiply(lambda, share.Secret)
	}
	deal := &Deal{Dealer: share.Index}
	for _, c := range p.coefficients {
		deal.Commitments = append(deal.Commitments, group.EncodePoint(group.Base(c)))
	}
	k, err := nonce(rand, p.coefficients[0])
	if err != nil {
		return nil, nil, err
	}
	deal.Proof = d.prove(deal, p.coefficients[0], k)
	return p, deal, nil
}

// CheckDeal returns a [*DealError] for a deal that is not right: whose
// commitments are not as many points as the threshold, whose dealer does not
// know its constant term, or whose constant term is not what the dealer's old
// share contributes.
func (d *Dealing) CheckDeal(deal *Deal) error {
	wrong := func(reason string) error { return &DealError{deal.Dealer, reason} }
	if !slices.Contains(d.Dealers, deal.Dealer) {
		return wrong("it was not asked to deal")
	}
	points, err := deal.points()
	if err != nil || len(points) != int(d.T) {
		return wrong("its commitments are not as many points as the threshold")
	}
	if !d.verify(deal, points[0]) {
		return wrong("its proof of possession is wrong")
	}
	if d.Old == nil {
		return nil
	}
	encoded, _ := d.Old.Share(deal.Dealer)
	y, err := group.DecodePoint(encoded)
	if err != nil {
		return fmt.Errorf("frost: verification key of signer %d: %w", deal.Dealer, err)
	}
	if group.Mul(lagrange(deal.Dealer, d.Dealers), y).Equal(points[0]) != 1 {
		return wrong("its constant term is not that of its share")
	}
	return nil
}

func (deal *Deal) points() ([]*group.Point, error) {
	out := make([]*group.Point, len(deal.Commitments))
	for i, c := range deal.Commitments {
		p, err := group.DecodePoint(c)
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}
