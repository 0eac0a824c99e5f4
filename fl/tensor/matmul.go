// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

// MatMul adds A·B to C, where A is (m, k), B is (k, n) and C is (m, n), all
// row-major. Each element is summed from its old value over ascending k.
func MatMul(c, a, b []float32, m, k, n int) {
	checkSizes("MatMul", c, a, b, m, k, n)
	product(c, a, b, m, k, n, strides{row: k, col: 1})
}

// MatMulTA adds Aᵀ·B to C, where A is (k, m), B is (k, n) and C is (m, n).
func MatMulTA(c, a, b []float32, m, k, n int) {
	checkSizes("MatMulTA", c, a, b, m, k, n)
	product(c, a, b, m, k, n, strides{row: 1, col: m})
}

// MatMulTB adds A·Bᵀ to C, where A is (m, k), B is (n, k) and C is (m, n).
func MatMulTB(c, a, b []float32, m, k, n int) {
	checkSizes("MatMulTB", c, a, b, m, k, n)
	switch {
	case m == 0 || k == 0 || n == 0:
	case active == generic || n < narrowest:
		genericProductTB(c, a, b, m, k, n)
	default:
		fastProductTB(c, a, b, m, k, n)
	}
}

// strides tell where element (i, p) of A lies: at i*row + p*col.
type strides struct{ row, col int }

// product adds A·B to C.
func product(c, a, b []float32, m, k, n int, s strides) {
	switch {
	case m == 0 || k == 0 || n == 0:
	case active == generic || n < narrowest:
		genericProduct(c, a, b, k, n, s)
	default:
		fastProduct(c, a, b, m, k, n, s)
	}
}

// row returns row i of a matrix with n columns.
func row(x []float32, i, n int) []float32 { return x[i*n : (i+1)*n] }

func checkSizes(name string, c, a, b []float32, m, k, n int) {
	if m < 0 || k < 0 || n < 0 || len(c) != m*n || len(a) != m*k || len(b) != k*n {
		panic("tensor: " + name + " of matrices whose sizes do not fit")
	}
}
