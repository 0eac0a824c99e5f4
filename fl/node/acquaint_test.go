// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
	"pgregory.net/rapid"
)

// rounds takes a crowd through the rounds of an epoch.
func (c *crowd) rounds(epoch, from, to uint32, lost func(from, to int) bool, without ...int) {
	c.t.Helper()
	c.enter(epoch, from, without...)
	for round := from; round < to; round++ {
		c.round(round, lost, without...)
	}
}

// wantZero holds that the corrections sum to zero, and are not zero themselves.
func (c *crowd) wantZero(when string) {
	c.t.Helper()
	if sum, size := c.corrections(); sum > 1e-5*(size+1) || size < 1e-2 {
		c.t.Fatalf("%s: the corrections sum to %.2g, their sizes to %.2g", when, sum, size)
	}
}

// TestCorrectionsOverEpochs draws epochs, losses that strike both directions of an
// edge, and who is new to all: the sum of all corrections stays zero.
func TestCorrectionsOverEpochs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCrowd(t)
		strangers := rapid.SliceOfN(rapid.Bool(), 6, 6).Draw(t, "strangers")
		c.stranger = func(i int) bool { return strangers[i] }
		round := uint32(0)
		for epoch := range uint32(rapid.IntRange(2, 5).Draw(t, "epochs")) {
			c.enter(epoch, round)
			for range rapid.IntRange(1, 6).Draw(t, "rounds") {
				c.round(round, drawLosses(t, len(c.nodes), true))
				if sum, size := c.corrections(); sum > 1e-5*(size+1) {
					t.Fatalf("round %d of epoch %d: the corrections sum to %.2g, their sizes to %.2g", round, epoch, sum, size)
				}
				round++
			}
		}
	})
}

// TestKept holds that a correction goes on over an edge for those who recognise
// one another, and is gone for those who do not, with what was sent of it.
func TestKept(t *testing.T) {
	c := newCrowd(t, settings(t, KGT, update.F32), 6, "ring")
	c.stranger = func(i int) bool { return i == 4 }
	c.rounds(0, 0, 12, nil)
	var known []int
	for _, e := range c.edges(1) {
		known = append(known, int(e.Peer[0])-1)
	}
	if slices.Contains(known, 4) {
		t.Fatalf("node 1 stands beside the stranger: %v", known)
	}
	before := slices.Clone(c.nodes[1].track.c)
	c.enter(1, 12)
	if d, size := distance(c.nodes[1].track.c, before), tensor.Norm(before); d > 1e-5*size {
		t.Errorf("the correction of one who is recognised changes by %.2g of %.2g", d, size)
	}
	if tr := c.nodes[4].track; tensor.Norm(tr.c) > 0 || tensor.Norm(tr.z) > 0 || len(tr.settled.of) > 0 {
		t.Errorf("of one who is new to all is left: c %.2g, Z %.2g, %d neighbours", tensor.Norm(tr.c), tensor.Norm(tr.z), len(tr.settled.of))
	}
	for i, n := range c.nodes {
		if tensor.Norm(n.track.z) > 0 {
			t.Errorf("Z of node %d goes on in the next epoch", i)
		}
	}
	c.rounds(1, 12, 14, nil)
	c.wantZero("after the edge")
}

// TestSleeper has a node sleep for a while in its epoch, over an edge, and through
// an epoch, in which the others forget it. It comes back with its correction, whose
// other end its neighbours then have.
func TestSleeper(t *testing.T) {
	for back := uint32(1); back <= 3; back++ {
		c := newCrowd(t, settings(t, KGT, update.F32), 6, "ring")
		const sleeper = 2
		c.rounds(0, 0, 6, nil)
		c.rounds(1, 6, 12, nil)
		want, kept := slices.Clone(c.nodes[sleeper].track.c), slices.Clone(c.nodes[sleeper].track.settled.total)
		round := uint32(12)
		for epoch := uint32(1); epoch <= back; epoch++ {
			c.rounds(epoch, round, round+6, nil, sleeper)
			round += 6
		}
		c.nodes[sleeper].Late()
		c.rounds(back, round, round+1, nil)
		if back < 3 { // what is settled is still kept, and fades meanwhile
			tensor.Axpy(float32(math.Pow(fade, float64(round-11)))-1, kept, want)
		}
		if d, size := distance(c.nodes[sleeper].track.c, want), tensor.Norm(want); d > 1e-3*size {
			t.Errorf("back in epoch %d the correction is off by %.2g of %.2g", back, d, size)
		}
		c.rounds(back, round+1, round+4, nil)
		c.wantZero("after it is back")
	}
}

