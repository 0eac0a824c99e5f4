// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"encoding"
	"fmt"
	"io"
	"slices"
)

var (
	_ encoding.BinaryAppender    = (*Partial)(nil)
	_ encoding.BinaryUnmarshaler = (*Partial)(nil)
)

// Decryptor makes one member's partial decryptions for one active set and one
// set of decryptors, over all chunks of a round.
type Decryptor struct {
	factor poly // transform of lambda times the sum of shares, as a factor
}

// NewDecryptor returns the decryptor of the member at self, which is one of set,
// from the sum of its shares of the active set's secrets. The set has as many
// members as the threshold t of the sharing, or more. An error wraps [ErrPoint],
// [ErrFull] or [ErrEmpty].
func NewDecryptor(h *ShareSum, self Point, set []Point) (*Decryptor, error) {
	if h.parties == 0 {
		return nil, fmt.Errorf("%w: no shares", ErrEmpty)
	}
	xs, err := checkPoints(set)
	if err != nil {
		return nil, err
	}
	k := slices.Index(set, self)
	if k < 0 {
		return nil, fmt.Errorf("%w: %#x is not among the decryptors", ErrPoint, uint64(self))
	}
	d := &Decryptor{h.p}
	d.factor.scale([2]uint64{lagrange(xs, k, 0, q0), lagrange(xs, k, 0, q1)})
	d.factor.transformFactor()
	return d, nil
}

// Wipe sets the decryptor to zeros. It must not be used afterwards.
func (d *Decryptor) Wipe() { *d = Decryptor{} }

// Partial is one member's part in opening one sum.
type Partial struct{ p poly }

// Decrypt sets p to a times the member's part of the key, plus flooding noise of
// the width from rand. Whoever calls it has made sure, durably, that this member
// has never answered for this a: a second answer, above all for another active
// set, gives secrets away.
func (d *Decryptor) Decrypt(p *Partial, a *Public, w Width, rand io.Reader) error {
	if !w.Valid() {
		return ErrWidth
	}
	p.p.multiply(&a.p, &d.factor)
	if err := p.p.addFlood(w.floodBits(), rand); err != nil {
		*p = Partial{} // without its noise it would give the key away
		return err
	}
	return nil
}

// AppendBinary appends the encoding of p, [PolySize] bytes. The error is nil.
func (p *Partial) AppendBinary(b []byte) ([]byte, error) { return p.p.append(b), nil }

// UnmarshalBinary decodes data, the whole of it, into p. It returns an error
// that wraps [ErrSize] or [ErrRange] for what no partial decryption encodes to.
func (p *Partial) UnmarshalBinary(data []byte) error { return p.p.decode(data) }
