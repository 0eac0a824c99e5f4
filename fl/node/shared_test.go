// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/update"
)

// never is a judge whom no model pleases.
func never([]float32) bool { return false }

// TestRefusedSums holds that a sum that is refused leaves the node as it was,
// and that the next good one is taken.
func TestRefusedSums(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(s *Sum)
		fits  func([]float32) bool
		want  update.Reason
	}{
		{"out of range", func(s *Sum) { s.Values[0] = 0 }, nil, ReasonSumRange},
		{"too long", func(s *Sum) {
			for i := range s.Values[:39] {
				s.Values[i] = 3 * 255
			}
		}, nil, ReasonSumNorm},
		{"absurd steps", func(s *Sum) { s.Values[40] = 255 }, nil, ReasonSumSteps},
		{"a worse model", func(*Sum) {}, never, ReasonSumLoss},
	} {
		c := newChoir(t, summed(t, KGT), 3).sing(3)
		n := c.nodes[0]
		state := func() []byte {
			kept := *n
			s := *n.shared
			s.skipped, kept.shared = 0, &s
			return kept.Checkpoint(checkpointTask, 0)
		}
		c.train()
		before := state()
		sum := c.add(0, 1, 2)
		sum.Own = true
		tt.spoil(&sum)
		if err := n.EndSum(0, []Sum{sum}, tt.fits); reason(err) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
		if !bytes.Equal(before, state()) {
			t.Errorf("%s: the node is changed", tt.name)
		}
		if n.shared.unsure != (tt.want == ReasonSumLoss) {
			t.Errorf("%s: unsure: %v", tt.name, n.shared.unsure)
		}
		c.train()
		if err := n.EndSum(0, []Sum{c.add(0, 1, 2)}, nil); err != nil || bytes.Equal(before, state()) {
			t.Errorf("%s: the next one: %v", tt.name, err)
		}
	}
}

