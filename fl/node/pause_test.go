// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// How long a node of the crowd pauses, and what that may cost the others.
const (
	pauseFrom, pauseTo = 20, 80
	pauseSlack         = 1.1 // of the loss that they would have with all
)

// pausing lets six nodes learn of whom the first pauses, by how, and returns the mean
// loss of the five others on rows of all classes: when the pause ends, and 40 rounds
// later.
func pausing(t *testing.T, set Settings, how func(c *crowd, round uint32)) (during, after float64) {
	t.Helper()
	test := points(400, 77)
	c := newCrowd(t, set, 6, "full")
	loss := func() (mean float64) {
		for _, n := range c.nodes[1:] {
			mean += must(n.Score(test, c.ws))(t).Loss / 5
		}
		return mean
	}
	for round := range uint32(pauseFrom) {
		c.round(round, nil)
	}
	for round := uint32(pauseFrom); round < pauseTo; round++ {
		how(c, round)
	}
	during = loss()
	for round := uint32(pauseTo); round < pauseTo+40; round++ {
		c.round(round, nil)
	}
	return during, loss()
}

// sitOut is a pause as the runner makes it.
func sitOut(c *crowd, round uint32) {
	c.round(round, nil, 0)
	if round == pauseTo-1 {
		c.nodes[0].Missed(pauseTo - pauseFrom)
	}
}

// stand is the pause that is not: the first node sends its model as it is.
func stand(c *crowd, round uint32) {
	sent := make([]Update, len(c.nodes))
	for i, n := range c.nodes {
		if i == 0 {
			copy(n.y, n.x)
			sent[i] = n.dense.begin(n, n.sgd(round).Rate)
			continue
		}
		sent[i] = must(n.Begin(round, c.edges(i), c.ws))(c.t)
	}
	for i, n := range c.nodes {
		for _, e := range c.edges(i) {
			if err := n.Receive(e.Peer, c.id(i), round, sent[e.Peer[0]-1]); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	for i, n := range c.nodes {
		n.End(round, c.edges(i), c.ws)
	}
}

// TestPauseDoesNotBias holds that a device that pauses costs the others nothing but
// its rows, and is with them again afterwards; and that one which stands still holds
// them up.
func TestPauseDoesNotBias(t *testing.T) {
	for _, a := range []Algorithm{KGT, DPSGD} {
		set := settings(t, a, update.F32)
		all, later := pausing(t, set, func(c *crowd, round uint32) { c.round(round, nil) })
		during, after := pausing(t, set, sitOut)
		if during > pauseSlack*all || after > pauseSlack*later {
			t.Errorf("%v: a loss of %.3f and later %.3f, where all take part %.3f and %.3f", a, during, after, all, later)
		}
		if held, _ := pausing(t, set, stand); a == KGT && held < 1.5*all {
			t.Errorf("one that stands still holds the others at a loss of %.3f only, they have %.3f without: this test shows nothing", held, all)
		}
	}
}

// gate is closed in some rounds.
func gate(d *device, closed ...uint32) {
	d.Gate = func() (bool, string) {
		return !slices.Contains(closed, uint32(d.Task.RoundAt(time.Now()))), "71 °C, above 70 °C"
	}
}

func span(from, to uint32) (rounds []uint32) {
	for r := from; r < to; r++ {
		rounds = append(rounds, r)
	}
	return rounds
}

// TestRunnerPauses holds what a pause looks like from within and from without: the
// device says nothing and the others are one fewer; afterwards it listens for a round
// if it has missed more than it may, and takes part again.
func TestRunnerPauses(t *testing.T) {
	for name, tt := range map[string]struct {
		closed []uint32
		quiet  []uint32 // rounds in which the device says nothing
	}{
		"long":            {span(5, 12), span(5, 13)},
		"from the start":  {span(0, 4), span(0, 5)},
		"a round at most": {[]uint32{4, 7, 10}, []uint32{4, 7, 10}},
		"never":           {nil, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			task := soon(24)
			all := devices(t, newStreet(), task, 4)
			gate(all[3], tt.closed...)
			startAll(all)
			waitAll(t, all)
			var silent, paused []uint32
			for i, r := range all[3].reports {
				if r.Round != uint32(i) {
					t.Fatalf("%s: report %d is of round %d", name, i, r.Round)
				}
				if r.Payload == 0 {
					silent = append(silent, r.Round)
				}
				if r.Paused != "" {
					paused = append(paused, r.Round)
				}
				before := unscored
				if i > 0 {
					before = all[3].reports[i-1].Score
				}
				if r.Paused != "" && (!cmp.Equal(before, r.Score, cmpopts.EquateNaNs()) || r.Heard != 0) {
					t.Errorf("%s: round %d: it pauses and reports %+v", name, r.Round, r)
				}
			}
			if d := cmp.Diff(tt.closed, paused); d != "" {
				t.Errorf("%s: -closed +paused:\n%s", name, d)
			}
			if d := cmp.Diff(tt.quiet, silent); d != "" {
				t.Errorf("%s: -want +silent:\n%s", name, d)
			}
			for i, d := range all[:3] {
				for _, r := range d.reports {
					want := 3
					if slices.Contains(tt.quiet, r.Round) {
						want = 2
					}
					if r.Heard != want || len(d.refused) > 0 {
						t.Errorf("%s: device %d, round %d: heard %d of %d, refused %v", name, i, r.Round, r.Heard, want, d.refused)
					}
				}
			}
			if d, size := distance(all[3].Node.x, all[0].Node.x), tensor.Norm(all[0].Node.x); d > 0.05*size {
				t.Errorf("%s: it ends %.2g away from another, whose model is %.2g long", name, d, size)
			}
		})
	}
}

// TestPauseWithSleep holds that rounds which the clock leaves out and those that are
// sat out count together.
func TestPauseWithSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := soon(10)
		d := newDevice(t, newStreet(), task, 0)
		r := d.Runner
		gate(d, 3)
		time.Sleep(time.Until(task.RoundStart(3)))
		if !r.rests(3) || r.catchUp(4) != 4 || r.missed != 1 {
			t.Fatalf("%d rounds missed", r.missed)
		}
		time.Sleep(time.Until(task.RoundStart(5)))
		if round := r.catchUp(4); round != 5 || r.missed != 2 {
			t.Fatalf("round %d, %d missed", round, r.missed)
		}
		if r.rests(5) || r.Node.Listens() {
			t.Fatal("it rests, or listens before it is told")
		}
		if r.back(); !r.Node.Listens() || r.missed != 0 {
			t.Error("two rounds are missed and the node is not late")
		}
	})
}

