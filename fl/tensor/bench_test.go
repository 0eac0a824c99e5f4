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

// benchProduct runs every kernel that this processor has, so that the generic
// one stands beside the fastest.
func benchProduct(b *testing.B, product func(c, a, b []float32, m, k, n int)) {
	shapes := [][3]int{
		{16, 64, 64}, {16, 64, 10}, {32, 784, 10}, {32, 784, 64},
		{20, 64, 10}, {1, 64, 64}, {64, 256, 256}, {256, 256, 256},
	}
	for _, s := range shapes {
		m, k, n := s[0], s[1], s[2]
		eachKernel(func(name string) {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", m, k, n, name), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 1))
				x, y, z := uniform(r, m*k), uniform(r, k*n), make([]float32, m*n)
				for b.Loop() {
					product(z, x, y, m, k, n)
				}
				flops := 2 * float64(m) * float64(k) * float64(n) * float64(b.N)
				b.ReportMetric(flops/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		})
	}
}

func BenchmarkVectors(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x, y, z := uniform(r, 10_000), uniform(r, 10_000), uniform(r, 10_000)
	vectors := []struct {
		name string
		f    func()
	}{
		{"AddScaledDifference", func() { AddScaledDifference(z, 1e-9, x, y) }},
		{"Axpy", func() { Axpy(1e-9, x, y) }},
		{"Dot", func() { Dot(x, y) }},
		{"Exp", func() { copy(z, x); Exp(z) }},
		{"Finite", func() { Finite(x) }},
		{"ReLU", func() { ReLU(x) }},
		{"ReLUGrad", func() { ReLUGrad(y, x) }},
		{"Scale", func() { Scale(-1, x) }},
		{"Sub", func() { Sub(z, x, y) }},
	}
	for _, v := range vectors {
		eachKernel(func(name string) {
			b.Run(v.name+"/"+name, func(b *testing.B) {
				b.SetBytes(4 * int64(len(x)))
				for b.Loop() {
					v.f()
				}
			})
		})
	}
}
