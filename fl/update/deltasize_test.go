// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// TestDeltaSizes holds what deltas of the usual perceptron take, and how near to
// the entropy of the chosen indices and their symbols that is.
func TestDeltaSizes(t *testing.T) {
	const params = 4810
	tests := []struct {
		compression string
		most        int // bytes
	}{
		{"none", 19240},
		{"q8", 4886},
		{"q4", 2443},
		{"sign", 640},
		{"topk:0.01:1bit", 58},
		{"topk:0.05:1bit", 207},
		{"topk:0.1:1bit", 346},
		{"topk:0.1:4bit", 527},
		{"topk:0.5:1bit", 906},
		{"topk:1:1bit", 606},
	}
	for _, tt := range tests {
		c := mustParse(t, tt.compression)
		var d Delta
		size := 0
		for seed := range uint64(100) {
			size = max(size, len(c.AppendDelta(nil, bell(seed, params), &d)))
		}
		if size > tt.most {
			t.Errorf("%v: %d bytes, at most %d", c, size, tt.most)
		}
		if c.sparse() {
			k, b := c.count(params), c.grade().bits()
			t.Logf("%v: %d bytes, the entropy is %.1f of indices and %.1f of symbols", c, size, float64(entropyBytes(params, k)), float64(k*b)/8)
		}
	}
}

// entropyBytes returns n*H(k/n)/8.
func entropyBytes(n, k int) float64 {
	p := float64(k) / float64(n)
	if p == 1 {
		return 0
	}
	return -float64(n) * (p*math.Log2(p) + (1-p)*math.Log2(1-p)) / 8
}

// shapes are indices that lie otherwise than at random. One in a share is chosen.
var shapes = map[string]func(n, k int, r *rand.Rand) []int{
	"random":    func(n, k int, r *rand.Rand) []int { return r.Perm(n)[:k] },
	"first":     func(n, k int, r *rand.Rand) []int { return run(0, k) },
	"last":      func(n, k int, r *rand.Rand) []int { return run(n-k, k) },
	"both ends": func(n, k int, r *rand.Rand) []int { return append(run(0, k/2), run(n-k+k/2, k-k/2)...) },
	"even": func(n, k int, r *rand.Rand) []int {
		index := run(0, k)
		for i := range index {
			index[i] = int(int64(i) * int64(n) / int64(k))
		}
		return index
	},
	"dense rows": func(n, k int, r *rand.Rand) []int { // of 64 numbers each, one of them in four
		index, all := []int(nil), r.Perm((n+63)/64)
		for _, row := range all {
			for i := 64 * row; i < min(64*row+64, n) && len(index) < k; i += 1 + r.IntN(7) {
				index = append(index, i)
			}
		}
		return index
	},
	"pairs": func(n, k int, r *rand.Rand) []int {
		index := []int(nil)
		for _, i := range r.Perm(n / 2)[:k/2] {
			index = append(index, 2*i, 2*i+1)
		}
		return index
	},
	"bursts far apart": func(n, k int, r *rand.Rand) []int {
		index := []int(nil)
		for b := range 8 {
			index = append(index, run(b*n/8, k/8)...)
		}
		return index
	},
}

func run(from, n int) []int {
	index := make([]int, n)
	for i := range index {
		index[i] = from + i
	}
	return index
}

// TestDeltaBound holds deltas of all shapes below their bound.
func TestDeltaBound(t *testing.T) {
	for _, n := range []int{1, 2, 3, 64, 4810, 70_000} {
		for _, s := range []string{"topk:0.001:1bit", "topk:0.01:4bit", "topk:0.1:1bit", "topk:0.3:1bit", "topk:0.95:4bit", "topk:0.999:1bit"} {
			c := mustParse(t, s)
			for name, shape := range shapes {
				r := rand.New(rand.NewPCG(1, 1))
				for _, k := range []int{1, (c.count(n) + 1) / 2, c.count(n)} {
					if k < 16 && name != "random" {
						continue
					}
					var d Delta
					size := len(c.AppendDelta(nil, at(n, shape(n, k, r), r), &d))
					if bound := c.DeltaBound(n); size > bound {
						t.Errorf("%v, %d of %d, %s: %d bytes, bound %d", c, k, n, name, size, bound)
					}
				}
			}
		}
	}
}

// at returns n numbers of which those with an index are not 0.
func at(n int, index []int, r *rand.Rand) []float32 {
	u := make([]float32, n)
	for _, i := range index {
		u[i] = 1 - 2*float32(r.IntN(2))
	}
	return u
}

