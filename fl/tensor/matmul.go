// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

// panel is the number of elements of B, 16 kB, that a product goes through for
// all rows of C before it goes on: it stays in the first cache of small boards.
const panel = 4096

// MatMul adds A·B to C, where A is (m, k), B is (k, n) and C is (m, n), all
// row-major. Each element is summed from its old value over ascending k.
func MatMul(c, a, b []float32, m, k, n int) {
	checkSizes("MatMul", c, a, b, m, k, n)
	product(c, a, b, k, n, strides{row: k, col: 1})
}

// MatMulTA adds Aᵀ·B to C, where A is (k, m), B is (k, n) and C is (m, n).
func MatMulTA(c, a, b []float32, m, k, n int) {
	checkSizes("MatMulTA", c, a, b, m, k, n)
	product(c, a, b, k, n, strides{row: 1, col: m})
}

// MatMulTB adds A·Bᵀ to C, where A is (m, k), B is (n, k) and C is (m, n).
func MatMulTB(c, a, b []float32, m, k, n int) {
	checkSizes("MatMulTB", c, a, b, m, k, n)
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

// strides tell where element (i, p) of A lies: at i*row + p*col.
type strides struct{ row, col int }

// product adds A·B to C, whose number of rows follows from its length.
func product(c, a, b []float32, k, n int, s strides) {
	if n == 0 {
		return
	}
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

// row returns row i of a matrix with n columns.
func row(x []float32, i, n int) []float32 { return x[i*n : (i+1)*n] }

func checkSizes(name string, c, a, b []float32, m, k, n int) {
	if m < 0 || k < 0 || n < 0 || len(c) != m*n || len(a) != m*k || len(b) != k*n {
		panic("tensor: " + name + " of matrices whose sizes do not fit")
	}
}
