// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"slices"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/update"
)

// choir is nodes that learn by sums, driven by hand.
type choir struct {
	t      tb
	nodes  []*Node
	ws     *model.Workspace
	round  uint32
	values [][]uint8 // of the last round
}

func newChoir(t tb, set Settings, n int) *choir {
	t.Helper()
	c := &choir{t: t, ws: set.NewWorkspace()}
	for i := range n {
		c.nodes = append(c.nodes, New(set, uneven(i), nil, uint64(i)))
	}
	return c
}

// add returns the sum of some nodes' values.
func (c *choir) add(members ...int) Sum {
	s := Sum{Values: make([]uint32, len(c.values[members[0]])), Count: len(members)}
	for _, i := range members {
		for k, v := range c.values[i] {
			s.Values[k] += uint32(v)
		}
	}
	return s
}

// train lets every node train.
func (c *choir) train() {
	c.t.Helper()
	c.values = make([][]uint8, len(c.nodes))
	for i, n := range c.nodes {
		if !n.Listens() {
			c.values[i] = slices.Clone(must(n.BeginSum(c.round, c.ws))(c.t))
		}
	}
}

// sing lets all learn for some rounds but those who miss them, who hear nothing.
func (c *choir) sing(rounds int, missing ...int) *choir {
	c.t.Helper()
	for range rounds {
		c.train()
		var there []int
		told := map[PeerID]Vectors{}
		var all []PeerID
		for i, n := range c.nodes {
			if slices.Contains(missing, i) {
				continue
			}
			all = append(all, peer(i))
			if !n.Listens() {
				there = append(there, i)
			}
		}
		for _, id := range Tellers(checkpointTask, c.round, all) {
			if n := c.nodes[id[0]-1]; !n.Listens() {
				told[id] = n.Tell()
			}
		}
		sum := c.add(there...)
		for i, n := range c.nodes {
			c.end(n, i, told, sum, slices.Contains(missing, i))
		}
		c.round++
	}
	return c
}

func (c *choir) end(n *Node, i int, told map[PeerID]Vectors, sum Sum, missing bool) {
	c.t.Helper()
	if missing {
		n.SkipSum(false)
		return
	}
	n.Heed(told, nil)
	if n.Listens() {
		n.listenOn()
		return
	}
	sum.Own = c.values[i] != nil
	if err := n.EndSum(c.round, []Sum{sum}, nil); err != nil {
		c.t.Fatalf("round %d: node %d: %v", c.round, i, err)
	}
}

// reason returns the word of a refusal, and none of anything else.
func reason(err error) update.Reason {
	var refused *update.Refused
	if !errors.As(err, &refused) {
		return ""
	}
	return refused.Reason
}
