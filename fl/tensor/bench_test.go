// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkMatMul(b *testing.B)   { benchProduct(b, MatMul) }
func BenchmarkMatMulTA(b *testing.B) { benchProduct(b, MatMulTA) }
func BenchmarkMatMulTB(b *testing.B) { benchProduct(b, MatMulTB) }

func benchProduct(b *testing.B, product func(c, a, b []float32, m, k, n int)) {
	for _, s := range [][3]int{{1, 64, 64}, {16, 64, 10}, {16, 64, 64}, {64, 64, 64}, {256, 256, 256}} {
		m, k, n := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, k, n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 1))
			x, y, z := uniform(r, m*k), uniform(r, k*n), make([]float32, m*n)
			for b.Loop() {
				clear(z)
				product(z, x, y, m, k, n)
			}
			flops := 2 * float64(m) * float64(k) * float64(n) * float64(b.N)
			b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func BenchmarkVectors(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x, y := uniform(r, 10_000), uniform(r, 10_000)
	vectors := map[string]func(){
		"Axpy":     func() { Axpy(1e-9, x, y) },
		"Dot":      func() { Dot(x, y) },
		"Finite":   func() { Finite(x) },
		"ReLU":     func() { ReLU(x) },
		"ReLUGrad": func() { ReLUGrad(y, x) },
	}
	for name, f := range vectors {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 * int64(len(x)))
			for b.Loop() {
				f()
			}
		})
	}
}
