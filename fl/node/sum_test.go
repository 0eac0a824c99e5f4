// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

func TestMode(t *testing.T) {
	for _, m := range []Mode{Robust, Private, Hybrid, Mask} {
		if got, err := ParseMode(m.String()); err != nil || got != m || m.Summed() != (m != Robust) {
			t.Errorf("%v: %v, %v", m, got, err)
		}
	}
	if _, err := ParseMode("secret"); err == nil || Mode(9).String() != "mode(9)" {
		t.Errorf("%v, %v", err, Mode(9))
	}
}

// TestSumRefused holds which sums nobody can have submitted.
func TestSumRefused(t *testing.T) {
	const params = 4
	good := func() Sum { return Sum{Values: []uint32{384, 381, 390, 384, 3 * 57, 3, 600}, Count: 3} }
	s := good()
	if err := s.check(params, KGT); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(s *Sum)
		want   update.Reason
	}{
		{"nothing", func(s *Sum) { *s = Sum{} }, update.ReasonShape},
		{"too few", func(s *Sum) { s.Values = s.Values[1:] }, update.ReasonShape},
		{"too many", func(s *Sum) { s.Values = append(s.Values, 3) }, update.ReasonShape},
		{"of nobody", func(s *Sum) { s.Count = 0 }, update.ReasonShape},
		{"of a crowd", func(s *Sum) { s.Count = MaxSummed + 1 }, update.ReasonShape},
		{"one submitted 0", func(s *Sum) { s.Values[2] = 2 }, ReasonSumRange},
		{"one submitted 256", func(s *Sum) { s.Values[0] = 3*255 + 1 }, ReasonSumRange},
		{"borrowed", func(s *Sum) { s.Values[0] = 1<<32 - 1 }, ReasonSumRange},
		{"low scale", func(s *Sum) { s.Values[4] = 3*24 - 1 }, ReasonSumRange},
		{"high scale", func(s *Sum) { s.Values[4] = 3*88 + 1 }, ReasonSumRange},
		{"many steps", func(s *Sum) { s.Values[5] = 3*255 + 1 }, ReasonSumRange},
		{"more steps", func(s *Sum) { s.Values[6] = 3*255 + 1 }, ReasonSumRange},
		{"long", func(s *Sum) { copy(s.Values, []uint32{3 * 162, 3 * 162, 3 * 162, 3 * 162}) }, ReasonSumNorm},
	} {
		s := good()
		tt.change(&s)
		if err := s.check(params, KGT); reason(err) != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	s = good()
	copy(s.Values, []uint32{3 * 161, 3 * 95, 3 * 161, 3 * 161})
	if err := s.check(params, KGT); err != nil {
		t.Errorf("as long as possible: %v", err)
	}
}

// TestCombine holds that groups weigh alike, and that one that does not hold is
// left out.
func TestCombine(t *testing.T) {
	one := Sum{Values: []uint32{5 * 130, 5 * 57}, Count: 5}
	two := Sum{Values: []uint32{9*128 - 9, 9 * 60}, Count: 9, Own: true}
	bad := Sum{Values: []uint32{0, 5 * 57}, Count: 5}
	agg := must(combine(make([]float32, 1), []Sum{one, bad, two}, 1, DPSGD))(t)
	if agg.mean[0] != 1 || agg.wish != -5.5 || !agg.own {
		t.Errorf("%+v", agg)
	}
	if _, err := combine(make([]float32, 1), []Sum{bad}, 1, DPSGD); reason(err) != ReasonSumRange {
		t.Errorf("nothing but what does not hold: %v", err)
	}
}

// TestSumsLearnAsUpdates holds what shared says of the algorithms: on a full
// graph without losses they are those of robust tasks, but for rounding to 8
// bits, where all devices take as many steps.
func TestSumsLearnAsUpdates(t *testing.T) {
	for _, a := range []Algorithm{KGT, DPSGD} {
		plain, c := newCrowd(t, settings(t, a, update.F32), 4, "full"), newChoir(t, summed(t, a), 4)
		for i := range c.nodes {
			rows := slices.Repeat([]int32{0, 1, 2, 3}, 6)
			for k := range rows {
				rows[k] = int32(k)
			}
			c.nodes[i].rows, plain.nodes[i].rows = rows, rows
		}
		begin := slices.Clone(plain.nodes[0].x)
		for round := range uint32(40) {
			plain.round(round, nil)
		}
		c.sing(40)
		way := distance(plain.nodes[0].x, begin)
		if d := distance(c.nodes[0].x, plain.nodes[0].x); d > 0.05*way {
			t.Errorf("%v: sums end %.3g from updates, which went %.3g", a, d, way)
		}
		for i, n := range c.nodes[1:] {
			if !sameBits(n.x, c.nodes[0].x) {
				t.Errorf("%v: node %d has another model than the first", a, i+1)
			}
		}
	}
}

// TestCorrectionsOfSums holds that the corrections of a round's members add up
// to what rounding has changed, whoever was missing before.
func TestCorrectionsOfSums(t *testing.T) {
	c := newChoir(t, summed(t, KGT), 5)
	c.sing(5).sing(2, 4).sing(3, 1).sing(2, 0, 2).sing(1)
	total, size := make([]float32, len(c.nodes[0].x)), 0.0
	for _, n := range c.nodes {
		correction := n.shared.correct()
		tensor.Axpy(1, correction, total)
		size += tensor.Norm(correction)
	}
	if sum := tensor.Norm(total); sum > 0.05*size {
		t.Errorf("their sum is %.3g, and their norms add up to %.3g", sum, size)
	}
}
