// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// neighbour is what a node that keeps replicas has of a neighbour.
type neighbour struct {
	// The neighbour's replica, as it is after the frame of the round upto.
	holds   holding
	first   uint32 // names it
	since   int64  // the round from which on it is exact
	upto    int64
	theirs  replica
	filled  int      // numbers that came in slices, while it is filled
	pending []letter // frames that are not in it yet, ascending by round

	edge
	heard receipt // what the neighbour said last of the own replica
	away  int     // rounds in a row in which it was not on the graph
}

// holding is what a node has of a neighbour's replica.
type holding uint8

const (
	nothing holding = iota
	filling         // slices of it come in
	exact
)

// replica is a vector of which the numbers behind some are still the initial ones.
type replica struct {
	x       []float32 // (params)
	covered int
}

// apply brings the replica to where it is after a frame.
func (r *replica) apply(d *update.Delta, from int, slice []float32) {
	if d.Index == nil {
		if len(d.Value) > 0 {
			tensor.Axpy(1, d.Value, r.x)
		}
	} else {
		for i, k := range d.Index {
			r.x[k] += d.Value[i]
		}
	}
	copy(r.x[from:], slice)
	if from == r.covered {
		r.covered += len(slice)
	}
}

// letter is a frame of a neighbour.
type letter struct {
	update.Frame
	behind bool // its sender is behind the node
	own    bool // its bytes belong to the node
}

// take takes an update of a neighbour for the round under way, of which no frame is
// longer than limit. It keeps the bytes of the update until the round's end.
func (r *replicas) take(from PeerID, self PeerID, round uint32, ex *update.Exchange, limit float64) error {
	refuse := func(detail string) error {
		return &update.Refused{Reason: update.ReasonMalformed, Detail: detail, From: from}
	}
	heard, err := readReceipt(ex.Receipts, self, round)
	if err != nil {
		return refuse(err.Error())
	}
	p := r.peers[from]
	if p == nil {
		p = &neighbour{first: ex.Gen, edge: edge{said: newBitmap(len(r.hat))}}
	}
	var fresh []letter
	for i := range ex.Frames {
		f := &ex.Frames[i]
		if ex.Gen == p.first && p.has(f.Round) {
			continue
		}
		if r.numbers, err = f.Decode(r.set.Compression, len(r.hat), &r.values, r.numbers); err != nil {
			return err
		}
		for _, v := range [][]float32{r.values.Value, r.numbers} {
			if err := update.CheckNorm(v, limit); err != nil {
				return err
			}
		}
		if f.Round > round || (f.Prev == nil) != (f.Round == ex.Gen) {
			return refuse("a frame of another round than the update's")
		}
		fresh = append(fresh, letter{Frame: *f, behind: names(f.Behind, self)})
	}
	if ex.Gen != p.first {
		p.leave(ex.Gen)
	}
	r.peers[from] = p
	p.heard = heard
	for _, f := range fresh {
		p.keep(f)
	}
	return nil
}

// leave forgets the neighbour's replica, of which another begins.
func (p *neighbour) leave(first uint32) {
	p.first, p.holds, p.filled, p.pending, p.wait = first, nothing, 0, p.pending[:0], nil
}

// has reports whether the frame of a round has come.
func (p *neighbour) has(round uint32) bool {
	if p.holds != nothing && int64(round) <= p.upto {
		return true
	}
	_, found := p.find(round)
	return found
}

func (p *neighbour) find(round uint32) (int, bool) {
	return slices.BinarySearchFunc(p.pending, round, func(f letter, round uint32) int { return cmp.Compare(f.Round, round) })
}

// keep keeps a frame until those before it have come. Where there are too many,
// the last one goes: it is sent again.
func (p *neighbour) keep(f letter) {
	at, found := p.find(f.Round)
	if found {
		return
	}
	p.pending = slices.Insert(p.pending, at, f)
	p.pending = p.pending[:min(len(p.pending), maxPending)]
}

// settle begins the replica where the frames that have come allow it, and gives it
// up where one is missing that will not come any more.
func (p *neighbour) settle(round uint32, r *replicas) {
	if p.holds != nothing && p.next() == nil && len(p.pending) > 0 && int64(round)-p.upto > window {
		p.leave(p.first)
	}
	if p.holds == nothing {
		p.begin(round, r)
	}
}

// begin begins with the first frame of all, which follows the initial model, or with
// the first slice that comes.
func (p *neighbour) begin(round uint32, r *replicas) {
	for i := range p.pending {
		f := &p.pending[i]
		if f.Prev != nil && len(f.Slice) == 0 {
			continue
		}
		p.theirs.x = append(p.theirs.x[:0], r.hat...) // for its length
		r.initial(p.theirs.x)
		p.theirs.covered, p.upto, p.since, p.filled = 0, f.before(), int64(f.Round), 0
		p.holds = filling
		if f.Prev == nil {
			p.holds = exact
			if len(f.Slice) == 0 {
				p.theirs.covered = len(p.theirs.x)
			}
		}
		p.pending = slices.Delete(p.pending, 0, i)
		return
	}
	if p.young(round) { // the first frame will come again
		return
	}
	p.pending = p.pending[:0]
}

// before returns the round of the frame that this one follows.
func (f *letter) before() int64 {
	if f.Prev == nil {
		return int64(f.Round) - 1
	}
	return int64(*f.Prev)
}

// next returns the frame that follows those in the replica, nil if it has not come.
func (p *neighbour) next() *letter {
	if p.holds == nothing || len(p.pending) == 0 || p.pending[0].before() != p.upto {
		return nil
	}
	return &p.pending[0]
}

// advance takes the next frame into the replica, and leaves what it says in the
// scratch of the node.
func (p *neighbour) advance(r *replicas) letter {
	f := p.pending[0]
	p.pending = slices.Delete(p.pending, 0, 1)
	var err error
	if r.numbers, err = f.Decode(r.set.Compression, len(r.hat), &r.values, r.numbers); err != nil {
		panic("node: a frame that was taken: " + err.Error())
	}
	p.theirs.apply(&r.values, int(f.From), r.numbers)
	p.upto = int64(f.Round)
	if p.holds != filling {
		return f
	}
	if p.filled > 0 || len(r.numbers) > 0 {
		p.filled += len(r.numbers)
	}
	if p.filled >= len(p.theirs.x) {
		p.holds, p.since, p.theirs.covered = exact, int64(f.Round), len(p.theirs.x)
	}
	return f
}

// keepBytes makes what waits beyond the round the node's own.
func (p *neighbour) keepBytes() {
	for i := range p.pending {
		if f := &p.pending[i]; !f.own {
			f.Slice, f.Delta, f.Behind, f.own = bytes.Clone(f.Slice), bytes.Clone(f.Delta), nil, true
		}
	}
}
