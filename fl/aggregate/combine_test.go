// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func combine(r Rule, in *Input) ([]float32, Result) {
	dst := make([]float32, len(in.Own))
	var a Aggregator
	return dst, a.Combine(dst, r, in)
}

func sameBits(x, y []float32) bool {
	return slices.EqualFunc(x, y, func(p, q float32) bool { return math.Float32bits(p) == math.Float32bits(q) })
}

// TestOrder lets the neighbours come in another order: bits and verdicts are the
// same.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		rule := rapid.SampledFrom(append(rules, Auto)).Draw(t, "rule")
		order := rapid.Permutation(slices.Collect(upTo(len(in.Others)))).Draw(t, "order")
		moved := *in
		moved.Others, moved.Weights, moved.Trust = reorder(order, in.Others), reorder(order, in.Weights), reorder(order, in.Trust)
		want, res := combine(rule, in)
		verdicts := reorder(order, res.Verdicts)
		got, res := combine(rule, &moved)
		if !sameBits(got, want) {
			t.Fatalf("%v\nis in another order\n%v", want, got)
		}
		// Which of several copies is left out is nobody's business.
		if !slices.Equal(verdicts, res.Verdicts) && !anyCopies(in.Others) {
			t.Fatalf("verdicts %v are in another order %v", verdicts, res.Verdicts)
		}
	})
}

// TestOrderOfCopies swaps two copies of one vector whose weights differ. Another
// takes away almost all that they add, so that the last bits of the sum show.
func TestOrderOfCopies(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	in := uniformInput(r, 5, 500)
	clear(in.Own)
	in.Weights = []float32{0.1, 0.3, 0.07, 0.5}
	in.Others[1] = slices.Clone(in.Others[0])
	for p := range in.Own {
		x, y := math.Abs(float64(in.Others[0][p])), 0x1p-12*math.Abs(float64(in.Others[2][p]))
		in.Others[0][p], in.Others[1][p], in.Others[2][p] = float32(x), float32(x), float32(y)
		in.Others[3][p] = float32(-2 * (0.4*x + 0.07*y))
	}
	in.Others[0][0], in.Others[1][0], in.Others[2][0] = 1, 1, 0 // which comes first in canonical order
	want, _ := combine(Mean, in)
	for _, order := range [][]int{{1, 0, 2, 3}, {2, 3, 1, 0}} {
		moved := *in
		moved.Others, moved.Weights = reorder(order, in.Others), reorder(order, in.Weights)
		if got, _ := combine(Mean, &moved); !sameBits(got, want) {
			t.Errorf("in the order %v the bits differ", order)
		}
	}
}

// TestCopies has all send one vector, or all but one: that is the result.
func TestCopies(t *testing.T) {
	for _, rule := range rules {
		for _, n := range []int{2, 3, 5, 20} {
			in := uniformInput(rand.New(rand.NewPCG(2, 2)), n, 70)
			for j := range in.Others {
				in.Others[j] = in.Own
				in.Weights = append(in.Weights, 1/float32(n))
			}
			if got, res := combine(rule, in); !sameBits(got, in.Own) || rule != NNA && res.Left() > 0 {
				t.Errorf("%v of %d copies is something else, with %d left out", rule, n, res.Left())
			}
			if n == 2 || rule == Mean {
				continue
			}
			in.Others[n-2] = make([]float32, len(in.Own))
			if got, _ := combine(rule, in); !sameBits(got, in.Own) {
				t.Errorf("%v of %d copies and one other is something else", rule, n)
			}
		}
	}
}

func upTo(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}
}

func reorder[E any](order []int, s []E) (out []E) {
	if s == nil {
		return nil
	}
	for _, i := range order {
		out = append(out, s[i])
	}
	return out
}

func anyCopies(vs [][]float32) bool {
	for i, v := range vs {
		if slices.ContainsFunc(vs[:i], func(w []float32) bool { return sameBits(v, w) }) {
			return true
		}
	}
	return false
}

// TestFullMesh lets each of several nodes combine what all have. Where no own
// vector is set apart, all come to one model.
func TestFullMesh(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawInput(t)
		if n := 1 + len(all.Others); n > 20 {
			all.Others = all.Others[:19]
		}
		vs := append(slices.DeleteFunc(all.Others, func(v []float32) bool {
			return slices.ContainsFunc(v, func(x float32) bool { return x-x != 0 })
		}), all.Own)
		rule := rapid.SampledFrom([]Rule{Mean, Trimmed, Median, NNMTrimmed}).Draw(t, "rule")
		spared := func(i int) bool { return false }
		if rule == NNMTrimmed {
			// Who leads the wrong way is left out by the others and not by itself.
			first := course(canonical(vs), all.Base)
			spared = func(i int) bool { inner, _ := lean(vs[i], first, all.Base); return inner < 0 }
		}
		var want []float32
		for i := range vs {
			others := slices.Clone(vs)
			in := &Input{Base: all.Base, Own: vs[i], Others: slices.Delete(others, i, i+1)}
			if i%2 == 1 {
				slices.Reverse(in.Others)
			}
			got, _ := combine(rule, in)
			if spared(i) {
				continue
			}
			if want == nil {
				want = got
			}
			if !sameBits(got, want) {
				t.Fatalf("node %d has\n%v\nwhere another has\n%v", i, got, want)
			}
		}
	})
}

