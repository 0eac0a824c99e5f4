// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// attack returns what liar j of several sends, who knows everything. Crowd gives
// the mean and the standard deviation of each coordinate over the honest ones.
type attack struct {
	name   string
	breaks bool // it moves the mean of all beyond what the rules allow
	send   func(j int, c *crowd, r *rand.Rand) []float32
}

var attacks = []attack{
	{"huge", true, func(j int, c *crowd, r *rand.Rand) []float32 {
		return c.each(func(p int) float64 { return 1e30 * (r.Float64() - 0.5) })
	}},
	{"largest", true, func(j int, c *crowd, r *rand.Rand) []float32 {
		return c.each(func(p int) float64 { return math.MaxFloat32 })
	}},
	{"not a number", false, func(j int, c *crowd, r *rand.Rand) []float32 {
		return c.each(func(p int) float64 { return math.NaN() })
	}},
	{"infinite", false, func(j int, c *crowd, r *rand.Rand) []float32 {
		return c.each(func(p int) float64 { return math.Inf(1) })
	}},
	{"sign flip", true, func(j int, c *crowd, r *rand.Rand) []float32 {
		return c.each(func(p int) float64 { return c.base(p) - 1000*(c.mean[p]-c.base(p)) })
	}},
	{"copies of one", false, func(j int, c *crowd, r *rand.Rand) []float32 { return slices.Clone(c.honest[0]) }},
	{"copies of the farthest", false, func(j int, c *crowd, r *rand.Rand) []float32 { return slices.Clone(c.farthest()) }},
	{"beyond the farthest", false, func(j int, c *crowd, r *rand.Rand) []float32 {
		far := c.farthest()
		return c.each(func(p int) float64 { return c.mean[p] + 2*(float64(far[p])-c.mean[p]) })
	}},
	{"alie", false, func(j int, c *crowd, r *rand.Rand) []float32 {
		return c.each(func(p int) float64 { return c.mean[p] - 1.5*c.deviation[p] })
	}},
	{"alie, far", false, func(j int, c *crowd, r *rand.Rand) []float32 {
		return c.each(func(p int) float64 { return c.mean[p] - 4*c.deviation[p] })
	}},
	{"inner product", false, func(j int, c *crowd, r *rand.Rand) []float32 {
		return c.each(func(p int) float64 { return c.base(p) - 0.5*(c.mean[p]-c.base(p)) })
	}},
	{"noise", true, func(j int, c *crowd, r *rand.Rand) []float32 {
		return c.each(func(p int) float64 { return c.mean[p] + 1000*c.spread*(r.Float64()-0.5) })
	}},
	{"dissensus", false, func(j int, c *crowd, r *rand.Rand) []float32 {
		own := c.honest[0]
		return c.each(func(p int) float64 { return float64(own[p]) - 2*(c.mean[p]-float64(own[p])) })
	}},
}

// crowd is what the honest send.
type crowd struct {
	from            []float32 // base
	honest          [][]float32
	mean, deviation []float64
	spread          float64
}

// newCrowd returns h vectors that go from a base one way, each with its own
// noise, and some much farther than others.
func newCrowd(r *rand.Rand, h, params int, noise float64) *crowd {
	c := &crowd{from: make([]float32, params)}
	for p := range c.from {
		c.from[p] = 10 * (r.Float32() - 0.5)
	}
	for i := range h {
		far := 1 + float64(i%3)
		c.honest = append(c.honest, c.each(func(p int) float64 { return c.base(p) + 1 + far*noise*(r.Float64()-0.5) }))
	}
	c.settle()
	return c
}

// settle computes what the honest have in common.
func (c *crowd) settle() {
	c.mean, c.deviation, c.spread = make([]float64, len(c.from)), make([]float64, len(c.from)), 0
	h := float64(len(c.honest))
	for p := range c.mean {
		for _, v := range c.honest {
			c.mean[p] += float64(v[p]) / h
		}
		for _, v := range c.honest {
			d := float64(v[p]) - c.mean[p]
			c.deviation[p] += d * d / h
		}
		c.spread += c.deviation[p]
		c.deviation[p] = math.Sqrt(c.deviation[p])
	}
	c.spread = math.Sqrt(c.spread)
}

func (c *crowd) base(p int) float64 { return float64(c.from[p]) }

func (c *crowd) each(f func(p int) float64) []float32 {
	v := make([]float32, len(c.from))
	for p := range v {
		v[p] = float32(f(p))
	}
	return v
}

