// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import "math"

// turn returns sine and cosine of n/d of a full turn, 0 <= n < d <= MaxLength.
// They are within 2e-16 of the true ones and the same to the last bit on every
// architecture: the reduction to an eighth of a turn is in whole numbers, and
// each product is rounded before it is added.
func turn(n, d int) (sin, cos float64) {
	eighth, rest := 8*n/d, 8*n%d
	if eighth%2 == 1 {
		rest = d - rest // from the other end of the eighth
	}
	x := math.Pi / 4 * (float64(rest) / float64(d))
	s, c := sinSmall(x), cosSmall(x)
	// The angle is x from an axis: which one, and on which side of it.
	if (eighth+1)/2%2 == 1 {
		s, c = c, s
	}
	sign := [8][2]float64{{1, 1}, {1, 1}, {1, -1}, {1, -1}, {-1, -1}, {-1, -1}, {-1, 1}, {-1, 1}}[eighth]
	return sign[0] * s, sign[1] * c
}

// sinSmall is the Taylor series of the sine for 0 <= x <= pi/4, whose first
// term left out is below 1e-19.
func sinSmall(x float64) float64 {
	q := float64(x * x)
	y := 1.0 / 355687428096000
	for _, c := range [...]float64{-1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6} {
		y = float64(y*q) + c
	}
	return x + float64(float64(y*q)*x)
}

// cosSmall is the Taylor series of the cosine, likewise below 1e-17.
func cosSmall(x float64) float64 {
	q := float64(x * x)
	y := 1.0 / 20922789888000
	for _, c := range [...]float64{-1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -1.0 / 2} {
		y = float64(y*q) + c
	}
	return 1 + float64(y*q)
}
