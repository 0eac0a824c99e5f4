// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"cmp"
	"slices"

	"github.com/vecino-edge/vecino/fl/update"
)

// neighbour is what a node that keeps replicas has of a neighbour.
type neighbour struct {
	// The neighbour's replica, as it is after the frame of the round upto.
	holds   holding
	first   uint32 // names it
	since   int64  // it is exact but for frames before that round
	upto    int64
	theirs  replica
	filled  int      // numbers that came in slices, while it is filled
	pending []*frame // that are not in it yet, ascending by round
	spare   []*frame // memory for frames

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

// maxPending bounds the frames of a neighbour that wait: those of the last rounds,
// and as many that came before they could be used.
const maxPending = 2 * window

// take takes an update of a neighbour for the round under way.
func (r *replicas) take(from PeerID, self PeerID, round uint32, ex *update.Exchange) error {
	heard, err := readReceipt(ex.Receipts, self, round)
	if err != nil {
		return &update.Refused{Reason: update.ReasonMalformed, Detail: err.Error(), From: from}
	}
	frames := make([]*frame, 0, len(ex.Frames))
	p := r.peers[from]
	if p == nil {
		p = &neighbour{first: ex.Gen}
	}
	for i := range ex.Frames {
		if ex.Gen == p.first && p.has(ex.Frames[i].Round) {
			continue
		}
		f := p.frame()
		f.Frame = ex.Frames[i]
		f.Frame.Slice, f.Frame.Delta = nil, nil // they are the sender's memory
		raw := &ex.Frames[i]
		if f.slice, err = raw.Decode(r.set.Compression, len(r.hat), &f.values, f.slice); err != nil {
			return err
		}
		if f.Round > round || (f.Prev == nil) != (f.Round == ex.Gen) {
			return &update.Refused{Reason: update.ReasonMalformed, Detail: "a frame of another round than the update's", From: from}
		}
		frames = append(frames, f)
	}
	if ex.Gen != p.first {
		p.leave(ex.Gen)
	}
	r.peers[from] = p
	p.heard = heard
	for _, f := range frames {
		p.keep(f)
	}
	return nil
}

// leave forgets the neighbour's replica, of which another begins.
func (p *neighbour) leave(first uint32) {
	p.first, p.holds, p.filled = first, nothing, 0
	p.spare, p.pending = append(p.spare, p.pending...), p.pending[:0]
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
	return slices.BinarySearchFunc(p.pending, round, func(f *frame, round uint32) int { return cmp.Compare(f.Round, round) })
}

// frame returns memory for a frame.
func (p *neighbour) frame() *frame {
	n := len(p.spare)
	if n == 0 {
		return &frame{}
	}
	f := p.spare[n-1]
	p.spare = p.spare[:n-1]
	return f
}

// keep keeps a frame until those before it have come. Where there are too many,
// the last one goes: it is sent again.
func (p *neighbour) keep(f *frame) {
	at, found := p.find(f.Round)
	if found || p.holds != nothing && int64(f.Round) <= p.upto {
		return
	}
	p.pending = slices.Insert(p.pending, at, f)
	if len(p.pending) > maxPending {
		p.spare = append(p.spare, p.pending[maxPending])
		p.pending = p.pending[:maxPending]
	}
}

// settle begins the replica where the frames that have come allow it, and gives it
// up where one is missing that will not come any more.
func (p *neighbour) settle(r *replicas) {
	if p.holds != nothing && p.next() == nil && len(p.pending) > window {
		p.leave(p.first)
	}
	if p.holds == nothing {
		p.beginReplica(r)
	}
	for p.holds == filling && p.next() != nil {
		p.advance()
	}
}

// beginReplica begins with the first frame of all, which follows the initial model,
// or with the first slice.
func (p *neighbour) beginReplica(r *replicas) {
	for i, f := range p.pending {
		whole := f.Prev == nil
		if !whole && (f.From > 0 || len(f.slice) == 0) {
			continue
		}
		p.drop(i)
		p.theirs.x = append(p.theirs.x[:0], r.hat...) // for its length
		r.initial(p.theirs.x)
		p.theirs.covered, p.upto, p.since, p.filled = 0, f.before(), int64(f.Round), 0
		p.holds = filling
		if whole {
			p.holds = exact
			if len(f.slice) == 0 {
				p.theirs.covered = len(p.theirs.x)
			}
		}
		return
	}
	p.drop(len(p.pending) - 1) // all but the last, which a slice may follow
}

// drop drops the first frames that wait.
func (p *neighbour) drop(n int) {
	if n > 0 {
		p.spare = append(p.spare, p.pending[:n]...)
		p.pending = slices.Delete(p.pending, 0, n)
	}
}

// before returns the round of the frame that this one follows.
func (f *frame) before() int64 {
	if f.Prev == nil {
		return int64(f.Round) - 1
	}
	return int64(*f.Prev)
}

// next returns the frame that follows those in the replica, nil if it has not come.
func (p *neighbour) next() *frame {
	if len(p.pending) == 0 || p.pending[0].before() != p.upto {
		return nil
	}
	return p.pending[0]
}

// advance takes the next frame into the replica and returns it, until the next call.
func (p *neighbour) advance() *frame {
	f := p.pending[0]
	p.drop(1)
	p.theirs.apply(f)
	p.upto = int64(f.Round)
	if p.holds != filling {
		return f
	}
	if int(f.From) == p.filled {
		p.filled += len(f.slice)
	}
	if p.filled == len(p.theirs.x) {
		p.holds, p.since = exact, int64(f.Round)+1
	}
	return f
}