// TestPauseInSums holds that one who pauses in a task of sums submits nothing and has
// the common model all the same.
func TestPauseInSums(t *testing.T) {
	for _, a := range []Algorithm{KGT, DPSGD} {
		synctest.Test(t, func(t *testing.T) {
			task := quietSoon(16, Private, a)
			all, _ := singers(t, newStreet(), task, 4)
			gate(all[3], span(4, 10)...)
			startAll(all)
			waitAll(t, all)
			for i, d := range all {
				if !sameBits(d.Node.x, all[0].Node.x) || d.Node.shared.unsure || len(d.refused) > 0 {
					t.Errorf("%v: device %d: another model, or unsure %v, refused %v", a, i, d.Node.shared.unsure, d.refused)
				}
			}
			for _, r := range all[3].reports {
				closed := r.Round >= 4 && r.Round < 10
				if (r.Payload == 0) != closed || (r.Paused != "") != closed || r.Skipped != "" || r.Heard != 3 {
					t.Errorf("%v: %+v", a, r)
				}
			}
		})
	}
}

// TestCost adds up what the pieces of a round cost.
func TestCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := soon(5)
		all := devices(t, newStreet(), task, 2)
		pieces := 0
		all[0].Meter = func() func() Cost {
			pieces++
			return func() Cost { return Cost{CPU: time.Second, Wall: 2 * time.Second, Joules: 3, Counter: "battery"} }
		}
		gate(all[0], 2)
		startAll(all)
		waitAll(t, all)
		for i, r := range all[0].reports {
			want := Cost{CPU: 3 * time.Second, Wall: 6 * time.Second, Joules: 9, Counter: "battery"} // training, mixing, scoring
			if i == 2 {
				want = Cost{}
			}
			if r.Cost != want {
				t.Errorf("round %d: %+v, want %+v", i, r.Cost, want)
			}
			if c := all[1].reports[i].Cost; c.CPU != 0 || !math.IsNaN(c.Joules) {
				t.Errorf("round %d without a meter: %+v", i, c)
			}
		}
		if pieces != 12 {
			t.Errorf("%d pieces of work were measured", pieces)
		}
	})
	c := Cost{Joules: 1, Counter: "a"}
	if c.Add(Cost{Joules: math.NaN()}); !math.IsNaN(c.Joules) || c.Counter != "a" {
		t.Errorf("known and unknown joules: %+v", c)
	}
}
