// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package privacy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var seed = [32]byte{'s', 'e', 'e', 'd'}

func TestSample(t *testing.T) {
	s := NewSource(seed)
	all := []int32{0, 1, 2, 3, 4}
	if d := cmp.Diff(all, s.Sample(nil, 5, 1)); d != "" {
		t.Errorf("at a rate of 1 (-want +got):\n%s", d)
	}
	if got := s.Sample(all[:2], 100, 0); len(got) != 2 {
		t.Errorf("at a rate of 0: %v", got)
	}
	const n, rounds = 200, 4000
	for _, q := range []float64{0.01, 0.3, 0.95} {
		var counts [n]float64
		var sizes, squares float64
		for range rounds {
			rows := s.Sample(nil, n, q)
			if !slices.IsSorted(rows) {
				t.Fatal("the rows are out of order")
			}
			for _, r := range rows {
				counts[r]++
			}
			sizes += float64(len(rows))
			squares += float64(len(rows) * len(rows))
		}
		mean := sizes / rounds
		variance := squares/rounds - mean*mean
		if want := n * q; math.Abs(mean-want) > 5*math.Sqrt(want*(1-q)/rounds) {
			t.Errorf("rate %v: %v rows, want %v", q, mean, want)
		}
		if want := n * q * (1 - q); math.Abs(variance/want-1) > 0.15 {
			t.Errorf("rate %v: variance %v, want %v", q, variance, want)
		}
		for r, c := range counts {
			if math.Abs(c-rounds*q) > 6*math.Sqrt(rounds*q*(1-q)) {
				t.Errorf("rate %v: row %d is in %v of %d samples", q, r, c, rounds)
			}
		}
	}
}

// TestTable compares the table with the law that it is of, of which it is a
// rounding.
func TestTable(t *testing.T) {
	g := newGaussian()
	density := func(m int) float64 { return math.Exp(-float64(m*m) / (2 * smallDeviation * smallDeviation)) }
	total := 1.0
	for m := 1; m < 1000; m++ {
		total += 2 * density(m)
	}
	before := uint64(0)
	for m, upTo := range g.upTo {
		want := 2 * density(m) / total
		if m == 0 {
			want /= 2
		}
		if got := math.Ldexp(float64(upTo-before), -63); math.Abs(got-want) > 1e-15*want+math.Ldexp(1, -62) {
			t.Errorf("%d has the probability %v, want %v", m, got, want)
		}
		before = upTo
	}
	if last := len(g.upTo) - 1; g.upTo[last] != 1<<63 || last < 9*smallDeviation {
		t.Errorf("the last, %d, is at %d", last, g.upTo[last])
	}
}

// TestIntegers holds moments, tails and fine structure of the large integers.
func TestIntegers(t *testing.T) {
	n := 400_000
	if testing.Short() {
		n = 50_000
	}
	s := NewSource(seed)
	var moments [5]float64
	var cells [40]float64 // of 1/8 of a deviation
	var rest [16]float64  // modulo 16
	for range n {
		x := s.integer()
		y := float64(x) / deviation()
		for k, p := 1, y; k < 5; k, p = k+1, p*y {
			moments[k] += p / float64(n)
		}
		if c := int(math.Floor(8*y)) + len(cells)/2; c >= 0 && c < len(cells) {
			cells[c]++
		}
		rest[x&15]++
	}
	for k, want := range []float64{0, 0, 1, 0, 3} {
		if spread := []float64{1, 1, 1.5, 4, 10}[k] / math.Sqrt(float64(n)); math.Abs(moments[k]-want) > 5*spread {
			t.Errorf("moment %d is %v, want %v", k, moments[k], want)
		}
	}
	for c, got := range cells {
		at := float64(c-len(cells)/2) / 8
		want := float64(n) * (math.Erf((at+0.125)/math.Sqrt2) - math.Erf(at/math.Sqrt2)) / 2
		if math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("from %v on: %v numbers, want %.0f", at, got, want)
		}
	}
	for r, got := range rest {
		if want := float64(n) / 16; math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("%d modulo 16: %v numbers, want %.0f", r, got, want)
		}
	}
}

