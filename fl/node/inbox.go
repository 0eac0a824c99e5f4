// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"

	"github.com/vecino-edge/vecino/fl/update"
)

// Reasons for which an update is refused besides those of package update.
const (
	ReasonStranger = "not-a-neighbour" // the sender is none on this round's graph
	ReasonLate     = "late"            // its round is over
	ReasonFuture   = "future"          // its round is not yet to come
	ReasonFull     = "early-full"      // more updates for later rounds than there are neighbours
)

// maxEarly bounds the updates that are kept for later rounds: one for each
// neighbour that a device can have.
const maxEarly = 32

// inbox joins the parts that arrive and keeps one update of each neighbour for
// the round under way, and one of each sender for a later round, since clocks
// differ. Refuse is told of what is not taken.
type inbox struct {
	want      update.Want
	collector *update.Collector
	refuse    func(error)

	round      int64             // under way; -1 before the first
	neighbours map[PeerID]bool   // in it; nil while it is sat out
	arrived    map[PeerID]Update // for it
	early      map[PeerID]later
}

// later is an update for a round to come.
type later struct {
	round  uint32
	update Update
}

func newInbox(want update.Want, round int64, refuse func(error)) *inbox {
	return &inbox{
		want: want, collector: update.NewCollector(0), refuse: refuse,
		round: round, arrived: map[PeerID]Update{}, early: map[PeerID]later{},
	}
}

// open begins a round, with what came early for it.
func (b *inbox) open(round uint32, edges []Edge) {
	b.round, b.neighbours = int64(round), make(map[PeerID]bool, len(edges))
	for _, e := range edges {
		b.neighbours[e.Peer] = true
	}
	for from, u := range b.early {
		if u.round <= round {
			delete(b.early, from)
		}
		if u.round == round {
			b.keep(from, u.update)
		}
	}
}

// close ends the round and returns what arrived for it.
func (b *inbox) close() map[PeerID]Update {
	arrived := b.arrived
	b.neighbours, b.arrived = nil, map[PeerID]Update{}
	b.collector.Forget(uint32(b.round))
	return arrived
}

// take takes a part of an update. Now is the round by the clock, which is ahead
// of the round under way while training holds that one up.
func (b *inbox) take(in Inbound, now int64) {
	done, err := b.join(in, now)
	if err != nil {
		b.refuse(err)
	}
	if done == nil {
		return
	}
	u := Update{Vectors: done.Vectors, Exchange: done.Exchange}
	switch from := PeerID(done.From); {
	case int64(done.Round) > b.round:
		b.keepEarly(from, later{done.Round, u})
	case int64(done.Round) < b.round || b.neighbours == nil:
		b.refuse(late(done.From, done.Round))
	default:
		b.keep(from, u)
	}
}

// join returns the update that the part completes, if it does.
func (b *inbox) join(in Inbound, now int64) (*update.Complete, error) {
	if in.Shard != nil {
		return b.collector.Shard(*in.Shard)
	}
	switch round := int64(in.Round); {
	case round < b.round:
		return nil, late(in.From, in.Round)
	case round > max(b.round, now)+1:
		return nil, &update.Refused{Reason: ReasonFuture, Detail: fmt.Sprintf("round %d", in.Round), From: in.From}
	case round == b.round && b.neighbours == nil:
		return nil, nil // honest mail of a round that is sat out
	case round == b.round && !b.neighbours[in.From]:
		return nil, &update.Refused{Reason: ReasonStranger, From: in.From}
	}
	return b.collector.Header(in.From, in.Round, in.Header, b.want)
}

func late(from PeerID, round uint32) *update.Refused {
	return &update.Refused{Reason: ReasonLate, Detail: fmt.Sprintf("round %d", round), From: from}
}

// keep keeps the first update of a neighbour for the round under way.
func (b *inbox) keep(from PeerID, u Update) {
	_, again := b.arrived[from]
	switch {
	case !b.neighbours[from]:
		b.refuse(&update.Refused{Reason: ReasonStranger, From: from})
	case again:
		b.refuse(&update.Refused{Reason: update.ReasonDuplicate, From: from})
	default:
		b.arrived[from] = u
	}
}

// keepEarly keeps the latest update of a sender for a round to come.
func (b *inbox) keepEarly(from PeerID, u later) {
	old, known := b.early[from]
	switch {
	case known && old.round >= u.round:
		b.refuse(&update.Refused{Reason: update.ReasonDuplicate, From: from})
	case !known && len(b.early) == maxEarly:
		b.refuse(&update.Refused{Reason: ReasonFull, From: from})
	default:
		b.early[from] = u
	}
}
