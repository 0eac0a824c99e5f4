// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSorter tries all columns of zeros and ones, by which a network is known
// (Knuth, theorem 5.3.4 Z), for up to 12 wires, and random ones for more.
func TestSorter(t *testing.T) {
	var a Aggregator
	r := rand.New(rand.NewPCG(1, 2))
	for n := 1; n <= MaxVectors; n++ {
		for cut := 0; 2*cut < n; cut++ {
			network := slices.Clone(a.sorter(n, cut))
			columns, column := 1<<min(n, 12), make([]int32, n)
			if n > 12 {
				columns = 20
			}
			for c := range columns {
				for i := range column {
					column[i] = int32(c >> i & 1)
					if n > 12 {
						column[i] = r.Int32N(int32(n))
					}
				}
				checkCut(t, network, column, cut)
			}
		}
	}
}

func checkCut(t *testing.T, network []exchange, column []int32, cut int) {
	t.Helper()
	n := len(column)
	tile := make([]int32, n*tileWidth)
	for i, x := range column {
		tile[i*tileWidth+1] = x
	}
	exchangeAll(network, tile, 2)
	got, want := make([]int32, n), slices.Sorted(slices.Values(column))
	for i := range got {
		got[i] = tile[i*tileWidth+1]
	}
	for _, part := range [...][]int32{got[:cut], got[cut : n-cut], got[n-cut:]} {
		slices.Sort(part)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%d wires, cut %d: %v becomes %v", n, cut, column, got)
	}
}

// TestSorterSize holds what pruning saves.
func TestSorterSize(t *testing.T) {
	var a Aggregator
	for _, tt := range []struct{ n, cut, want int }{{5, 1, 8}, {9, 2, 22}, {20, 4, 84}, {20, 9, 80}, {32, 7, 156}, {64, 15, 450}} {
		if got := len(a.sorter(tt.n, tt.cut)); got != tt.want {
			t.Errorf("%d wires, cut %d: %d exchanges, want %d", tt.n, tt.cut, got, tt.want)
		}
	}
}

func TestKeys(t *testing.T) {
	ascending := []float64{-math.MaxFloat64, -math.MaxFloat32, -1.5, -1, -0x1p-149, math.Copysign(0, -1), 0, 0x1p-149, 1, 1.5, math.MaxFloat32, math.MaxFloat64}
	for i, x := range ascending {
		if back := value64(key64(x)); math.Float64bits(back) != math.Float64bits(x) {
			t.Errorf("%v comes back as %v", x, back)
		}
		if i > 0 && key64(x) <= key64(ascending[i-1]) {
			t.Errorf("%v is not above %v", x, ascending[i-1])
		}
		y := float32(x)
		if back := value32(key32(y)); math.Float32bits(back) != math.Float32bits(y) {
			t.Errorf("%v comes back as %v", y, back)
		}
		if i > 0 && key32(y) <= key32(float32(ascending[i-1])) {
			t.Errorf("%v is not above %v as float32", x, ascending[i-1])
		}
	}
}
