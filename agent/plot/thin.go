// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import "slices"

// kept returns the indices of the points to draw, in their order, [MaxPoints] at
// most. Of a longer series each run of neighbours keeps its first and last
// point, its lowest and highest, and the extremes of its band.
func (s *Series) kept() []int {
	var all []int
	for i := range s.X {
		if s.point(i) {
			all = append(all, i)
		}
	}
	if len(all) <= MaxPoints {
		return all
	}
	each := 4
	if len(s.Low) > 0 {
		each = 6
	}
	runs := MaxPoints / each
	size := (len(all) + runs - 1) / runs
	out := make([]int, 0, MaxPoints)
	for run := range slices.Chunk(all, size) {
		out = s.extremes(out, run)
	}
	return out
}

// extremes appends to out what is kept of a run, six indices at most.
func (s *Series) extremes(out, run []int) []int {
	from := len(out)
	lowest, highest := run[0], run[0]
	bottom, top := -1, -1
	for _, i := range run {
		if s.Y[i] < s.Y[lowest] {
			lowest = i
		}
		if s.Y[i] > s.Y[highest] {
			highest = i
		}
		if !s.band(i) {
			continue
		}
		if bottom < 0 || s.Low[i] < s.Low[bottom] {
			bottom = i
		}
		if top < 0 || s.High[i] > s.High[top] {
			top = i
		}
	}
	out = append(out, run[0], lowest, highest, run[len(run)-1])
	if bottom >= 0 {
		out = append(out, bottom, top)
	}
	slices.Sort(out[from:])
	return append(out[:from], slices.Compact(out[from:])...)
}

// runs cuts indices where a point between two of them is missing, so that a gap
// in the series stays one however far the series is thinned.
func runs(kept []int, there func(i int) bool) [][]int {
	var out [][]int
	from := 0
	for k, i := range kept {
		if k > from && !all(kept[k-1]+1, i, there) {
			out, from = append(out, kept[from:k]), k
		}
		if !there(i) { // a point of the line at which there is no band
			if k > from {
				out = append(out, kept[from:k])
			}
			from = k + 1
		}
	}
	if from < len(kept) {
		out = append(out, kept[from:])
	}
	return out
}

// all says whether every point from i to before j is there.
func all(i, j int, there func(i int) bool) bool {
	for ; i < j; i++ {
		if !there(i) {
			return false
		}
	}
	return true
}
