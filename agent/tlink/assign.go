// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import "math"

// Assign returns for each row of a cost matrix the column that it is matched
// with, so that no column is taken twice and the sum of the costs is the least:
// the Hungarian method with potentials (Kuhn 1955; Jonker and Volgenant 1987), in
// rows² × columns steps. There must be as many columns as rows, or more, and the
// costs must be finite.
func Assign(cost [][]float64) []int {
	n := len(cost)
	if n == 0 {
		return nil
	}
	m := len(cost[0])
	if m < n {
		panic("tlink: more rows than columns")
	}
	h := hungarian{
		cost: cost, row: make([]float64, n+1), column: make([]float64, m+1),
		taken: make([]int, m+1), before: make([]int, m+1),
	}
	for i := 1; i <= n; i++ {
		h.add(i)
	}
	out := make([]int, n)
	for j := 1; j <= m; j++ {
		if h.taken[j] > 0 {
			out[h.taken[j]-1] = j - 1
		}
	}
	return out
}

// hungarian counts rows and columns from 1; column 0 stands for the row that is
// being added.
type hungarian struct {
	cost        [][]float64
	row, column []float64 // potentials
	taken       []int     // (columns), row that a column is matched with, 0: none
	before      []int     // (columns), column before it on the alternating path
}

// add matches one more row along the cheapest alternating path.
func (h *hungarian) add(row int) {
	least := make([]float64, len(h.taken))
	used := make([]bool, len(h.taken))
	for j := range least {
		least[j] = math.Inf(1)
	}
	h.taken[0] = row
	at := 0
	for h.taken[at] != 0 {
		used[at] = true
		next, delta := h.nearest(at, least, used)
		for j := range least {
			if used[j] {
				h.row[h.taken[j]] += delta
				h.column[j] -= delta
			} else {
				least[j] -= delta
			}
		}
		at = next
	}
	for at != 0 {
		h.taken[at] = h.taken[h.before[at]]
		at = h.before[at]
	}
}

// nearest relaxes the edges of the row at a column and returns the unused column
// that is reached at the least cost.
func (h *hungarian) nearest(at int, least []float64, used []bool) (next int, delta float64) {
	i := h.taken[at]
	delta = math.Inf(1)
	for j := 1; j < len(least); j++ {
		if used[j] {
			continue
		}
		if c := h.cost[i-1][j-1] - h.row[i] - h.column[j]; c < least[j] {
			least[j], h.before[j] = c, at
		}
		if least[j] < delta {
			next, delta = j, least[j]
		}
	}
	return next, delta
}
