// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/fl/update"
)

func TestSchedule(t *testing.T) {
	tests := []struct {
		s             Schedule
		round, rounds uint32
		want          float32
	}{
		{Trapezoid, 0, 100, 1}, {Trapezoid, 69, 100, 1}, {Trapezoid, 70, 100, 1}, {Trapezoid, 71, 100, 29. / 30}, {Trapezoid, 99, 100, 1. / 30},
		{Trapezoid, 150, 100, 1. / 30}, {Trapezoid, 0, 1, 1}, {Trapezoid, 1, 2, 1}, {Trapezoid, 2, 3, 1},
		{Trapezoid, MaxRounds - 1, MaxRounds, leastShare}, {Trapezoid, 5, 0, 1},
		{Constant, 99, 100, 1}, {Constant, 0, 0, 1},
	}
	for _, tt := range tests {
		if got := tt.s.Share(tt.round, tt.rounds); got != tt.want {
			t.Errorf("%v, round %d of %d: %v, want %v", tt.s, tt.round, tt.rounds, got, tt.want)
		}
	}
	for _, s := range []Schedule{Trapezoid, Constant} {
		if got, err := ParseSchedule(s.String()); err != nil || got != s {
			t.Errorf("%v is read as %v, %v", s, got, err)
		}
	}
	if _, err := ParseSchedule("cosine"); err == nil || !strings.Contains(err.Error(), "trapezoid or constant") {
		t.Errorf("cosine: %v", err)
	}
	if got := Schedule(9).String(); got != "schedule(9)" {
		t.Error(got)
	}
}

// TestScheduleIsFollowed holds that the last rounds take smaller steps, with sums
// and without, and that what is tracked does not shrink with them.
func TestScheduleIsFollowed(t *testing.T) {
	for _, a := range []Algorithm{KGT, DPSGD} {
		set := settings(t, a, update.F32)
		set.Rounds = 100
		moved := func(round uint32) (distanceMoved, direction float64) {
			n := New(set, uneven(0), nil, 1)
			before := append([]float32(nil), n.x...)
			sent := must(n.Begin(round, nil, set.NewWorkspace()))(t).Vectors
			if a == KGT {
				direction = distance(sent[1], make([]float32, len(n.x)))
			}
			return distance(n.x, before), direction
		}
		early, z := moved(0)
		late, zLate := moved(99)
		if late > early/15 || late < early/60 {
			t.Errorf("%v: the model moves by %.3g at the beginning and %.3g at the end", a, early, late)
		}
		if a == KGT && (zLate < z/2 || zLate > 2*z) {
			t.Errorf("the direction is %.3g at the beginning and %.3g at the end", z, zLate)
		}
		sums := summed(t, a)
		sums.Rounds = 100
		step := func(round uint32) float64 {
			c := newChoir(t, sums, 3)
			c.round = round
			before := append([]float32(nil), c.nodes[0].x...)
			c.sing(1)
			return distance(c.nodes[0].x, before)
		}
		if early, late := step(1), step(99); late > early/15 || late < early/60 {
			t.Errorf("%v by sums: the model moves by %.3g at the beginning and %.3g at the end", a, early, late)
		}
	}
}
