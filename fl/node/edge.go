// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math/bits"
	"slices"

	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// edge is the state of the steps that both ends of an edge take alike, with the
// same numbers to the bit, so that what one takes the other gives. A step belongs to
// a round. It moves, in what was said since the last step, by the difference of the
// replicas as they are after that round.
//
// A frame names the neighbours that its sender is behind: it has not all their
// frames of the rounds before. There is a step only where both ends have a frame of
// the round and neither is behind the other, which both know from the two frames.
// Where one of these is lost, its receiver takes the step late, once it has come
// again; by then it is behind, and both rest until it is not any more. So a loss makes
// one step late. Were all taken late that fall into the delay, mixing would run off to
// infinity.
//
// What the steps came to is in the correction of both ends, and has to leave both
// where one cannot go on, since frames are missing that do not come any more. A
// session is the time in which both can. It is named by the rounds from which on the
// ends hold each other's replica, which receipts tell. An end takes up a session with
// nothing in the correction. It is not behind only in frames after an update of its
// own that told of the session, so that in each step both are in the same.
type edge struct {
	active bool
	held   int64    // the session: from that round on the neighbour holds the own replica,
	began  int64    // and from this one on the node the neighbour's
	said   bitmap   // numbers that a frame of either end has said since the last step, but for what waits
	wait   *waiting // nil: no step waits
}

// waiting is a step for which the neighbour's frame is missing.
type waiting struct {
	round        uint32
	degree, gain uint8     // that the own frame says
	mine         []float32 // the own replica after it, (params)
	covered      int       // of mine
	said         bitmap    // until the round
}

// behind returns the tags of the neighbours on the edges that the node is behind.
func (r *replicas) behind(round uint32, edges []Edge) []byte {
	b := []byte{}
	for _, e := range edges {
		if p := r.peers[e.Peer]; p == nil || !p.active || p.upto != int64(round)-1 {
			b = append(b, e.Peer[:tagSize]...)
		}
	}
	return b
}

// names reports whether a neighbour is among those that tags stand for.
func names(tags []byte, id PeerID) bool {
	for ; len(tags) >= tagSize; tags = tags[tagSize:] {
		if [tagSize]byte(tags) == [tagSize]byte(id[:]) {
			return true
		}
	}
	return false
}

// end ends a round: it takes all steps that can be taken, on x and on the flows of
// the tracker, which is nil with D-PSGD. A replica that gets longer than r.limit is
// not believed, and has to begin anew.
func (r *replicas) end(round uint32, edges []Edge, x []float32, track *tracker, trust func(PeerID) float32) {
	for _, e := range edges {
		p := r.peers[e.Peer]
		if p == nil {
			continue
		}
		p.away = -1
		if n := len(r.history); n > 0 && r.history[n-1].Round == round {
			r.expect(e.Peer, p, r.history[n-1])
		}
		p.settle(round, r)
		for p.next() != nil {
			r.arrive(p, x, func() []float32 { return track.flow(e.Peer, round) }, trust(e.Peer))
		}
		p.keepBytes()
		if p.wait != nil && p.wait.round == round {
			p.wait.mine = slices.Clone(r.hat) // which goes on
		}
		if !p.agrees(r, round) {
			track.drop(e.Peer)
		}
	}
	for id, p := range r.peers {
		if p.away++; p.away > window {
			delete(r.peers, id)
			track.drop(id)
		}
	}
}

// expect notes what the own frame of a round says, and that there may be a step.
func (r *replicas) expect(id PeerID, p *neighbour, f *frame) {
	if !p.active {
		return
	}
	p.said.mark(&r.own, int(f.From), r.slices)
	if names(f.Behind, id) {
		return
	}
	w := &waiting{said: newBitmap(len(r.hat))}
	w.round, w.degree, w.gain, w.mine, w.covered = f.Round, f.Degree, f.Gain, r.hat, r.covered
	w.said, p.said = p.said, w.said
	p.wait = w
}

// arrive takes the next frame of a neighbour, and the step that it brings.
func (r *replicas) arrive(p *neighbour, x []float32, flow func() []float32, trust float32) {
	f := p.advance(r)
	if update.CheckNorm(p.theirs.x, r.limit) != nil {
		p.leave(p.first)
		return
	}
	w := p.wait
	if w == nil || f.Round < w.round {
		said := p.said
		if w != nil {
			said = w.said
		}
		said.mark(&r.values, int(f.From), r.numbers)
		return
	}
	p.wait = nil
	if f.Round == w.round && !f.behind {
		w.said.mark(&r.values, int(f.From), r.numbers)
		r.move(w, &f.Frame, p, x, flow(), trust)
		return
	}
	p.said.join(w.said)
	p.said.mark(&r.values, int(f.From), r.numbers)
}

// agrees reports whether the session that the edge was in goes on. It takes up another
// where both ends hold each other's replica.
func (p *neighbour) agrees(r *replicas, round uint32) bool {
	held := int64(p.heard.since)
	switch {
	case p.active && p.holds == exact && p.heard.round != round: // nothing was heard that tells otherwise
		return true
	case p.holds != exact || p.heard.round != round || !p.heard.holds(r):
		p.active, p.wait = false, nil
		return false
	case p.active && p.held == held && p.began == p.since:
		return true
	}
	p.active, p.wait, p.held, p.began = true, nil, held, p.since
	p.said.fill()
	return false
}

// move moves the model, and the flow where there is one, by the difference of the
// replicas in the numbers that were said.
func (r *replicas) move(w *waiting, theirs *update.Frame, p *neighbour, x, flow []float32, trust float32) {
	degree := int(max(w.degree, theirs.Degree))
	share := trust / float32(1+degree)
	b := float32(share*replicaGain(r.set.Compression, degree)) * (float32(min(w.gain, theirs.Gain)) / 255)
	b /= float32(r.set.SGD.Rate * r.set.Schedule.Share(w.round, r.set.Rounds))
	if flow == nil || r.paused[w.round%uint32(len(r.paused))] {
		b = 0
	}
	n := min(w.covered, p.theirs.covered)
	a, c := p.theirs.x[:n], w.mine[:n]
	if w.said.full(n) {
		tensor.AddScaledDifference(x[:n], share, a, c)
		if b != 0 {
			tensor.AddScaledDifference(flow[:n], b, c, a)
		}
		return
	}
	for i, word := range w.said {
		for ; word != 0; word &= word - 1 {
			k := 64*i + bits.TrailingZeros64(word)
			if k >= n {
				return
			}
			x[k] += float32(share * float32(a[k]-c[k]))
			if b != 0 {
				flow[k] += float32(b * float32(c[k]-a[k]))
			}
		}
	}
}