// TestSleeperIsNew holds that one who is recognised by nobody when it comes back
// says nothing of what it was.
func TestSleeperIsNew(t *testing.T) {
	c := newCrowd(t, settings(t, KGT, update.F32), 6, "ring")
	const sleeper = 2
	c.rounds(0, 0, 10, nil)
	c.rounds(1, 10, 20, nil, sleeper)
	c.stranger = func(i int) bool { return i == sleeper } // whose pairs are lost
	c.enter(2, 20)
	c.nodes[sleeper].Late()
	c.round(20, nil)
	if got := tensor.Norm(c.nodes[sleeper].track.c); got > 1e-4 {
		t.Errorf("it comes back with a correction of %.2g", got)
	}
	c.rounds(2, 21, 24, nil)
	c.wantZero("after it is back")
}

// TestRestartAtEdge has a node restart with an edge, from a checkpoint that does
// not say whose its correction is.
func TestRestartAtEdge(t *testing.T) {
	const i, from = 3, uint32(20)
	for _, epoch := range []uint32{0, 1} { // in which the checkpoint is made
		var c *crowd
		changes := func(restart bool) (d, size float64) { // of the correction in a round
			c = newCrowd(t, settings(t, KGT, update.F32), 6, "ring")
			c.rounds(0, 0, 10, nil)
			c.rounds(1, 10, from, nil)
			before := slices.Clone(c.nodes[i].track.c)
			if restart {
				saved := c.nodes[i].Checkpoint(ID{1}, from-1)
				c.nodes[i] = New(c.nodes[0].set, uneven(i), nil, 99)
				if _, err := c.nodes[i].Restore(ID{1}, saved); err != nil {
					t.Fatal(err)
				}
			}
			c.rounds(1+epoch, from, from+1, nil)
			return distance(c.nodes[i].track.c, before), tensor.Norm(before)
		}
		usual, _ := changes(false)
		if d, size := changes(true); d > usual+size/4 {
			t.Errorf("epoch %d: the correction changes by %.2g of %.2g in a round, and by %.2g without a restart", 1+epoch, d, size, usual)
		}
		c.rounds(1+epoch, from+1, from+9, nil)
		c.wantZero("after the restart")
		c.rounds(2+epoch, from+9, from+12, nil)
		c.wantZero("an epoch later")
	}
}

// TestRecognisedLater holds that what is settled rests while a neighbour is not
// recognised, and counts again with the round in which it is, on both ends.
func TestRecognisedLater(t *testing.T) {
	c := newCrowd(t, settings(t, KGT, update.F32), 6, "ring")
	c.rounds(0, 0, 10, nil)
	c.stranger = func(i int) bool { return i == 0 }
	c.rounds(1, 10, 10+MaxStale+2, nil)
	if total := tensor.Norm(c.nodes[0].track.settled.total); total > 0 {
		t.Errorf("what is settled with nobody there comes to %.2g", total)
	}
	c.wantZero("while it is not recognised")
	c.stranger = nil
	c.round(10+MaxStale+2, nil)
	if total := tensor.Norm(c.nodes[0].track.settled.total); total < 1e-2 {
		t.Errorf("what is settled comes to %.2g after all are recognised", total)
	}
	c.wantZero("after it is recognised")
	c.stranger = func(i int) bool { return i == 0 }
	c.rounds(2, 20, 21, nil)
	c.rounds(3, 21, 22, nil)
	if n := len(c.nodes[0].track.settled.of); n > 0 {
		t.Errorf("%d neighbours that were not met for an epoch are kept", n)
	}
}

