// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// replicas is the exchange of a node whose updates say only what has changed: a
// part of the difference between its model and the replica of it that all its
// neighbours keep, in few bits. What is left out stays in the difference and is
// said later, which is the error feedback of CHOCO-SGD (Koloskova, Stich and
// Jaggi, 2019) and BEER (Zhao et al., 2022).
//
// Both ends of an edge know both replicas, the own and the neighbour's, and mix
// by them: x += w (theirs - mine). A replica that lags behind pushes on and on
// towards where the model has long gone, and mixing runs off to infinity, unless
// its step is small; then it is slow. How small depends on the graph, the data and
// the share that is said (AdaGossip, Aketi and Roy, 2024, measures it). Here a
// number is mixed only after one of the ends has said it, and then in full: the step
// adapts by itself to how often each number is said, it is 1 where all are, and no
// push is older than what it answers.
//
// The correction of K-GT needs no vector of its own then. What an edge contributes
// to it is the sum of its pushes over the rate, as in local exact diffusion
// (Alghunaim, Local exact-diffusion for decentralized optimization and learning,
// 2023), times [replicaGain] and the share of the difference that was said, since
// an integral of what comes late oscillates.
//
// Messages get lost, and both ends have to do the same: edge.go. Each update
// therefore says which frames of every neighbour have come (receipt.go), and what is
// missing is sent again. Who has missed too much, or is new, gets the model in slices
// of 8 bits that come with the updates for all.
type replicas struct {
	set     *Settings
	started bool
	first   uint32    // round of the first frame, which names the replica
	hat     []float32 // the own replica after the last frame, (params)
	covered int       // so many numbers of hat are the model's; those behind are the initial ones
	history []*frame  // own frames, oldest first, window at most
	cursor  int       // where the next slice begins
	left    int       // numbers to send in slices
	sliced  uint32    // the round of the last slice
	gain    float32   // share of the difference that is said, a moving average; 0 before the first
	peers   map[PeerID]*neighbour
	paused  [2 * window]bool // by round, of the last ones: not tracked
	own     update.Delta     // of the own frame of the round
	slices  []float32        // likewise
	values  update.Delta     // scratch: of another's frame
	numbers []float32        // likewise
	u       []float32        // scratch, (params)
	limit   float64          // the most norm of a replica that is believed
}

// Limits of what a node keeps for its neighbours.
const (
	window      = 16               // own frames
	maxPending  = 24               // frames of a neighbour that wait for one before
	maxAgain    = 8                // frames of a message that were sent before
	patience    = 5                // rounds for which frames are sent again to who is not heard
	gainMemory  = 0.9              // of the moving average, in a round
	MaxReplicas = update.MaxBehind // neighbours of a node that keeps replicas
)

// replicaGain returns the share of a push that enters the correction, of an edge whose
// ends have so many neighbours at most. Numbers of which only the sign is said are off by
// about as much as they say, so that the integral of them has to be slower, and the more
// so the less a node's own replica counts. Where it is too fast single nodes run off for
// some rounds and come back. Measured with 32 nodes and a Dirichlet split of 0.1.
func replicaGain(c update.Compression, degree int) float32 {
	most := float32(0.5)
	switch {
	case c.Coarse() && !c.Partial():
		most = 0.15
	case c.Coarse():
		most = 0.3
	}
	return most * (1 + 6/float32(1+degree)) / 3
}

// frame is an own frame, which may have to be sent again.
type frame struct {
	update.Frame
	sent uint32 // the round in which it was sent last
}

func newReplicas(set *Settings) *replicas {
	n := set.Model.Size()
	return &replicas{set: set, hat: make([]float32, n), u: make([]float32, n), peers: map[PeerID]*neighbour{}}
}

// ready begins a replica that nobody has yet, if there is none. All that neighbours
// have of it is the initial model; where the node is still there, too, there is
// nothing to catch up.
func (r *replicas) ready(round uint32, x []float32) {
	if r.started {
		return
	}
	r.initial(r.hat)
	r.started, r.first, r.gain = true, round, 0
	r.history, r.cursor, r.sliced = nil, 0, round
	r.covered, r.left = 0, len(x)
	if slices.Equal(x, r.hat) {
		r.covered, r.left = len(x), 0
	}
}

// initial sets v to what everybody knows of a model that has not said anything yet.
func (r *replicas) initial(v []float32) {
	r.set.Model.Init(v, r.set.Seed)
	r.set.hide(v)
}

// ask makes the update of a node that only listens: it says what the node has, so
// that it gets the rest.
func (r *replicas) ask(round uint32, edges []Edge) *update.Exchange {
	ex := &update.Exchange{Gen: round, Receipts: r.receipts(round, edges), Frames: []update.Frame{}}
	if r.started {
		ex.Gen = r.first
	}
	return ex
}

// listenReplicas is how many rounds a node that is late waits for a whole replica of
// a neighbour, which comes in slices.
const listenReplicas = 4 * window

// finish ends a round. A node that listens takes what it can of what it has missed,
// and goes on from the neighbours' model.
func (r *replicas) finish(n *Node, round uint32, edges []Edge) (heard int) {
	for _, e := range edges {
		if p := r.peers[e.Peer]; p != nil && p.heard.round == round {
			heard++
		}
	}
	r.limit = n.believes()
	r.end(round, edges, n.x, n.track, n.trust)
	if n.track != nil {
		n.track.finish(round, edges)
	}
	switch {
	case !n.Listens():
	case r.adopt(n, round, edges):
		n.late = 0
	default:
		n.late--
	}
	return heard
}

