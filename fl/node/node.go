// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package node learns together with neighbours and without a server: rounds of
// local training, an exchange of updates, and mixing, by decentralised SGD or by
// gradient tracking with local steps ([Algorithm]); or, where the task asks for
// a [Mode] that shows nobody's update, by sums of what all submit. Updates say all
// numbers, or only what has changed since a replica that neighbours keep, and are
// mixed by a mean or by a rule that bears with liars. A [Node] is the pure core that
// the simulator drives as well; a [Runner] gives it a clock, a [Transport], a
// [Summer] and a place for checkpoints. Rounds begin by the clock and end by the clock,
// so that nobody waits for the dead.
//
// Nothing here is safe for concurrent use, and only the zero Algorithm, which is
// K-GT, is useful.
package node

import (
	"fmt"
	"math/rand/v2"

	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/update"
)

// PeerID names a neighbour for as long as its pseudonym lasts, or, as a handle,
// for as long as it is recognised.
type PeerID [16]byte

// Vectors are what an update holds that says all numbers: the model after local
// training, (params), and with K-GT the tracked direction, (params).
type Vectors [][]float32

// Update is what a node tells its neighbours in a round.
type Update struct {
	Vectors  Vectors
	Exchange *update.Exchange // instead, of a node that keeps replicas
}

// Edge is a neighbour of this round and the weight of its model in the mix.
type Edge struct {
	Peer   PeerID
	Weight float32
}

// Settings say how a node learns. All nodes of a task have the same.
type Settings struct {
	Model       *model.Model
	Algorithm   Algorithm
	Mode        Mode
	SGD         model.SGD
	Schedule    Schedule // of the rate
	Rounds      uint32   // of the task, for the schedule; 0 where nobody knows
	Compression update.Compression
	Aggregate   aggregate.Rule // but for the mean, it goes with D-PSGD and with Momentum
	Momentum    bool           // updates carry a moving average of what training gave
	Unchecked   bool           // norms of updates are not looked at; to see what that does
	FixedGraph  bool           // the graph is the same in every round
	Privacy     *Privacy       // nil: none
	KeepHead    bool           // the last layer is the node's own
	Seed        uint64         // of the initial model
}

// Replicas reports whether nodes keep replicas of their neighbours: where the
// compression says what has changed, neighbours stay the same and a mean mixes.
func (s *Settings) Replicas() bool {
	return s.Compression.Memory() && s.FixedGraph && !s.hardened() && !s.Mode.Summed()
}

// hardened reports whether nodes learn as they do where some may lie.
func (s *Settings) hardened() bool { return s.Momentum || s.Aggregate != aggregate.Mean }

// Quant returns the encoding of updates that say all numbers. Where replicas
// cannot be kept, four bits for each number are what is left of a compression that
// needs them.
func (s *Settings) Quant() update.Quant {
	if q, ok := s.Compression.Quant(); ok {
		return q
	}
	return update.Q4
}

// Vectors returns how many vectors an update holds that says all numbers.
func (s *Settings) Vectors() int {
	if s.hardened() {
		return 1
	}
	return s.Algorithm.Vectors()
}

// evaluateRows is how many rows are scored at a time.
const evaluateRows = 64

// NewWorkspace returns the memory that one goroutine needs to train and score.
func (s *Settings) NewWorkspace() *model.Workspace {
	return s.Model.NewWorkspace(max(s.SGD.Batch, evaluateRows))
}

// Node learns from its own rows and its neighbours' updates.
type Node struct {
	set   Settings
	data  *dataset.Table
	rows  []int32
	pcg   *rand.PCG // decides the order of the rows
	rng   *rand.Rand
	x     []float32 // the model, (params)
	y     []float32 // what training makes of it, (params)
	late  int       // rounds that the node listens yet, 0 while it takes part
	epoch *uint32   // that the neighbours' pseudonyms belong to; nil where they last

	// One of these is how it learns from others.
	dense    *dense
	robust   *robust
	replicas *replicas
	shared   *shared

	track *tracker // K-GT only, and not in a summed task

	noise  model.Mechanism // with privacy
	scaled []float32       // likewise: the correction of a step, (params)
	budget Spender         // likewise
	judge  *judge          // nil: nobody is judged

	Steps int            // of the last training
	Loss  float64        // mean over them
	Rule  aggregate.Rule // that mixed last
}

// New returns a node that learns from the given rows of data, all where rows is
// nil, in an order that the seed decides.
func New(set Settings, data *dataset.Table, rows []int32, seed uint64) *Node {
	pcg := rand.NewPCG(seed, seed)
	params := set.Model.Size()
	n := &Node{
		set: set, data: data, rows: rows, pcg: pcg, rng: rand.New(pcg),
		x: make([]float32, params), y: make([]float32, params),
	}
	set.Model.Init(n.x, set.Seed)
	if set.Mode.Summed() {
		n.shared = newShared(n.x, set.Algorithm)
		return n
	}
	switch {
	case set.hardened():
		n.robust = newRobust(params)
		return n
	case set.Replicas():
		n.replicas = newReplicas(&n.set)
	default:
		n.dense = &dense{got: map[PeerID]Vectors{}}
	}
	if set.Algorithm == KGT {
		n.track = newTracker(params, n.trackBy())
	}
	return n
}

// trackBy returns how the correction is kept.
func (n *Node) trackBy() trackKind {
	switch {
	case n.replicas != nil:
		return trackPushes
	case n.set.FixedGraph:
		return trackSums
	}
	return trackRounds
}

