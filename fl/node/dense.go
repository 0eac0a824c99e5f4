// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"math"

	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// Bounds of what a neighbour may send, relative to what the node itself holds.
// They stop the absurd, not the sly: robust aggregation is for those.
const (
	normFactor      = 16
	directionFactor = 64
)

// dense is the exchange of a node whose updates say all numbers, and which mixes
// them by a mean: D-PSGD and K-GT.
type dense struct {
	sent Vectors // the round's update as the neighbours see it
	got  map[PeerID]Vectors
}

// begin makes the update of what training gave.
func (d *dense) begin(n *Node, rate float32) Update {
	if d.sent == nil {
		d.sent = Vectors{n.y}
		if n.track != nil {
			d.sent = append(d.sent, make([]float32, len(n.x)))
		}
	}
	if n.track != nil {
		z := d.sent[1]
		tensor.Sub(z, n.x, n.y)
		tensor.Scale(1/rate, z)
		n.track.advance(z)
	}
	copy(n.x, n.y)
	n.hide(d.sent...)
	for _, v := range d.sent {
		update.Quantize(n.set.Quant(), v)
	}
	return Update{Vectors: d.sent}
}

func (d *dense) take(n *Node, from PeerID, v Vectors) error {
	if err := n.checkVectors(v, n.set.Algorithm.Vectors()); err != nil {
		return err
	}
	if _, again := d.got[from]; again {
		return &update.Refused{Reason: update.ReasonDuplicate}
	}
	d.got[from] = v
	return nil
}

// normLimit is the largest norm of a model that a node believes.
func (n *Node) normLimit() float64 {
	return normFactor * (tensor.Norm(n.x) + math.Sqrt(float64(len(n.x))))
}

// believes is normLimit, or no limit where nothing is checked.
func (n *Node) believes() float64 {
	if n.set.Unchecked {
		return math.Inf(1)
	}
	return n.normLimit()
}

// checkVectors refuses vectors that do not fit the model or are absurd: of a model
// and, behind it, a direction.
func (n *Node) checkVectors(v Vectors, want int) error {
	if len(v) != want {
		return &update.Refused{Reason: update.ReasonShape, Detail: fmt.Sprintf("%d vectors", len(v))}
	}
	limit := n.believes()
	for i, one := range v {
		if len(one) != len(n.x) {
			return &update.Refused{Reason: update.ReasonShape, Detail: fmt.Sprintf("%d parameters", len(one))}
		}
		if i == 1 {
			limit *= directionFactor / float64(n.set.SGD.Rate)
		}
		if err := update.CheckNorm(one, limit); err != nil {
			return err
		}
	}
	return nil
}

func (d *dense) end(n *Node, round uint32, edges []Edge) (heard int) {
	for _, e := range edges {
		if _, ok := d.got[e.Peer]; ok {
			heard++
		}
	}
	if n.Listens() {
		d.comeBack(n, round, edges, heard)
	} else {
		d.mix(n, round, edges)
	}
	clear(d.got)
	return heard
}

func (d *dense) mix(n *Node, round uint32, edges []Edge) {
	share := float32(1)
	if !n.set.FixedGraph {
		share = d.renormalize(edges)
	}
	for _, e := range edges {
		if v, ok := d.got[e.Peer]; ok {
			w := float32(share * e.Weight * n.trust(e.Peer))
			tensor.AddScaledDifference(n.x, w, v[0], d.sent[0])
		}
	}
	if n.track != nil {
		n.track.mix(round, d.sent[1], n.trusted(edges), d.got)
	}
}

// renormalize returns by what the weights of those who were heard are to be
// multiplied so that they and the node's own add up to 1. On a graph that is new
// in every round a neighbour that is missing costs a meeting that does not come
// again, and mixing harder with the others makes up for it; on one that stays the
// same it would move the mean of all models towards those who lose more.
func (d *dense) renormalize(edges []Edge) float32 {
	own, heard := float32(1), float32(0)
	for _, e := range edges {
		own -= e.Weight
		if _, ok := d.got[e.Peer]; ok {
			heard += e.Weight
		}
	}
	return 1 / (own + heard)
}

// comeBack ends a round in which the node listened: it sent nothing, so there
// is nothing to mix with, and it goes on from the others' model.
func (d *dense) comeBack(n *Node, round uint32, edges []Edge, heard int) {
	if heard == 0 {
		n.late--
		return
	}
	n.adopt(edges, d.got)
	if n.track != nil && n.track.waits() {
		return
	}
	n.late = 0
	if n.track != nil {
		n.track.anchor(round, edges, d.got)
	}
}

// adopt sets the model to the mean of those that arrived.
func (n *Node) adopt(edges []Edge, got map[PeerID]Vectors) {
	clear(n.y)
	var total float32
	for _, e := range edges {
		if v, ok := got[e.Peer]; ok {
			tensor.Axpy(1, v[0], n.y)
			total++
		}
	}
	tensor.Scale(1/total, n.y)
	n.share(n.y)
}
