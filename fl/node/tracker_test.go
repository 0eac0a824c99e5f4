// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
	"pgregory.net/rapid"
)

// TestCumulativeIsIncremental holds that the flows of Z give what the paper's
// update gives, on a graph that stays the same and loses nothing: for nodes
// that learn, so that an error would be fed back.
func TestCumulativeIsIncremental(t *testing.T) {
	for _, topo := range []string{"ring", "full", "star"} {
		set := settings(t, KGT, update.F32)
		cumulative := newCrowd(t, set, 6, topo)
		set.FixedGraph = false
		incremental := newCrowd(t, set, 6, topo)
		for _, n := range incremental.nodes {
			n.track.leak = 0
		}
		plain := newCrowd(t, settings(t, DPSGD, update.F32), 6, topo)
		for round := range uint32(12) {
			cumulative.round(round, nil)
			incremental.round(round, nil)
			plain.round(round, nil)
		}
		for i, n := range cumulative.nodes {
			other := incremental.nodes[i]
			if d, size := distance(n.track.c, other.track.c), tensor.Norm(other.track.c); d > 1e-4*size {
				t.Errorf("%s: node %d: the corrections differ by %.2g of %.2g", topo, i, d, size)
			}
			if d, apart := distance(n.x, other.x), distance(n.x, plain.nodes[i].x); d > 1e-4*apart {
				t.Errorf("%s: node %d: the models differ by %.2g, and by %.2g without any correction", topo, i, d, apart)
			}
		}
	}
}

// TestCorrectionsSumToZero draws losses that strike both directions of an edge:
// the sum of all corrections stays zero, so that the mean of all models moves as
// without corrections.
func TestCorrectionsSumToZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCrowd(t)
		for round := range uint32(rapid.IntRange(1, 12).Draw(t, "rounds")) {
			lost := drawLosses(t, len(c.nodes), true)
			c.round(round, lost)
			if sum, size := c.corrections(); sum > 1e-5*(size+1) {
				t.Fatalf("round %d: the corrections sum to %.2g, their sizes to %.2g", round, sum, size)
			}
		}
	})
}

// TestCorrectionsRecover draws losses that strike one direction alone. Once a
// round loses nothing, the sum is zero again.
func TestCorrectionsRecover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCrowd(t)
		rounds := uint32(rapid.IntRange(1, 8).Draw(t, "rounds"))
		for round := range rounds {
			c.round(round, drawLosses(t, len(c.nodes), false))
		}
		c.round(rounds, nil)
		if sum, size := c.corrections(); sum > 1e-5*(size+1) {
			t.Fatalf("the corrections sum to %.2g, their sizes to %.2g", sum, size)
		}
	})
}

// TestIncrementalDoesNotRecover holds what the flows are for, and the leak: the
// paper's form keeps the error of a loss for ever.
func TestIncrementalDoesNotRecover(t *testing.T) {
	off := func(fixed bool, leak float32, rounds uint32) float64 {
		set := settings(t, KGT, update.F32)
		set.FixedGraph = fixed
		c := newCrowd(t, set, 6, "ring")
		for _, n := range c.nodes {
			n.track.leak = leak
		}
		c.round(0, func(from, to int) bool { return from == 0 })
		for round := range rounds {
			c.round(1+round, nil)
		}
		sum, _ := c.corrections()
		return sum
	}
	if got := off(true, 0, 10); got > 1e-4 {
		t.Errorf("flows: the sum is %.2g", got)
	}
	before := off(false, 0, 0)
	if got := off(false, 0, 200); math.Abs(got-before) > 1e-3*before {
		t.Errorf("the paper's form: the sum was %.2g after the loss and is %.2g", before, got)
	}
	if got, want := off(false, leak, 200), before*math.Pow(1-leak, 200); math.Abs(got-want) > 0.01*before {
		t.Errorf("with the leak: the sum was %.2g after the loss and is %.2g, want %.2g", before, got, want)
	}
}

