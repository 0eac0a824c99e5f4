// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"fmt"
	"math/bits"
)

// Sum adds the ciphertexts of an active set and the partial decryptions of its
// decryptors, in any order, and opens when all are there.
type Sum struct {
	p           poly
	width       Width
	ciphertexts int
	partials    int
}

// NewSum returns an empty sum of messages of the given width.
func NewSum(w Width) (*Sum, error) {
	if !w.Valid() {
		return nil, ErrWidth
	}
	return &Sum{width: w}, nil
}

// Add adds a ciphertext. It returns [ErrFull] for a 33rd.
func (s *Sum) Add(c *Ciphertext) error {
	if s.ciphertexts >= MaxParties {
		return ErrFull
	}
	s.p.add(&c.p)
	s.ciphertexts++
	return nil
}

// AddPartial adds a partial decryption. It returns [ErrFull] for a 33rd.
func (s *Sum) AddPartial(p *Partial) error {
	if s.partials >= MaxParties {
		return ErrFull
	}
	s.p.add(&p.p)
	s.partials++
	return nil
}

// Parties returns how many ciphertexts were added.
func (s *Sum) Parties() int { return s.ciphertexts }

// Open sets m to round(T c / Q) for the sum c of all that was added, which is
// the exact sum of the messages. It returns an error that wraps [ErrEmpty] if
// nothing was added, and one that wraps [ErrNoise] if the noise is over what
// this many ciphertexts and partial decryptions make: then one is missing, is
// of another a, set or sharing, or was forged, and m is of no use. With all
// 4,096 coefficients to pass, a sum that does not belong never does by chance.
func (s *Sum) Open(m *Message) error {
	if s.ciphertexts == 0 || s.partials == 0 {
		return fmt.Errorf("%w: %d ciphertexts, %d partial decryptions", ErrEmpty, s.ciphertexts, s.partials)
	}
	o := newOpener(s.width, s.bound())
	m.width = s.width
	for k := range m.coefficients {
		v, ok := o.round(s.p[0][k], s.p[1][k])
		if !ok {
			return fmt.Errorf("%w: coefficient %d", ErrNoise, k)
		}
		m.coefficients[k] = v
	}
	return nil
}

// bound is the greatest magnitude of the noise: the flooding, the errors, and
// T for what floor(Q/T) leaves of Q/T. For 32 parties that is 2^67 + 640 + 2^39
// with 8 bits, where Q/2T is just below 2^68, and 2^64 + 640 + 2^42 with 16
// bits, where it is just below 2^65.
func (s *Sum) bound() uint128 {
	hi, lo := bits.Mul64(uint64(s.partials), 1<<s.width.floodBits())
	lo, carry := bits.Add64(lo, uint64(s.ciphertexts*ErrorBound)+1<<s.width.logT(), 0)
	return uint128{hi + carry, lo}
}
