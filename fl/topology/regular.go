// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"math/rand/v2"
	"slices"
)

// fixedStream is the random stream of a graph that holds for every round. It
// is no round's number, since those have 32 bits.
const fixedStream = 1 << 63

func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// connectedRegular returns a random connected graph in which each node has
// degree neighbours. It exists for what [Topology.Validate] accepts.
func connectedRegular(n, degree int, r *rand.Rand) [][]int32 {
	if degree == 2 {
		// Random graphs of degree 2 are mostly several cycles; one cycle
		// through a random order is what retries would find at last.
		return cycle(r.Perm(n))
	}
	for {
		// With three neighbours or more nearly every graph is connected, so
		// this ends soon; with one, there are only two nodes.
		lists := regular(n, degree, r)
		if newGraph(lists).Connected() {
			return lists
		}
	}
}

func cycle(order []int) [][]int32 {
	n := len(order)
	lists := make([][]int32, n)
	for i, node := range order {
		lists[node] = []int32{int32(order[(i+n-1)%n]), int32(order[(i+1)%n])}
		slices.Sort(lists[node])
	}
	return lists
}

// regular returns a random graph in which each node has degree neighbours. The
// complement of a dense graph is sparse and quicker to find.
func regular(n, degree int, r *rand.Rand) [][]int32 {
	sparse := min(degree, n-1-degree)
	lists := pairing(n, sparse, r)
	for _, l := range lists {
		slices.Sort(l)
	}
	if sparse != degree {
		lists = complement(lists)
	}
	return lists
}

// pairing builds a random regular graph as Steger and Wormald do (Generating
// random regular graphs quickly, 1999): every node has degree points, which are
// paired at random; pairs that would be a loop or a second edge go back to the
// pool. A dead end starts it afresh.
func pairing(n, degree int, r *rand.Rand) [][]int32 {
	lists := make([][]int32, n)
	backing := make([]int32, n*degree)
	points := make([]int32, 0, n*degree)
	for {
		points = points[:0]
		for i := range lists {
			lists[i] = backing[i*degree : i*degree : (i+1)*degree]
			for range degree {
				points = append(points, int32(i))
			}
		}
		for len(points) > 0 && suitable(lists, points) {
			points = pairOnce(lists, points, r)
		}
		if len(points) == 0 {
			return lists
		}
	}
}

// pairOnce shuffles the points, joins those pairs that may be joined and returns
// the points that are left.
func pairOnce(lists [][]int32, points []int32, r *rand.Rand) []int32 {
	r.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
	left := points[:0] // never overtakes the pair that is read
	for p := 0; p < len(points); p += 2 {
		i, j := points[p], points[p+1]
		if i == j || slices.Contains(lists[i], j) {
			left = append(left, i, j)
			continue
		}
		lists[i] = append(lists[i], j)
		lists[j] = append(lists[j], i)
	}
	return left
}

// suitable reports whether any two of the points may still be joined.
func suitable(lists [][]int32, points []int32) bool {
	for a, i := range points {
		for _, j := range points[a+1:] {
			if i != j && !slices.Contains(lists[i], j) {
				return true
			}
		}
	}
	return false
}

func complement(lists [][]int32) [][]int32 {
	n := len(lists)
	out := make([][]int32, n)
	for i, l := range lists {
		out[i] = make([]int32, 0, n-1-len(l))
		for j := range int32(n) {
			if j == int32(i) {
				continue
			}
			if _, found := slices.BinarySearch(l, j); !found {
				out[i] = append(out[i], j)
			}
		}
	}
	return out
}
