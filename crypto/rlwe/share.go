// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"fmt"
	"io"
)

// Point is where a secret's sharing polynomial is evaluated for one receiver,
// 1 to [MaxPoint]. Points of one roster are distinct; as the primes are greater,
// they are so modulo each.
type Point uint64

// checkPoints returns the points as integers, or an error that wraps ErrPoint
// or ErrFull.
func checkPoints(points []Point) ([]uint64, error) {
	if len(points) > MaxParties {
		return nil, fmt.Errorf("%w: %d points", ErrFull, len(points))
	}
	xs := make([]uint64, 0, len(points))
	for i, p := range points {
		if p < 1 || p > MaxPoint {
			return nil, fmt.Errorf("%w: %#x", ErrPoint, uint64(p))
		}
		for _, other := range points[:i] {
			if p == other {
				return nil, fmt.Errorf("%w: %#x twice", ErrPoint, uint64(p))
			}
		}
		xs = append(xs, uint64(p))
	}
	return xs, nil
}

// Split shares s by Shamir's scheme, so that any t of the receivers at the
// points can decrypt and fewer learn nothing. It returns the encoded share of
// each: the first t-1 are seeds of [ShareSeedSize] bytes, drawn from rand, and
// fix the polynomial together with s; the others are [PolySize] bytes.
func (s *Secret) Split(rand io.Reader, points []Point, t int) ([][]byte, error) {
	if t < 2 || t > len(points) {
		return nil, fmt.Errorf("%w: %d of %d", ErrThreshold, t, len(points))
	}
	xs, err := checkPoints(points)
	if err != nil {
		return nil, err
	}
	shares := make([][]byte, len(points))
	for j := range shares[:t-1] {
		shares[j] = make([]byte, ShareSeedSize)
		if _, err := io.ReadFull(rand, shares[j]); err != nil {
			return nil, fmt.Errorf("rlwe: read randomness: %w", err)
		}
	}
	values := s.interpolate(shares[:t-1], xs)
	for j := range values {
		shares[t-1+j] = values[j].append(make([]byte, 0, PolySize))
	}
	clear(values)
	return shares, nil
}

// interpolate returns the values, at the points behind the seeds' ones, of the
// polynomial that is s at 0 and what the seeds expand to at their points.
func (s *Secret) interpolate(seeds [][]byte, xs []uint64) []poly {
	nodes := append([]uint64{0}, xs[:len(seeds)]...)
	values := make([]poly, len(xs)-len(seeds))
	term := new(poly)
	for k := range nodes {
		if k == 0 {
			s.residues(term)
		} else {
			term.expand(seeds[k-1])
		}
		for j, x := range xs[len(seeds):] {
			values[j].addScaled(term, [2]uint64{lagrange(nodes, k, x, q0), lagrange(nodes, k, x, q1)})
		}
	}
	*term = poly{}
	return values
}

// Share is what one receiver has of one party's secret. It is 64 KiB; a
// receiver that holds many keeps them encoded.
type Share struct{ p poly }

// UnmarshalBinary decodes data, a seed or a polynomial as [Secret.Split] makes
// them, into s. It returns an error that wraps [ErrSize] or [ErrRange].
func (s *Share) UnmarshalBinary(data []byte) error {
	if len(data) == ShareSeedSize {
		s.p.expand(data)
		return nil
	}
	return s.p.decode(data)
}

// Wipe sets the share to zeros.
func (s *Share) Wipe() { *s = Share{} }

// ShareSum adds the shares that one receiver has of the secrets of an active
// set. The zero value is empty.
type ShareSum struct {
	p       poly
	parties int
}

// Add adds a share. It returns [ErrFull] for a 33rd.
func (h *ShareSum) Add(s *Share) error {
	if h.parties >= MaxParties {
		return ErrFull
	}
	h.p.add(&s.p)
	h.parties++
	return nil
}

// Parties returns how many shares were added.
func (h *ShareSum) Parties() int { return h.parties }

// Wipe empties the sum.
func (h *ShareSum) Wipe() { *h = ShareSum{} }
