// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"
	"math/rand/v2"
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
	sent  []Update // of the last round; the zero Update of who sends nothing

	epoch    uint32           // of the nodes' pseudonyms, by which they sit
	seats    []int            // of each node in the graph
	paired   map[[2]int]bool  // who have exchanged
	stranger func(i int) bool // is new to all in every epoch; nil: nobody is
}

func newCrowd(t tb, set Settings, n int, topo string) *crowd {
	t.Helper()
	c := &crowd{t: t, ws: set.NewWorkspace(), graph: must(must(topology.Parse(topo))(t).Build(n, 3, 0))(t), paired: map[[2]int]bool{}}
	for i := range n {
		c.seats = append(c.seats, i)
		c.nodes = append(c.nodes, New(set, uneven(i), nil, uint64(i)))
	}
	return c
}

func peer(i int) PeerID { return PeerID{byte(i + 1)} }

// id returns the pseudonym of node i.
func (c *crowd) id(i int) PeerID { return PeerID{byte(i + 1), byte(c.epoch)} }

// enter gives the nodes an epoch's pseudonyms and seats, but for those that sleep.
func (c *crowd) enter(epoch, round uint32, asleep ...int) {
	if epoch != c.epoch {
		c.epoch, c.seats = epoch, rand.New(rand.NewPCG(uint64(epoch), 4)).Perm(len(c.nodes))
	}
	for i, n := range c.nodes {
		if !slices.Contains(asleep, i) {
			n.Enter(epoch, round)
		}
	}
}

// meet shows a node the others that are there.
func (c *crowd) meet(round uint32, i int, without ...int) {
	var all []PeerID
	for j := range c.nodes {
		if !slices.Contains(without, j) {
			all = append(all, c.id(j))
		}
	}
	c.nodes[i].Meet(c.epoch, round, all, func(id PeerID) (PeerID, bool) {
		j := int(id[0]) - 1
		known := c.paired[[2]int{min(i, j), max(i, j)}] && (c.stranger == nil || !c.stranger(i) && !c.stranger(j))
		return PeerID{255, byte(j), byte(i)}, known
	})
}

// edges returns those of node i but for the ones to nodes that are left out.
func (c *crowd) edges(i int, without ...int) (edges []Edge) {
	_, weights := c.graph.Weights(nil, c.seats[i])
	for k, seat := range c.graph.Neighbours(nil, c.seats[i]) {
		if j := slices.Index(c.seats, int(seat)); !slices.Contains(without, j) {
			edges = append(edges, Edge{c.id(j), weights[k]})
		}
	}
	return edges
}

// round carries every update but those that are lost, and leaves out nodes.
func (c *crowd) round(round uint32, lost func(from, to int) bool, without ...int) {
	c.t.Helper()
	c.sent = make([]Update, len(c.nodes))
	for i, n := range c.nodes {
		switch {
		case slices.Contains(without, i):
		case n.Listens():
			c.sent[i], _ = n.Ask(round, c.edges(i, without...))
		default:
			c.sent[i] = must(n.Begin(round, c.edges(i, without...), c.ws))(c.t)
		}
	}
	for i, n := range c.nodes {
		if slices.Contains(without, i) {
			continue
		}
		edges := c.edges(i, without...)
		for _, e := range edges {
			if j := int(e.Peer[0]) - 1; c.sent[j].said() && (lost == nil || !lost(j, i)) {
				if err := n.Receive(e.Peer, c.id(i), round, c.sent[j]); err != nil {
					c.t.Fatalf("round %d: node %d refuses %d: %v", round, i, j, err)
				}
				c.paired[[2]int{min(i, j), max(i, j)}] = true
			}
		}
	}
	for i, n := range c.nodes {
		if slices.Contains(without, i) {
			continue
		}
		edges := c.edges(i, without...)
		c.meet(round, i, without...)
		n.End(round, edges, c.ws)
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

// said reports whether there is an update.
func (u Update) said() bool { return u.Vectors != nil || u.Exchange != nil }

// hear gives a node an update that says all numbers.
func hear(n *Node, from PeerID, v Vectors) error {
	return n.Receive(from, PeerID{}, 0, Update{Vectors: v})
}
