// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"maps"
	"math"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/node"
)

// TestBudget holds that a task ends on a device with the round in which one of its
// budgets is spent, that the others go on, and that it does not come back.
func TestBudget(t *testing.T) {
	for name, tt := range map[string]struct {
		budget node.Budget
		want   string
		rounds uint32 // each costs 3 s, 6 J and some bytes
	}{
		"seconds": {node.Budget{Seconds: 9}, "its budget of 9 seconds of processor time is spent", 3},
		"joules":  {node.Budget{Joules: 15}, "its budget of 15 joules is spent", 3},
		"bytes":   {node.Budget{Bytes: 250}, "its budget of 250 bytes is spent", 0},
		"several": {node.Budget{Bytes: 1 << 40, Seconds: 1000, Joules: 1}, "its budget of 1 joules is spent", 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *square, settle settler) {
				other := settle(0, nil)
				r := settle(1, func(_ *resident, o *Options) { o.Meter = costing(time.Second, 2) })
				p := plan()
				p.Rounds, p.Budget = 60, tt.budget
				task := r.start(p)
				sleep(time.Second)
				other.wantState(Running)
				sleepUntil(task, 20, time.Second)
				st := r.Status()
				rounds := tt.rounds
				if rounds == 0 {
					rounds = uint32(math.Ceil(250 / float64(st.PayloadBytes)))
				}
				if st.State != Spent || st.Ended != tt.want || st.Round != rounds || st.Error != "" {
					t.Errorf("%+v", st)
				}
				if want := (SpentInfo{Bytes: uint64(rounds) * uint64(st.PayloadBytes), Seconds: 3 * float64(rounds), Joules: 6 * float64(rounds)}); st.Spent != want {
					t.Errorf("%+v, want %+v", st.Spent, want)
				}
				if name != "bytes" {
					other.wantState(Running) // it cannot measure joules, and has other seconds
				}
				sleep(2 * tellEvery)
				r.end()
				r.again()
				sleep(2 * tellEvery)
				if after := r.Status(); after.State != Spent || after.Spent != st.Spent {
					t.Errorf("after a restart: %+v", after)
				}
			})
		})
	}
}

// costing returns a meter by which each piece of work costs the same.
func costing(cpu time.Duration, joules float64) func() func() node.Cost {
	return func() func() node.Cost {
		return func() node.Cost { return node.Cost{CPU: cpu, Wall: cpu, Joules: joules} }
	}
}

// TestBudgetOverPowerCut cuts the power in each of the rounds of a task: what was
// spent before is never forgotten, and a cut costs a 64th of the budget at most.
func TestBudgetOverPowerCut(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		change := func(_ *resident, o *Options) {
			o.CheckpointEvery = time.Hour
			o.Meter = costing(33*time.Millisecond, 0) // 99 ms a round
		}
		r := settle(0, change)
		p := plan()
		p.Rounds, p.Budget.Seconds = 1000, 64 // of which a part is 1 s
		task := r.start(p)
		last := 0.0
		for round := uint32(3); round < 60; round += 3 {
			sleepUntil(task, round, time.Second)
			before := r.Status().Spent.Seconds
			cut := maps.Clone(r.disk.files)
			r.end()
			r.disk.files = cut
			r.member = r.member.square.join(r.i)
			r.begin(change)
			after := r.Status().Spent.Seconds
			if after < before || after > before+1 {
				t.Errorf("round %d: %v s are spent, %v after the cut", round, before, after)
			}
			if last = before; round > 40 && last < 4 {
				t.Errorf("round %d: only %v s are spent", round, last)
			}
		}
	})
}

// TestNobodyMeasures holds that what is not known of a round is not counted.
func TestNobodyMeasures(t *testing.T) {
	var s spent
	for _, joules := range []float64{math.NaN(), math.Inf(1), -1, 0} {
		s.add(0, -time.Second, joules)
	}
	if s != (spent{}) {
		t.Errorf("%+v", s)
	}
	s.add(7, time.Microsecond, 0.0001)
	if s != (spent{Bytes: 7, Millis: 1, Millij: 1}) {
		t.Errorf("%+v", s)
	}
	if why := s.over(node.Budget{}); why != "" {
		t.Errorf("without a budget %s", why)
	}
}
