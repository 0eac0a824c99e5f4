// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"encoding/binary"
	"math"
	"testing"
)

// chiSquare returns, for counts that should be equal, by how many standard
// deviations the chi-square statistic is over its mean.
func chiSquare(counts []int) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	mean := float64(total) / float64(len(counts))
	sum := 0.0
	for _, n := range counts {
		sum += (float64(n) - mean) * (float64(n) - mean) / mean
	}
	free := float64(len(counts) - 1)
	return (sum - free) / math.Sqrt(2*free)
}

const farOff = 5 // standard deviations that chance does not reach

// high returns how often each value of the six highest bits stands in p.
func high(p *poly) []int {
	counts := make([]int, 64)
	for i := range p {
		for _, c := range p[i] {
			counts[c>>(primeBits-6)]++
		}
	}
	return counts
}

func TestTernary(t *testing.T) {
	counts := make([]int, 3)
	pairs := make([]int, 9)
	for i := range 4 {
		s, err := NewSecret(stream("ternary %d", i))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range &s.ternary {
			counts[v+1]++
			pairs[(v+1)*3+s.ternary[(k+1)%N]+1]++
		}
	}
	if x, y := chiSquare(counts), chiSquare(pairs); x > farOff || y > farOff {
		t.Errorf("ternary: %v, %v (%.1f, %.1f)", counts, pairs, x, y)
	}
}

// TestErrors holds the distribution of the errors against the binomial one.
func TestErrors(t *testing.T) {
	var counts [2*ErrorBound + 1]int
	const polynomials = 16
	for i := range polynomials {
		p := new(poly)
		if err := p.addErrors(stream("errors %d", i)); err != nil {
			t.Fatal(err)
		}
		for k, c := range p[0] {
			e := int64(c)
			if c > q0/2 {
				e -= q0
			}
			if e < -ErrorBound || e > ErrorBound || p[1][k] != fromSigned(e, q1) {
				t.Fatalf("error %d, %d modulo the other prime", e, p[1][k])
			}
			counts[e+ErrorBound]++
		}
	}
	chance := binomial()
	for i, n := range counts {
		mean := chance[i] * N * polynomials
		if math.Abs(float64(n)-mean) > farOff*math.Sqrt(mean)+1 {
			t.Errorf("error %d: %d times, not about %.0f", i-ErrorBound, n, mean)
		}
	}
}

// binomial returns the chances of -20 to 20 for the centred binomial
// distribution of parameter 20.
func binomial() (chance [2*ErrorBound + 1]float64) {
	chance[0] = math.Exp2(-2 * ErrorBound)
	for i := 1; i < len(chance); i++ {
		chance[i] = chance[i-1] * float64(len(chance)-i) / float64(i)
	}
	return chance
}

func TestFlood(t *testing.T) {
	for _, n := range []int{59, 62} {
		counts := make([]int, 64)
		grid := make([]int, 64)
		for i := range 4 {
			p := new(poly)
			if err := p.addFlood(n, stream("flood %d", i)); err != nil {
				t.Fatal(err)
			}
			for k := range N {
				v := centred(p, k)
				if v < -1<<n || v >= 1<<n {
					t.Fatalf("flooding %d is not within 2^%d", v, n)
				}
				counts[(v+1<<n)>>(n-5)]++
				grid[v&63]++ // the lowest bits, where Gaussian flooding of floats has none
			}
		}
		if x, y := chiSquare(counts), chiSquare(grid); x > farOff || y > farOff {
			t.Errorf("flooding of %d bits: %.1f, %.1f", n, x, y)
		}
	}
}

// centred returns coefficient k, which is within 2^62.
func centred(p *poly, k int) int64 {
	c := chinese(p[0][k], p[1][k])
	if q := chinese(q0-1, q1-1); c.BitLen() > 100 {
		c.Sub(c, q).Sub(c, chinese(1, 1))
	}
	return c.Int64()
}

func TestFloodEnds(t *testing.T) {
	for _, n := range []int{59, 62} {
		for v, want := range map[constant]int64{0: -1 << n, 0xff: 1<<n - 1} {
			p := new(poly)
			if err := p.addFlood(n, v); err != nil {
				t.Fatal(err)
			}
			if got := centred(p, 17); got != want {
				t.Errorf("flooding of %d bits: %d, want %d", n, got, want)
			}
		}
	}
}

// TestExpandUniform looks at polynomials of seeds of both sizes, and makes sure
// that the test of uniformity itself tells a small polynomial.
func TestExpandUniform(t *testing.T) {
	for i := range 4 {
		p := new(poly)
		p.expand(binary.BigEndian.AppendUint32(make([]byte, 28+32*(i%2)), uint32(i)))
		if x := chiSquare(high(p)); x > farOff {
			t.Errorf("seed %d: %.1f", i, x)
		}
	}
	s, _ := NewSecret(stream("control"))
	small := new(poly)
	s.residues(small)
	if x := chiSquare(high(small)); x < 100*farOff {
		t.Errorf("a ternary polynomial looks uniform: %.1f", x)
	}
}