// farthest returns the honest vector that is farthest from their mean.
func (c *crowd) farthest() []float32 {
	return slices.MaxFunc(c.honest, func(v, w []float32) int {
		return int(math.Copysign(1, c.off(v)-c.off(w)))
	})
}

// off returns how far v is from the honest mean.
func (c *crowd) off(v []float32) float64 {
	sum := 0.0
	for p, x := range v {
		d := float64(x) - c.mean[p]
		sum += d * d
	}
	return math.Sqrt(sum)
}

// bound returns how far a rule may end from the honest mean, or from the own
// vector, as its documentation says.
func (c *crowd) bound(r Rule) (limit float64, fromOwn bool) {
	switch r {
	case Trimmed:
		return 1.5 * c.spread, false
	case Median:
		return 1.8 * c.spread, false
	case NNMTrimmed:
		return 3.6 * c.spread, false
	}
	for _, v := range c.honest {
		limit = max(limit, apart(v, c.honest[0]))
	}
	return limit, true
}

// checkBound combines what the honest send, the first of whom is the own, with
// what others do.
func (c *crowd) checkBound(t interface {
	Helper()
	Errorf(string, ...any)
}, r Rule, hostile [][]float32) {
	t.Helper()
	got, res := combine(r, &Input{Base: c.from, Own: c.honest[0], Others: append(slices.Clone(hostile), c.honest[1:]...)})
	limit, fromOwn := c.bound(r)
	if n := len(hostile) + len(c.honest); r == NNMTrimmed && res.Left() == 0 && n != 3 {
		limit = 2 * c.spread
	}
	far := c.off(got)
	if fromOwn {
		far = apart(got, c.honest[0])
	}
	if rounding := 1e-5 * (1 + limit); !(far <= limit+rounding) {
		t.Errorf("%v with %d of %d hostile: %.3f away, at most %.3f; spread %.3f, %v", r, len(hostile), len(hostile)+len(c.honest), far, limit, c.spread, res)
	}
	if r != Trimmed && r != Median {
		return
	}
	for p, x := range got {
		column := make([]float32, len(c.honest))
		for i, v := range c.honest {
			column[i] = v[p]
		}
		if x < slices.Min(column) || x > slices.Max(column) {
			t.Errorf("%v with %d of %d hostile: coordinate %d is %v, and the honest have %v to %v",
				r, len(hostile), len(hostile)+len(c.honest), p, x, slices.Min(column), slices.Max(column))
			return
		}
	}
}

var robust = []Rule{Trimmed, Median, NNMTrimmed, NNA, Clip}

// TestBreakdown lets up to as many liars as are tolerated do what the literature
// knows. The mean is the control: it goes anywhere.
func TestBreakdown(t *testing.T) {
	for _, at := range attacks {
		for _, n := range []int{3, 4, 5, 8, 9, 20, 32, MaxVectors} {
			for liars := range Tolerated(n) + 1 {
				r := rand.New(rand.NewPCG(uint64(n), uint64(liars)))
				c := newCrowd(r, n-liars, 40, 2)
				hostile := make([][]float32, liars)
				for j := range hostile {
					hostile[j] = at.send(j, c, r)
				}
				t.Run(fmt.Sprintf("%s/%d of %d", at.name, liars, n), func(t *testing.T) {
					for _, rule := range robust {
						c.checkBound(t, rule, hostile)
					}
					if liars == 0 || !at.breaks {
						return
					}
					in := &Input{Base: c.from, Own: c.honest[0], Others: append(slices.Clone(hostile), c.honest[1:]...)}
					if got, _ := combine(Mean, in); c.off(got) < 4*c.spread {
						t.Errorf("the mean is only %.3f spreads away", c.off(got)/c.spread)
					}
				})
			}
		}
	}
}

// TestBounds lets liars, and the honest, send anything: in few coordinates, where
// they come near to the bounds most easily.
func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 24).Draw(t, "vectors")
		liars := rapid.IntRange(0, Tolerated(n)).Draw(t, "liars")
		params := rapid.IntRange(1, 3).Draw(t, "params")
		number := rapid.OneOf(rapid.Map(rapid.IntRange(-3, 3), func(i int) float32 { return float32(i) }), rapid.Float32Range(-4, 4))
		vector := rapid.SliceOfN(number, params, params)
		c := &crowd{from: make([]float32, params), honest: rapid.SliceOfN(vector, n-liars, n-liars).Draw(t, "honest")}
		c.settle()
		hostile := rapid.SliceOfN(vector, liars, liars).Draw(t, "hostile")
		if rapid.Bool().Draw(t, "far") {
			for _, v := range hostile {
				for p := range v {
					v[p] *= 1e20
				}
			}
		}
		for _, rule := range robust {
			c.checkBound(t, rule, hostile)
		}
	})
}

