// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"math/big"
	"math/bits"
	"testing"

	"pgregory.net/rapid"
)

func TestPrimes(t *testing.T) {
	if q0 != 0x3ffffffffd6001 || q1 != 0x3ffffffffd2001 || q0 == q1 {
		t.Errorf("primes %#x, %#x", uint64(q0), uint64(q1))
	}
	for _, q := range primes {
		if bits.Len64(q) != primeBits || q%(2*N) != 1 || !new(big.Int).SetUint64(q).ProbablyPrime(40) {
			t.Errorf("%#x is not a prime of %d bits that is 1 mod %d", q, primeBits, 2*N)
		}
	}
	for x := uint64(1<<54 - 8191); x > q1; x -= 2 * N {
		if x != q0 && new(big.Int).SetUint64(x).ProbablyPrime(40) {
			t.Errorf("%#x is greater than a prime chosen", x)
		}
	}
	q := new(big.Int).Mul(new(big.Int).SetUint64(q0), new(big.Int).SetUint64(q1))
	if q.BitLen() > 109 {
		t.Errorf("log Q = %d is over what 128 bits of security allow", q.BitLen())
	}
}

func TestReduce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.SampledFrom(primes[:]).Draw(t, "q")
		c := rapid.Uint64Range(0, q-1).Draw(t, "c")
		d := rapid.Uint64Range(0, q-1).Draw(t, "d")
		x := rapid.Uint64().Draw(t, "x")
		e := rapid.Int64Range(-(1<<54)+200000, 1<<54-200000).Draw(t, "e")
		mod := func(f func(z, a, b *big.Int) *big.Int, a, b uint64) uint64 {
			z := f(new(big.Int), new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
			return z.Mod(z, new(big.Int).SetUint64(q)).Uint64()
		}
		if got := reduce(c+d, q); got != mod((*big.Int).Add, c, d) {
			t.Errorf("reduce %d", got)
		}
		if got := reduceWord(x>>1, q); got != x>>1%q {
			t.Errorf("reduceWord %d", got)
		}
		if got := newFactor(c, q).mul(x); got != mod((*big.Int).Mul, c, x) {
			t.Errorf("factor %d", got)
		}
		if got := mulMod(c, d, q); got != mod((*big.Int).Mul, c, d) {
			t.Errorf("mulMod %d", got)
		}
		if got := fromSigned(e, q); got >= q || (got != uint64(e) && got != uint64(e)+q) {
			t.Errorf("fromSigned %d", got)
		}
		if c != 0 && mulMod(c, inverse(c, q), q) != 1 {
			t.Errorf("inverse of %d", c)
		}
	})
}

func TestReduceEdges(t *testing.T) {
	for _, q := range primes {
		for _, x := range []uint64{0, 1, q - 1, q, q + 1, 2*q - 1} {
			if got := reduce(x, q); got != x%q {
				t.Errorf("reduce(%d) = %d", x, got)
			}
		}
		for _, x := range []uint64{0, q - 1, q, 1<<54 - 1, 1 << 54, 511 * q, 512*q - 1, 512 * q, 1<<63 - 1} {
			if got := reduceWord(x, q); got != x%q {
				t.Errorf("reduceWord(%d) = %d", x, got)
			}
		}
	}
}

func TestPolyEdges(t *testing.T) {
	var greatest, sum poly
	for i, q := range primes {
		greatest[i][5] = q - 1
	}
	sum.add(&greatest)
	sum.add(&greatest)
	sum.addScaled(&greatest, [2]uint64{q0 - 1, q1 - 1})
	sum.addSigned(5, []int64{-3})
	for i, q := range primes { // -1 - 1 + 1 - 3
		if sum[i][5] != q-4 {
			t.Errorf("residue %d: %d below the prime", i, q-sum[i][5])
		}
	}
}

// TestRound holds the rounding against big integers.
func TestRound(t *testing.T) {
	q := new(big.Int).Mul(new(big.Int).SetUint64(q0), new(big.Int).SetUint64(q1))
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.SampledFrom([]Width{Width8, Width16}).Draw(t, "width")
		c0 := rapid.Uint64Range(0, q0-1).Draw(t, "c0")
		c1 := rapid.Uint64Range(0, q1-1).Draw(t, "c1")
		o := newOpener(w, uint128{lo: rapid.Uint64().Draw(t, "bound")}.shift(2))
		got, ok := o.round(c0, c1)

		c := chinese(c0, c1)
		scaled := new(big.Int).Lsh(c, uint(w.logT()))
		m, d := new(big.Int).DivMod(scaled, q, new(big.Int))
		if new(big.Int).Lsh(d, 1).Cmp(q) > 0 {
			m.Add(m, big.NewInt(1))
			d.Sub(d, q)
		}
		m.And(m, big.NewInt(1<<w.logT()-1))
		bound := new(big.Int).SetUint64(o.bound.hi)
		bound.Lsh(bound, 64).Add(bound, new(big.Int).SetUint64(o.bound.lo))
		if got != m.Uint64() || ok != (d.CmpAbs(bound) <= 0) {
			t.Errorf("round(%d, %d) = %d, %v, want %d", c0, c1, got, ok, m)
		}
	})
}

// chinese returns the integer below Q with the residues c0 and c1.
func chinese(c0, c1 uint64) *big.Int {
	p, q := new(big.Int).SetUint64(q0), new(big.Int).SetUint64(q1)
	x := new(big.Int).SetUint64(c1)
	x.Sub(x, new(big.Int).SetUint64(c0))
	x.Mul(x, new(big.Int).ModInverse(p, q)).Mod(x, q)
	return x.Mul(x, p).Add(x, new(big.Int).SetUint64(c0))
}

func TestDelta(t *testing.T) {
	q := new(big.Int).Mul(new(big.Int).SetUint64(q0), new(big.Int).SetUint64(q1))
	for w, logT := range map[Width]uint{Width8: 39, Width16: 42} {
		if w.logT() != int(logT) || w.Values() != N*int(logT)/(int(w)+5) {
			t.Errorf("width %d: T = 2^%d, %d values", w, w.logT(), w.Values())
		}
		d := w.delta()
		if chinese(d[0], d[1]).Cmp(new(big.Int).Rsh(q, logT)) != 0 {
			t.Errorf("width %d: delta %d", w, d)
		}
	}
}
