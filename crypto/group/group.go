// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package group is the prime-order group ristretto255 of RFC 9496 as the
// protocol uses it: encodings are canonical, the identity is never a key, and
// scalars come from 64 uniform bytes. The arithmetic, constant in time unless a
// name says otherwise, is that of github.com/gtank/ristretto255.
//
// There is no state; the functions are safe for concurrent use.
package group

import (
	"errors"
	"fmt"
	"io"

	"github.com/gtank/ristretto255"
)

// Size is the length in bytes of an encoded point and of an encoded scalar.
const Size = 32

// Scalar is an integer modulo the group's order, encoded little-endian.
type Scalar = ristretto255.Scalar

// Point is an element of the group.
type Point = ristretto255.Element

// ErrEncoding refuses bytes that are not the canonical encoding of a scalar,
// or of a point other than the identity.
var ErrEncoding = errors.New("group: not a canonical encoding")

var identity = ristretto255.NewIdentityElement()

// DecodePoint returns the point that b encodes. The identity is refused.
func DecodePoint(b [Size]byte) (*Point, error) {
	p, err := ristretto255.NewIdentityElement().SetCanonicalBytes(b[:])
	if err != nil || p.Equal(identity) == 1 {
		return nil, ErrEncoding
	}
	return p, nil
}

// EncodePoint returns the encoding of p.
func EncodePoint(p *Point) (b [Size]byte) {
	copy(b[:], p.Bytes())
	return b
}

// DecodeScalar returns the scalar that b encodes, which is below the order.
func DecodeScalar(b [Size]byte) (*Scalar, error) {
	s, err := ristretto255.NewScalar().SetCanonicalBytes(b[:])
	if err != nil {
		return nil, ErrEncoding
	}
	return s, nil
}

// EncodeScalar returns the encoding of s.
func EncodeScalar(s *Scalar) (b [Size]byte) {
	copy(b[:], s.Bytes())
	return b
}

// Reduce returns the scalar that 64 uniform bytes, such as a SHA-512, give.
func Reduce(b [64]byte) *Scalar {
	s, err := ristretto255.NewScalar().SetUniformBytes(b[:])
	if err != nil {
		panic("group: " + err.Error()) // only for another length
	}
	return s
}

// RandomScalar returns a uniform scalar other than zero.
func RandomScalar(rand io.Reader) (*Scalar, error) {
	zero := ristretto255.NewScalar()
	for {
		var b [64]byte
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return nil, fmt.Errorf("group: read randomness: %w", err)
		}
		if s := Reduce(b); s.Equal(zero) == 0 {
			return s, nil
		}
	}
}

// Base returns s times the group's generator.
func Base(s *Scalar) *Point { return ristretto255.NewIdentityElement().ScalarBaseMult(s) }

// Mul returns s times p.
func Mul(s *Scalar, p *Point) *Point { return ristretto255.NewIdentityElement().ScalarMult(s, p) }

// Add returns p plus q.
func Add(p, q *Point) *Point { return ristretto255.NewIdentityElement().Add(p, q) }

// VarTimeDouble returns a·p + b·generator in time that depends on the
// arguments, which must be public.
func VarTimeDouble(a *Scalar, p *Point, b *Scalar) *Point {
	return ristretto255.NewIdentityElement().VarTimeDoubleScalarBaseMult(a, p, b)
}

// MulAdd returns a·b + c.
func MulAdd(a, b, c *Scalar) *Scalar {
	s := ristretto255.NewScalar().Multiply(a, b)
	return s.Add(s, c)
}

// Neg returns -s.
func Neg(s *Scalar) *Scalar { return ristretto255.NewScalar().Negate(s) }
