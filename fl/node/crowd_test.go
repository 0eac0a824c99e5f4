// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"
	"slices"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/topology"
)

// crowd is nodes on a graph, driven by hand.
type crowd struct {
	t     tb
	nodes []*Node
	graph *topology.Graph
	ws    *model.Workspace
	sent  []Vectors // of the last round
}

func newCrowd(t tb, set Settings, n int, topo string) *crowd {
	t.Helper()
	c := &crowd{t: t, ws: set.NewWorkspace(), graph: must(must(topology.Parse(topo))(t).Build(n, 3, 0))(t)}
	for i := range n {
		c.nodes = append(c.nodes, New(set, uneven(i), nil, uint64(i)))
	}
	return c
}

func peer(i int) PeerID { return PeerID{byte(i + 1)} }

// edges returns those of node i but for the ones to nodes that are left out.
func (c *crowd) edges(i int, without ...int) (edges []Edge) {
	_, weights := c.graph.Weights(nil, i)
	for k, j := range c.graph.Neighbours(nil, i) {
		if !slices.Contains(without, int(j)) {
			edges = append(edges, Edge{peer(int(j)), weights[k]})
		}
	}
	return edges
}

// round carries every update but those that are lost, and leaves out nodes.
func (c *crowd) round(round uint32, lost func(from, to int) bool, without ...int) {
	c.t.Helper()
	c.sent = make([]Vectors, len(c.nodes))
	for i, n := range c.nodes {
		if slices.Contains(without, i) || n.Listens() {
			continue
		}
		c.sent[i] = must(n.Begin(c.ws))(c.t)
	}
	for i, n := range c.nodes {
		if slices.Contains(without, i) {
			continue
		}
		edges := c.edges(i, without...)
		for _, e := range edges {
			if j := int(e.Peer[0]) - 1; c.sent[j] != nil && (lost == nil || !lost(j, i)) {
				if err := n.Receive(e.Peer, c.sent[j]); err != nil {
					c.t.Fatalf("round %d: node %d refuses %d: %v", round, i, j, err)
				}
			}
		}
		n.End(round, edges)
	}
}

// corrections returns the norm of the sum of all corrections, and the sum of
// their norms.
func (c *crowd) corrections() (sum, size float64) {
	total := make([]float32, len(c.nodes[0].x))
	for _, n := range c.nodes {
		tensor.Axpy(1, n.track.c, total)
		size += tensor.Norm(n.track.c)
	}
	return tensor.Norm(total), size
}

func distance(a, b []float32) float64 {
	d := make([]float32, len(a))
	tensor.Sub(d, a, b)
	return tensor.Norm(d)
}

// sameBits reports whether two vectors are equal to the last bit.
func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}
