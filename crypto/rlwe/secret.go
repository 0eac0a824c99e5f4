// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"encoding"
	"io"
)

var (
	_ encoding.BinaryAppender    = (*Ciphertext)(nil)
	_ encoding.BinaryUnmarshaler = (*Ciphertext)(nil)
)

// Secret is the secret polynomial s of one party for one epoch, each coefficient
// -1, 0 or 1. It lives in memory only; [Secret.Wipe] ends it.
type Secret struct {
	ternary [N]int8
	factor  poly // transform of s, as a factor
}

// NewSecret returns a secret from rand, which is crypto/rand.Reader outside
// tests.
func NewSecret(rand io.Reader) (*Secret, error) {
	s := new(Secret)
	if err := ternary(&s.ternary, rand); err != nil {
		s.Wipe()
		return nil, err
	}
	s.residues(&s.factor)
	s.factor.transformFactor()
	return s, nil
}

// residues sets p to the coefficients of s.
func (s *Secret) residues(p *poly) {
	for i, q := range primes {
		for k, v := range &s.ternary {
			p[i][k] = fromSigned(int64(v), q)
		}
	}
}

// Wipe sets the secret to zeros. It must not be used afterwards.
func (s *Secret) Wipe() { *s = Secret{} }

// Ciphertext is the one polynomial b that hides a message.
type Ciphertext struct{ p poly }

// Encrypt sets c to -a s + e + floor(Q/T) m, with e from rand. Whoever calls it
// has made sure, durably, that this secret has never encrypted under this a:
// two such ciphertexts give away the difference of their messages.
func (s *Secret) Encrypt(c *Ciphertext, a *Public, m *Message, rand io.Reader) error {
	if !m.width.Valid() {
		return ErrWidth
	}
	c.p.multiply(&a.p, &s.factor)
	c.p.subtractFrom(m)
	if err := c.p.addErrors(rand); err != nil {
		*c = Ciphertext{} // without its error it would give s away
		return err
	}
	return nil
}

// subtractFrom sets p to floor(Q/T) m - p.
func (p *poly) subtractFrom(m *Message) {
	delta := m.width.delta()
	for i, q := range primes {
		to, f := &p[i], newFactor(delta[i], q)
		for k := range to {
			to[k] = reduce(f.mul(m.coefficients[k])+q-to[k], q)
		}
	}
}

// AppendBinary appends the encoding of c, [PolySize] bytes. The error is nil.
func (c *Ciphertext) AppendBinary(b []byte) ([]byte, error) { return c.p.append(b), nil }

// UnmarshalBinary decodes data, the whole of it, into c. It returns an error
// that wraps [ErrSize] or [ErrRange] for what no ciphertext encodes to.
func (c *Ciphertext) UnmarshalBinary(data []byte) error { return c.p.decode(data) }