// enter forgets everything with an epoch, in which all have other pseudonyms.
func (r *replicas) enter() {
	r.started, r.history = false, nil
	clear(r.peers)
}

// adopt sets the node's model to the mean of the neighbours' replicas that are as of
// this round, and reports whether there are any. What the neighbours have of the node
// is of another model, which would set them back: it begins anew.
func (r *replicas) adopt(n *Node, round uint32, edges []Edge) bool {
	x := n.y
	var known []*neighbour
	for _, e := range edges {
		if p := r.peers[e.Peer]; p != nil && p.holds == exact && p.upto == int64(round) && p.theirs.covered == len(x) {
			known = append(known, p)
		}
	}
	if len(known) == 0 {
		return false
	}
	clear(x)
	for _, p := range known {
		tensor.Axpy(1/float32(len(known)), p.theirs.x, x)
	}
	n.share(x)
	r.started = false
	return true
}

// say makes the update of a round, in which training took the model to y.
func (r *replicas) say(round uint32, y []float32, edges []Edge) (*update.Exchange, error) {
	if len(edges) > MaxReplicas {
		return nil, fmt.Errorf("compression %v keeps replicas of %d neighbours at most; there are %d", r.set.Compression, MaxReplicas, len(edges))
	}
	ex := &update.Exchange{Gen: r.first, Receipts: r.receipts(round, edges)}
	f := &frame{sent: round, Frame: update.Frame{Round: round, Degree: uint8(len(edges)), Behind: r.behind(round, edges), Slice: []byte{}, Delta: []byte{}}}
	if n := len(r.history); n > 0 {
		before := r.history[n-1].Round
		f.Prev = &before
	}
	r.own.Index, r.own.Value = r.own.Index[:0], r.own.Value[:0]
	if r.covered == len(y) {
		r.difference(f, y)
	}
	f.Gain = uint8(float32(r.gain*255) + 0.5)
	r.lose(edges)
	r.slice(f, y)
	hat := replica{r.hat, r.covered}
	hat.apply(&r.own, int(f.From), r.slices)
	r.covered = hat.covered
	ex.Frames = append(r.again(round, edges, update.ExchangeSize(ex)+f.Size()), f.Frame)
	r.remember(f)
	return ex, nil
}

// remember keeps a frame, and forgets the oldest one once there are enough.
func (r *replicas) remember(f *frame) {
	if len(r.history) == window {
		r.history = slices.Delete(r.history, 0, 1)
	}
	r.history = append(r.history, f)
}

// difference lets a frame say what it can of y less the replica.
func (r *replicas) difference(f *frame, y []float32) {
	tensor.Sub(r.u, y, r.hat)
	all := tensor.Dot(r.u, r.u)
	f.Delta = r.set.Compression.AppendDelta(f.Delta, r.u, &r.own)
	share := float32(1)
	if all > 0 {
		subtract(r.u, &r.own)
		share = float32(max(0, 1-tensor.Dot(r.u, r.u)/all))
	}
	if r.gain == 0 {
		r.gain = share
	}
	r.gain = float32(gainMemory*r.gain) + float32((1-gainMemory)*share)
}

func subtract(u []float32, d *update.Delta) {
	if d.Index == nil {
		tensor.Sub(u, u, d.Value)
		return
	}
	for i, k := range d.Index {
		u[k] -= d.Value[i]
	}
}

// slice lets a frame say a slice of y, while there is one to send.
func (r *replicas) slice(f *frame, y []float32) {
	r.slices = r.slices[:0]
	if r.left == 0 {
		return
	}
	if r.cursor == len(y) {
		r.cursor = 0
	}
	n := min(update.MaxSlice(len(y)), len(y)-r.cursor)
	f.From = uint32(r.cursor)
	r.slices = append(r.slices, y[r.cursor:r.cursor+n]...)
	update.Quantize(update.Q8, r.slices)
	f.Slice = update.EncodeVector(update.Q8, r.slices)
	r.cursor, r.left, r.sliced = r.cursor+n, max(0, r.left-n), f.Round
}

// lose begins slices where a neighbour has lost the replica.
func (r *replicas) lose(edges []Edge) {
	for _, e := range edges {
		if p := r.peers[e.Peer]; p != nil && r.left == 0 && p.lost(r) {
			r.left = len(r.hat)
		}
	}
}

// again returns what is to be sent again: the oldest frames that a neighbour on the
// graph lacks, as many as a message of so many bytes has room for.
func (r *replicas) again(round uint32, edges []Edge, size int) []update.Frame {
	out := []update.Frame{}
	for _, f := range r.history {
		lacks := func(e Edge) bool { p := r.peers[e.Peer]; return p != nil && p.lacks(r, f, round) }
		if len(out) == maxAgain || !slices.ContainsFunc(edges, lacks) {
			continue
		}
		if size += f.Size(); size > update.MaxExchange {
			break
		}
		f.sent = round
		out = append(out, f.Frame)
	}
	return out
}

// pause notes whether a round is tracked.
func (r *replicas) pause(round uint32, pause bool) { r.paused[round%uint32(len(r.paused))] = pause }

// exchangeSize returns the most bytes of an update that says what has changed in a
// round, with a slice and with receipts for a neighbourhood.
func exchangeSize(c update.Compression, params int) int {
	const heads = 64 // bytes of the heads and numbers of a frame and of the whole, at most
	return heads + (receiptMost+tagSize)*neighbourhood + update.VectorSize(update.Q8, update.MaxSlice(params)) + c.DeltaBound(params)
}

// neighbourhood is the most neighbours of a device.
const neighbourhood = 31
