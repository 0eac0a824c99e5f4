// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// goldenSum is an entry of testdata/sums.json: what members submit of their
// directions, and what their sum says.
type goldenSum struct {
	Scale      int         `json:"scale"`
	Directions [][]float32 `json:"directions"`
	Residues   [][]float32 `json:"residues"`
	Steps      []int       `json:"steps"`
	Values     [][]int     `json:"values"`
	Rests      [][]float32 `json:"rests"`
	Sum        []uint32    `json:"sum"`
	Mean       []float32   `json:"mean"`
	MeanSteps  float32     `json:"mean_steps"`
	NextScale  int         `json:"next_scale"`
}

// TestSumsGolden holds the numbers of sum.cddl.
func TestSumsGolden(t *testing.T) {
	const third = float32(1) / 3
	made := []goldenSum{
		{Scale: -7, Steps: []int{3, 300}, Directions: [][]float32{{0.1, -0.0625, 0, third}, {-0.01171875, 0.00390625, -0.00390625, 0.01}},
			Residues: [][]float32{{0, 0.001, -0.002, 0}, {0, 0, 0, 0.003}}},
		{Scale: 2, Steps: []int{1, 70000, 9}, Directions: [][]float32{{1, 2, 3}, {1e9, -4, 5}, {0, 0, 0}}, // one far too long
			Residues: [][]float32{{2, 1, 0}, {508, -508, 0}, {1, 2, 1.5}}},
	}
	for i := range made {
		g := &made[i]
		params := len(g.Directions[0])
		sum := Sum{Values: make([]uint32, SumValues(params, KGT)), Count: len(g.Steps)}
		for k, v := range g.Directions {
			values, rest := make([]uint8, params), make([]float32, params)
			quantize(values, rest, v, g.Residues[k], g.Scale)
			values = appendSteps(append(values, uint8(scaleZero+wish(v))), g.Steps[k])
			whole := make([]int, len(values))
			for j, b := range values {
				whole[j] = int(b)
				sum.Values[j] += uint32(b)
			}
			g.Values, g.Rests = append(g.Values, whole), append(g.Rests, rest)
		}
		agg := must(combine(make([]float32, params), []Sum{sum}, g.Scale, KGT))(t)
		g.Sum, g.Mean, g.MeanSteps, g.NextScale = sum.Values, agg.mean, agg.steps, nextScale(g.Scale, agg.wish)
	}
	var want []goldenSum
	golden(t, "sums.json", made, &want)
	if d := cmp.Diff(want, made); d != "" {
		t.Errorf("-golden +made:\n%s", d)
	}
}

// TestQuantize holds what may be relied on of any direction: what is submitted
// and what is left add up, and no mean of what is submitted is refused.
func TestQuantize(t *testing.T) {
	number := rapid.Custom(func(t *rapid.T) float32 {
		return float32(math.Ldexp(rapid.Float64Range(-1, 1).Draw(t, "fraction"), rapid.IntRange(-50, 60).Draw(t, "exponent")))
	})
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(number, 1, 20).Draw(t, "direction")
		scale := rapid.IntRange(minScale, maxScale).Draw(t, "scale")
		unit := power(scale)
		residue := make([]float32, len(v))
		for i := range residue {
			residue[i] = float32(rapid.IntRange(-levels, levels).Draw(t, "residue")) * unit
		}
		values, rest := make([]uint8, len(v)), make([]float32, len(v))
		quantize(values, rest, v, residue, scale)
		sum := Sum{Values: make([]uint32, SumValues(len(v), DPSGD)), Count: MaxSummed}
		for i, b := range values {
			sum.Values[i] = MaxSummed * uint32(b)
			u, sent := v[i]+residue[i], float32(int(b)-levelZero)*unit
			if left := float32(math.Abs(float64(rest[i]))); left > levels*unit || left < levels*unit && rest[i] != u-sent {
				t.Fatalf("number %d: %v of %v is submitted, and %v left", i, sent, u, rest[i])
			}
		}
		sum.Values[len(v)] = MaxSummed * uint32(scaleZero+wish(v))
		if err := sum.check(len(v), DPSGD); err != nil {
			t.Fatalf("what is submitted alike by all is refused: %v", err)
		}
	})
}

// TestWish holds that in the scale that a device wishes for, nothing is cut.
func TestWish(t *testing.T) {
	for _, v := range [][]float32{
		{1}, {0.5}, {127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		{-1e-5, 1e-6}, {1000, -1000, 3},
	} {
		scale := wish(v)
		values, rest := make([]uint8, len(v)), make([]float32, len(v))
		quantize(values, rest, v, make([]float32, len(v)), scale)
		for i, r := range rest {
			if 2*float32(math.Abs(float64(r))) > power(scale) {
				t.Errorf("%v in steps of 2^%d: %v is left of number %d", v, scale, r, i)
			}
		}
		finer := wish(slices.Collect(func(yield func(float32) bool) {
			for _, x := range v {
				if !yield(x / 2) {
					return
				}
			}
		}))
		if finer != scale-1 {
			t.Errorf("%v: 2^%d, and 2^%d of the half", v, scale, finer)
		}
	}
	if got := [2]int{wish(make([]float32, 3)), wish([]float32{math.MaxFloat32})}; got != [2]int{minScale, maxScale} {
		t.Errorf("of nothing and of everything: %v", got)
	}
}

func TestNextScale(t *testing.T) {
	for _, tt := range []struct {
		scale int
		wish  float32
		want  int
	}{
		{-7, -7, -7}, {-7, -7.4, -7}, {-7, -6.9, -6}, {-7, 24, -6}, {-7, -40, -8}, {minScale, minScale, minScale}, {maxScale, maxScale, maxScale},
	} {
		if got := nextScale(tt.scale, tt.wish); got != tt.want {
			t.Errorf("%d after a wish for %v: %d, want %d", tt.scale, tt.wish, got, tt.want)
		}
	}
}

// TestResidue holds that what rounding leaves is said in later rounds.
func TestResidue(t *testing.T) {
	v, residue, sent := []float32{0.003, -0.0001}, make([]float32, 2), make([]float32, 2)
	values, rest := make([]uint8, 2), make([]float32, 2)
	const rounds = 1000
	for range rounds {
		quantize(values, rest, v, residue, -7)
		copy(residue, rest)
		for i, b := range values {
			sent[i] += float32(int(b)-levelZero) * power(-7)
		}
	}
	tensor.Scale(1./rounds, sent)
	for i := range v {
		if math.Abs(float64(sent[i]-v[i])) > 1e-5 {
			t.Errorf("%v is submitted on average, %v was meant", sent[i], v[i])
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	const n = 10000
	v, residue, rest, values := make([]float32, n), make([]float32, n), make([]float32, n), make([]uint8, n)
	for i := range v {
		v[i] = float32(i%200-100) / 100
	}
	b.SetBytes(n)
	b.ReportAllocs()
	for b.Loop() {
		quantize(values, rest, v, residue, -7)
	}
}
