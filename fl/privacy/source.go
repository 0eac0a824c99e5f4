// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Source draws the samples and the noise of training from ChaCha8.
type Source struct {
	random *rand.ChaCha8
	small  *gaussian
}

// NewSource returns a source. On a device the seed is fresh from the system's
// generator, known to nobody and never used again, also not by a restart: who
// has it subtracts the noise. In a simulation it may be anything, and the same
// seed gives the same numbers on every architecture.
func NewSource(seed [32]byte) *Source {
	return &Source{random: rand.NewChaCha8(seed), small: small()}
}

// Sample appends to dst those of the numbers 0 to n-1 that a Poisson sample
// holds: each with probability q, 0 to 1, whatever becomes of the others.
func (s *Source) Sample(dst []int32, n int, q float64) []int32 {
	if n < 0 || n > math.MaxInt32 || !(q >= 0 && q <= 1) {
		panic(fmt.Sprintf("privacy: sample of %d rows at a rate of %v", n, q))
	}
	below := math.Ldexp(q, 64) // exact; a draw is below it with probability q
	for i := range n {
		if q == 1 || s.random.Uint64() < uint64(below) {
			dst = append(dst, int32(i))
		}
	}
	return dst
}

// Noise adds to each number of dst a normal one with the standard deviation
// sigma, 0 or above. The numbers are rounded to multiples of sigma/4954940
// first, and the noise is a multiple of that, too: a discrete normal number, whose
// Rényi differential privacy is that of a normal one where a record changes the
// sum by whole multiples. Each number is within 2^-50 of that law in total
// variation, which adds to delta at worst so much for each number of each step.
func (s *Source) Noise(dst []float32, sigma float64) {
	if !(sigma >= 0) || math.IsInf(sigma, 1) {
		panic(fmt.Sprintf("privacy: noise of %v", sigma))
	}
	if sigma == 0 {
		return
	}
	grid, perGrid := sigma/deviation(), deviation()/sigma
	for i, v := range dst {
		n := math.RoundToEven(float64(v)*perGrid) + float64(s.integer())
		dst[i] = float32(n * grid)
	}
}

// The factors by which small integers are put together to a large one. The sum of
// two discrete normal numbers of one deviation, the second stretched by k, is
// discrete normal to within 2^-57 in total variation where that deviation is above
// 1.464 times the square root of 1+k² (Peikert, An efficient and parallel Gaussian
// sampler for lattices, 2010, theorem 3.1; 1.464 is the smoothing parameter of the
// integers for 2^-60, as a deviation).
const (
	stretch1 = 43   // 64 is above 1.464 * 43.02
	stretch2 = 1800 // 64 * 43.01 is above 1.464 * 1800.1
)

// integer returns a discrete normal number with the standard deviation
// deviation(), which fits 28 bits.
func (s *Source) integer() int32 {
	a, b := s.small.draw(s.random), s.small.draw(s.random)
	c, d := s.small.draw(s.random), s.small.draw(s.random)
	return a + stretch1*b + stretch2*(c+stretch1*d)
}

// deviation is 4954940 or so.
func deviation() float64 {
	return smallDeviation * math.Sqrt((1+stretch1*stretch1)*(1+stretch2*stretch2))
}
