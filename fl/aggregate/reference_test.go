// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestAgainstReference holds every rule to a plain implementation. Where vectors
// are of small whole numbers, most distances are those of others, too, and ties
// have to be broken alike.
func TestAgainstReference(t *testing.T) {
	var a Aggregator // whose memory holds what the cases before left there
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		rule := rapid.SampledFrom(rules).Draw(t, "rule")
		got := make([]float32, len(in.Own))
		res := a.Combine(got, rule, in)
		want, verdicts := reference(rule, in)
		if res.Rule != rule {
			t.Fatalf("%v used", res.Rule)
		}
		if !slices.Equal(verdicts, res.Verdicts) {
			t.Fatalf("verdicts %v, want %v", res.Verdicts, verdicts)
		}
		for p := range want {
			if math.Abs(float64(got[p])-want[p]) > 1e-6*max(1, math.Abs(want[p])) {
				t.Fatalf("coordinate %d is %v, want %v", p, got[p], want[p])
			}
		}
	})
}

// drawInput draws vectors, some of them huge, copies or not finite.
func drawInput(t *rapid.T) *Input {
	n := rapid.OneOf(rapid.IntRange(1, 9), rapid.IntRange(1, MaxVectors)).Draw(t, "vectors")
	params := rapid.SampledFrom([]int{1, 2, 3, 17, 63, 64, 65, 130, 300}).Draw(t, "params")
	whole := rapid.Bool().Draw(t, "whole numbers")
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	vector := func() []float32 {
		v := make([]float32, params)
		for p := range v {
			v[p] = 2*r.Float32() - 0.5
			if whole {
				v[p] = float32(r.IntN(5) - 1)
			}
		}
		return v
	}
	in := &Input{Base: make([]float32, params), Own: vector()}
	for range n - 1 {
		v := vector()
		switch r.IntN(12) {
		case 0:
			v[r.IntN(params)] = float32(math.NaN())
		case 1:
			v[r.IntN(params)] = float32(math.Inf(1 - 2*r.IntN(2)))
		case 2:
			v = slices.Clone(in.Own)
		case 3, 4:
			for p := range v {
				v[p] *= -64
			}
		}
		in.Others = append(in.Others, v)
	}
	share := func(of float32) []float32 {
		s := make([]float32, n-1)
		for j := range s {
			s[j] = float32(r.IntN(3)) * of / 2
		}
		return s
	}
	if rapid.Bool().Draw(t, "weights") {
		in.Weights = share(1 / float32(n))
	}
	if rapid.Bool().Draw(t, "trust") {
		in.Trust = share(1)
	}
	return in
}

// member is a vector of the reference.
type member struct {
	v      []float32
	weight float64
	from   int
}

// reference combines as the papers say it, one coordinate or vector at a time.
func reference(r Rule, in *Input) (out []float64, verdicts []Verdict) {
	verdicts = make([]Verdict, len(in.Others))
	all := []member{{in.Own, 1, self}}
	for j, v := range in.Others {
		w := 1.0
		if in.Weights != nil {
			w = float64(in.Weights[j])
		}
		if in.Trust != nil {
			w *= float64(in.Trust[j])
		}
		bad := slices.ContainsFunc(v, func(x float32) bool { return x-x != 0 })
		switch {
		case bad:
			verdicts[j] = NotFinite
		case in.Trust != nil && in.Trust[j] == 0:
			verdicts[j] = Untrusted
		default:
			all = append(all, member{v, w, j})
		}
	}
	n := len(all)
	for k := range all {
		if in.Weights == nil {
			all[k].weight /= float64(n)
		}
	}
	slices.SortStableFunc(all, func(a, b member) int {
		bits := func(x, y float32) int { return cmp.Compare(math.Float32bits(x), math.Float32bits(y)) }
		return cmp.Or(slices.CompareFunc(a.v, b.v, bits), cmp.Compare(a.weight, b.weight))
	})
	switch r {
	case Trimmed:
		return columns(all, Tolerated(n)), verdicts
	case Median:
		return columns(all, (n-1)/2), verdicts
	case NNMTrimmed:
		return referenceNNM(all, in.Base, verdicts), verdicts
	case NNA:
		near := nearestOf(all, in.Own)
		for _, m := range near[n-Tolerated(n):] {
			verdicts[m.from] = Far
		}
		return columns(near[:n-Tolerated(n)], 0), verdicts
	}
	out = floats(in.Own)
	reach := math.Inf(1)
	if r == Clip && n == 2 {
		reach = 2 * apart(in.Own, in.Base)
	} else if r == Clip && n > 2 {
		reach = apart(nearestOf(all, in.Own)[n-1-Tolerated(n)].v, in.Own)
	}
	for _, m := range all {
		d := apart(m.v, in.Own)
		for p := range out {
			out[p] += m.weight * min(1, reach/max(d, 1e-300)) * (float64(m.v[p]) - float64(in.Own[p]))
		}
	}
	return out, verdicts
}

