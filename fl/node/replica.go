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
// Both ends of an edge keep both replicas, the own and the neighbour's, and mix
// by them: x += w (theirs - mine). A replica that lags behind pushes on and on
// towards where the model has long gone, and mixing runs off to infinity, unless
// its step is small; then it is slow. How small depends on the graph, the data and
// the share that is said (AdaGossip, Aketi and Roy, 2024, measures it). Here a
// number is mixed only in the rounds in which one of the ends has said it, and then
// in full: the step adapts by itself to how often each number is said, it is 1 where
// all are, and no push is older than what it answers.
//
// The correction of K-GT needs no vector of its own then. What an edge contributes
// to it is the sum of its pushes over the rate, as in local exact diffusion
// (Alghunaim, Local exact-diffusion for decentralized optimization and learning,
// 2023), times [replicaGain] and the share of the difference that was said, since
// an integral of what comes late oscillates.
//
// Messages get lost, and both ends have to do the same. Each update therefore says
// which of the last ones of every neighbour have come (receipt.go), and what is
// missing is sent again. An end that waits for one takes no step on that edge
// (neighbour.go), and then takes all of them, each as it would have been: both ends go
// through the same steps with the same numbers, to the bit, and what one takes the
// other gives. Who has missed too much, or is new, gets the model in slices of 8
// bits that come with the updates for all.
type replicas struct {
	set     *Settings
	started bool
	first   uint32    // round of the first frame, which names the replica
	hat     []float32 // the own replica after the last frame, (params)
	covered int       // so many numbers of hat are the model's; those behind are the initial ones
	old     replica   // the own one before the first frame of history
	history []*frame  // own frames, oldest first, window at most
	cursor  int       // where the next slice begins
	left    int       // numbers to send in slices
	sliced  uint32    // the round of the last slice
	gain    float32   // share of the difference that is said, a moving average; 0 before the first
	epoch   *uint32   // nil where pseudonyms last
	peers   map[PeerID]*neighbour
	paused  [2 * window]bool // by round, of the last ones: not tracked
	said    bitmap           // scratch
	u       []float32        // scratch, (params)
}

// Limits of what a node keeps for its neighbours.
const (
	window      = 8   // own frames, and those of a neighbour that wait for one before
	maxAgain    = 4   // frames of a message that were sent before
	gainMemory  = 0.9 // of the moving average, in a round
	MaxReplicas = 255 // neighbours of a node that keeps replicas
)

// replicaGain returns the share of a push that enters the correction. Numbers of
// which only the sign is said are off by about as much as they say, so that the
// integral of them has to be slower.
func replicaGain(c update.Compression) float32 {
	switch {
	case c.Coarse() && !c.Partial():
		return 0.15
	case c.Coarse():
		return 0.3
	}
	return 0.5
}

// replica is a vector of which the numbers behind some are still the initial ones.
type replica struct {
	x       []float32 // (params)
	covered int
}

// apply brings the replica to where it is after a frame.
func (r *replica) apply(f *frame) {
	if f.values.Index == nil {
		if len(f.values.Value) > 0 {
			tensor.Axpy(1, f.values.Value, r.x)
		}
	} else {
		for i, k := range f.values.Index {
			r.x[k] += f.values.Value[i]
		}
	}
	copy(r.x[f.From:], f.slice)
	if int(f.From) == r.covered {
		r.covered += len(f.slice)
	}
}

// frame is what a round of a node says of its model.
type frame struct {
	update.Frame
	values update.Delta
	slice  []float32
	sent   uint32 // the round in which it was sent last; own frames only
}

// says marks the numbers that the frame says.
func (f *frame) says(said bitmap) {
	if f.values.Index == nil && len(f.values.Value) > 0 {
		said.fill()
		return
	}
	for _, k := range f.values.Index {
		said.set(int(k))
	}
	for k := range f.slice {
		said.set(int(f.From) + k)
	}
}

func newReplicas(set *Settings) *replicas {
	n := set.Model.Size()
	return &replicas{
		set: set, hat: make([]float32, n), old: replica{x: make([]float32, n)},
		u: make([]float32, n), said: newBitmap(n), peers: map[PeerID]*neighbour{},
	}
}

// begin begins a replica that nobody has yet. All that neighbours have of it is the
// initial model; where the node is still there, too, there is nothing to catch up.
func (r *replicas) begin(round uint32, x []float32) {
	r.initial(r.hat)
	copy(r.old.x, r.hat)
	r.started, r.first, r.gain = true, round, 0
	r.history, r.cursor, r.sliced = nil, 0, round
	r.covered, r.left = 0, len(x)
	if slices.Equal(x, r.hat) {
		r.covered, r.left = len(x), 0
	}
	r.old.covered = r.covered
}

// initial sets v to what everybody knows of a model that has not said anything yet.
func (r *replicas) initial(v []float32) {
	r.set.Model.Init(v, r.set.Seed)
	r.set.hide(v)
}

