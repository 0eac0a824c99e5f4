// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package node learns together with neighbours and without a server: rounds of
// local training, an exchange of updates, and mixing, by decentralised SGD or by
// gradient tracking with local steps ([Algorithm]); or, where the task asks for
// a [Mode] that shows nobody's update, by sums of what all submit. A [Node] is
// the pure core that the simulator drives as well; a [Runner] gives it a clock,
// a [Transport], a [Summer] and a place for checkpoints. Rounds begin by the clock and end by the clock,
// so that nobody waits for the dead.
//
// Nothing here is safe for concurrent use, and only the zero Algorithm, which is
// K-GT, is useful.
package node

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// PeerID names a neighbour for as long as its pseudonym lasts, or, as a handle,
// for as long as it is recognised.
type PeerID [16]byte

// Vectors are what an update holds: the model after local training, (params),
// and with K-GT the tracked direction, (params).
type Vectors [][]float32

// Edge is a neighbour of this round and the weight of its model in the mix.
type Edge struct {
	Peer   PeerID
	Weight float32
}

// Settings say how a node learns. All nodes of a task have the same.
type Settings struct {
	Model      *model.Model
	Algorithm  Algorithm
	Mode       Mode
	SGD        model.SGD
	Schedule   Schedule // of the rate
	Rounds     uint32   // of the task, for the schedule; 0 where nobody knows
	Quant      update.Quant
	FixedGraph bool   // the graph is the same in every round
	Seed       uint64 // of the initial model
}

// evaluateRows is how many rows are scored at a time.
const evaluateRows = 64

// NewWorkspace returns the memory that one goroutine needs to train and score.
func (s Settings) NewWorkspace() *model.Workspace {
	return s.Model.NewWorkspace(max(s.SGD.Batch, evaluateRows))
}

// Bounds of what a neighbour may send, relative to what the node itself holds.
// They stop the absurd, not the sly: robust aggregation is for those.
const (
	normFactor      = 16
	directionFactor = 64
)

// Node learns from its own rows and its neighbours' updates.
type Node struct {
	set  Settings
	data *dataset.Table
	rows []int32
	pcg  *rand.PCG // decides the order of the rows
	rng  *rand.Rand
	x    []float32 // the model, (params)
	late int       // rounds that the node listens yet, 0 while it takes part

	// In a robust task.
	sent  Vectors  // the round's update as the neighbours see it
	track *tracker // K-GT only
	got   map[PeerID]Vectors

	shared *shared // in a summed task, else nil

	Steps int     // of the last training
	Loss  float64 // mean over them
}

// New returns a node that learns from the given rows of data, all where rows is
// nil, in an order that the seed decides.
func New(set Settings, data *dataset.Table, rows []int32, seed uint64) *Node {
	pcg := rand.NewPCG(seed, seed)
	n := &Node{
		set: set, data: data, rows: rows, pcg: pcg, rng: rand.New(pcg),
		x: make([]float32, set.Model.Size()), got: map[PeerID]Vectors{},
	}
	set.Model.Init(n.x, set.Seed)
	switch {
	case set.Mode.Summed():
		n.shared = newShared(n.x, set.Algorithm)
	case set.Algorithm == KGT:
		n.track = newTracker(len(n.x), set.FixedGraph)
	}
	return n
}

// Model returns the node's parameters, (params). They change with every round.
func (n *Node) Model() []float32 { return n.x }

// maxListen is how many rounds a node that is late listens. One would do but
// for losses; where nobody is heard in so many, nobody has learned meanwhile.
const maxListen = 3

// Late tells the node that the others have learned for a while. It then listens
// for some rounds and takes the model of those whom it hears, instead of mixing
// in its own, which would set them back. In a summed task it waits until the
// common model is told.
func (n *Node) Late() {
	n.late = maxListen
	if n.shared != nil {
		n.late = listenSums
	}
}

// Listens reports whether the node only listens in the round that comes: Begin
// or BeginSum is left out then, and nothing is sent.
func (n *Node) Listens() bool { return n.late > 0 }

// sgd returns how the node trains in a round.
func (n *Node) sgd(round uint32) model.SGD {
	sgd := n.set.SGD
	sgd.Rate = float32(sgd.Rate * n.set.Schedule.Share(round, n.set.Rounds))
	return sgd
}

// trains returns the rows that the node learns from.
func (n *Node) trains() int {
	if n.rows == nil {
		return n.data.Rows()
	}
	return len(n.rows)
}

