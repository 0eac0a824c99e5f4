// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// valuesOf returns the values of party i: extremes in every lane for the first
// pattern, then every value in every lane.
func valuesOf[V uint8 | uint16](i, n int) []V {
	v := make([]V, n)
	for k := range v {
		switch {
		case k%1024 < 96:
			v[k] = ^V(0)
		case k%1024 < 192:
			v[k] = 0
		default:
			v[k] = V(k + k/3 + i*77)
		}
	}
	return v
}

// testSum runs one round and compares every value of the sum.
func testSum[V uint8 | uint16](t *testing.T, w Width, g *group, active, decryptors []int, count int) {
	seed := seedOf(t.Name())
	a := NewPublic(&seed)
	s, err := NewSum(w)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]uint32, count)
	for _, i := range active {
		values := valuesOf[V](i, count)
		for k, v := range values {
			want[k] += uint32(v)
		}
		addCiphertext(t, s, encrypt(t, g, i, a, values))
	}
	for _, j := range decryptors {
		addPartial(t, s, g.partial(t, j, a, w, active, decryptors))
	}
	var m Message
	if err := s.Open(&m); err != nil {
		t.Fatal(err)
	}
	got := make([]uint32, count)
	if err := m.Unpack(got, s.Parties()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sum (-want +got):\n%.600s", diff)
	}
}

func TestSums(t *testing.T) {
	for _, c := range []struct {
		n, t               int
		active, decryptors []int // of n members; the others dropped out
		count              int
		long               bool
	}{
		{3, 2, span(0, 3), []int{0, 1}, 12288, false},
		{3, 2, span(0, 3), []int{2, 0}, 1, false},
		{3, 3, span(0, 3), span(0, 3), 8191, false},
		{8, 6, span(0, 7), []int{0, 1, 2, 3, 4, 6}, 12287, false}, // the round of the protocol page
		{8, 5, span(0, 5), []int{3, 4, 5, 6, 7}, 12288, false},    // three dropouts, and who opens took no part
		{8, 5, span(0, 8), span(1, 8), 12288, false},              // more decryptors than t
		{32, 22, span(0, 32), span(10, 32), 12288, true},
		{32, 22, span(0, 23), span(0, 22), 12288, true},
	} {
		t.Run(fmt.Sprintf("%d of %d, %d active", c.t, c.n, len(c.active)), func(t *testing.T) {
			if c.long && testing.Short() {
				t.Skip("32 parties take long under emulation")
			}
			g := newGroup(t, c.n, c.t)
			testSum[uint8](t, Width8, g, c.active, c.decryptors, c.count)
			testSum[uint16](t, Width16, g, c.active, c.decryptors, min(c.count, 8192))
		})
	}
}

// TestMost adds what 32 parties can reach at most: every value the greatest,
// every error and every coefficient of the flooding at one end of its range.
func TestMost(t *testing.T) {
	for _, w := range []Width{Width8, Width16} {
		for _, edge := range []byte{0x00, 0xff} {
			testMost(t, w, edge)
		}
	}
}

func testMost(t *testing.T, w Width, edge byte) {
	var m, sum Message
	if w == Width8 {
		Pack(&m, valuesEqual[uint8](w.Values()))
	} else {
		Pack(&m, valuesEqual[uint16](w.Values()))
	}
	g := newGroup(t, 2, 2)
	seed := seedOf("most")
	a := NewPublic(&seed)
	s, _ := NewSum(w)
	noise := new(poly)
	for range MaxParties {
		var c Ciphertext
		if err := g.secrets[0].Encrypt(&c, a, &m, stream("most")); err != nil {
			t.Fatal(err)
		}
		s.Add(&c)
		noise.addErrors(errorEdge(edge == 0xff))
		noise.addFlood(w.floodBits(), constant(edge))
	}
	// Thirty-two secrets that are one and the same open by 32 a s.
	open := new(poly)
	open.multiply(&a.p, &g.secrets[0].factor)
	open.scale([2]uint64{MaxParties, MaxParties})
	s.p.add(open)
	s.p.add(noise)
	s.partials = MaxParties
	if err := s.Open(&sum); err != nil {
		t.Fatalf("width %d, edge %#x: %v", w, edge, err)
	}
	got := make([]uint32, w.Values())
	if err := sum.Unpack(got, MaxParties); err != nil {
		t.Fatal(err)
	}
	for k, v := range got {
		if v != MaxParties*(1<<w-1) {
			t.Fatalf("width %d, edge %#x, value %d: %d", w, edge, k, v)
		}
	}
}

