// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package topology

// Graph is the graph of one round.
type Graph struct {
	n    int
	full bool    // everybody is everybody's neighbour, and adj is empty
	from []int32 // (n+1): the neighbours of i are adj[from[i]:from[i+1]]
	adj  []int32 // ascending for each node
}

// Build returns the graph of n nodes in a round. A topology that is Fixed
// gives the same graph for every round.
func (t Topology) Build(n int, seed uint64, round uint32) (*Graph, error) {
	if err := t.Validate(n); err != nil {
		return nil, err
	}
	switch t.Kind {
	case Full:
		return &Graph{n: n, full: true}, nil
	case Ring:
		return newGraph(ringLists(n)), nil
	case Star:
		return newGraph(starLists(n)), nil
	case Regular:
		return newGraph(connectedRegular(n, t.Degree, newRand(seed, fixedStream))), nil
	default:
		return newGraph(regular(n, t.Degree, newRand(seed, uint64(round)))), nil
	}
}

// newGraph packs lists of neighbours, each ascending, into one allocation.
func newGraph(lists [][]int32) *Graph {
	g := &Graph{n: len(lists), from: make([]int32, len(lists)+1)}
	for i, l := range lists {
		g.from[i+1] = g.from[i] + int32(len(l))
	}
	g.adj = make([]int32, 0, g.from[len(lists)])
	for _, l := range lists {
		g.adj = append(g.adj, l...)
	}
	return g
}

func ringLists(n int) [][]int32 {
	lists := make([][]int32, n)
	if n == 1 {
		return lists
	}
	for i := range lists {
		prev, next := int32((i+n-1)%n), int32((i+1)%n)
		lists[i] = []int32{min(prev, next), max(prev, next)}
		if prev == next { // two nodes share one edge
			lists[i] = lists[i][:1]
		}
	}
	return lists
}

func starLists(n int) [][]int32 {
	lists := make([][]int32, n)
	for i := 1; i < n; i++ {
		lists[0] = append(lists[0], int32(i))
		lists[i] = []int32{0}
	}
	return lists
}

// Size returns the number of nodes.
func (g *Graph) Size() int { return g.n }

// Degree returns the number of neighbours of node i.
func (g *Graph) Degree(i int) int {
	if g.full {
		return g.n - 1
	}
	return int(g.from[i+1] - g.from[i])
}

// Neighbours appends the neighbours of node i to dst, ascending and without i.
func (g *Graph) Neighbours(dst []int32, i int) []int32 {
	if !g.full {
		return append(dst, g.adj[g.from[i]:g.from[i+1]]...)
	}
	for j := range int32(g.n) {
		if j != int32(i) {
			dst = append(dst, j)
		}
	}
	return dst
}

// Weights appends the mixing weights of node i's neighbours to dst, in the
// order of [Graph.Neighbours], and returns the weight of node i itself, too.
// The weight of an edge is 1/(1+max of both degrees), and all weights of a
// node sum to one but for rounding.
func (g *Graph) Weights(dst []float32, i int) (self float32, weights []float32) {
	if g.full {
		w := float32(1 / float64(g.n))
		for range g.n - 1 {
			dst = append(dst, w)
		}
		return w, dst
	}
	rest := 1.0
	for _, j := range g.adj[g.from[i]:g.from[i+1]] {
		w := 1 / float64(1+max(g.Degree(i), g.Degree(int(j))))
		rest -= w
		dst = append(dst, float32(w))
	}
	return float32(rest), dst
}

// Connected reports whether every node can be reached from every other.
func (g *Graph) Connected() bool {
	if g.full {
		return true
	}
	seen := make([]bool, g.n)
	stack := []int32{0}
	seen[0] = true
	reached := 1
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, j := range g.adj[g.from[i]:g.from[i+1]] {
			if !seen[j] {
				seen[j] = true
				reached++
				stack = append(stack, j)
			}
		}
	}
	return reached == g.n
}