func drawCrowd(t *rapid.T) *crowd {
	q := rapid.SampledFrom([]update.Quant{update.F32, update.Q8}).Draw(t, "quant")
	topo := rapid.SampledFrom([]string{"ring", "full", "star", "regular:3"}).Draw(t, "topology")
	return newCrowd(t, settings(t, KGT, q), 6, topo)
}

func drawLosses(t *rapid.T, n int, both bool) func(from, to int) bool {
	share := rapid.SampledFrom([]float64{0, 0.3, 0.7, 1}).Draw(t, "share of losses")
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "losses"), 0))
	lost := make([]bool, n*n)
	for i := range lost {
		lost[i] = r.Float64() < share
	}
	return func(from, to int) bool {
		if both {
			from, to = min(from, to), max(from, to)
		}
		return lost[from*n+to]
	}
}

// TestMaxStale holds how long a silent neighbour's flow lasts, and that one that
// leaves the graph takes its own with it.
func TestMaxStale(t *testing.T) {
	fresh := func() (*tracker, []Edge) {
		tr := newTracker(2, trackSums)
		edges := []Edge{{peer(1), 0.25}, {peer(2), 0.25}}
		tr.mix(7, []float32{0, 0}, edges, map[PeerID]Vectors{
			peer(1): {nil, {4, 0}}, peer(2): {nil, {0, 8}},
		})
		return tr, edges
	}
	tr, edges := fresh()
	if !slices.Equal(tr.c, []float32{1, 2}) {
		t.Fatalf("correction %v", tr.c)
	}
	for round := uint32(8); round <= 7+MaxStale+1; round++ {
		tr.mix(round, []float32{0, 0}, edges, map[PeerID]Vectors{peer(2): {nil, {0, 4}}})
		want := []float32{1, 1}
		if round > 7+MaxStale {
			want[0] = 0
		}
		if !slices.Equal(tr.c, want) {
			t.Errorf("round %d: correction %v, want %v", round, tr.c, want)
		}
	}
	tr, edges = fresh()
	tr.mix(8, []float32{0, 0}, edges[:1], nil)
	if !slices.Equal(tr.c, []float32{1, 0}) {
		t.Errorf("without the second edge: correction %v", tr.c)
	}
	tr.mix(9, []float32{0, 0}, edges, nil)
	if !slices.Equal(tr.c, []float32{1, 2}) {
		t.Errorf("with the second edge again: correction %v", tr.c)
	}
	tr.mix(11, []float32{0, 0}, nil, nil)
	if len(tr.flows) > 0 {
		t.Errorf("%d flows are kept", len(tr.flows))
	}
}

// TestCarried holds that the correction of a checkpoint goes on until a
// neighbour is heard, and not for longer than a silent one's.
func TestCarried(t *testing.T) {
	edges := []Edge{{peer(1), 0.25}}
	fresh := func() *tracker {
		tr := newTracker(1, trackSums)
		tr.mix(6, []float32{0}, edges, map[PeerID]Vectors{peer(1): {nil, {8}}})
		tr.restore([]float32{5}, []float32{2}, nil, nil, 7)
		return tr
	}
	tr := fresh()
	for round := uint32(8); round <= 7+MaxStale+1; round++ {
		tr.mix(round, []float32{2}, edges, nil)
		want := float32(5)
		if round > 7+MaxStale {
			want = 0
		}
		if tr.c[0] != want {
			t.Errorf("round %d: correction %v, want %v", round, tr.c, want)
		}
	}
	tr = fresh()
	tr.mix(8, []float32{2}, edges, map[PeerID]Vectors{peer(1): {nil, {6}}})
	tr.mix(9, []float32{2}, edges, nil)
	if tr.c[0] != 1 {
		t.Errorf("after the neighbour is heard: correction %v, want 1", tr.c)
	}
}