// canonical returns vectors as the reference has them.
func canonical(vs [][]float32) (out []member) {
	for _, v := range vs {
		out = append(out, member{v: v})
	}
	slices.SortStableFunc(out, func(a, b member) int { return row{v: a.v}.compare(row{v: b.v}) })
	return out
}

// TestLeftOut takes neighbours that count for nothing away: the result is the
// same bits.
func TestLeftOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		rule := rapid.SampledFrom(append(rules, Auto)).Draw(t, "rule")
		want, res := combine(rule, in)
		var kept []int
		for j, v := range res.Verdicts {
			if v != NotFinite && v != Untrusted {
				kept = append(kept, j)
			}
		}
		few := *in
		few.Others, few.Weights, few.Trust = reorder(kept, in.Others), reorder(kept, in.Weights), reorder(kept, in.Trust)
		got, less := combine(rule, &few)
		if !sameBits(got, want) || less.Rule != res.Rule || less.Left() != res.Left()-(len(in.Others)-len(kept)) {
			t.Fatalf("by %v from %d of %d neighbours, of whom %d are left out\n%v\nand with all of them, by %v and without %d,\n%v",
				less.Rule, len(kept), len(in.Others), less.Left(), got, res.Rule, res.Left(), want)
		}
	})
}

// TestTrust holds what trust does to the weights of a mean.
func TestTrust(t *testing.T) {
	in := &Input{Base: []float32{0}, Own: []float32{1}, Others: [][]float32{{5}, {9}, {float32(math.NaN())}}}
	tests := []struct {
		name           string
		weights, trust []float32
		want           float32
		left           int
	}{
		{"neither", nil, nil, 5, 1},
		{"full trust", nil, []float32{1, 1, 1}, 5, 1},
		{"half trust", nil, []float32{0.5, 1, 1}, 1 + 2.0/3 + 8.0/3, 1},
		{"no trust", nil, []float32{0, 1, 0.5}, 5, 2},
		{"nobody trusted", nil, []float32{0, 0, 0}, 1, 3},
		{"weights", []float32{0.25, 0.125, 0.5}, nil, 1 + 1 + 1, 1},
		{"weights and trust", []float32{0.25, 0.125, 0.5}, []float32{0.5, 1, 1}, 1 + 0.5 + 1, 1},
	}
	for _, tt := range tests {
		in.Weights, in.Trust = tt.weights, tt.trust
		if got, res := combine(Mean, in); got[0] != tt.want || res.Left() != tt.left {
			t.Errorf("%s: %v, %d left out; want %v and %d", tt.name, got[0], res.Left(), tt.want, tt.left)
		}
	}
}

// TestClipOfOne holds what a single neighbour can do, who cannot be compared.
func TestClipOfOne(t *testing.T) {
	tests := []struct {
		name                 string
		base, own, other, to float32
	}{
		{"same way", 10, 11, 11.5, 11.25},
		{"opposite ways", 10, 11, 9, 10},
		{"far beyond", 10, 11, -1e30, 10},
		{"far beyond, other side", 10, 11, 3e38, 12},
		{"own node did not train", 10, 10, 11, 10},
	}
	for _, tt := range tests {
		in := &Input{Base: []float32{tt.base}, Own: []float32{tt.own}, Others: [][]float32{{tt.other}}}
		if got, res := combine(Auto, in); got[0] != tt.to || res.Rule != Clip {
			t.Errorf("%s: %v by %v, want %v", tt.name, got[0], res.Rule, tt.to)
		}
	}
}

