// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func newRing(t testing.TB, set RingSettings) *Ring {
	t.Helper()
	r, err := NewRing(set)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRing(t *testing.T) {
	columns := []string{"t", "h"}
	r := newRing(t, RingSettings{Columns: columns, Target: "y", Kind: Classification, Classes: 10, Capacity: 3})
	columns[0] = "changed" // the ring keeps a copy
	r.Settings().Columns[1] = "changed"
	tests := []struct {
		x []float32
		y []float32
	}{
		{[]float32{1, -1}, []float32{1}},
		{[]float32{1, -1, 2, -2}, []float32{1, 2}},
		{[]float32{1, -1, 2, -2, 3, -3}, []float32{1, 2, 3}},
		{[]float32{2, -2, 3, -3, 4, -4}, []float32{2, 3, 4}},
		{[]float32{3, -3, 4, -4, 5, -5}, []float32{3, 4, 5}},
		{[]float32{4, -4, 5, -5, 6, -6}, []float32{4, 5, 6}},
		{[]float32{5, -5, 6, -6, 7, -7}, []float32{5, 6, 7}},
	}
	if train, test := r.Tables(); train.Rows() != 0 || test.Rows() != 0 {
		t.Errorf("a new ring holds %d and %d samples", train.Rows(), test.Rows())
	}
	for i, tt := range tests {
		v := float32(i + 1)
		if err := r.Add([]float32{v, -v}, v); err != nil {
			t.Fatal(err)
		}
		got, held := r.Tables()
		checkTable(t, got)
		if diff := cmp.Diff(tt.x, got.X); diff != "" {
			t.Errorf("features after %d (-want +got):\n%s", i+1, diff)
		}
		if diff := cmp.Diff(tt.y, got.Y); diff != "" {
			t.Errorf("targets after %d (-want +got):\n%s", i+1, diff)
		}
		rows, none := r.Len()
		if got.Columns[0] != "t" || got.Target != "y" || got.Classes != 10 || rows != len(tt.y) || none != 0 || held.Rows() != 0 {
			t.Errorf("columns %v, classes %d, lengths %d and %d", got.Columns, got.Classes, rows, none)
		}
	}
	kept, _ := r.Tables()
	if err := r.Add([]float32{9, 9}, 9); err != nil {
		t.Fatal(err)
	}
	if kept.X[0] != 5 {
		t.Error("a table changed with the ring")
	}
}

// TestRingHoldsOut has more samples than the ring keeps.
func TestRingHoldsOut(t *testing.T) {
	for _, run := range []int{0, 8} {
		r := newRing(t, RingSettings{Columns: []string{"a"}, Kind: Regression, Capacity: 1000, HoldOut: 5, Run: run, Seed: 7})
		for i := range 5000 {
			if err := r.Add([]float32{float32(i)}, float32(-i)); err != nil {
				t.Fatal(err)
			}
		}
		train, test := r.Tables()
		if train.Rows() != 800 || test.Rows() != 200 {
			t.Errorf("%d and %d samples", train.Rows(), test.Rows())
		}
		seen := map[float32]bool{}
		for _, table := range []*Table{train, test} {
			checkTable(t, table)
			for i, v := range table.X {
				if seen[v] || table.Y[i] != -v || i > 0 && v <= table.X[i-1] {
					t.Fatalf("sample %v of target %v at %d", v, table.Y[i], i)
				}
				seen[v] = true
			}
		}
		// Held out is about a fifth of what came: 200 samples reach back as far as 800.
		if least := test.X[0]; least < 3500 || least > 4400 {
			t.Errorf("the oldest sample held out is %v", least)
		}
		jumps := 0
		for i, v := range test.X[1:] {
			if v != test.X[i]+1 {
				jumps++
			}
		}
		if run == 8 && jumps > 200/8 {
			t.Errorf("%d runs of samples held out", jumps)
		}
	}
}