// nearestOf returns the vectors from the nearest to v on. The own comes before its copies.
func nearestOf(all []member, v []float32) []member {
	return slices.SortedStableFunc(slices.Values(all), func(x, y member) int {
		dx, dy := apart(x.v, v), apart(y.v, v)
		if dx == 0 && dy == 0 && (x.from == self) != (y.from == self) {
			return cmp.Compare(x.from, y.from)
		}
		return cmp.Compare(dx, dy)
	})
}

func apart(x, y []float32) float64 {
	sum := 0.0
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

func floats(v []float32) []float64 {
	out := make([]float64, len(v))
	for p, x := range v {
		out[p] = float64(x)
	}
	return out
}

// columns returns the trimmed mean of each coordinate.
func columns(all []member, cut int) []float64 {
	out := make([]float64, len(all[0].v))
	for p := range out {
		var column []float64
		for _, m := range all {
			column = append(column, float64(m.v[p]))
		}
		out[p] = trimmedSum(column, cut) / float64(len(all)-2*cut)
	}
	return out
}

func trimmedSum(column []float64, cut int) (sum float64) {
	slices.Sort(column)
	for _, x := range column[cut : len(column)-cut] {
		sum += x
	}
	return sum
}

func referenceNNM(all []member, base []float32, verdicts []Verdict) []float64 {
	n, b := len(all), Tolerated(len(all))
	kept := course(all, base)
	cosine := func(m member) float64 {
		var inner [2]float64 // by parity, as whole numbers come near to 0 often
		for p, x := range m.v {
			inner[p%2] += (float64(x) - float64(base[p])) * (float64(kept[p]) - float64(base[p]))
		}
		if s := inner[0] + inner[1]; s < 0 && m.from != self {
			return s / apart(m.v, base)
		}
		return 0
	}
	order := slices.SortedStableFunc(slices.Values(all), func(x, y member) int { return cmp.Compare(cosine(x), cosine(y)) })
	out := map[int]bool{}
	for _, m := range order[:min(b, n-2*b-1)] {
		if cosine(m) < 0 {
			out[m.from], verdicts[m.from] = true, Opposed
		}
	}
	return mixed(slices.DeleteFunc(all, func(m member) bool { return out[m.from] }), b)
}

// course returns where all go together.
func course(all []member, base []float32) []float32 {
	var lengths []float64
	for _, m := range all {
		lengths = append(lengths, apart(m.v, base))
	}
	middle := slices.Sorted(slices.Values(lengths))[(len(all)-1)/2]
	out := make([]float32, len(base))
	for p := range out {
		sum := 0.0
		for i, m := range all {
			scale := 1.0
			if lengths[i] > middle {
				scale = middle / lengths[i]
			}
			sum += float64(scale * (float64(m.v[p]) - float64(base[p])))
		}
		out[p] = float32(float64(base[p]) + sum/float64(len(all)))
	}
	return out
}

// mixed returns the trimmed mean of the means of the nearest. It divides last, so
// that whole numbers stay exact until then.
func mixed(all []member, b int) []float64 {
	n, params := len(all), len(all[0].v)
	near := make([][]member, n)
	for i, m := range all {
		near[i] = slices.SortedStableFunc(slices.Values(all), func(x, y member) int { return cmp.Compare(apart(x.v, m.v), apart(y.v, m.v)) })[:n-b]
	}
	out, column := make([]float64, params), make([]float64, n)
	for p := range out {
		for i := range near {
			column[i] = 0
			for _, m := range near[i] {
				column[i] += float64(m.v[p])
			}
		}
		out[p] = trimmedSum(column, b) / float64((n-b)*(n-2*b))
	}
	return out
}
