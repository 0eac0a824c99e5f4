// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math/bits"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// edge is the state of the steps that both ends of an edge take alike. A step
// belongs to a round. It takes the frames of that round, of one or both ends,
// into the replicas, and moves what they say by the difference between them.
type edge struct {
	active bool
	from   int64   // steps of rounds before it move nothing
	mine   replica // the own one, as it was after the frame of the round mineTo
	mineTo int64
	said   [2]saidLast // own and theirs
}

// saidLast is what the last frame in a replica says beside the numbers.
type saidLast struct{ degree, gain uint8 }

func (s *saidLast) set(f *frame) { s.degree, s.gain = f.Degree, f.Gain }

// end takes all steps that can be taken: on x, and on the flows of the tracker,
// which is nil with D-PSGD.
func (r *replicas) end(round uint32, edges []Edge, x []float32, track *tracker, trust func(PeerID) float32) {
	for _, e := range edges {
		p := r.peers[e.Peer]
		if p == nil {
			continue
		}
		p.away = -1
		p.settle(r)
		if p.active && !p.agrees(r) {
			p.active = false
			track.leave(e.Peer, round)
		}
		if !p.active {
			p.start(r)
		}
		if p.active {
			r.steps(round, e.Peer, p, x, track, trust(e.Peer))
			continue
		}
		// Steps begin with a round that is told late: some frames wait for it.
		for p.holds == exact && len(p.pending) > window/2 && p.next() != nil {
			p.advance()
		}
	}
	for id, p := range r.peers {
		if p.away++; p.away > window {
			delete(r.peers, id)
			track.leave(id, round)
		}
	}
}

// start begins the steps of an edge once both ends hold the other's replica, with
// the first round from whose beginning on both have them. Both find the same
// round, since each says from when on it is exact.
func (p *neighbour) start(r *replicas) {
	if p.holds != exact || len(r.history) == 0 {
		return
	}
	held, ok := p.heldSince(r)
	if !ok {
		return
	}
	oldest := r.history[0]
	p.from = max(p.since, held)
	if p.upto >= p.from || oldest.before() >= p.from {
		p.leave(p.first) // it came too late; the neighbour sees that it does, and waits
		return
	}
	p.active, p.mineTo, p.said = true, oldest.before(), [2]saidLast{}
	p.mine = replica{append(p.mine.x[:0], r.old.x...), r.old.covered}
}

// heldSince returns from which round on the neighbour has the own replica.
func (p *neighbour) heldSince(r *replicas) (since int64, ok bool) {
	switch {
	case p.heard.holds(r):
		return int64(p.heard.since), true
	case r.history[0].Prev == nil: // it has the first frame, or will get it again
		return int64(r.first), true
	}
	return 0, false
}

// agrees reports whether the neighbour takes the same steps, as far as one knows.
func (p *neighbour) agrees(r *replicas) bool {
	if p.holds != exact || len(r.history) == 0 {
		return false
	}
	held, ok := p.heldSince(r)
	if ok && max(p.since, held) != p.from || !ok && p.heard.of(r) {
		return false
	}
	if p.mineTo < r.history[0].before() { // frames are forgotten that the edge still needs
		p.leave(p.first)
		return false
	}
	return true
}

// steps takes the steps for which the frames of both ends are there.
func (r *replicas) steps(round uint32, id PeerID, p *neighbour, x []float32, track *tracker, trust float32) {
	at := 0 // in the history
	for at < len(r.history) && int64(r.history[at].Round) <= p.mineTo {
		at++
	}
	for {
		theirs := p.next()
		if theirs == nil {
			return
		}
		step := theirs.Round
		var own *frame
		if at < len(r.history) && r.history[at].Round <= step {
			own, step = r.history[at], r.history[at].Round
			at++
		}
		clear(r.said)
		if own != nil {
			p.mine.apply(own)
			p.mineTo = int64(own.Round)
			p.said[0].set(own)
			own.says(r.said)
		}
		if theirs.Round == step {
			p.advance()
			p.said[1].set(theirs)
			theirs.says(r.said)
		}
		if int64(step) >= p.from {
			r.move(step, p, x, track.flow(id, round), trust)
		}
	}
}

// move moves the model, and the flow where there is one, by the difference of the
// replicas in the numbers that were said.
func (r *replicas) move(step uint32, p *neighbour, x, flow []float32, trust float32) {
	own, theirs := &p.said[0], &p.said[1]
	if own.degree == 0 || theirs.degree == 0 {
		return // an end has said nothing yet
	}
	w := trust / float32(1+int(max(own.degree, theirs.degree)))
	b := float32(w*replicaGain(r.set.Compression)) * (float32(min(own.gain, theirs.gain)) / 255)
	b /= float32(r.set.SGD.Rate * r.set.Schedule.Share(step, r.set.Rounds))
	if flow == nil || r.paused[step%uint32(len(r.paused))] {
		b = 0
	}
	n := min(p.mine.covered, p.theirs.covered)
	a, c := p.theirs.x[:n], p.mine.x[:n]
	if r.said.full(n) {
		tensor.AddScaledDifference(x[:n], w, a, c)
		if b != 0 {
			tensor.AddScaledDifference(flow[:n], b, c, a)
		}
		return
	}
	for i, word := range r.said {
		for ; word != 0; word &= word - 1 {
			k := 64*i + bits.TrailingZeros64(word)
			if k >= n {
				return
			}
			x[k] += float32(w * float32(a[k]-c[k]))
			if b != 0 {
				flow[k] += float32(b * float32(c[k]-a[k]))
			}
		}
	}
}

// full reports whether the first n numbers are all in.
func (b bitmap) full(n int) bool {
	for i := range n / 64 {
		if b[i] != ^uint64(0) {
			return false
		}
	}
	rest := n % 64
	return rest == 0 || bits.TrailingZeros64(^b[n/64]) >= rest
}
