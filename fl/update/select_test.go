// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	stdcmp "cmp"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sortedLargest is selectLargest by a full sort.
func sortedLargest(u []float32, k int) Delta {
	order := make([]int32, len(u))
	for i := range order {
		order[i] = int32(i)
	}
	size := func(i int32) float64 { return math.Abs(float64(u[i])) }
	slices.SortStableFunc(order, func(i, j int32) int {
		return -stdcmp.Compare(size(i), size(j))
	})
	order = slices.DeleteFunc(order[:k], func(i int32) bool { return u[i] == 0 })
	slices.Sort(order)
	d := Delta{Index: order, Value: make([]float32, len(order))}
	for i, j := range order {
		d.Value[i] = u[j]
	}
	return d
}

// anyNumber draws numbers of all sizes, zeros of both signs, and equal ones.
func anyNumber() *rapid.Generator[float32] {
	return rapid.OneOf(
		rapid.Float32Range(-10, 10),
		rapid.Float32Range(-1e-20, 1e-20),
		rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32),
		rapid.SampledFrom([]float32{0, float32(math.Copysign(0, -1)), 1, -1, 0x1p-149, -0x1p-100, math.MaxFloat32, -math.MaxFloat32, 3, -3, 0.5}),
	)
}

func TestSelectLargest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.SliceOfN(anyNumber(), 1, 300).Draw(t, "u")
		k := rapid.IntRange(1, len(u)).Draw(t, "k")
		want := sortedLargest(u, k)
		d := Delta{Index: []int32{7}, Value: []float32{7, 8}}
		selectLargest(&d, u, k)
		if diff := cmp.Diff(want, d); diff != "" {
			t.Fatalf("%d of %v (-want +got):\n%s", k, u, diff)
		}
	})
}

func BenchmarkSelectLargest(b *testing.B) {
	const n = 100_000
	u := bell(1, n)
	var d Delta
	b.SetBytes(4 * n)
	for b.Loop() {
		selectLargest(&d, u, n/10)
	}
}
