// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

// The functions below are the generic kernel. Without the conversions to float32
// Go would fuse products and sums on arm64 and riscv64.

// panel is the number of elements of B, 16 kB, that a product goes through for
// all rows of C before it goes on: it stays in the first cache of small boards.
const panel = 4096

// genericProduct adds A·B to C, whose number of rows follows from its length.
func genericProduct(c, a, b []float32, k, n int, s strides) {
	depth := max(4, panel/n&^3)
	for p := 0; p < k; p += depth {
		end := min(p+depth, k)
		i := 0
		for ; (i+2)*n <= len(c); i += 2 {
			addRows2(c[i*n:(i+2)*n], a[i*s.row:], b, p, end, s)
		}
		if i*n < len(c) {
			addRow(c[i*n:], a[i*s.row:], b, p, end, s.col)
		}
	}
}

// addRows2 adds to two rows of C the terms p to end of their sums. A begins
// with the first of the two rows.
func addRows2(c, a, b []float32, p, end int, s strides) {
	n := len(c) / 2
	c0, c1 := c[:n], c[n:]
	a1 := a[s.row:]
	var v [8]float32
	for ; p+4 <= end; p += 4 {
		for q := range 4 {
			v[q] = a[(p+q)*s.col]
			v[4+q] = a1[(p+q)*s.col]
		}
		axpy2x4(c0, c1, row(b, p, n), row(b, p+1, n), row(b, p+2, n), row(b, p+3, n), &v)
	}
	for ; p < end; p++ {
		Axpy(a[p*s.col], row(b, p, n), c0)
		Axpy(a1[p*s.col], row(b, p, n), c1)
	}
}

// addRow is addRows2 for one row of C.
func addRow(c, a, b []float32, p, end, col int) {
	n := len(c)
	var v [8]float32
	for ; p+4 <= end; p += 4 {
		for q := range 4 {
			v[q] = a[(p+q)*col]
		}
		axpy1x4(c, row(b, p, n), row(b, p+1, n), row(b, p+2, n), row(b, p+3, n), &v)
	}
	for ; p < end; p++ {
		Axpy(a[p*col], row(b, p, n), c)
	}
}

// genericProductTB adds A·Bᵀ to C.
func genericProductTB(c, a, b []float32, m, k, n int) {
	j := 0
	for ; j+4 <= n; j += 4 {
		b0, b1, b2, b3 := row(b, j, k), row(b, j+1, k), row(b, j+2, k), row(b, j+3, k)
		for i := range m {
			dot1x4(c[i*n+j:i*n+j+4], row(a, i, k), b0, b1, b2, b3)
		}
	}
	for ; j < n; j++ {
		bj := row(b, j, k)
		for i := range m {
			c[i*n+j] = dot1x1(c[i*n+j], row(a, i, k), bj)
		}
	}
}

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