// TestDeltaBoundClimbs changes indices wherever that makes a delta longer.
func TestDeltaBoundClimbs(t *testing.T) {
	const n = 400
	for _, s := range []string{"topk:0.02:1bit", "topk:0.1:1bit", "topk:0.5:1bit"} {
		c := mustParse(t, s)
		r := rand.New(rand.NewPCG(2, 2))
		k := c.count(n)
		set := make([]bool, n)
		for _, i := range r.Perm(n)[:k] {
			set[i] = true
		}
		cost := indexCost(set)
		for range 20_000 {
			i, j := r.IntN(n), r.IntN(n)
			if set[i] == set[j] {
				continue
			}
			set[i], set[j] = set[j], set[i]
			if next := indexCost(set); next >= cost {
				cost = next
			} else {
				set[i], set[j] = set[j], set[i]
			}
		}
		bytes := scaleSize + int(cost+float64(k)+math.Log2(float64(k+1)))/8 + 1
		t.Logf("%v of %d: up to %d bytes, entropy of indices and signs %.1f, bound %d", c, n, bytes, entropyBytes(n, k)+float64(k)/8, c.DeltaBound(n))
		if bytes > c.DeltaBound(n) {
			t.Errorf("%v of %d: %d bytes, bound %d", c, n, bytes, c.DeltaBound(n))
		}
	}
}

// indexCost returns the bits that coding the chosen ones takes.
func indexCost(set []bool) float64 {
	k := 0
	for _, s := range set {
		if s {
			k++
		}
	}
	cost := 0.0
	p := newPositions(len(set), k)
	for _, s := range set {
		if p.certain() {
			break
		}
		chance := p.chance()
		probability := float64(chance) / certainty
		if !s {
			probability = 1 - probability
		}
		cost -= math.Log2(probability)
		p.note(s, chance)
	}
	return cost
}

// TestNeighboursCompress has indices in runs take less than at random, where the
// urn alone would take the same.
func TestNeighboursCompress(t *testing.T) {
	c := mustParse(t, "topk:0.1:1bit")
	r := rand.New(rand.NewPCG(3, 3))
	const n = 4810
	size := func(name string) int {
		var d Delta
		return len(c.AppendDelta(nil, at(n, shapes[name](n, c.count(n), r), r), &d))
	}
	random, rows := size("random"), size("dense rows")
	t.Logf("%d bytes at random, %d in rows", random, rows)
	if rows > random*19/20 {
		t.Errorf("%d bytes at random, %d in rows", random, rows)
	}
}

// TestDeltaTakesLittleMemory has a few bytes promise very many numbers.
func TestDeltaTakesLittleMemory(t *testing.T) {
	for name, tt := range map[string]struct {
		compression string
		data        []byte
	}{
		"all of a million":     {"topk:1:1bit", []byte{0x80, 0x3f, 0xff, 0xff, 0xfe, 0xff}},
		"some of a million":    {"topk:1:4bit", append([]byte{0x80, 0x3f, 0x80}, make([]byte, 1000)...)},
		"one, and no end":      {"topk:0.001:1bit", []byte{0x80, 0x3f, 0x00, 0x40}},
		"more than can be":     {"topk:0.001:1bit", make([]byte, 1<<20)},
		"signs that are short": {"sign", make([]byte, 1000)},
		"numbers, short":       {"none", make([]byte, 1000)},
	} {
		c := mustParse(t, tt.compression)
		var d Delta
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := c.DecodeDelta(tt.data, MaxSize, &d)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		// A number takes eight bytes, and has a bit or four in the data.
		if got := after.TotalAlloc - before.TotalAlloc; got > 64*uint64(len(tt.data))+8<<10 || got > 1<<20 {
			t.Errorf("%s: %d bytes allocated for %d", name, got, len(tt.data))
		}
	}
}

func BenchmarkDelta(b *testing.B) {
	for _, n := range []int{4810, 100_000} {
		u := bell(1, n)
		for _, s := range []string{"none", "q8", "q4", "sign", "topk:0.1:1bit", "topk:0.1:4bit", "topk:0.01:1bit"} {
			c := mustParse(b, s)
			var d Delta
			data := slices.Clone(c.AppendDelta(nil, u, &d))
			b.Run(fmt.Sprintf("encode %v %d", c, n), func(b *testing.B) {
				b.SetBytes(int64(4 * n))
				b.ReportAllocs()
				for b.Loop() {
					data = c.AppendDelta(data[:0], u, &d)
				}
				b.ReportMetric(float64(len(data))/float64(n), "bytes/number")
			})
			b.Run(fmt.Sprintf("decode %v %d", c, n), func(b *testing.B) {
				b.SetBytes(int64(4 * n))
				b.ReportAllocs()
				for b.Loop() {
					if err := c.DecodeDelta(data, n, &d); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