// Begin trains for a round and returns the update to send. The vectors belong
// to the node and stay as they are until the next Begin. It fails where
// training runs off to infinity, and leaves the model as it was.
func (n *Node) Begin(round uint32, ws *model.Workspace) (Vectors, error) {
	if n.sent == nil {
		n.sent = make(Vectors, n.set.Algorithm.Vectors())
		for i := range n.sent {
			n.sent[i] = make([]float32, len(n.x))
		}
	}
	y := n.sent[0]
	copy(y, n.x)
	sgd := n.sgd(round)
	var step model.Step
	if n.track != nil {
		step.Correction, step.Share = n.track.c, 1/float32(sgd.Steps(n.trains()))
	}
	var err error
	n.Steps, n.Loss, err = sgd.Train(n.set.Model, y, n.data, n.rows, &step, n.rng, ws)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if n.track != nil {
		z := n.sent[1]
		tensor.Sub(z, n.x, y)
		tensor.Scale(1/sgd.Rate, z)
		n.track.advance(z)
	}
	copy(n.x, y)
	for _, v := range n.sent {
		update.Quantize(n.set.Quant, v)
	}
	return n.sent, nil
}

// Receive takes a neighbour's update of the round. It keeps the vectors until
// End and does not change them. It refuses what does not fit the model, is not
// finite or is far from anything that training gives, with an
// [*update.Refused].
func (n *Node) Receive(from PeerID, v Vectors) error {
	if len(v) != n.set.Algorithm.Vectors() {
		return &update.Refused{Reason: update.ReasonShape, Detail: fmt.Sprintf("%d vectors", len(v))}
	}
	limit := normFactor * (tensor.Norm(n.x) + math.Sqrt(float64(len(n.x))))
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
	if _, again := n.got[from]; again {
		return &update.Refused{Reason: update.ReasonDuplicate}
	}
	n.got[from] = v
	return nil
}

// End mixes what arrived in the round from the neighbours on the edges; the
// share of one that is missing stays with the node's own model. It returns how
// many were heard.
func (n *Node) End(round uint32, edges []Edge) (heard int) {
	for _, e := range edges {
		if _, ok := n.got[e.Peer]; ok {
			heard++
		}
	}
	if n.Listens() {
		n.comeBack(round, edges, heard)
	} else {
		n.mix(round, edges)
	}
	clear(n.got)
	return heard
}

func (n *Node) mix(round uint32, edges []Edge) {
	share := float32(1)
	if !n.set.FixedGraph {
		share = n.renormalize(edges)
	}
	for _, e := range edges {
		if v, ok := n.got[e.Peer]; ok {
			tensor.AddScaledDifference(n.x, float32(share*e.Weight), v[0], n.sent[0])
		}
	}
	if n.track != nil {
		n.track.mix(round, n.sent[1], edges, n.got)
	}
}

// renormalize returns by what the weights of those who were heard are to be
// multiplied so that they and the node's own add up to 1. On a graph that is new
// in every round a neighbour that is missing costs a meeting that does not come
// again, and mixing harder with the others makes up for it; on one that stays the
// same it would move the mean of all models towards those who lose more.
func (n *Node) renormalize(edges []Edge) float32 {
	own, heard := float32(1), float32(0)
	for _, e := range edges {
		own -= e.Weight
		if _, ok := n.got[e.Peer]; ok {
			heard += e.Weight
		}
	}
	return 1 / (own + heard)
}

// comeBack ends a round in which the node listened: it sent nothing, so there
// is nothing to mix with, and it goes on from the others' model.
func (n *Node) comeBack(round uint32, edges []Edge, heard int) {
	if heard == 0 {
		n.late--
		return
	}
	n.adopt(edges)
	if n.track != nil && n.track.waits() {
		return
	}
	n.late = 0
	if n.track != nil {
		n.track.anchor(round, edges, n.got)
	}
}

// adopt sets the model to the mean of those that arrived.
func (n *Node) adopt(edges []Edge) {
	clear(n.x)
	var total float32
	for _, e := range edges {
		if v, ok := n.got[e.Peer]; ok {
			tensor.Axpy(1, v[0], n.x)
			total++
		}
	}
	tensor.Scale(1/total, n.x)
}

// Score evaluates the node's model on all rows of a table.
func (n *Node) Score(t *dataset.Table, ws *model.Workspace) (model.Score, error) {
	return n.set.Model.Evaluate(n.x, t, ws)
}
