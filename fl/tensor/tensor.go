// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package tensor holds the arithmetic of learning: float32 vectors, row-major
// matrices, softmax and its exponential. Every result is the same to the last
// bit on every architecture, with and without hardware floating point, because
// each sum has a fixed order, each product is rounded before it is added, and
// exp and log are polynomials of this package (after Cephes by S. L. Moshier)
// instead of the assembly that package math has for some processors.
//
// Matrix products and long vectors have kernels in assembly for amd64 (AVX2 and
// AVX-512), arm64 (NEON) and riscv64 (vectors 1.0), chosen when the program
// starts; the build tag purego leaves them out. The vectors of 32-bit ARM would
// replace subnormal numbers by zero, which is why it has none.
//
// There is no exported type, and nothing allocates. A function is safe for
// concurrent use as long as no other writes to its arguments. What it writes may
// overlap with another argument only where that is said. Slices of the wrong
// length are a mistake in the program and panic.
package tensor

import "math"

// Fill sets every element of x to v.
func Fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// Axpy adds a*x to y.
func Axpy(a float32, x, y []float32) {
	sameLength("Axpy", len(x), len(y))
	i := fastAxpy(a, x, y)
	x, y = x[i:], y[i:]
	x = x[:len(y)]
	for i := range y {
		y[i] += float32(a * x[i])
	}
}

// Scale multiplies x by a.
func Scale(a float32, x []float32) { ScaleTo(x, a, x) }

// ScaleTo sets dst to a*x. Dst may be x.
func ScaleTo(dst []float32, a float32, x []float32) {
	sameLength("ScaleTo", len(x), len(dst))
	i := fastScaleTo(dst, a, x)
	dst, x = dst[i:], x[i:]
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = float32(a * x[i])
	}
}

// Sub sets dst to x - y. Dst may be x or y.
func Sub(dst, x, y []float32) {
	sameLength("Sub", len(x), len(dst))
	sameLength("Sub", len(y), len(dst))
	i := fastSub(dst, x, y)
	dst, x, y = dst[i:], x[i:], y[i:]
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] - y[i]
	}
}

// AddScaledDifference adds w*(a - b) to dst. The difference is rounded, then the
// product.
func AddScaledDifference(dst []float32, w float32, a, b []float32) {
	sameLength("AddScaledDifference", len(a), len(dst))
	sameLength("AddScaledDifference", len(b), len(dst))
	i := fastAddScaledDifference(dst, w, a, b)
	dst, a, b = dst[i:], a[i:], b[i:]
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += float32(w * float32(a[i]-b[i]))
	}
}

// Dot returns the inner product of x and y, summed in float64 in four lanes:
// lane i holds the elements whose index is i modulo 4, ascending, and the
// result is (lane 0 + lane 1) + (lane 2 + lane 3).
func Dot(x, y []float32) float64 {
	sameLength("Dot", len(x), len(y))
	var s0, s1, s2, s3 float64 // the product of two float32 is exact in float64
	for len(x) >= 4 && len(y) >= 4 {
		s0 += float64(float64(x[0]) * float64(y[0]))
		s1 += float64(float64(x[1]) * float64(y[1]))
		s2 += float64(float64(x[2]) * float64(y[2]))
		s3 += float64(float64(x[3]) * float64(y[3]))
		x, y = x[4:], y[4:]
	}
	if len(x) > 0 {
		s0 += float64(float64(x[0]) * float64(y[0]))
	}
	if len(x) > 1 {
		s1 += float64(float64(x[1]) * float64(y[1]))
	}
	if len(x) > 2 {
		s2 += float64(float64(x[2]) * float64(y[2]))
	}
	return (s0 + s1) + (s2 + s3)
}

// Norm returns the Euclidean norm of x, summed as in [Dot].
func Norm(x []float32) float64 { return math.Sqrt(Dot(x, x)) }

// Finite reports whether no element of x is NaN or infinite.
func Finite(x []float32) bool {
	const exponent = 0x7f800000
	for _, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return false
		}
	}
	return true
}

// ReLU sets every negative element of x to zero. NaN stays NaN, so that a
// model that diverges is noticed.
func ReLU(x []float32) {
	x = x[fastReLU(x):]
	for i, v := range x {
		x[i] = max(v, 0)
	}
}

// ReLUGrad sets those elements of d to zero where h, the output of [ReLU], is
// not above zero.
func ReLUGrad(d, h []float32) {
	sameLength("ReLUGrad", len(d), len(h))
	i := fastReLUGrad(d, h)
	d, h = d[i:], h[i:]
	h = h[:len(d)]
	for i := range d {
		// The bits of a positive float32 are a positive integer, whose negative
		// and complement are negative; a branch would be mispredicted often.
		bits := int32(math.Float32bits(h[i]))
		keep := uint32((-bits & ^bits) >> 31)
		d[i] = math.Float32frombits(math.Float32bits(d[i]) & keep)
	}
}

func sameLength(name string, a, b int) {
	if a != b {
		panic("tensor: " + name + " of slices of different length")
	}
}