// TestNoise holds that noise is added, of the right size, and that what comes
// out is a multiple of the step whatever was there.
func TestNoise(t *testing.T) {
	const n = 20_000
	for _, sigma := range []float64{1e-3, 1, 37.5} {
		dst := make([]float32, n)
		for i := range dst {
			dst[i] = float32(i%7) / 3
		}
		NewSource(seed).Noise(dst, sigma)
		sum, squares := 0.0, 0.0
		for i, v := range dst {
			noise := float64(v) - float64(float32(i%7)/3)
			sum += noise / sigma / n
			squares += noise * noise / sigma / sigma / n
			steps := float64(v) / (sigma / deviation())
			if whole := math.Round(steps); math.Abs(steps-whole) > 0.01+math.Abs(steps)*0x1p-24 {
				t.Fatalf("%v is %v steps", v, steps)
			}
		}
		if math.Abs(sum) > 5/math.Sqrt(n) || math.Abs(squares-1) > 7/math.Sqrt(n) {
			t.Errorf("sigma %v: mean %v, variance %v of it", sigma, sum, squares)
		}
	}
	dst := []float32{1, -2, 0.1}
	NewSource(seed).Noise(dst, 0)
	if d := cmp.Diff([]float32{1, -2, 0.1}, dst); d != "" {
		t.Errorf("no noise changes (-want +got):\n%s", d)
	}
}

// TestNoiseHidesLowBits holds that a change below the step does not show.
func TestNoiseHidesLowBits(t *testing.T) {
	a, b := []float32{0.75, 0}, []float32{0.75 + 0x1p-24, 1e-9}
	NewSource(seed).Noise(a, 1)
	NewSource(seed).Noise(b, 1)
	if d := cmp.Diff(a, b); d != "" {
		t.Errorf("the low bits show:\n%s", d)
	}
}

// TestNoiseGolden holds that a seed gives the same bits on every architecture.
func TestNoiseGolden(t *testing.T) {
	s := NewSource(seed)
	dst := make([]float32, 5000)
	for i := range dst {
		dst[i] = float32(i) / 100
	}
	s.Noise(dst, 1.1)
	h := sha256.New()
	if err := binary.Write(h, binary.LittleEndian, dst); err != nil {
		t.Fatal(err)
	}
	if err := binary.Write(h, binary.LittleEndian, s.Sample(nil, 5000, 0.3)); err != nil {
		t.Fatal(err)
	}
	const want = "3253c72e44e98439dcf768bedcd81c6245e13241603b3fa92e8e83ebaf8b4d71"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSourceRefuses(t *testing.T) {
	s := NewSource(seed)
	nan := math.NaN()
	for name, f := range map[string]func(){
		"negative noise":   func() { s.Noise(nil, -1) },
		"noise of NaN":     func() { s.Noise(nil, nan) },
		"infinite noise":   func() { s.Noise(nil, math.Inf(1)) },
		"negative rows":    func() { s.Sample(nil, -1, 0.5) },
		"a negative rate":  func() { s.Sample(nil, 1, -0.5) },
		"a rate above one": func() { s.Sample(nil, 1, 1.5) },
		"a rate of NaN":    func() { s.Sample(nil, 1, nan) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s did not panic", name)
				}
			}()
			f()
		}()
	}
}

// TestSourceAllocates nothing in a step.
func TestSourceAllocates(t *testing.T) {
	s, dst, rows := NewSource(seed), make([]float32, 100), make([]int32, 0, 100)
	if n := testing.AllocsPerRun(10, func() { s.Noise(dst, 1); rows = s.Sample(rows[:0], 100, 0.5) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkNoise(b *testing.B) {
	s, dst := NewSource(seed), make([]float32, 7850)
	b.ReportAllocs()
	b.SetBytes(int64(len(dst)))
	for b.Loop() {
		s.Noise(dst, 2)
	}
}

func BenchmarkSample(b *testing.B) {
	s, rows := NewSource(seed), make([]int32, 0, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		rows = s.Sample(rows[:0], 10_000, 0.1)
	}
}

func BenchmarkNewSource(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewSource(seed)
	}
}
