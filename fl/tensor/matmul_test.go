// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// naive adds the product whose terms at returns to c, one element after the
// other over ascending k, which is what the fast ones promise bit for bit.
func naive(c []float32, m, k, n int, at func(i, p, j int) (a, b float32)) {
	for i := range m {
		for j := range n {
			for p := range k {
				a, b := at(i, p, j)
				c[i*n+j] += float32(a * b)
			}
		}
	}
}

func TestMatMulIsExactlyTheNaiveSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 13), rapid.IntRange(60, 70))
		m, k, n := size.Draw(t, "m"), size.Draw(t, "k"), size.Draw(t, "n")
		checkProducts(t, m, k, n, rapid.Uint64().Draw(t, "seed"))
	})
}

// TestMatMulOfSeveralPanels has rows so long that k is cut into panels.
func TestMatMulOfSeveralPanels(t *testing.T) {
	checkProducts(t, 3, 11, 600, 1)
	checkProducts(t, 2, 9, 5000, 2)
}

func checkProducts(t interface{ Fatalf(string, ...any) }, m, k, n int, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	a, b, c := uniform(r, m*k), uniform(r, k*n), uniform(r, m*n)
	products := []struct {
		name string
		fast func(c, a, b []float32, m, k, n int)
		at   func(i, p, j int) (float32, float32)
	}{
		{"MatMul", MatMul, func(i, p, j int) (float32, float32) { return a[i*k+p], b[p*n+j] }},
		{"MatMulTA", MatMulTA, func(i, p, j int) (float32, float32) { return a[p*m+i], b[p*n+j] }},
		{"MatMulTB", MatMulTB, func(i, p, j int) (float32, float32) { return a[i*k+p], b[j*k+p] }},
	}
	for _, p := range products {
		got, want := append([]float32{}, c...), append([]float32{}, c...)
		p.fast(got, a, b, m, k, n)
		naive(want, m, k, n, p.at)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%s (%d,%d,%d): element %d is %v, want %v", p.name, m, k, n, i, got[i], want[i])
			}
		}
	}
}
