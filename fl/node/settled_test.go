// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"

	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// TestFades holds that what two ends do not agree upon is gone after a while, and
// what they agree upon is not missed.
func TestFades(t *testing.T) {
	c := newCrowd(t, settings(t, KGT, update.F32), 6, "ring")
	c.rounds(0, 0, 10, nil)
	c.round(10, func(from, to int) bool { return from == 0 }) // the last round of the epoch
	c.rounds(1, 11, 12, nil)
	off, _ := c.corrections()
	if off < 1e-2 {
		t.Fatalf("one direction lost leaves a sum of %.2g: this test shows nothing", off)
	}
	c.rounds(1, 12, 12+54, nil)
	if sum, _ := c.corrections(); sum > off/15 || sum < off/17 {
		t.Errorf("after 54 rounds %.2g of %.2g is left, want 1/16", sum, off)
	}
	c.rounds(1, 66, 66+maxFaded, nil)
	if s := c.nodes[0].track.settled; len(s.of) > 0 || tensor.Norm(s.total) > 0 {
		t.Errorf("after %d rounds something of %d neighbours is kept", maxFaded, len(s.of))
	}
	c.wantZero("when all has faded")
}

// TestSettlesWhatIsIn holds that an edge that was on the graph no more when the
// epoch ended, and one to somebody who was not recognised, leave nothing.
func TestSettlesWhatIsIn(t *testing.T) {
	tr := newTracker(1, trackSums)
	tr.enter(0, 7)
	edges := []Edge{{peer(1), 0.25}, {peer(2), 0.25}, {peer(3), 0.25}}
	tr.mix(7, []float32{0}, edges, map[PeerID]Vectors{peer(1): {nil, {4}}, peer(2): {nil, {8}}, peer(3): {nil, {16}}})
	tr.mix(8, []float32{0}, edges[1:], nil)
	tr.meet(0, 8, []PeerID{peer(1), peer(2), peer(3)}, func(id PeerID) (PeerID, bool) { return id, id != peer(3) })
	tr.enter(1, 9)
	if len(tr.settled.of) != 1 || tr.c[0] != 2 {
		t.Errorf("something of %d neighbours is settled, which comes to %v", len(tr.settled.of), tr.c)
	}
}

// TestSettledBound settles with more neighbours than are kept.
func TestSettledBound(t *testing.T) {
	s := settled{of: map[PeerID]*settlement{}}
	for i := range maxSettled + 5 {
		s.add(peer(i), []float32{1}, uint32(i))
	}
	s.bound()
	if len(s.of) != maxSettled || s.of[peer(4)] != nil || s.of[peer(5)] == nil {
		t.Errorf("%d are kept, or others than those seen last", len(s.of))
	}
}

// BenchmarkSettled is what a round costs beside the flows where something is kept
// of eight neighbours, 48,003 parameters each.
func BenchmarkSettled(b *testing.B) {
	s := settled{of: map[PeerID]*settlement{}}
	for i := range 8 {
		s.add(peer(i), make([]float32, 48_003), 0)
	}
	b.ReportAllocs()
	for b.Loop() {
		s.at = 0
		s.sum(1)
	}
}
