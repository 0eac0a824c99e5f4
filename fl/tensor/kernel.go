// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

// The kernels below carry all matrix products. An architecture may replace them
// as long as each element is still the sum in ascending k, from the value that
// was there, with every product rounded to float32 before it is added: without
// the conversions Go would fuse the two steps on arm64 and riscv64.

// axpy2x4 adds four rows of B to each of two rows of C, all of one length:
//
//	c0 += a[0]*b0 + a[1]*b1 + a[2]*b2 + a[3]*b3
//	c1 += a[4]*b0 + a[5]*b1 + a[6]*b2 + a[7]*b3
func axpy2x4(c0, c1, b0, b1, b2, b3 []float32, a *[8]float32) {
	c1 = c1[:len(c0)]
	b0, b1, b2, b3 = b0[:len(c0)], b1[:len(c0)], b2[:len(c0)], b3[:len(c0)]
	a0, a1, a2, a3 := a[0], a[1], a[2], a[3]
	a4, a5, a6, a7 := a[4], a[5], a[6], a[7]
	for j, s := range c0 {
		x0, x1, x2, x3 := b0[j], b1[j], b2[j], b3[j]
		s += float32(a0 * x0)
		s += float32(a1 * x1)
		s += float32(a2 * x2)
		s += float32(a3 * x3)
		c0[j] = s
		t := c1[j]
		t += float32(a4 * x0)
		t += float32(a5 * x1)
		t += float32(a6 * x2)
		t += float32(a7 * x3)
		c1[j] = t
	}
}

// axpy1x4 adds four rows of B to one row of C, all of one length.
func axpy1x4(c, b0, b1, b2, b3 []float32, a *[8]float32) {
	b0, b1, b2, b3 = b0[:len(c)], b1[:len(c)], b2[:len(c)], b3[:len(c)]
	a0, a1, a2, a3 := a[0], a[1], a[2], a[3]
	for j, s := range c {
		s += float32(a0 * b0[j])
		s += float32(a1 * b1[j])
		s += float32(a2 * b2[j])
		s += float32(a3 * b3[j])
		c[j] = s
	}
}

// dot1x4 adds to four elements of C the products of one row of A with four rows
// of B, all rows of one length. Eight sums at a time would not fit the
// registers of amd64 and are slower by half.
func dot1x4(c, a, b0, b1, b2, b3 []float32) {
	b0, b1, b2, b3 = b0[:len(a)], b1[:len(a)], b2[:len(a)], b3[:len(a)]
	c = c[:4]
	s0, s1, s2, s3 := c[0], c[1], c[2], c[3]
	for p, x := range a {
		s0 += float32(x * b0[p])
		s1 += float32(x * b1[p])
		s2 += float32(x * b2[p])
		s3 += float32(x * b3[p])
	}
	c[0], c[1], c[2], c[3] = s0, s1, s2, s3
}

// dot1x1 returns s plus the product of two rows of one length.
func dot1x1(s float32, a, b []float32) float32 {
	b = b[:len(a)]
	for p, x := range a {
		s += float32(x * b[p])
	}
	return s
}