// TestReuse lets one aggregator go from case to case: nothing of one is left in
// the next, and once warm nothing allocates.
func TestReuse(t *testing.T) {
	var a Aggregator
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		in := uniformInput(r, 1+r.IntN(MaxVectors), 1+r.IntN(200))
		rule := rules[r.IntN(len(rules))]
		got := make([]float32, len(in.Own))
		res := a.Combine(got, rule, in)
		if want, fresh := combine(rule, in); !sameBits(got, want) || !slices.Equal(res.Verdicts, fresh.Verdicts) {
			t.Fatalf("%v of %d vectors differs from what a fresh aggregator gives", rule, 1+len(in.Others))
		}
	}
	in := uniformInput(r, 20, 300)
	in.Others[0][3] = float32(math.NaN())
	dst := make([]float32, len(in.Own))
	for _, rule := range rules {
		a.Combine(dst, rule, in)
		if n := testing.AllocsPerRun(10, func() { a.Combine(dst, rule, in) }); n != 0 {
			t.Errorf("%v allocates %v times", rule, n)
		}
		for _, row := range a.rows[:cap(a.rows)] {
			if row.v != nil {
				t.Fatalf("%v keeps hold of the input", rule)
			}
		}
	}
}

// uniformInput returns vectors around 1 that lead from a base around 0.
func uniformInput(r *rand.Rand, n, params int) *Input {
	around := func(center float32) []float32 {
		v := make([]float32, params)
		for p := range v {
			v[p] = center + 4*(r.Float32()-0.5)
		}
		return v
	}
	in := &Input{Base: around(0), Own: around(1)}
	for range n - 1 {
		in.Others = append(in.Others, around(1))
	}
	return in
}

// TestMemory holds the memory that an aggregator keeps, in which the number of
// parameters has no part.
func TestMemory(t *testing.T) {
	var a Aggregator
	in := uniformInput(rand.New(rand.NewPCG(1, 2)), MaxVectors, 20_000)
	for _, rule := range rules {
		a.Combine(make([]float32, len(in.Own)), rule, in)
	}
	held := 8*(cap(a.squares)+cap(a.nearby)+cap(a.sets)+cap(a.table)+cap(a.sums)+cap(a.keys)) + 4*cap(a.narrow) + 16*cap(a.network) + 40*cap(a.rows)
	if held > 160<<10 {
		t.Errorf("%d bytes, and all vectors have %d", held, 4*MaxVectors*len(in.Own))
	}
}

func TestMistakesPanic(t *testing.T) {
	nan := float32(math.NaN())
	tests := []struct {
		name   string
		change func(in *Input, dst *[]float32, r *Rule)
		want   string
	}{
		{"unknown rule", func(_ *Input, _ *[]float32, r *Rule) { *r = Clip + 1 }, "rule(7)"},
		{"too many", func(in *Input, _ *[]float32, _ *Rule) { in.Others = make([][]float32, MaxVectors) }, "at most 63"},
		{"short base", func(in *Input, _ *[]float32, _ *Rule) { in.Base = in.Base[1:] }, "different length"},
		{"short result", func(_ *Input, dst *[]float32, _ *Rule) { *dst = (*dst)[1:] }, "different length"},
		{"short neighbour", func(in *Input, _ *[]float32, _ *Rule) { in.Others[1] = in.Others[1][1:] }, "different length"},
		{"few weights", func(in *Input, _ *[]float32, _ *Rule) { in.Weights = make([]float32, 1) }, "another number"},
		{"much trust", func(in *Input, _ *[]float32, _ *Rule) { in.Trust = make([]float32, 3) }, "another number"},
		{"negative weight", func(in *Input, _ *[]float32, _ *Rule) { in.Weights = []float32{0, -0.1} }, "weight or trust of -0.1"},
		{"trust above 1", func(in *Input, _ *[]float32, _ *Rule) { in.Trust = []float32{0, 1.5} }, "weight or trust of 1.5"},
		{"trust not a number", func(in *Input, _ *[]float32, _ *Rule) { in.Trust = []float32{0, nan} }, "weight or trust of NaN"},
		{"own not a number", func(in *Input, _ *[]float32, _ *Rule) { in.Own[2] = nan }, "not finite"},
		{"base not a number", func(in *Input, _ *[]float32, _ *Rule) { in.Base[0] = nan }, "not finite"},
		{"result in the own", func(in *Input, dst *[]float32, _ *Rule) { *dst = in.Own }, "overwrite"},
		{"result in the base", func(in *Input, dst *[]float32, _ *Rule) { *dst = in.Base }, "overwrite"},
		{"result in a neighbour's", func(in *Input, dst *[]float32, _ *Rule) { *dst = in.Others[1] }, "overwrite"},
	}
	for _, tt := range tests {
		in, dst, rule := uniformInput(rand.New(rand.NewPCG(1, 1)), 3, 4), make([]float32, 4), Mean
		tt.change(in, &dst, &rule)
		func() {
			defer func() {
				if msg, _ := recover().(string); !strings.HasPrefix(msg, "aggregate: ") || !strings.Contains(msg, tt.want) {
					t.Errorf("%s: %q, want a panic with %q", tt.name, msg, tt.want)
				}
			}()
			new(Aggregator).Combine(dst, rule, in)
		}()
	}
}
