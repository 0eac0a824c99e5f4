// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRing(t *testing.T) {
	columns := []string{"t", "h"}
	r, err := NewRing(columns, Classification, 10, 3)
	if err != nil {
		t.Fatal(err)
	}
	columns[0] = "changed" // the ring keeps a copy
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
	if empty := r.Snapshot(); empty.Rows() != 0 || r.Len() != 0 {
		t.Errorf("a new ring holds %d samples", empty.Rows())
	}
	for i, tt := range tests {
		v := float32(i + 1)
		if err := r.Add([]float32{v, -v}, v); err != nil {
			t.Fatal(err)
		}
		got := r.Snapshot()
		checkTable(t, got)
		if diff := cmp.Diff(tt.x, got.X); diff != "" {
			t.Errorf("features after %d (-want +got):\n%s", i+1, diff)
		}
		if diff := cmp.Diff(tt.y, got.Y); diff != "" {
			t.Errorf("targets after %d (-want +got):\n%s", i+1, diff)
		}
		if got.Columns[0] != "t" || got.Classes != 10 || r.Len() != len(tt.y) {
			t.Errorf("columns %v, classes %d, length %d", got.Columns, got.Classes, r.Len())
		}
	}
	kept := r.Snapshot()
	if err := r.Add([]float32{9, 9}, 9); err != nil {
		t.Fatal(err)
	}
	if kept.X[0] != 5 {
		t.Error("a snapshot changed with the ring")
	}
}

func TestRingRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	classes, err := NewRing([]string{"a"}, Classification, 2, 4)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := NewRing([]string{"a"}, Regression, 0, 4)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		ring *Ring
		x    []float32
		y    float32
		want string
	}{
		{"features", numbers, []float32{1, 2}, 0, "2 features, want 1"},
		{"no features", numbers, nil, 0, "0 features, want 1"},
		{"NaN", numbers, []float32{nan}, 0, "not finite"},
		{"infinite target", numbers, []float32{1}, inf, "not finite"},
		{"fraction", classes, []float32{1}, 0.5, "0.5 is not a class"},
		{"negative", classes, []float32{1}, -1, "-1 is not a class"},
		{"beyond", classes, []float32{1}, 2, "2 is not a class"},
	}
	for _, tt := range tests {
		if err := tt.ring.Add(tt.x, tt.y); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if tt.ring.Len() != 0 {
			t.Errorf("%s: the sample was kept", tt.name)
		}
	}
	if err := numbers.Add([]float32{1}, -0.5); err != nil {
		t.Errorf("a number as target: %v", err)
	}
	if got := numbers.Snapshot(); got.Kind != Regression || got.Labels != nil {
		t.Errorf("snapshot %+v", got)
	}
}

func TestNewRingRefuses(t *testing.T) {
	one := []string{"a"}
	tests := []struct {
		columns           []string
		kind              Kind
		classes, capacity int
	}{
		{one, Automatic, 0, 1},
		{one, Kind(7), 0, 1},
		{one, Regression, 2, 1},
		{one, Classification, 0, 1},
		{one, Classification, MaxClasses + 1, 1},
		{nil, Regression, 0, 1},
		{make([]string, MaxColumns+1), Regression, 0, 1},
		{one, Regression, 0, 0},
		{one, Regression, 0, MaxCells + 1},
		{make([]string, 4), Regression, 0, math.MaxInt},
	}
	for _, tt := range tests {
		if _, err := NewRing(tt.columns, tt.kind, tt.classes, tt.capacity); err == nil {
			t.Errorf("%d columns, %v, %d classes, %d samples: accepted", len(tt.columns), tt.kind, tt.classes, tt.capacity)
		}
	}
}

// TestRingConcurrently adds samples whose numbers belong together while others
// read, who must never see a half of one.
func TestRingConcurrently(t *testing.T) {
	r, err := NewRing([]string{"a", "b"}, Regression, 0, 7)
	if err != nil {
		t.Fatal(err)
	}
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
				s := r.Snapshot()
				for i, y := range s.Y {
					if s.X[2*i] != y || s.X[2*i+1] != -y {
						t.Errorf("sample %v of target %v", s.X[2*i:2*i+2], y)
						return
					}
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