// TestOutOfSum holds that a member whose values came too late for a sum takes it
// all the same, and says later what rounding left before.
func TestOutOfSum(t *testing.T) {
	c := newChoir(t, summed(t, KGT), 4).sing(3)
	c.train()
	late := c.nodes[3]
	residue := slices.Clone(late.shared.residue)
	sum := c.add(0, 1, 2)
	for i, n := range c.nodes {
		sum.Own = i != 3
		if err := n.EndSum(0, []Sum{sum}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !sameBits(late.x, c.nodes[0].x) || !sameBits(late.shared.residue, residue) || sameBits(c.nodes[0].shared.residue, c.nodes[0].shared.direction) {
		t.Error("it has another model, or forgot what is left to say")
	}
	if late.shared.unsure || !sameBits(late.shared.own, late.shared.direction) {
		t.Error("it does not know what it has learned")
	}
}

// TestSkippedSums holds that rounds without a sum leave the model as it is, and
// that a device learns on alone where they do not end, or nobody is there.
func TestSkippedSums(t *testing.T) {
	for _, alone := range []bool{false, true} {
		c := newChoir(t, summed(t, KGT), 3).sing(3)
		n := c.nodes[0]
		common := slices.Clone(n.x)
		for round := range MaxStale + 3 {
			before := slices.Clone(n.x)
			c.train()
			n.SkipSum(alone)
			if learned := !sameBits(before, n.x); learned != (alone || round >= MaxStale) {
				t.Errorf("alone %v, round %d: the model is changed: %v", alone, round, learned)
			}
			if corrected := n.shared.correct() != nil; corrected != (round < MaxStale) {
				t.Errorf("round %d: there is a correction: %v", round, corrected)
			}
		}
		if !sameBits(n.shared.model, common) || !n.shared.unsure {
			t.Error("the common model is changed, or the node is sure of it")
		}
		c.train()
		if err := n.EndSum(0, []Sum{c.add(0, 1, 2)}, nil); err != nil || !sameBits(n.x, n.shared.model) || n.shared.skipped != 0 {
			t.Errorf("it does not come back to the common model: %v", err)
		}
	}
}

// TestAloneBySums holds that one who is always alone learns as D-PSGD does
// alone.
func TestAloneBySums(t *testing.T) {
	set, other := summed(t, KGT), settings(t, DPSGD, update.F32)
	bySums, plain := New(set, uneven(0), nil, 1), New(other, uneven(0), nil, 1)
	for round := range uint32(6) {
		must(bySums.BeginSum(0, set.NewWorkspace()))(t)
		must(plain.Begin(0, nil, other.NewWorkspace()))(t)
		bySums.SkipSum(true)
		plain.End(round, nil, nil)
	}
	if !sameBits(bySums.x, plain.x) {
		t.Errorf("they are %.3g apart", distance(bySums.x, plain.x))
	}
}

func TestBeginSumDiverges(t *testing.T) {
	set := summed(t, KGT)
	set.SGD = model.SGD{Rate: MaxRate, Decay: 0.99, Batch: 4, Epochs: 100}
	n := New(set, uneven(0), nil, 1)
	before := slices.Clone(n.x)
	if _, err := n.BeginSum(0, set.NewWorkspace()); err == nil || !sameBits(n.x, before) {
		t.Errorf("%v", err)
	}
}

// TestRestoreSummed holds that a node that goes on from a checkpoint does as one
// that was not interrupted, bit for bit, but for what it is sure of.
func TestRestoreSummed(t *testing.T) {
	for _, a := range []Algorithm{KGT, DPSGD} {
		whole, parts := newChoir(t, summed(t, a), 4), newChoir(t, summed(t, a), 4)
		for range 4 {
			whole.sing(2)
			parts.sing(2)
			for i, n := range parts.nodes {
				fresh := New(n.set, uneven(i), nil, 1234)
				if _, err := fresh.Restore(checkpointTask, n.Checkpoint(checkpointTask, parts.round)); err != nil || !fresh.shared.unsure {
					t.Fatalf("%v, unsure %v", err, fresh.shared.unsure)
				}
				parts.nodes[i] = fresh
			}
		}
		for i := range whole.nodes {
			if !bytes.Equal(whole.nodes[i].Checkpoint(checkpointTask, 0), parts.nodes[i].Checkpoint(checkpointTask, 0)) {
				t.Errorf("%v: node %d differs", a, i)
			}
		}
	}
}

// TestRestoreSummedRefuses holds which checkpoints of sums are none.
func TestRestoreSummedRefuses(t *testing.T) {
	c := newChoir(t, summed(t, KGT), 3).sing(2)
	good := c.nodes[0].Checkpoint(checkpointTask, 1)
	victim := New(summed(t, KGT), uneven(0), nil, 7)
	before := victim.Checkpoint(checkpointTask, 0)
	for name, change := range map[string]func(c *checkpoint){
		"robust":       func(c *checkpoint) { c.Shared = nil },
		"short model":  func(c *checkpoint) { c.Shared.Model = c.Shared.Model[4:] },
		"no mean":      func(c *checkpoint) { c.Shared.Mean = nil },
		"short own":    func(c *checkpoint) { c.Shared.Own = c.Shared.Own[4:] },
		"NaN":          func(c *checkpoint) { copy(c.Shared.Residue, []byte{0, 0, 0xc0, 0x7f}) },
		"scale":        func(c *checkpoint) { c.Shared.Scale = maxScale + 1 },
		"steps":        func(c *checkpoint) { c.Shared.Steps = maxSteps + 1 },
		"sums":         func(c *checkpoint) { c.Shared.Sums = MaxRounds + 1 },
		"skipped":      func(c *checkpoint) { c.Shared.Skipped = MaxStale + 2 },
		"a correction": func(c *checkpoint) { c.Correction = c.Model },
	} {
		var plain checkpoint
		if err := checkpointDecoder.Unmarshal(good, &plain); err != nil {
			t.Fatal(err)
		}
		change(&plain)
		if _, err := victim.Restore(checkpointTask, seal(plain)); err == nil || !bytes.Equal(victim.Checkpoint(checkpointTask, 0), before) {
			t.Errorf("%s: %v, or the node is changed", name, err)
		}
	}
	robust := New(settings(t, DPSGD, update.F32), uneven(0), nil, 7)
	if _, err := robust.Restore(checkpointTask, good); err == nil {
		t.Error("a checkpoint of sums in a robust node")
	}
	if _, err := victim.Restore(checkpointTask, good); err != nil {
		t.Errorf("the unchanged one: %v", err)
	}
}
