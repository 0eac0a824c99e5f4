// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import (
	"math"
	"slices"
)

// mean is the rule [Mean]. With equal weights it does not set the own vector
// apart, so that all nodes of a full graph come to one model.
func (a *Aggregator) mean(dst []float32) {
	if a.even {
		a.average(dst, firstRows(len(a.rows)))
		return
	}
	a.pull(dst)
}

// nna is the rule [NNA].
func (a *Aggregator) nna(dst []float32) {
	n := len(a.rows)
	a.measureOwn()
	neighbours := firstRows(n).without(a.own)
	near := a.nearest(a.own, neighbours, Tolerated(n))
	a.judge(neighbours&^near, Far)
	a.average(dst, near|1<<a.own)
}

// clip is the rule [Clip]. The radius needs no oracle: of n-1-b honest neighbours
// one is as far, so that a liar goes no further than somebody honest may.
//
// A single neighbour has nobody to be compared with, and its own distance would
// clip nothing. What the node knows besides is how far its own training went, and
// the radius is twice that: two honest nodes that start from one model and go
// equally far are never clipped, whichever ways they go, and with a weight of one
// half a liar can undo what the node's training gave and no more. Nodes that
// lost each other come together by as much in every round.
func (a *Aggregator) clip(dst, base []float32) {
	n := len(a.rows)
	a.measureOwn()
	from := a.squares[a.own*n:][:n]
	a.nearby = a.nearby[:0]
	for k, d := range from {
		if k != a.own {
			a.nearby = append(a.nearby, math.Sqrt(d))
		}
	}
	slices.Sort(a.nearby)
	radius := 2 * math.Sqrt(square(a.rows[a.own].v, base))
	if n > 2 {
		radius = a.nearby[n-1-Tolerated(n)-1]
	}
	for k := range a.rows {
		if d := math.Sqrt(from[k]); d > radius {
			a.rows[k].weight *= radius / d
		}
	}
	a.pull(dst)
}

// average sets dst to the mean of some rows.
func (a *Aggregator) average(dst []float32, of set) {
	count := float64(of.size())
	for from := 0; from < len(dst); from += tileWidth {
		out := dst[from:min(from+tileWidth, len(dst))]
		sum := a.column[:len(out)]
		clear(sum)
		for k := range of.all() {
			v := a.rows[k].v[from:][:len(sum)]
			for i := range sum {
				sum[i] += float64(v[i])
			}
		}
		for i, s := range sum {
			out[i] = float32(s / count)
		}
	}
}

// pull sets dst to the own vector and the weighted differences of the others.
func (a *Aggregator) pull(dst []float32) {
	for from := 0; from < len(dst); from += tileWidth {
		out := dst[from:min(from+tileWidth, len(dst))]
		own := a.rows[a.own].v[from:][:len(out)]
		sum := a.column[:len(out)]
		clear(sum)
		for k, r := range a.rows {
			if k == a.own {
				continue
			}
			v := r.v[from:][:len(sum)]
			for i := range sum {
				sum[i] += float64(r.weight * (float64(v[i]) - float64(own[i])))
			}
		}
		for i, s := range sum {
			out[i] = float32(float64(own[i]) + s)
		}
	}
}
