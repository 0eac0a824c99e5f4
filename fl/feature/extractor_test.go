// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vecino-edge/vecino/fl/dataset"
)

var _ Sink = (*dataset.Ring)(nil)

// rows is a sink that keeps all.
type rows struct {
	x   [][]float32
	y   []float32
	err error
}

func (r *rows) Add(x []float32, y float32) error {
	r.x, r.y = append(r.x, append([]float32(nil), x...)), append(r.y, y)
	return r.err
}

const period = 10 * time.Millisecond

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func settings() Settings {
	return Settings{Channels: []string{"a", "b"}, Window: Window{Length: 8, Step: 3}, Period: period}
}

// extractor returns one over a sink, and a function that adds a sample of
// channel a at so many periods.
func extractor(t *testing.T, set Settings) (e *Extractor, sink *rows, add func(at float64, a float32)) {
	t.Helper()
	sink = &rows{}
	e, err := New(set, sink)
	if err != nil {
		t.Fatal(err)
	}
	return e, sink, func(at float64, a float32) {
		t.Helper()
		if err := e.Add(start.Add(time.Duration(at*float64(period))), []float32{a, -a}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExtractor(t *testing.T) {
	e, sink, add := extractor(t, settings())
	for i := range 15 {
		add(float64(i), float32(i))
	}
	d := float32(math.Sqrt(5.25)) // of eight numbers in a row
	want := [][]float32{
		{3.5, d, 0, 7, -3.5, d, -7, 0},
		{6.5, d, 3, 10, -6.5, d, -10, -3},
		{9.5, d, 6, 13, -9.5, d, -13, -6},
	}
	if diff := cmp.Diff(want, sink.x); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float32{float32(math.NaN()), float32(math.NaN()), float32(math.NaN())}, sink.y, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Counts{Samples: 15, Rows: 3}, e.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	names := []string{"a.mean", "a.std", "a.min", "a.max", "b.mean", "b.std", "b.min", "b.max"}
	set := settings()
	if diff := cmp.Diff(names, set.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// TestExtractorGaps tells which rows come, by their least value, and what is
// counted, when samples come at the given periods with that as their value.
func TestExtractorGaps(t *testing.T) {
	run := func(from, to float64) (at []float64) {
		for ; from <= to; from++ {
			at = append(at, from)
		}
		return at
	}
	join := func(parts ...[]float64) (at []float64) {
		for _, p := range parts {
			at = append(at, p...)
		}
		return at
	}
	nan := math.NaN()
	tests := []struct {
		name   string
		at     []float64
		least  []float32
		counts Counts
	}{
		{"too few", run(0, 6), nil, Counts{Samples: 7}},
		{"steady", run(0, 13), []float32{0, 3, 6}, Counts{Samples: 14, Rows: 3}},
		{"twice", join(run(0, 4), run(4, 7)), []float32{0}, Counts{Samples: 8, Rows: 1, Late: 1}},
		{"out of order", join(run(0, 4), []float64{2}, run(5, 7)), []float32{0}, Counts{Samples: 8, Rows: 1, Late: 1}},
		{"jitter", []float64{0, 1.4, 2, 2.6, 4, 5.4, 6.4, 7}, []float32{0}, Counts{Samples: 8, Rows: 1}},
		{"one missing", join(run(0, 3), run(5, 13)), []float32{5}, Counts{Samples: 13, Rows: 1, Gaps: 1}},
		{"one missing behind a row", join(run(0, 8), run(10, 16)), []float32{0}, Counts{Samples: 16, Rows: 1, Gaps: 1}},
		{"one not finite", join(run(0, 3), []float64{nan}, run(5, 13)), []float32{5}, Counts{Samples: 13, Rows: 1, Gaps: 1, Invalid: 1}},
		{"a little back", join(run(100, 105), run(98, 107)), []float32{100}, Counts{Samples: 8, Rows: 1, Late: 8}},
		{"clock set back", join(run(100, 105), run(0, 7)), []float32{0}, Counts{Samples: 14, Rows: 1, Gaps: 1}},
		{"clock set ahead", join(run(0, 5), run(1e8, 1e8+7)), []float32{1e8}, Counts{Samples: 14, Rows: 1, Gaps: 1}},
	}
	for _, tt := range tests {
		e, sink, add := extractor(t, settings())
		for _, at := range tt.at {
			add(at, float32(at))
		}
		var least []float32
		for _, x := range sink.x {
			least = append(least, x[2])
		}
		if diff := cmp.Diff(tt.least, least); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.counts, e.Counts()); diff != "" {
			t.Errorf("%s: counts (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestExtractorTarget(t *testing.T) {
	set := settings()
	set.Channels, set.Target, set.Window.Step, set.Bands = []string{"a"}, "y", 1, 2
	sink := &rows{err: errors.New("full")}
	e, err := New(set, sink)
	if err != nil {
		t.Fatal(err)
	}
	inf := float32(math.Inf(1))
	for i, y := range []float32{0, 0, 0, 0, 0, 0, 0, 2, inf, 3} {
		err := e.Add(start.Add(time.Duration(i)*period), []float32{1, y})
		if i < 7 && err != nil || i >= 7 && !errors.Is(err, sink.err) {
			t.Errorf("sample %d: %v", i, err)
		}
	}
	if diff := cmp.Diff([]float32{2, float32(math.NaN()), 3}, sink.y, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float32{1, 0, 1, 1, 0, 0}, sink.x[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, n := range []int{0, 1, 3} {
		if err := e.Add(start, make([]float32, n)); err == nil || !strings.Contains(err.Error(), "want 2") {
			t.Errorf("%d values: %v", n, err)
		}
	}
	// What sensors report when they fail stays finite.
	for i := range 8 {
		_ = e.Add(start.Add(time.Duration(100+i)*period), []float32{math.MaxFloat32 * float32(1-2*(i%2)), 0})
	}
	for i, v := range sink.x[len(sink.x)-1] {
		if v-v != 0 {
			t.Errorf("feature %d of large samples is %v", i, v)
		}
	}
}

func TestSettingsValidate(t *testing.T) {
	tests := map[string]func(s *Settings){
		"0 channels":                    func(s *Settings) { s.Channels = nil },
		"65 channels":                   func(s *Settings) { s.Channels = make([]string, 65) },
		"no name":                       func(s *Settings) { s.Channels[1] = "" },
		"longer than 64 bytes":          func(s *Settings) { s.Channels[1] = strings.Repeat("x", 65) },
		`two channels are named "a"`:    func(s *Settings) { s.Channels[1] = "a" },
		`two channels are named "b"`:    func(s *Settings) { s.Target = "b" },
		"a window of 7 samples":         func(s *Settings) { s.Window = Window{7, 1} },
		"a window of 4097 samples":      func(s *Settings) { s.Window = Window{4097, 1} },
		"a step of 0 samples":           func(s *Settings) { s.Window.Step = 0 },
		"a step of 9 samples":           func(s *Settings) { s.Window.Step = 9 },
		"-1 bands":                      func(s *Settings) { s.Bands = -1 },
		"5 bands; it takes 0 to 4":      func(s *Settings) { s.Bands = 5 },
		"33 bands; it takes 0 to 32":    func(s *Settings) { s.Window.Length, s.Bands = 4096, 33 },
		"a period of 0s; it must be":    func(s *Settings) { s.Period = 0 },
		"a period of -10ms; it must be": func(s *Settings) { s.Period = -period },
	}
	for want, change := range tests {
		set := settings()
		change(&set)
		if _, err := New(set, &rows{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// last is a sink that keeps a hash of all rows.
type last struct{ sum uint64 }

func (l *last) Add(x []float32, _ float32) error {
	h := fnv.New64a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], l.sum)
	h.Write(b[:])
	for _, v := range x {
		binary.LittleEndian.PutUint32(b[:4], math.Float32bits(v))
		h.Write(b[:4])
	}
	l.sum = h.Sum64()
	return nil
}

// busy has three channels and all kinds of features.
func busy(b testing.TB, length int, sink Sink) (add func(i int)) {
	b.Helper()
	set := Settings{Channels: []string{"x", "y", "z"}, Window: Window{length, length / 4}, Bands: 4, Period: period}
	e, err := New(set, sink)
	if err != nil {
		b.Fatal(err)
	}
	values := make([]float32, 3)
	v := uint32(1)
	return func(i int) {
		for c := range values {
			v = v*1664525 + 1013904223
			values[c] = float32(v>>8)/(1<<20) + float32(i%(7+c))
		}
		if err := e.Add(start.Add(time.Duration(i)*period), values); err != nil {
			b.Fatal(err)
		}
	}
}

// TestBits holds the bits of rows, which are the same on every architecture.
func TestBits(t *testing.T) {
	for length, want := range map[int]uint64{64: 0xae1f81ed59def035, 100: 0xc8d74f3abd92ee66, 1000: 0x7066a5517b0120} {
		l := &last{}
		add := busy(t, length, l)
		for i := range 3000 {
			add(i)
		}
		if l.sum != want {
			t.Errorf("windows of %d: %#x, want %#x", length, l.sum, want)
		}
	}
}

func TestAllocations(t *testing.T) {
	set := settings()
	set.Bands = 4
	e, err := New(set, none{})
	if err != nil {
		t.Fatal(err)
	}
	i, values := 0, []float32{1, 2}
	if n := testing.AllocsPerRun(100, func() {
		i++
		if err := e.Add(start.Add(time.Duration(i)*period), values); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a sample", n)
	}
	if e.Counts().Rows == 0 {
		t.Error("there were no rows")
	}
}

type none struct{}

func (none) Add([]float32, float32) error { return nil }

func BenchmarkExtractor(b *testing.B) {
	add := busy(b, 128, none{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		add(i)
	}
}