func valuesEqual[V uint8 | uint16](n int) []V {
	v := make([]V, n)
	for i := range v {
		v[i] = ^V(0)
	}
	return v
}

// constant is an endless stream of one byte.
type constant byte

func (c constant) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}

// errorEdge is randomness of which every error is 20, or -20.
type errorEdge bool

func (e errorEdge) Read(b []byte) (int, error) {
	high := [5]byte{0xff, 0xff, 0xf0, 0, 0}
	for i := range b {
		b[i] = high[i%5]
		if !e {
			b[i] = ^b[i]
		}
	}
	return len(b), nil
}

// TestNotThisSum opens with what does not belong together.
func TestNotThisSum(t *testing.T) {
	g := newGroup(t, 4, 3)
	all, three := span(0, 4), span(0, 3)
	seed, other := seedOf("one"), seedOf("other")
	a, b := NewPublic(&seed), NewPublic(&other)
	for _, c := range []struct {
		name     string
		partials [][]byte
	}{
		{"one missing", [][]byte{g.partial(t, 0, a, Width8, all, three), g.partial(t, 1, a, Width8, all, three)}},
		{"another a", [][]byte{g.partial(t, 0, a, Width8, all, three), g.partial(t, 1, a, Width8, all, three), g.partial(t, 2, b, Width8, all, three)}},
		{"another active set", [][]byte{g.partial(t, 0, a, Width8, all, three), g.partial(t, 1, a, Width8, all, three), g.partial(t, 2, a, Width8, three, three)}},
		{"other decryptors", [][]byte{g.partial(t, 0, a, Width8, all, three), g.partial(t, 1, a, Width8, all, three), g.partial(t, 3, a, Width8, all, span(1, 4))}},
		{"fewer than t", [][]byte{g.partial(t, 0, a, Width8, all, span(0, 2)), g.partial(t, 1, a, Width8, all, span(0, 2))}},
		{"twice", [][]byte{g.partial(t, 0, a, Width8, all, three), g.partial(t, 1, a, Width8, all, three), g.partial(t, 2, a, Width8, all, three), g.partial(t, 2, a, Width8, all, three)}},
	} {
		s, _ := NewSum(Width8)
		for i := range all {
			addCiphertext(t, s, encrypt(t, g, i, a, valuesOf[uint8](i, 100)))
		}
		for _, p := range c.partials {
			addPartial(t, s, p)
		}
		var m Message
		if err := s.Open(&m); !errors.Is(err, ErrNoise) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSumRefuses(t *testing.T) {
	if _, err := NewSum(7); !errors.Is(err, ErrWidth) {
		t.Errorf("width 7: %v", err)
	}
	s, _ := NewSum(Width8)
	var m Message
	if err := s.Open(&m); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty sum: %v", err)
	}
	for range MaxParties {
		if err := errors.Join(s.Add(new(Ciphertext)), s.AddPartial(new(Partial))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Add(new(Ciphertext)); !errors.Is(err, ErrFull) {
		t.Errorf("ciphertext 33: %v", err)
	}
	if err := s.AddPartial(new(Partial)); !errors.Is(err, ErrFull) {
		t.Errorf("partial decryption 33: %v", err)
	}
}

// TestNoRandomness makes sure that nothing without its noise is left behind.
func TestNoRandomness(t *testing.T) {
	g := newGroup(t, 2, 2)
	seed := seedOf("none")
	a := NewPublic(&seed)
	var m Message
	Pack(&m, []uint8{1})
	for _, n := range []int64{0, 100, 10000} {
		short := func() io.Reader { return io.LimitReader(constant(1), n) }
		c, p := Ciphertext{poly{{1}}}, Partial{poly{{1}}}
		if err := g.secrets[0].Encrypt(&c, a, &m, short()); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) || c != (Ciphertext{}) {
			t.Errorf("%d bytes: encrypt: %v", n, err)
		}
		if err := g.decryptor(t, 0, span(0, 2), span(0, 2)).Decrypt(&p, a, Width8, short()); err == nil || p != (Partial{}) {
			t.Errorf("%d bytes: decrypt: %v", n, err)
		}
	}
	if _, err := NewSecret(io.LimitReader(constant(1), 600)); err == nil {
		t.Error("secret of 600 bytes")
	}
	if _, err := g.secrets[0].Split(io.LimitReader(constant(1), 31), g.points, 2); err == nil {
		t.Error("seed of 31 bytes")
	}
}