func TestRingRefuses(t *testing.T) {
	inf := float32(math.Inf(1))
	classes := newRing(t, RingSettings{Columns: []string{"a"}, Kind: Classification, Classes: 2, Capacity: 4})
	numbers := newRing(t, RingSettings{Columns: []string{"a"}, Kind: Regression, Capacity: 4})
	tests := []struct {
		name string
		ring *Ring
		x    []float32
		y    float32
		want string
	}{
		{"features", numbers, []float32{1, 2}, 0, "2 features, want 1"},
		{"no features", numbers, nil, 0, "0 features, want 1"},
		{"infinite", numbers, []float32{-inf}, 0, "not finite"},
		{"infinite target", numbers, []float32{1}, inf, "not finite"},
		{"fraction", classes, []float32{1}, 0.5, "0.5 is not a class"},
		{"negative", classes, []float32{1}, -1, "-1 is not a class"},
		{"beyond", classes, []float32{1}, 2, "2 is not a class"},
	}
	for _, tt := range tests {
		if err := tt.ring.Add(tt.x, tt.y); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if n, _ := tt.ring.Len(); n != 0 {
			t.Errorf("%s: the sample was kept", tt.name)
		}
	}
	if err := numbers.Add([]float32{nan}, -0.5); err != nil {
		t.Errorf("a number as target: %v", err)
	}
	got, _ := numbers.Tables()
	want := &Table{Kind: Regression, Columns: []string{"a"}, X: []float32{nan}, Y: []float32{-0.5}, Missing: []int32{1}, Fill: []float32{0}}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// ringMistakes are settings that cannot be.
var ringMistakes = []func(s *RingSettings){
	func(s *RingSettings) { s.Kind = Automatic },
	func(s *RingSettings) { s.Kind = 7 },
	func(s *RingSettings) { s.Kind = Regression },
	func(s *RingSettings) { s.Kind = Anomaly },
	func(s *RingSettings) { s.Classes = 0 },
	func(s *RingSettings) { s.Classes = MaxClasses + 1 },
	func(s *RingSettings) { s.Columns = nil },
	func(s *RingSettings) { s.Columns = make([]string, MaxColumns+1) },
	func(s *RingSettings) { s.Columns = []string{strings.Repeat("x", MaxField+1)} },
	func(s *RingSettings) { s.Target = "\n" },
	func(s *RingSettings) { s.Capacity = 0 },
	func(s *RingSettings) { s.Capacity = MaxRingSamples + 1 },
	func(s *RingSettings) { s.Columns, s.Capacity = make([]string, 64), MaxRingCells/64+1 },
	func(s *RingSettings) { s.HoldOut = 1 },
	func(s *RingSettings) { s.HoldOut = -1 },
	func(s *RingSettings) { s.HoldOut = MaxHoldOut + 1 },
	func(s *RingSettings) { s.HoldOut, s.Capacity = 2, 1 },
	func(s *RingSettings) { s.Run = -1 },
	func(s *RingSettings) { s.Run = MaxRun + 1 },
}

func TestNewRingRefuses(t *testing.T) {
	for i, change := range ringMistakes {
		set := RingSettings{Columns: []string{"a"}, Kind: Classification, Classes: 2, Capacity: 4}
		if change(&set); set.Validate() == nil {
			t.Errorf("mistake %d: accepted", i)
		}
		if _, err := NewRing(set); err == nil {
			t.Errorf("mistake %d: a ring was made", i)
		}
	}
}

// TestRingConcurrently adds samples whose numbers belong together while others
// read, who must never see a half of one.
func TestRingConcurrently(t *testing.T) {
	r := newRing(t, RingSettings{Columns: []string{"a", "b"}, Kind: Regression, Capacity: 9, HoldOut: 4})
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				train, test := r.Tables()
				for _, s := range []*Table{train, test} {
					for i, y := range s.Y {
						if s.X[2*i] != y || s.X[2*i+1] != -y {
							t.Errorf("sample %v of target %v", s.X[2*i:2*i+2], y)
							return
						}
					}
				}
				if _, err := DecodeRing(r.Encode()); err != nil {
					t.Error(err)
				}
			}
		})
		writers.Go(func() {
			for i := range 2000 {
				v := float32(i)
				if err := r.Add([]float32{v, -v}, v); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
}

// TestPartCopy lets samples come between the pieces of a copy.
func TestPartCopy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 60).Draw(t, "capacity")
		p := newPart(capacity, copyCells/4) // four samples a piece
		var number uint64
		more := func(n int) {
			for range n {
				x := make([]float32, p.features)
				x[0] = float32(number)
				p.add(number, x, float32(number))
				number++
			}
		}
		more(rapid.IntRange(0, 100).Draw(t, "before"))
		end := number
		lock := &between{do: func() { more(rapid.IntRange(0, 6).Draw(t, "meanwhile")) }}
		s := p.copy(lock)
		for i, n := range s.number {
			if n >= end || i > 0 && n <= s.number[i-1] || s.y[i] != float32(n) || s.x[i*p.features] != float32(n) {
				t.Fatalf("sample %d of %v", i, s.number)
			}
		}
		if want := min(int(end), capacity); number == end && len(s.number) != want {
			t.Fatalf("%d samples, want %d", len(s.number), want)
		}
	})
}

// between is a lock that lets something be done after it.
type between struct{ do func() }

func (b *between) Lock()   {}
func (b *between) Unlock() { b.do() }

func BenchmarkRing(b *testing.B) {
	columns := strings.Split("abcdefghijklmnop", "")
	r := newRing(b, RingSettings{Columns: columns, Kind: Regression, Capacity: 10_000, HoldOut: 5})
	x := make([]float32, len(columns))
	for i := range 20_000 {
		x[0] = float32(i)
		if err := r.Add(x, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("add", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = r.Add(x, 0)
		}
	})
	b.Run("tables", func(b *testing.B) {
		for b.Loop() {
			r.Tables()
		}
	})
	b.Run("encode", func(b *testing.B) {
		for b.Loop() {
			r.Encode()
		}
	})
}