// TestTalkedInto has three nodes. One liar pulls the middle of them its own way, so
// that the other honest node seems to lead away from it; with that one left out,
// nothing would hold the liar.
func TestTalkedInto(t *testing.T) {
	c := &crowd{from: []float32{0, 0}, honest: [][]float32{{4, 0}, {-1, 0}}}
	c.settle()
	c.checkBound(t, NNMTrimmed, [][]float32{{1e6, 1e6}})
}

// TestOpposed sends a little of the honest direction turned round, which is near to
// everybody as the honest are far from one another: it is told by its direction.
func TestOpposed(t *testing.T) {
	const n, liars = 20, 4
	r := rand.New(rand.NewPCG(3, 4))
	c := newCrowd(r, n-liars, 2000, 6)
	var hostile [][]float32
	for range liars {
		hostile = append(hostile, c.each(func(p int) float64 { return c.base(p) - 0.5*(c.mean[p]-c.base(p)) }))
	}
	in := &Input{Base: c.from, Own: c.honest[0], Others: append(hostile, c.honest[1:]...)}
	got, res := combine(NNMTrimmed, in)
	for j, v := range res.Verdicts {
		if hostile := j < liars; hostile != (v == Opposed) {
			t.Errorf("neighbour %d is %v; hostile: %v", j, v, hostile)
		}
	}
	unchecked := c.each(func(int) float64 { return 0 })
	for p, x := range mixed(canonical(append(in.Others, in.Own)), liars) {
		unchecked[p] = float32(x)
	}
	if with, without := c.progress(got), c.progress(unchecked); with < 0.8 || without > 0.6 {
		t.Errorf("goes %.3f of the honest way, and without the check %.3f", with, without)
	}
}

// TestMostOpposed has two lead the wrong way where one may be left out: it is the one
// whose direction is the more wrong, however short its way is.
func TestMostOpposed(t *testing.T) {
	in := &Input{Base: []float32{0, 0}, Own: []float32{1, 0}, Others: [][]float32{{1, 0.1}, {-1, 50}, {1, -0.1}, {-0.1, 0}}}
	_, res := combine(NNMTrimmed, in)
	if want := []Verdict{Counted, Counted, Counted, Opposed}; !slices.Equal(res.Verdicts, want) {
		t.Errorf("verdicts %v, want %v", res.Verdicts, want)
	}
}

// progress returns how far v goes along the way of the honest mean, which is 1.
func (c *crowd) progress(v []float32) float64 {
	inner, square := 0.0, 0.0
	for p, m := range c.mean {
		inner += (m - c.base(p)) * (float64(v[p]) - c.base(p))
		square += (m - c.base(p)) * (m - c.base(p))
	}
	return inner / square
}

// TestNoAttack holds that the rules are near to the mean where nobody lies and all
// have data of one kind.
func TestNoAttack(t *testing.T) {
	tests := []struct {
		rule Rule
		near [3]float64 // spreads, with 5, 20 and 64 vectors
	}{
		{Mean, [...]float64{0, 0, 0}},
		{Trimmed, [...]float64{0.2, 0.1, 0.07}},
		{Median, [...]float64{0.4, 0.2, 0.12}},
		{NNMTrimmed, [...]float64{0.14, 0.07, 0.04}},
		{NNA, [...]float64{0.3, 0.15, 0.1}},
		{Clip, [...]float64{0.05, 0.02, 0.01}},
	}
	for i, n := range []int{5, 20, MaxVectors} {
		r := rand.New(rand.NewPCG(8, uint64(n)))
		c := &crowd{from: make([]float32, 1000)}
		for range n {
			c.honest = append(c.honest, c.each(func(int) float64 { return 1 + r.NormFloat64() }))
		}
		c.settle()
		for _, tt := range tests {
			got, res := combine(tt.rule, &Input{Base: c.from, Own: c.honest[0], Others: c.honest[1:]})
			if off := c.off(got) / c.spread; off > tt.near[i]+1e-6 || tt.rule != NNA && res.Left() > 0 {
				t.Errorf("%v of %d: %.3f spreads away, %d left out", tt.rule, n, off, res.Left())
			}
		}
	}
}
