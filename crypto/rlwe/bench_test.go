// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"crypto/rand"
	"testing"
)

// perThousand reports the time for 1,000 values of 8 bits.
func perThousand(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/12.288/1e6, "ms/1000")
}

func BenchmarkPublic(b *testing.B) {
	seed := seedOf("bench")
	for b.Loop() {
		NewPublic(&seed)
	}
	perThousand(b)
}

func BenchmarkEncrypt(b *testing.B) {
	s, err := NewSecret(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	seed := seedOf("bench")
	a := NewPublic(&seed)
	values := valuesOf[uint8](1, 12288)
	var m Message
	var c Ciphertext
	b.ReportAllocs()
	for b.Loop() {
		if err := Pack(&m, values); err != nil {
			b.Fatal(err)
		}
		if err := s.Encrypt(&c, a, &m, rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
	perThousand(b)
}

func BenchmarkEncode(b *testing.B) {
	var c Ciphertext
	buf := make([]byte, 0, PolySize)
	for b.Loop() {
		buf, _ = c.AppendBinary(buf[:0])
	}
	b.ReportMetric(float64(len(buf))/12.288, "B/1000")
	perThousand(b)
}

func BenchmarkDecode(b *testing.B) {
	var c Ciphertext
	buf, _ := c.AppendBinary(nil)
	for b.Loop() {
		if err := c.UnmarshalBinary(buf); err != nil {
			b.Fatal(err)
		}
	}
	perThousand(b)
}

func BenchmarkAdd(b *testing.B) {
	s, _ := NewSum(Width8)
	var c Ciphertext
	for b.Loop() {
		s.ciphertexts = 0
		if err := s.Add(&c); err != nil {
			b.Fatal(err)
		}
	}
	perThousand(b)
}

func BenchmarkDecrypt(b *testing.B) {
	g := newGroup(b, 8, 6)
	d := g.decryptor(b, 0, span(0, 8), span(0, 6))
	seed := seedOf("bench")
	a := NewPublic(&seed)
	var p Partial
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decrypt(&p, a, Width8, rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
	perThousand(b)
}

// BenchmarkOpen adds six partial decryptions, opens and unpacks.
func BenchmarkOpen(b *testing.B) {
	s, _ := NewSum(Width8)
	var c Ciphertext
	var p Partial
	var m Message
	sums := make([]uint32, 12288)
	b.ReportAllocs()
	for b.Loop() {
		s.ciphertexts, s.partials = 0, 0
		s.Add(&c)
		for range 6 {
			s.AddPartial(&p)
		}
		if err := s.Open(&m); err != nil {
			b.Fatal(err)
		}
		if err := m.Unpack(sums, 8); err != nil {
			b.Fatal(err)
		}
	}
	perThousand(b)
}

func BenchmarkSplit(b *testing.B) {
	for _, c := range []struct {
		name string
		n, t int
	}{{"6of8", 8, 6}, {"22of32", 32, 22}} {
		b.Run(c.name, func(b *testing.B) {
			s, _ := NewSecret(rand.Reader)
			points := make([]Point, c.n)
			for i := range points {
				points[i] = Point(i + 1)
			}
			for b.Loop() {
				if _, err := s.Split(rand.Reader, points, c.t); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
