// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// productCase is a product and where it takes its terms from.
type productCase struct {
	name string
	fast func(c, a, b []float32, m, k, n int)
	at   func(i, p, j, m, k, n int) (a, b int)
}

var productCases = []productCase{
	{"MatMul", MatMul, func(i, p, j, _, k, n int) (int, int) { return i*k + p, p*n + j }},
	{"MatMulTA", MatMulTA, func(i, p, j, m, _, n int) (int, int) { return p*m + i, p*n + j }},
	{"MatMulTB", MatMulTB, func(i, p, j, _, k, _ int) (int, int) { return i*k + p, j*k + p }},
}

func TestMatMulIsExactlyTheNaiveSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 13), rapid.IntRange(0, 70))
		m, k, n := size.Draw(t, "m"), size.Draw(t, "k"), size.Draw(t, "n")
		draw := rapid.SampledFrom(draws).Draw(t, "draw")
		checkProducts(t, draw, m, k, n, rapid.Uint64().Draw(t, "seed"))
	})
}

// TestMatMulOfEveryWidth meets each way in which columns are cut into tiles,
// for one row, for whole tiles of rows and for some rows more.
func TestMatMulOfEveryWidth(t *testing.T) {
	for n := range 135 {
		for _, m := range []int{1, 4, 11} {
			checkProducts(t, uniform, m, 9, n, uint64(n))
		}
	}
}

// TestMatMulOfEveryHeight does the same for rows and terms.
func TestMatMulOfEveryHeight(t *testing.T) {
	for m := range 35 {
		for _, n := range []int{3, 10, 33} {
			checkProducts(t, uniform, m, 1+m%7, n, uint64(m))
		}
	}
}

// TestMatMulOfSeveralPanels has so many terms, or rows so long, that the terms
// are cut.
func TestMatMulOfSeveralPanels(t *testing.T) {
	checkProducts(t, uniform, 3, 11, 600, 1)
	checkProducts(t, uniform, 2, 9, 5000, 2)
	checkProducts(t, uniform, 5, 784, 10, 3)
	checkProducts(t, uniform, 9, 513, 37, 4)
	checkProducts(t, mixed, 7, 301, 64, 5)
}

type failer interface{ Errorf(string, ...any) }

// checkProducts compares each product by each kernel with the naive sum.
func checkProducts(t failer, draw func(*rand.Rand, int) []float32, m, k, n int, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	a, b, c := draw(r, m*k), draw(r, k*n), draw(r, m*n)
	for _, p := range productCases {
		want := append([]float32{}, c...)
		p.naive(want, a, b, m, k, n)
		eachKernel(func(kernel string) {
			got, intact := framed(c)
			p.fast(got, a, b, m, k, n)
			if wrong := compared(got, want, intact); wrong != "" {
				t.Errorf("%s by %s (%d,%d,%d): %s", p.name, kernel, m, k, n, wrong)
			}
		})
	}
}

// naive adds the product to c, one element after the other over ascending k,
// which is what the fast ones promise bit for bit.
func (c productCase) naive(sum, a, b []float32, m, k, n int) {
	for i := range m {
		for j := range n {
			for p := range k {
				x, y := c.at(i, p, j, m, k, n)
				sum[i*n+j] += float32(a[x] * b[y])
			}
		}
	}
}

// compared returns what is wrong with a framed result, if anything is.
func compared(got, want []float32, intact func() bool) string {
	if i := differ(got, want); i >= 0 {
		return fmt.Sprintf("element %d is %v, want %v", i, got[i], want[i])
	}
	if !intact() {
		return "it wrote beyond the result"
	}
	return ""
}
