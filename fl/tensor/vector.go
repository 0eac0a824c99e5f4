// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego && (amd64 || arm64 || riscv64)

package tensor

// The functions below do as many elements of a vector as fill whole registers
// and return how many: the caller does the rest.

// whole returns how many of n elements the active kernel takes. Very short
// vectors are not worth the call.
func whole(n int) int {
	if active == generic || n < 2*vectorLanes {
		return 0
	}
	return n &^ (vectorLanes - 1)
}

func fastAxpy(a float32, x, y []float32) int {
	n := whole(len(y))
	if n > 0 {
		axpy(a, &x[0], &y[0], n)
	}
	return n
}

func fastScaleTo(dst []float32, a float32, x []float32) int {
	n := whole(len(dst))
	if n > 0 {
		scaleTo(&dst[0], a, &x[0], n)
	}
	return n
}

func fastSub(dst, x, y []float32) int {
	n := whole(len(dst))
	if n > 0 {
		sub(&dst[0], &x[0], &y[0], n)
	}
	return n
}

func fastAddScaledDifference(dst []float32, w float32, a, b []float32) int {
	n := whole(len(dst))
	if n > 0 {
		addScaledDifference(&dst[0], w, &a[0], &b[0], n)
	}
	return n
}

func fastReLU(x []float32) int {
	n := whole(len(x))
	if n > 0 {
		relu(&x[0], n)
	}
	return n
}

func fastReLUGrad(d, h []float32) int {
	n := whole(len(d))
	if n > 0 {
		reluGrad(&d[0], &h[0], n)
	}
	return n
}

//go:noescape
func axpy(a float32, x, y *float32, n int)

//go:noescape
func scaleTo(dst *float32, a float32, x *float32, n int)

//go:noescape
func sub(dst, x, y *float32, n int)

//go:noescape
func addScaledDifference(dst *float32, w float32, a, b *float32, n int)

//go:noescape
func relu(x *float32, n int)

//go:noescape
func reluGrad(d, h *float32, n int)
