// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkCombine combines models of an mlp:64 for the digits, of whose senders as
// many as are tolerated lead the wrong way, so that NNMTrimmed runs twice.
func BenchmarkCombine(b *testing.B) {
	for _, rule := range []Rule{Mean, Trimmed, Median, NNMTrimmed, NNA, Clip} {
		for _, n := range []int{5, 9, 20, 32} {
			b.Run(fmt.Sprintf("%v/%d", rule, n), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				base := make([]float32, 4810)
				vs := make([][]float32, n)
				for j := range vs {
					vs[j] = make([]float32, len(base))
					for p := range base {
						vs[j][p] = base[p] + float32(r.NormFloat64()) + 1
						if j > 0 && j <= Tolerated(n) {
							vs[j][p] = -0.5
						}
					}
				}
				in := &Input{Base: base, Own: vs[0], Others: vs[1:]}
				dst := make([]float32, len(base))
				var a Aggregator
				res := a.Combine(dst, rule, in)
				b.ReportAllocs()
				for b.Loop() {
					a.Combine(dst, rule, in)
				}
				b.ReportMetric(float64(res.Left()), "left")
			})
		}
	}
}
