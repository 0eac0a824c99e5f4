// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

const joiner = 3 // the node that comes late, of four

// pull lets three of four nodes learn for a while, and then the fourth come in,
// as enter says. It returns how far that moves the three in the rounds after,
// beside where they would be without it, as a share of the way that they have
// gone, and how far from them the fourth is at the end.
func pull(t *testing.T, set Settings, enter func(n *Node)) (moved, apart float64) {
	t.Helper()
	const before, after = 30, 4
	start := make([]float32, set.Model.Size())
	set.Model.Init(start, set.Seed)
	with, without := newCrowd(t, set, joiner+1, "full"), newCrowd(t, set, joiner+1, "full")
	for round := range uint32(before) {
		with.round(round, nil, joiner)
		without.round(round, nil, joiner)
	}
	way := distance(with.nodes[0].x, start)
	enter(with.nodes[joiner])
	for round := range uint32(after) {
		with.round(before+round, nil)
		without.round(before+round, nil, joiner)
		for i := range joiner {
			moved = max(moved, distance(with.nodes[i].x, without.nodes[i].x)/way)
		}
	}
	return moved, distance(with.nodes[joiner].x, with.nodes[0].x) / way
}

// TestLateJoiner holds that one who joins late does not set the others back, and
// is where they are soon after.
func TestLateJoiner(t *testing.T) {
	for _, k := range kinds {
		for _, fixed := range []bool{true, false} {
			set := settings(t, k.algorithm, k.quant)
			set.FixedGraph = fixed
			moved, apart := pull(t, set, (*Node).Late)
			if moved > 0.05 || apart > 0.05 {
				t.Errorf("%s, fixed %v: the others are moved by %.1f %% of their way, the joiner is %.1f %% away", k.name, fixed, 100*moved, 100*apart)
			}
			if moved, _ := pull(t, set, func(*Node) {}); moved < 0.15 {
				t.Errorf("%s, fixed %v: one who is not told that it is late moves the others by %.1f %% only: this test shows nothing", k.name, fixed, 100*moved)
			}
		}
	}
}

// TestRestarted holds the same of a node that comes back with a checkpoint of
// long ago, and that its correction goes on from there.
func TestRestarted(t *testing.T) {
	for _, fixed := range []bool{true, false} {
		set := settings(t, KGT, update.F32)
		set.FixedGraph = fixed
		c := newCrowd(t, set, 4, "full")
		for round := range uint32(10) {
			c.round(round, nil)
		}
		saved := c.nodes[joiner].Checkpoint(ID{1}, 9)
		correction := slices.Clone(c.nodes[joiner].track.c)
		for round := range uint32(30) {
			c.round(10+round, nil, joiner)
		}
		back := New(set, uneven(joiner), nil, 99)
		if _, err := back.Restore(ID{1}, saved); err != nil {
			t.Fatal(err)
		}
		back.Late()
		c.nodes[joiner] = back
		apart := distance(back.x, c.nodes[0].x)
		c.round(40, nil)
		if d, size := distance(back.track.c, correction), tensor.Norm(correction); d > 1e-4*size {
			t.Errorf("fixed %v: the correction is off by %.2g of %.2g", fixed, d, size)
		}
		if d := distance(back.x, c.nodes[0].x); d > apart/5 {
			t.Errorf("fixed %v: the node is %.2g from the others, %.2g before", fixed, d, apart)
		}
		others := slices.Clone(c.nodes[0].x)
		c.round(41, nil)
		if d := distance(others, c.nodes[0].x); d > apart/5 {
			t.Errorf("fixed %v: the others are moved by %.2g, and the node was %.2g away", fixed, d, apart)
		}
	}
}

// TestListens holds how long a node that is late waits for somebody to hear, and
// that it sends and learns nothing meanwhile.
func TestListens(t *testing.T) {
	c := newCrowd(t, settings(t, KGT, update.F32), 4, "full")
	n := c.nodes[joiner]
	for round := range uint32(10) {
		c.round(round, nil, joiner)
	}
	deaf := func(from, to int) bool { return to == joiner }
	n.Late()
	start := slices.Clone(n.x)
	for round := range uint32(maxListen) {
		if !n.Listens() {
			t.Fatalf("it listens for %d rounds only", round)
		}
		c.round(10+round, deaf)
		if c.sent[joiner].said() || !sameBits(n.x, start) {
			t.Fatal("one who listens takes part")
		}
	}
	if n.Listens() {
		t.Errorf("it listens for more than %d rounds where nobody is heard", maxListen)
	}
	n.Late()
	c.round(20, deaf)
	c.round(21, func(from, to int) bool { return to == joiner && from != 0 })
	if n.Listens() || !sameBits(n.x, c.sent[0].Vectors[0]) {
		t.Error("it does not go on from the one model that it heard")
	}
}
