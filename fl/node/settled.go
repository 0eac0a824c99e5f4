// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// settled holds what the edges of former epochs came to. With an epoch the
// pseudonyms change, and with them the graph, so that an edge ends. What it
// contributed to the correction stays, under the handle by which the neighbour is
// recognised, for as long as that one is there; the edges of the new epoch begin
// with nothing.
//
// The sum of all corrections stays zero as long as both ends of an edge keep the
// same and count it at the same time. They keep the same, since the rounds in
// which some enter and some leave are not tracked: the last round that is, ended
// before the first of them left, so that both ends hold w (Z_j - Z_i) of it, and
// each is the other's negative to the last bit. They count it at the same time,
// since they recognise each other by a secret of both; a device that wants to be
// new to its neighbours has no such secret, and neither end keeps anything.
//
// What two ends cannot agree upon is which of their last messages was lost, or
// that one of them has left the task and is there for something else. Therefore
// what is settled fades, on both ends by the same factor in each round, and the
// edges of the epoch learn again what it leaves: an error of one end is gone to
// 1/16 after 54 rounds, whatever it was.
type settled struct {
	of    map[PeerID]*settlement // by handle, that of nobody for what a checkpoint held of all
	at    uint32                 // the round to which the values have faded
	total []float32              // what of it is in c, (params); nil before the first
}

// settlement is what the edges to one neighbour came to.
type settlement struct {
	value []float32
	added uint32 // the round in which an edge ended last
	seen  uint32 // the round in which the neighbour was recognised last, or an edge ended
	away  bool   // it is not counted before the neighbour is recognised
	met   bool   // the neighbour was recognised in this epoch
}

const (
	// fade is the share that is kept of what is settled in each round.
	fade = 0.95
	// maxSettled is how many neighbours something is kept of: as many as a device
	// can recognise, and a checkpoint's.
	maxSettled = 32
	// maxFaded is how many rounds after its last edge something is kept; a
	// millionth of it is left then.
	maxFaded = 270
)

// ofCheckpoint is the handle of nobody.
var ofCheckpoint PeerID

// add adds what an edge came to.
func (s *settled) add(handle PeerID, value []float32, round uint32) {
	e := s.of[handle]
	if e == nil {
		// A checkpoint does not say whether any of it is of those who recognise the
		// device; it waits for one who does.
		e = &settlement{value: make([]float32, len(value)), away: handle == ofCheckpoint}
		s.of[handle] = e
	}
	tensor.Axpy(1, value, e.value)
	e.added, e.seen, e.away = round, round, e.away && handle == ofCheckpoint
}

// turn ends an epoch: those who were not met in it are forgotten, as they have
// forgotten this device.
func (s *settled) turn() {
	for handle, e := range s.of {
		if !e.met {
			delete(s.of, handle)
		}
		e.met = false
	}
}

// bound forgets those seen longest ago where there are too many.
func (s *settled) bound() {
	for len(s.of) > maxSettled {
		oldest := slices.MinFunc(s.handles(), func(a, b PeerID) int { return cmp.Compare(s.of[a].seen, s.of[b].seen) })
		delete(s.of, oldest)
	}
}

// meet notes that a neighbour is recognised.
func (s *settled) meet(handle PeerID, round uint32) {
	if e := s.of[handle]; e != nil {
		e.seen, e.away, e.met = round, false, true
	}
}

// rest lets nobody grow older by a round that is not tracked.
func (s *settled) rest(round uint32) {
	for _, e := range s.of {
		if !e.away {
			e.seen = round
		}
	}
}

// sum lets everything fade up to a round, and returns the sum of what is of those
// who are there; nil where nothing was ever settled. It adds in the order of the
// handles, so that it is the same on every machine.
func (s *settled) sum(round uint32) []float32 {
	left := float32(1)
	for range min(round-s.at, maxFaded) {
		left *= fade
	}
	s.at = round
	clear(s.total)
	for _, handle := range s.handles() {
		e := s.of[handle]
		if round-e.added > maxFaded {
			delete(s.of, handle)
			continue
		}
		tensor.Scale(left, e.value)
		e.away = e.away || round-e.seen > MaxStale
		s.include(e)
	}
	return s.total
}

// count sums anew what is of those who are there, while nothing fades.
func (s *settled) count() []float32 {
	clear(s.total)
	for _, handle := range s.handles() {
		s.include(s.of[handle])
	}
	return s.total
}

func (s *settled) include(e *settlement) {
	if e.away {
		return
	}
	if s.total == nil {
		s.total = make([]float32, len(e.value))
	}
	tensor.Axpy(1, e.value, s.total)
}

func (s *settled) handles() []PeerID {
	return slices.SortedFunc(maps.Keys(s.of), func(a, b PeerID) int { return bytes.Compare(a[:], b[:]) })
}