// TestPaused holds that rounds in which some enter and some leave change no
// correction, whoever hears whom, and let nothing grow older.
func TestPaused(t *testing.T) {
	c := newCrowd(t, settings(t, KGT, update.F32), 6, "ring")
	c.rounds(0, 0, 10, nil)
	pause := func(on bool) {
		for _, n := range c.nodes {
			n.track.paused = on
		}
	}
	before, z := slices.Clone(c.nodes[1].track.c), slices.Clone(c.nodes[1].track.z)
	pause(true)
	for round := uint32(10); round < 20; round++ {
		c.round(round, func(from, to int) bool { return from < to })
		if !sameBits(c.nodes[1].track.c, before) || !sameBits(c.nodes[1].track.z, z) {
			t.Fatalf("the correction changes in round %d", round)
		}
	}
	pause(false)
	c.round(20, func(from, to int) bool { return true })
	if !sameBits(c.nodes[1].track.c, before) {
		t.Error("a flow has grown old")
	}
	pause(true)
	c.stranger = func(int) bool { return true } // as they seem before they have said hello
	c.rounds(1, 21, 30, func(from, to int) bool { return from%2 == 0 })
	if d, size := distance(c.nodes[1].track.c, before), tensor.Norm(before); d > 1e-5*size {
		t.Errorf("the correction changes by %.2g of %.2g over the edge", d, size)
	}
	pause(false)
	c.round(30, func(from, to int) bool { return true })
	if got := tensor.Norm(c.nodes[1].track.settled.total); got < 1e-2 {
		t.Errorf("what is settled has grown old: %.2g of it is counted", got)
	}
	c.stranger = nil
	pause(true)
	c.nodes[5].Late()
	c.round(31, nil)
	if !c.nodes[5].Listens() {
		t.Error("one who is late begins in a round that does not say where")
	}
	pause(false)
	c.rounds(1, 32, 34, nil)
	if c.nodes[5].Listens() {
		t.Error("one who is late still listens")
	}
	c.wantZero("after the edge")
}

// TestRestartOfStranger has one that nobody recognises restart with an edge: what
// its checkpoint holds counts for nothing.
func TestRestartOfStranger(t *testing.T) {
	c := newCrowd(t, settings(t, KGT, update.F32), 6, "ring")
	c.stranger = func(i int) bool { return i == 3 }
	c.rounds(0, 0, 10, nil)
	saved := c.nodes[3].Checkpoint(ID{1}, 9)
	c.nodes[3] = New(c.nodes[0].set, uneven(3), nil, 99)
	if _, err := c.nodes[3].Restore(ID{1}, saved); err != nil {
		t.Fatal(err)
	}
	c.enter(1, 10)
	if got := tensor.Norm(c.nodes[3].track.c); got > 0 {
		t.Errorf("it begins with a correction of %.2g", got)
	}
	c.round(10, nil)
	c.wantZero("after the restart")
}

// changeable is a transport whose epoch changes while it is looked at.
type changeable struct {
	*house
	epochs []uint32 // of the calls to come; the last one stays
	asked  int
}

func (c *changeable) Epoch() (uint32, bool) {
	if len(c.epochs) == 0 {
		return 0, false
	}
	c.asked++
	epoch := c.epochs[0]
	c.epochs = c.epochs[min(1, len(c.epochs)-1):]
	return epoch, true
}

func (c *changeable) Steady(from, to time.Time) bool {
	return to.Sub(from) == roundLen && from.UTC().Minute() > 2
}

func (c *changeable) Recognised(id PeerID) (PeerID, bool) { return PeerID{255, id[0]}, id != c.id }

// TestRunnerEnters holds what the runner tells the node at a round's beginning and
// end.
func TestRunnerEnters(t *testing.T) {
	s := newStreet()
	task := soon(4)
	task.Start = uint64(time.Date(2026, 1, 1, 0, 2, 0, 0, time.UTC).UnixMilli())
	d := newDevice(t, s, task, 0)
	s.house(1)
	where := &changeable{house: s.house(0)}
	d.Transport = where
	if all, _ := d.enter(0); len(all) > 0 || d.Node.track.epoch != nil || !d.Node.track.paused {
		t.Errorf("in no epoch %d are there", len(all))
	}
	where.epochs = []uint32{7, 8}
	if all, self := d.enter(1); len(all) != 2 || all[self] != peer(0) || *d.Node.track.epoch != 8 || where.asked != 4 || d.Node.track.paused {
		t.Errorf("%d are there in epoch %d, which was asked for %d times", len(all), *d.Node.track.epoch, where.asked)
	}
	where.epochs = []uint32{9}
	if d.meet(1); len(d.Node.track.known) > 0 {
		t.Error("those of the next epoch are taken for those of this one")
	}
	where.epochs = []uint32{8}
	if d.meet(1); len(d.Node.track.known) != 1 || d.Node.track.known[peer(1)] != (PeerID{255, 2}) {
		t.Errorf("known are %v", d.Node.track.known)
	}
}
