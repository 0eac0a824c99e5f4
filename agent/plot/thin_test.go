// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestKept holds that thinning keeps what the eye would miss: the ends, the
// spikes, and of a band the edges.
func TestKept(t *testing.T) {
	const n = 1_000_003
	x := count(0, n)
	flat := make([]float64, n)
	wavy := each(x, func(v float64) float64 { return math.Mod(v, 7) })
	spiky := slices.Clone(wavy)
	spiky[1234], spiky[777_777], spiky[n-2] = 1000, -1000, 55
	gaps := slices.Clone(wavy)
	gaps[5000], gaps[600_001] = math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		name string
		s    Series
		keep []int
	}{
		{"short", Series{X: x[:MaxPoints], Y: wavy[:MaxPoints]}, []int{0, 1, 1000, MaxPoints - 1}},
		{"one too many", Series{X: x[:MaxPoints+1], Y: wavy[:MaxPoints+1]}, []int{0, MaxPoints}},
		{"flat", Series{X: x, Y: flat}, []int{0, n - 1}},
		{"spikes", Series{X: x, Y: spiky}, []int{0, 1234, 777_777, n - 2, n - 1}},
		{"spikes of a band", Series{X: x, Y: flat, Low: spiky, High: spiky}, []int{0, 1234, 777_777, n - 2, n - 1}},
		{"gaps", Series{X: x, Y: gaps}, []int{0, n - 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kept := tt.s.kept()
			if len(kept) > MaxPoints {
				t.Errorf("%d points, at most %d", len(kept), MaxPoints)
			}
			if !slices.IsSorted(kept) || len(slices.Compact(slices.Clone(kept))) != len(kept) {
				t.Error("the points are not in order, or one is there twice")
			}
			for _, i := range tt.keep {
				if !slices.Contains(kept, i) {
					t.Errorf("point %d is lost", i)
				}
			}
		})
	}
	thinned := Series{X: x, Y: gaps}
	if got := len(runs(thinned.kept(), thinned.point)); got != 3 {
		t.Errorf("%d runs of a long series with two gaps, want 3", got)
	}
}

func TestRuns(t *testing.T) {
	for _, tt := range []struct {
		name    string
		kept    []int
		missing []int
		want    [][]int
	}{
		{"nothing", nil, nil, nil},
		{"all", []int{0, 1, 2}, nil, [][]int{{0, 1, 2}}},
		{"thinned", []int{0, 5, 9}, nil, [][]int{{0, 5, 9}}},
		{"gap between", []int{0, 5, 9}, []int{3}, [][]int{{0}, {5, 9}}},
		{"gap at a point", []int{0, 1, 2}, []int{1}, [][]int{{0}, {2}}},
		{"gap at the ends", []int{0, 1, 2}, []int{0, 2}, [][]int{{1}}},
		{"gaps in a row", []int{0, 1, 2, 3}, []int{1, 2}, [][]int{{0}, {3}}},
		{"nothing left", []int{0, 1}, []int{0, 1}, nil},
	} {
		got := runs(tt.kept, func(i int) bool { return !slices.Contains(tt.missing, i) })
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// TestKeptModel compares with a search of all points: within what is kept lie
// the extremes of the whole, and between two kept points of a run there is no gap.
func TestKeptModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 3*MaxPoints).Draw(t, "n")
		seed := rapid.Uint32().Draw(t, "seed")
		holes := rapid.IntRange(2, 500).Draw(t, "holes")
		s := Series{X: count(0, n), Y: make([]float64, n)}
		for i := range s.Y {
			seed = seed*1664525 + 1013904223
			if s.Y[i] = float64(seed >> 8); int(seed>>8)%holes == 0 {
				s.Y[i] = math.NaN()
			}
		}
		var all, shown extent
		for i := range s.Y {
			if s.point(i) {
				all.add(s.Y[i])
			}
		}
		kept := s.kept()
		for _, run := range runs(kept, s.point) {
			for k, i := range run {
				shown.add(s.Y[i])
				for j := run[max(k-1, 0)]; j < i; j++ {
					if !s.point(j) {
						t.Fatalf("a line runs over the gap at %d", j)
					}
				}
			}
		}
		if all != shown || len(kept) > MaxPoints {
			t.Fatalf("%d points show %v of %v", len(kept), shown, all)
		}
	})
}
