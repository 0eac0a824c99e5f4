// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"bytes"
	"errors"
	"testing"
)

// decoded returns a share as a polynomial.
func decoded(t *testing.T, b []byte) *poly {
	t.Helper()
	var s Share
	if err := s.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	return &s.p
}

// TestSplitAnyT puts the secret together from every set of t shares.
func TestSplitAnyT(t *testing.T) {
	for _, c := range []struct{ n, t int }{{2, 2}, {3, 2}, {5, 3}, {5, 5}} {
		g := newGroup(t, c.n, c.t)
		want := new(poly)
		g.secrets[0].residues(want)
		for set := range 1 << c.n {
			var members []int
			for j := range c.n {
				if set>>j&1 == 1 {
					members = append(members, j)
				}
			}
			if len(members) < 2 {
				continue
			}
			if got := together(t, g, members); (*got == *want) != (len(members) >= c.t) {
				t.Errorf("%d of %d: members %v", c.t, c.n, members)
			}
		}
	}
}

// together interpolates party 0's secret from the members' shares.
func together(t *testing.T, g *group, members []int) *poly {
	xs, err := checkPoints(g.set(members))
	if err != nil {
		t.Fatal(err)
	}
	p := new(poly)
	for k, j := range members {
		p.addScaled(decoded(t, g.shares[0][j]), [2]uint64{lagrange(xs, k, 0, q0), lagrange(xs, k, 0, q1)})
	}
	return p
}

// TestSharesUniform looks at t-1 shares of one secret, each and by pairs, seeds
// and whole polynomials alike.
func TestSharesUniform(t *testing.T) {
	s, err := NewSecret(stream("uniform"))
	if err != nil {
		t.Fatal(err)
	}
	points := []Point{5, 1, 2, 3, MaxPoint}
	shares, err := s.Split(stream("uniform shares"), points, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range shares {
		p := decoded(t, b)
		if x := chiSquare(high(p)); x > farOff {
			t.Errorf("share %d: %.1f", i, x)
		}
		for j := range i {
			if x := chiSquare(jointly(p, decoded(t, shares[j]))); x > farOff {
				t.Errorf("shares %d and %d: %.1f", i, j, x)
			}
		}
	}
	// With the threshold one lower two shares do tell: the control.
	shares, _ = s.Split(stream("uniform shares"), []Point{1, 2, 3}, 2)
	double := decoded(t, shares[0])
	double.scale([2]uint64{2, 2}) // 2 f(1) - f(2) = f(0)
	if x := chiSquare(jointly(double, decoded(t, shares[1]))); x < 100*farOff {
		t.Errorf("two shares of two hide the secret: %.1f", x)
	}
}

// jointly returns how often each pair of the three highest bits stands at one
// place of both.
func jointly(p, r *poly) []int {
	counts := make([]int, 64)
	for i := range p {
		for k, c := range p[i] {
			counts[c>>(primeBits-3)<<3|r[i][k]>>(primeBits-3)]++
		}
	}
	return counts
}

func TestSplitSizes(t *testing.T) {
	g := newGroup(t, 8, 6)
	for j, b := range g.shares[0] {
		if want := map[bool]int{true: ShareSeedSize, false: PolySize}[j < 5]; len(b) != want {
			t.Errorf("share %d: %d bytes", j, len(b))
		}
		if j > 0 && bytes.Equal(b, g.shares[0][j-1]) {
			t.Errorf("shares %d and %d are the same", j-1, j)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	s, _ := NewSecret(stream("refuse"))
	many := make([]Point, MaxParties+1)
	for i := range many {
		many[i] = Point(i + 1)
	}
	for _, c := range []struct {
		points []Point
		t      int
		want   error
	}{
		{[]Point{1, 2}, 1, ErrThreshold},
		{[]Point{1, 2}, 3, ErrThreshold},
		{nil, 2, ErrThreshold},
		{[]Point{1, 0}, 2, ErrPoint},
		{[]Point{1, MaxPoint + 1}, 2, ErrPoint},
		{[]Point{1, 2, 1}, 2, ErrPoint},
		{[]Point{1, 1 + q0}, 2, ErrPoint},
		{many, 2, ErrFull},
	} {
		if shares, err := s.Split(stream("refuse"), c.points, c.t); !errors.Is(err, c.want) || shares != nil {
			t.Errorf("%d of %x: %v", c.t, c.points, err)
		}
	}
}

func TestDecryptorRefuses(t *testing.T) {
	var h ShareSum
	if _, err := NewDecryptor(&h, 1, []Point{1, 2}); !errors.Is(err, ErrEmpty) {
		t.Errorf("no shares: %v", err)
	}
	for i := range MaxParties {
		if err := h.Add(new(Share)); err != nil || h.Parties() != i+1 {
			t.Fatal(err)
		}
	}
	if err := h.Add(new(Share)); !errors.Is(err, ErrFull) {
		t.Errorf("share 33: %v", err)
	}
	for _, set := range [][]Point{nil, {2, 3}, {1, 2, 2}, {1, 0}} {
		if _, err := NewDecryptor(&h, 1, set); !errors.Is(err, ErrPoint) {
			t.Errorf("set %x: %v", set, err)
		}
	}
	if _, err := NewDecryptor(&h, 1, make([]Point, MaxParties+1)); !errors.Is(err, ErrFull) {
		t.Errorf("set of 33: %v", err)
	}
}

func TestWipe(t *testing.T) {
	g := newGroup(t, 2, 2)
	d := g.decryptor(t, 1, span(0, 2), span(0, 2))
	var h ShareSum
	share := &Share{*decoded(t, g.shares[0][1])}
	h.Add(share)
	g.secrets[0].Wipe()
	share.Wipe()
	h.Wipe()
	d.Wipe()
	if *g.secrets[0] != (Secret{}) || *share != (Share{}) || h != (ShareSum{}) || *d != (Decryptor{}) {
		t.Error("something is left of a secret")
	}
}
