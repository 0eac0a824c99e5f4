// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"crypto/sha3"
	"fmt"
	"io"
	"testing"
)

// stream returns randomness that is fixed by a name, SHAKE128 of it, the same
// on every machine.
func stream(format string, args ...any) io.Reader {
	xof := sha3.NewSHAKE128()
	fmt.Fprintf(xof, format, args...)
	return xof
}

// seedOf returns the seed of a public polynomial that is fixed by a name.
func seedOf(name string) (seed [SeedSize]byte) {
	io.ReadFull(stream("seed %s", name), seed[:])
	return seed
}

// group is a roster with its secrets and encoded shares: shares[i][j] is what
// party i gives to party j.
type group struct {
	t       int
	points  []Point
	secrets []*Secret
	shares  [][][]byte
}

func newGroup(tb testing.TB, n, t int) *group {
	tb.Helper()
	g := &group{t: t}
	for i := range n {
		g.points = append(g.points, Point(1+uint64(i)*0x9e3779b97f4b%MaxPoint))
	}
	for i := range n {
		s, err := NewSecret(stream("secret %d", i))
		if err != nil {
			tb.Fatal(err)
		}
		shares, err := s.Split(stream("split %d", i), g.points, t)
		if err != nil {
			tb.Fatal(err)
		}
		g.secrets = append(g.secrets, s)
		g.shares = append(g.shares, shares)
	}
	return g
}

// set returns the points of the members.
func (g *group) set(members []int) (points []Point) {
	for _, j := range members {
		points = append(points, g.points[j])
	}
	return points
}

// decryptor returns member j's decryptor for an active set.
func (g *group) decryptor(tb testing.TB, j int, active, decryptors []int) *Decryptor {
	tb.Helper()
	var sum ShareSum
	var share Share
	for _, i := range active {
		if err := share.UnmarshalBinary(g.shares[i][j]); err != nil {
			tb.Fatal(err)
		}
		if err := sum.Add(&share); err != nil {
			tb.Fatal(err)
		}
	}
	d, err := NewDecryptor(&sum, g.points[j], g.set(decryptors))
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// partial returns member j's encoded partial decryption.
func (g *group) partial(tb testing.TB, j int, a *Public, w Width, active, decryptors []int) []byte {
	tb.Helper()
	var p Partial
	if err := g.decryptor(tb, j, active, decryptors).Decrypt(&p, a, w, stream("flood %d", j)); err != nil {
		tb.Fatal(err)
	}
	b, _ := p.AppendBinary(nil)
	return b
}

// encrypt returns party i's encoded ciphertext.
func encrypt[V uint8 | uint16](tb testing.TB, g *group, i int, a *Public, values []V) []byte {
	tb.Helper()
	var m Message
	if err := Pack(&m, values); err != nil {
		tb.Fatal(err)
	}
	var c Ciphertext
	if err := g.secrets[i].Encrypt(&c, a, &m, stream("error %d", i)); err != nil {
		tb.Fatal(err)
	}
	b, _ := c.AppendBinary(nil)
	return b
}

// addCiphertext and addPartial go by the encoded form, as a neighbour does.
func addCiphertext(tb testing.TB, s *Sum, b []byte) {
	tb.Helper()
	var c Ciphertext
	if err := c.UnmarshalBinary(b); err != nil {
		tb.Fatal(err)
	}
	if err := s.Add(&c); err != nil {
		tb.Fatal(err)
	}
}

func addPartial(tb testing.TB, s *Sum, b []byte) {
	tb.Helper()
	var p Partial
	if err := p.UnmarshalBinary(b); err != nil {
		tb.Fatal(err)
	}
	if err := s.AddPartial(&p); err != nil {
		tb.Fatal(err)
	}
}

// span returns the integers from low to below high.
func span(low, high int) (s []int) {
	for i := low; i < high; i++ {
		s = append(s, i)
	}
	return s
}
