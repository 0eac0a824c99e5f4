// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import "slices"

// Attack matches the tracks before an edge with those after it, for each edge:
// out[edge][before] is a track after it, or -1.
type Attack func(edges []*Edge) (out [][]int)

// match assigns tracks by a cost; where there are fewer after the edge than
// before, some stay alone.
func (e *Edge) match(cost func(far []float64) float64) []int {
	n := len(e.left)
	m := max(n, len(e.right))
	c := make([][]float64, n)
	for i := range c {
		c[i] = make([]float64, m)
		for j := range e.right {
			c[i][j] = cost(e.far[i][j])
		}
	}
	out := Assign(c)
	for i, j := range out {
		if j >= len(e.right) {
			out[i] = -1
		}
	}
	return out
}

// Grade returns how many links of an attack are right.
func Grade(edges []*Edge, links [][]int) (s Score) {
	for n, e := range edges {
		for i, device := range e.left {
			if !slices.Contains(e.right, device) {
				continue
			}
			s.Trials++
			if j := links[n][i]; j >= 0 && e.right[j] == device {
				s.Right++
			}
		}
	}
	return s
}

// ByDistance is the attack that looks at one distance only.
func ByDistance(k int) Attack {
	return func(edges []*Edge) (out [][]int) {
		for _, e := range edges {
			out = append(out, e.match(func(far []float64) float64 { return far[k] }))
		}
		return out
	}
}

// Constancy returns by how much a distance is less, squared, between tracks of one
// device than between those of two: 0 where it says nothing, 1 where it is the
// device's name. It sees what is too faint yet for links.
func Constancy(edges []*Edge, k int) float64 {
	var sum, n [2]float64
	for _, e := range edges {
		for i, device := range e.left {
			for j, other := range e.right {
				same := 0
				if device == other {
					same = 1
				}
				sum[same] += e.far[i][j][k] * e.far[i][j][k]
				n[same]++
			}
		}
	}
	if sum[0] == 0 || n[1] == 0 {
		return 0
	}
	return 1 - sum[1]/n[1]/(sum[0]/n[0])
}

// BySubstring is attacker (a): it links those that have bytes in common.
func BySubstring(edges []*Edge) [][]int { return ByDistance(len(distances) - 1)(edges) }

// ByGroup is attacker (b), which looks at one group of distances, or with "" at
// all, each with the same weight. Bytes in common outweigh everything.
func ByGroup(g group) Attack {
	return func(edges []*Edge) (out [][]int) {
		weight := weigh(edges, g)
		for _, e := range edges {
			out = append(out, e.match(func(far []float64) float64 { return dot(weight, far) }))
		}
		return out
	}
}

// certain is the weight of bytes in common, beside 1 for all other distances.
const certain = 1000

// weigh returns weights that bring the distances of a group to the same mean.
func weigh(edges []*Edge, g group) []float64 {
	weight := make([]float64, len(distances))
	for k, d := range distances {
		sum, n := 0.0, 0.0
		for _, e := range edges {
			for i := range e.left {
				for j := range e.right {
					sum += e.far[i][j][k]
					n++
				}
			}
		}
		switch {
		case d.group == commonBytes:
			weight[k] = certain
		case sum > 0 && (g == "" || g == d.group):
			weight[k] = n / sum
		}
	}
	return weight
}

func dot(a, b []float64) (s float64) {
	for k, v := range a {
		s += v * b[k]
	}
	return s
}

// Learned returns attacker (c): a regression that learned from edges of other
// runs, whose truth it knew, which distances tell the same device from another.
func Learned(training []*Edge) Attack {
	var rows [][]float64
	var same []bool
	for _, e := range training {
		for i, device := range e.left {
			for j, other := range e.right {
				rows, same = append(rows, e.far[i][j]), append(same, device == other)
			}
		}
	}
	if len(rows) == 0 {
		return ByGroup("")
	}
	l := Train(rows, same)
	return func(edges []*Edge) (out [][]int) {
		for _, e := range edges {
			out = append(out, e.match(func(far []float64) float64 { return -l.Odds(far) }))
		}
		return out
	}
}
