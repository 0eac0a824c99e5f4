// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

import "math"

// ln2 in two parts: n*ln2High is exact for every exponent n of a float32.
const (
	ln2High = 0.693359375
	ln2Low  = -2.12194440e-4
)

const (
	expOverflow  = 88.72284  // ln of the largest float32
	expUnderflow = -103.9721 // ln of half the smallest subnormal
	log2e        = 1.44269504

	// expBias makes a sum positive, so that truncating it rounds down.
	expBias = 150

	// The coefficients of r**7 to r**2.
	exp7 = 1.9875691500e-4
	exp6 = 1.3981999507e-3
	exp5 = 8.3334519073e-3
	exp4 = 4.1665795894e-2
	exp3 = 1.6666665459e-1
	exp2 = 5.0000001201e-1
)

// Exp32 returns e**x with a relative error below 2e-7 wherever the result is
// not subnormal. It overflows to +Inf above 88.73 and underflows to 0.
func Exp32(x float32) float32 {
	switch {
	case x != x:
		return x
	case x > expOverflow:
		return float32(math.Inf(1))
	case x < expUnderflow:
		return 0
	}
	n := int32(float32(x*log2e)+(expBias+0.5)) - expBias
	r := x - float32(float32(n)*ln2High)
	r -= float32(float32(n) * ln2Low)
	y := float32(exp7*r) + exp6
	y = float32(y*r) + exp5
	y = float32(y*r) + exp4
	y = float32(y*r) + exp3
	y = float32(y*r) + exp2
	y = float32(y*float32(r*r)) + r + 1
	return scale2(y, n)
}

// Exp replaces each element of x by what [Exp32] makes of it.
func Exp(x []float32) {
	x = x[fastExp(x):]
	for i, v := range x {
		x[i] = Exp32(v)
	}
}

// scale2 returns y * 2**n for -150 <= n <= 128, rounded once.
func scale2(y float32, n int32) float32 {
	switch {
	case n > 127:
		return float32(y * pow2(127) * pow2(n-127))
	case n < -126:
		return float32(y * pow2(n+64) * pow2(-64)) // the first product is exact
	}
	return float32(y * pow2(n)) // a subnormal must not be fused into a sum unrounded
}

// pow2 returns 2**n for -126 <= n <= 127.
func pow2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// Log32 returns the natural logarithm of x with a relative error below 2e-7.
// It is -Inf for 0 and NaN below it.
func Log32(x float32) float32 {
	switch {
	case x != x || x < 0:
		return float32(math.NaN())
	case x == 0:
		return float32(math.Inf(-1))
	case x > math.MaxFloat32:
		return x
	}
	n := int32(0)
	if x < pow2(-126) { // subnormal
		x *= pow2(24)
		n = -24
	}
	const sqrtHalf = 0x3f3504f3 // bits of the square root of 1/2
	// Split x into f*2**n with f from sqrt(1/2) to sqrt(2).
	bits := math.Float32bits(x) - sqrtHalf
	n += int32(bits) >> 23
	f := math.Float32frombits(bits&0x007fffff+sqrtHalf) - 1
	z := float32(f * f)
	y := float32(7.0376836292e-2*f) - 1.1514610310e-1
	y = float32(y*f) + 1.1676998740e-1
	y = float32(y*f) - 1.2420140846e-1
	y = float32(y*f) + 1.4249322787e-1
	y = float32(y*f) - 1.6668057665e-1
	y = float32(y*f) + 2.0000714765e-1
	y = float32(y*f) - 2.4999993993e-1
	y = float32(y*f) + 3.3333331174e-1
	y = float32(float32(y*f) * z)
	y += float32(float32(n) * ln2Low)
	y -= float32(0.5 * z)
	return f + y + float32(float32(n)*ln2High)
}