// Model returns the node's parameters, (params). They change with every round.
func (n *Node) Model() []float32 { return n.x }

// Begins sets the parameters, (params), with which the node begins, in place of those
// that the seed makes: before its first round, and not where all go on from one model in
// common, as by sums. Neighbours that begin with another model mix it in with theirs.
func (n *Node) Begins(x []float32) {
	if n.shared != nil || len(x) != len(n.x) {
		panic(fmt.Sprintf("node: begin with %d parameters of %d, in mode %v", len(x), len(n.x), n.set.Mode))
	}
	copy(n.x, x)
}

// maxListen is how many rounds a node that is late listens. One would do but
// for losses; where nobody is heard in so many, nobody has learned meanwhile.
const maxListen = 3

// Late tells the node that the others have learned for a while. It then listens
// for some rounds and takes the model of those whom it hears, instead of mixing
// in its own, which would set them back. In a summed task it waits until the
// common model is told.
func (n *Node) Late() {
	switch {
	case n.shared != nil:
		n.late = listenSums
	case n.replicas != nil:
		n.late = listenReplicas
	default:
		n.late = maxListen
	}
}

// MaxMissed is how many rounds a node may miss and still mix in its own model. One that
// keeps replicas may miss as many as its neighbours can make up for.
const MaxMissed = 1

// Missed tells the node that it took no part in so many rounds before the one that
// comes. Where they are too many it is late.
func (n *Node) Missed(rounds int64) {
	if n.replicas != nil && n.replicas.started {
		rounds -= window - MaxMissed
	}
	if rounds > MaxMissed {
		n.Late()
	}
}

// Listens reports whether the node only listens in the round that comes: Begin
// or BeginSum is left out then, and nothing is sent but what Ask returns.
func (n *Node) Listens() bool { return n.late > 0 }

// sgd returns how the node trains in a round.
func (n *Node) sgd(round uint32) model.SGD {
	sgd := n.set.SGD
	sgd.Rate = float32(sgd.Rate * n.set.Schedule.Share(round, n.set.Rounds))
	return sgd
}

// trains returns the number of rows that the node learns from.
func (n *Node) trains() int {
	if n.rows == nil {
		return n.data.Rows()
	}
	return len(n.rows)
}

// train sets y to what local training makes of the model, which stays as it is.
func (n *Node) train(sgd model.SGD, ws *model.Workspace) error {
	copy(n.y, n.x)
	if n.set.Privacy != nil {
		return n.trainPrivately(sgd, ws)
	}
	var step model.Step
	if n.track != nil {
		step.Correction, step.Share = n.track.c, 1/float32(sgd.Steps(n.trains()))
	}
	var err error
	n.Steps, n.Loss, err = sgd.Train(n.set.Model, n.y, n.data, n.rows, &step, n.rng, ws)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// Begin trains for a round and returns the update to send to the neighbours on the
// edges. It belongs to the node and stays as it is until the next Begin. It fails
// where training runs off to infinity, and leaves the model as it was.
func (n *Node) Begin(round uint32, edges []Edge, ws *model.Workspace) (Update, error) {
	sgd := n.sgd(round)
	if n.replicas != nil {
		copy(n.y, n.x)
		n.hide(n.y)
		n.replicas.ready(round, n.y)
	}
	if err := n.train(sgd, ws); err != nil {
		return Update{}, err
	}
	switch {
	case n.robust != nil:
		return n.robust.begin(n, sgd.Rate), nil
	case n.replicas != nil:
		copy(n.x, n.y)
		n.hide(n.y)
		ex, err := n.replicas.say(round, n.y, edges)
		return Update{Exchange: ex}, err
	}
	return n.dense.begin(n, sgd.Rate), nil
}

// Ask returns what a node that listens sends to the neighbours on the edges, so
// that they send what it lacks; ok is false where that is nothing.
func (n *Node) Ask(round uint32, edges []Edge) (u Update, ok bool) {
	if n.replicas == nil || len(edges) == 0 {
		return Update{}, false
	}
	return Update{Exchange: n.replicas.ask(round, edges)}, true
}

// Receive takes a neighbour's update of the round for the node, which it knows as
// self. It keeps vectors until End and does not change them. It refuses what does
// not fit the model, is not finite or is far from anything that training gives,
// with an [*update.Refused].
func (n *Node) Receive(from, self PeerID, round uint32, u Update) error {
	switch {
	case (u.Exchange != nil) != (n.replicas != nil):
		return &update.Refused{Reason: update.ReasonShape, Detail: "vectors instead of an exchange, or one for the other"}
	case n.replicas != nil:
		return n.replicas.take(from, self, round, u.Exchange, n.believes())
	case n.robust != nil:
		return n.robust.take(n, from, u.Vectors)
	}
	return n.dense.take(n, from, u.Vectors)
}

// End mixes what arrived in the round from the neighbours on the edges; the
// share of one that is missing stays with the node's own model. It returns how
// many were heard.
func (n *Node) End(round uint32, edges []Edge, ws *model.Workspace) (heard int) {
	if n.judge != nil {
		n.judge.hear(n, edges, ws)
	}
	switch {
	case n.replicas != nil:
		return n.replicas.finish(n, round, edges)
	case n.robust != nil:
		return n.robust.end(n, edges)
	}
	return n.dense.end(n, round, edges)
}

// Score evaluates the node's model on all rows of a table.
func (n *Node) Score(t *dataset.Table, ws *model.Workspace) (model.Score, error) {
	return n.set.Model.Evaluate(n.x, t, ws)
}
