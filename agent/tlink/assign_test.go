// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAssign(t *testing.T) {
	for _, c := range []struct {
		name string
		cost [][]float64
		want []int
	}{
		{name: "nothing"},
		{"one", [][]float64{{3}}, []int{0}},
		{"the best of each is free", [][]float64{{1, 9}, {9, 1}}, []int{0, 1}},
		{"the greedy way is not the best", [][]float64{{1, 2}, {1, 100}}, []int{1, 0}},
		{"three (Munkres)", [][]float64{{1, 2, 3}, {2, 4, 6}, {3, 6, 9}}, []int{2, 1, 0}},
		{"four", [][]float64{{82, 83, 69, 92}, {77, 37, 49, 92}, {11, 69, 5, 86}, {8, 9, 98, 23}}, []int{2, 1, 0, 3}},
		{"a column stays free", [][]float64{{5, 1, 9}, {5, 2, 9}}, []int{1, 0}},
		{"negative", [][]float64{{-1, -5}, {-2, -3}}, []int{1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, Assign(c.cost)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestAssignIsLeast holds the sum of the costs against that of every assignment.
func TestAssignIsLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "rows")
		m := rapid.IntRange(n, 6).Draw(t, "columns")
		cost := make([][]float64, n)
		for i := range cost {
			cost[i] = rapid.SliceOfN(rapid.Float64Range(-10, 10), m, m).Draw(t, "costs")
		}
		got, used := 0.0, map[int]bool{}
		for i, j := range Assign(cost) {
			if used[j] {
				t.Fatalf("column %d is taken twice", j)
			}
			used[j] = true
			got += cost[i][j]
		}
		if want := cheapest(cost, 0, 0); math.Abs(got-want) > 1e-9 {
			t.Errorf("cost %v, %v is possible", got, want)
		}
	})
}

// cheapest tries everything for the rows from a row on.
func cheapest(cost [][]float64, row int, used uint) float64 {
	if row == len(cost) {
		return 0
	}
	best := math.Inf(1)
	for j, c := range cost[row] {
		if used&(1<<j) == 0 {
			best = min(best, c+cheapest(cost, row+1, used|1<<j))
		}
	}
	return best
}

func BenchmarkAssign(b *testing.B) {
	cost := make([][]float64, 32)
	for i := range cost {
		cost[i] = make([]float64, 32)
		for j := range cost[i] {
			cost[i][j] = float64((i*7919 + j*104729) % 1000)
		}
	}
	for b.Loop() {
		Assign(cost)
	}
}
