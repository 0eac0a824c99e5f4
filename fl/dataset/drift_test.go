// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// live returns a monitor of columns a, which goes up and down, and b, which is
// constant, and the scaler.
func live(t *testing.T, scale Scale) *Drift {
	t.Helper()
	train := &Table{Kind: Classification, Columns: []string{"a", "b"}, Classes: 1}
	for i := range 100 {
		train.X, train.Y = append(train.X, float32(10+i%5), 3), append(train.Y, 0)
	}
	s, err := Fit(scale, train)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(train); err != nil {
		t.Fatal(err)
	}
	d, err := NewDrift(s, train, 20)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDrift(t *testing.T) {
	deviation := math.Sqrt2
	tests := []struct {
		name string
		at   func(i int) (a, b float32)
		want []Change
	}{
		{"as in training", func(i int) (a, b float32) { return float32(10 + i%5), 3 }, nil},
		{"a little more", func(i int) (a, b float32) { return float32(12 + i%5), 3 }, nil},
		{"shifted", func(i int) (a, b float32) { return float32(5 + i%4), 3 }, []Change{{"a", DriftShift, -5.5 / deviation, 20}}},
		{"one outlier", func(i int) (a, b float32) { return float32(10 + i%5 + 1000*(i/19)), 3 }, nil},
		{"two outliers", func(i int) (a, b float32) { return float32(10 + i%5 + 1000*(i/18)), 3 }, []Change{{"a", DriftOutside, 0.1, 20}}},
		{"stuck", func(i int) (a, b float32) { return 12, 3 }, []Change{{"a", DriftStuck, 0, 20}}},
		{"mostly missing", func(i int) (a, b float32) { return []float32{nan, nan, 11, 13}[i%4], 3 }, []Change{{"a", DriftMissing, 0.5, 20}}},
		{"all missing", func(i int) (a, b float32) { return nan, nan }, []Change{{"a", DriftMissing, 1, 20}, {"b", DriftMissing, 1, 20}}},
		{"seldom missing", func(i int) (a, b float32) { return []float32{nan, 10, 11, 12, 14}[i%5], 3 }, nil},
	}
	d := live(t, Scale{})
	for _, tt := range tests {
		for i := range 20 {
			a, b := tt.at(i)
			if err := d.Add([]float32{a, b}); err != nil {
				t.Fatal(err)
			}
		}
		got := d.Changes()
		if tt.name == "two outliers" { // the mean of what was clipped has moved too, a little
			got = slices.DeleteFunc(got, func(c Change) bool { return c.Kind == DriftShift })
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-5), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if err := d.Add([]float32{1}); err == nil {
		t.Error("a sample of one feature was accepted")
	}
}

func TestDriftByOtherScales(t *testing.T) {
	for _, scale := range []Scale{{Method: None}, {Divide, 4}} {
		d := live(t, scale)
		for i := range 20 {
			if err := d.Add([]float32{float32(11 + i%5), 3}); err != nil || d.Changes() != nil {
				t.Fatalf("%v: %v, %v", scale, d.Changes(), err)
			}
		}
		inf := float32(math.Inf(1))
		for i := range 20 {
			if err := d.Add([]float32{float32(10 + i%5), []float32{3, 3, inf, 3}[i%4]}); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.Changes(); !slices.Equal(got, []Change{{"b", DriftOutside, 0.25, 20}}) {
			t.Errorf("%v: %v", scale, got)
		}
	}
}

func TestChangeString(t *testing.T) {
	for want, c := range map[string]Change{
		"column co2 is missing in 40 % of the last 256 samples":                         {"co2", DriftMissing, 0.4, 256},
		"column co2 is outside its range of training in 12 % of the last 256 samples":   {"co2", DriftOutside, 0.12, 256},
		"the mean of column co2 has moved by -3.5 deviations over the last 256 samples": {"co2", DriftShift, -3.5, 256},
		"column co2 has not changed over the last 256 samples":                          {"co2", DriftStuck, 0, 256},
	} {
		if got := c.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNewDriftRefuses(t *testing.T) {
	train := climate()
	s, err := Fit(Scale{}, train)
	if err != nil {
		t.Fatal(err)
	}
	for _, window := range []int{0, MinDriftWindow - 1, MaxDriftWindow + 1} {
		if _, err := NewDrift(s, train, window); err == nil {
			t.Errorf("a window of %d was accepted", window)
		}
	}
	if _, err := NewDrift(s, &Table{Columns: train.Columns}, 32); err == nil {
		t.Error("no rows were accepted")
	}
	if _, err := NewDrift(s, &Table{Columns: []string{"a"}}, 32); err == nil {
		t.Error("another number of columns was accepted")
	}
}

func TestDriftAllocates(t *testing.T) {
	d := live(t, Scale{})
	x := []float32{11, 3}
	if n := testing.AllocsPerRun(19, func() { // less than a window
		if err := d.Add(x); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a sample", n)
	}
}
