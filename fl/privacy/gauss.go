// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import (
	"math/big"
	"math/rand/v2"
	"sync"
)

// smallDeviation is the standard deviation of the small integers.
const smallDeviation = 64

const (
	valueBits = 63  // of a draw; the last one is the sign
	indexBits = 10  // of a draw, that tell where to begin to look
	fraction  = 192 // bits behind the point while the table is computed
)

// gaussian is the discrete normal law with smallDeviation, as a table of
// cumulative probabilities. It is computed with integers, so that it is the same
// on every architecture. Each probability is within 2^-62 of the true one.
type gaussian struct {
	// upTo[m] is the probability that the absolute value is m at most, times
	// 2^63. The last is 2^63.
	upTo  []uint64
	first [1 << indexBits]uint16 // where to begin, by the first bits of a draw
}

// small is computed when the first source is made, and the same for all.
var small = sync.OnceValue(newGaussian)

func newGaussian() *gaussian {
	var sums []*big.Int
	sum, weight := new(big.Int), new(big.Int).Lsh(big.NewInt(1), fraction)
	// The weight exp(-m²/(2*64²)) falls by a factor that itself falls.
	factor := expMinus(2 * smallDeviation * smallDeviation)
	fall := times(factor, factor)
	for m := 0; weight.BitLen() > fraction-valueBits-3; m++ {
		sum = new(big.Int).Add(sum, weight)
		if m > 0 { // both signs
			sum.Add(sum, weight)
		}
		sums = append(sums, sum)
		weight, factor = times(weight, factor), times(factor, fall)
	}
	g := &gaussian{upTo: make([]uint64, len(sums))}
	for m, s := range sums {
		s := new(big.Int).Lsh(s, valueBits)
		g.upTo[m] = s.Quo(s, sum).Uint64()
	}
	m := uint16(0)
	for i := range g.first {
		for g.upTo[m] <= uint64(i)<<(valueBits-indexBits) {
			m++
		}
		g.first[i] = m
	}
	return g
}

// draw returns a number.
func (g *gaussian) draw(r *rand.ChaCha8) int32 {
	bits := r.Uint64()
	value := bits >> 1
	m := int(g.first[value>>(valueBits-indexBits)])
	for g.upTo[m] <= value {
		m++
	}
	sign := -int32(bits & 1) // 0 or all ones
	return int32(m) ^ sign - sign
}

// times returns the product of two fractions.
func times(a, b *big.Int) *big.Int {
	p := new(big.Int).Mul(a, b)
	return p.Rsh(p, fraction)
}

// expMinus returns exp(-1/n) as a fraction, by its series.
func expMinus(n int64) *big.Int {
	term := new(big.Int).Lsh(big.NewInt(1), fraction)
	sum := new(big.Int)
	for k := int64(1); term.Sign() != 0; k++ {
		sum.Add(sum, term)
		term.Quo(term, big.NewInt(-k*n))
	}
	return sum
}