// ready begins a replica anew where there is none, or none that neighbours can
// still follow.
func (r *replicas) ready(round uint32, x []float32, track *tracker) {
	if n := len(r.history); n > 0 && round-r.history[n-1].Round <= window {
		return
	}
	for id, p := range r.peers {
		if p.active {
			p.active = false
			track.leave(id, round)
		}
	}
	r.begin(round, x)
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
	r.end(round, edges, n.x, n.track, n.trust)
	if n.track != nil {
		n.track.finish(round, edges)
	}
	switch {
	case !n.Listens():
	case r.adopt(n, edges):
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

// adopt sets the node's model to the mean of the neighbours' replicas that are known,
// and reports whether there are any.
func (r *replicas) adopt(n *Node, edges []Edge) bool {
	x := n.y
	var known []*neighbour
	for _, e := range edges {
		if p := r.peers[e.Peer]; p != nil && p.holds == exact && p.theirs.covered == len(x) {
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
	return true
}

// say makes the update of a round, in which training took the model to y.
func (r *replicas) say(round uint32, y []float32, edges []Edge) (*update.Exchange, error) {
	if len(edges) > MaxReplicas {
		return nil, fmt.Errorf("compression %v keeps replicas of %d neighbours at most; there are %d", r.set.Compression, MaxReplicas, len(edges))
	}
	again := r.again(round, edges) // before the oldest frame is forgotten
	f := r.next(round)
	f.Frame = update.Frame{Round: round, Degree: uint8(len(edges)), Delta: f.Delta[:0], Slice: f.Slice[:0]}
	if n := len(r.history); n > 0 {
		before := r.history[n-1].Round
		f.Prev = &before
	}
	f.sent = round
	f.values.Index, f.values.Value = f.values.Index[:0], f.values.Value[:0]
	if r.covered == len(y) {
		r.difference(f, y)
	}
	f.Gain = uint8(float32(r.gain*255) + 0.5)
	r.slice(f, y)
	hat := replica{r.hat, r.covered}
	hat.apply(f)
	r.covered = hat.covered
	r.history = append(r.history, f)
	return &update.Exchange{Gen: r.first, Receipts: r.receipts(round, edges), Frames: append(again, f.Frame)}, nil
}

// next returns the memory for a frame: that of the oldest one, which is forgotten
// once there are enough of them, unless it is sent in this round yet.
func (r *replicas) next(round uint32) *frame {
	if len(r.history) < window {
		return &frame{}
	}
	f := r.history[0]
	r.old.apply(f)
	r.history = slices.Delete(r.history, 0, 1)
	if f.sent == round {
		return &frame{}
	}
	return f
}

// difference lets a frame say what it can of y less the replica.
func (r *replicas) difference(f *frame, y []float32) {
	tensor.Sub(r.u, y, r.hat)
	all := tensor.Dot(r.u, r.u)
	f.Delta = r.set.Compression.AppendDelta(f.Delta, r.u, &f.values)
	share := float32(1)
	if all > 0 {
		f.subtractFrom(r.u)
		share = float32(max(0, 1-tensor.Dot(r.u, r.u)/all))
	}
	if r.gain == 0 {
		r.gain = share
	}
	r.gain = float32(gainMemory*r.gain) + float32((1-gainMemory)*share)
}

func (f *frame) subtractFrom(u []float32) {
	if f.values.Index == nil {
		tensor.Sub(u, u, f.values.Value)
		return
	}
	for i, k := range f.values.Index {
		u[k] -= f.values.Value[i]
	}
}

// slice lets a frame say a slice of y, while there is one to send.
func (r *replicas) slice(f *frame, y []float32) {
	f.slice = f.slice[:0]
	if r.left == 0 {
		return
	}
	if r.cursor == len(y) {
		r.cursor = 0
	}
	n := min(update.MaxSlice, len(y)-r.cursor)
	f.From = uint32(r.cursor)
	f.slice = append(f.slice, y[r.cursor:r.cursor+n]...)
	update.Quantize(update.Q8, f.slice)
	f.Slice = append(f.Slice, update.EncodeVector(update.Q8, f.slice)...)
	r.cursor, r.left, r.sliced = r.cursor+n, max(0, r.left-n), f.Round
}

// again returns what is to be sent again: the oldest frames that a neighbour on the
// graph lacks. Who lacks more than these are gets slices.
func (r *replicas) again(round uint32, edges []Edge) []update.Frame {
	var out []update.Frame
	for _, f := range r.history {
		lacks := func(e Edge) bool { p := r.peers[e.Peer]; return p != nil && p.lacks(r, f) }
		if len(out) < maxAgain && slices.ContainsFunc(edges, lacks) {
			f.sent = round
			out = append(out, f.Frame)
		}
	}
	for _, e := range edges {
		if p := r.peers[e.Peer]; p != nil && r.left == 0 && p.lost(r) {
			r.left = len(r.hat)
		}
	}
	return out
}

// pause notes whether a round is tracked.
func (r *replicas) pause(round uint32, pause bool) { r.paused[round%uint32(len(r.paused))] = pause }

// exchangeSize returns the most bytes of an update that says what has changed in a
// round, with a slice and with receipts for a neighbourhood.
func exchangeSize(c update.Compression, params int) int {
	const heads = 64 // bytes of the heads and numbers of a frame and of the whole, at most
	return heads + receiptMost*neighbourhood + update.VectorSize(update.Q8, min(params, update.MaxSlice)) + c.DeltaBound(params)
}

// neighbourhood is the most neighbours of a device.
const neighbourhood = 31

// bitmap is a set of numbers.
type bitmap []uint64

func newBitmap(n int) bitmap { return make(bitmap, (n+63)/64) }

func (b bitmap) set(k int) { b[k/64] |= 1 << (k % 64) }

// fill puts all numbers in, and some behind the last.
func (b bitmap) fill() {
	for i := range b {
		b[i] = ^uint64(0)
	}
}
