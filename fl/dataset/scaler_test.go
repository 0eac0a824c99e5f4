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

// climate has a constant column and targets 1, 3 and 8.
func climate() *Table {
	return &Table{
		Kind:    Regression,
		Columns: []string{"t", "constant"},
		X:       []float32{1, 5, 2, 5, 6, 5},
		Y:       []float32{1, 3, 8},
	}
}

func TestFitZScore(t *testing.T) {
	s, err := Fit(Scale{}, climate())
	if err != nil {
		t.Fatal(err)
	}
	want := &Scaler{
		Mean:            []float32{3, 5},
		Deviation:       []float32{float32(math.Sqrt(14.0 / 3)), 1},
		TargetMean:      4,
		TargetDeviation: float32(math.Sqrt(26.0 / 3)),
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	table := climate()
	table.X[0], table.X[1] = 1e30, -1e38 // clipped
	if err := s.Apply(table); err != nil {
		t.Fatal(err)
	}
	d := want.Deviation[0]
	if diff := cmp.Diff([]float32{6, -6, -1 / d, 0, 3 / d, 0}, table.X); diff != "" {
		t.Errorf("features (-want +got):\n%s", diff)
	}
	e := want.TargetDeviation
	if diff := cmp.Diff([]float32{-3 / e, -1 / e, 4 / e}, table.Y); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func TestFitOtherMethods(t *testing.T) {
	divide, err := Fit(Scale{Divide, 4}, climate())
	if err != nil {
		t.Fatal(err)
	}
	table := climate()
	if err := divide.Apply(table); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{0.25, 1.25, 0.5, 1.25, 1.5, 1.25}, table.X); diff != "" {
		t.Errorf("divide:4 (-want +got):\n%s", diff)
	}
	if table.Y[0] == 1 {
		t.Error("targets of a regression are not standardised")
	}
	classes := climate()
	classes.Kind, classes.Labels, classes.Classes = Classification, []int32{1, 3, 8}, 9
	none, err := Fit(Scale{Method: None}, classes)
	if err != nil {
		t.Fatal(err)
	}
	if err := none.Apply(classes); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(climate().X, classes.X); diff != "" {
		t.Errorf("none (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(climate().Y, classes.Y); diff != "" {
		t.Errorf("classes as targets (-want +got):\n%s", diff)
	}
}

// TestApplyStandardises fits and applies to the same rows.
func TestApplyStandardises(t *testing.T) {
	table := climate()
	s, err := Fit(Scale{}, table)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(table); err != nil {
		t.Fatal(err)
	}
	again, err := Fit(Scale{}, table)
	if err != nil {
		t.Fatal(err)
	}
	want := &Scaler{Mean: []float32{0, 0}, Deviation: []float32{1, 1}, TargetDeviation: 1}
	if diff := cmp.Diff(want, again, cmpopts.EquateApprox(0, 1e-6)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestApplyRefusesWhatIsNotFinite(t *testing.T) {
	s := &Scaler{Scale: Scale{Divide, 1e-30}, TargetDeviation: 1}
	table := climate()
	table.X[3] = 1e30
	if err := s.Apply(table); err == nil {
		t.Error("an infinite feature was accepted")
	}
	s = &Scaler{Scale: Scale{Method: None}, TargetDeviation: 1e-30}
	table = climate()
	table.Y[2] = 1e30
	if err := s.Apply(table); err == nil {
		t.Error("an infinite target was accepted")
	}
}

func TestScalerValidate(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := Scaler{Mean: []float32{1, 2}, Deviation: []float32{1, 2}, TargetDeviation: 1}
	if err := good.Validate(2); err != nil {
		t.Fatal(err)
	}
	mutations := map[string]func(s *Scaler){
		"method":             func(s *Scaler) { s.Scale.Method = 9 },
		"divide with means":  func(s *Scaler) { s.Scale = Scale{Divide, 2} },
		"mean missing":       func(s *Scaler) { s.Mean = s.Mean[:1] },
		"deviation missing":  func(s *Scaler) { s.Deviation = nil },
		"mean NaN":           func(s *Scaler) { s.Mean[1] = nan },
		"deviation 0":        func(s *Scaler) { s.Deviation[0] = 0 },
		"deviation negative": func(s *Scaler) { s.Deviation[1] = -1 },
		"deviation NaN":      func(s *Scaler) { s.Deviation[1] = nan },
		"deviation infinite": func(s *Scaler) { s.Deviation[1] = inf },
		"target mean":        func(s *Scaler) { s.TargetMean = -inf },
		"target deviation":   func(s *Scaler) { s.TargetDeviation = 0 },
	}
	for name, mutate := range mutations {
		s := good
		s.Mean, s.Deviation = slices.Clone(good.Mean), slices.Clone(good.Deviation)
		mutate(&s)
		if err := s.Validate(2); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if err := s.Apply(climate()); err == nil {
			t.Errorf("%s: applied", name)
		}
	}
	if err := good.Validate(3); err == nil {
		t.Error("a scaler of two features is valid for three")
	}
}

func TestFitRefuses(t *testing.T) {
	if _, err := Fit(Scale{}, &Table{Columns: []string{"a"}}); err == nil {
		t.Error("fitted to no rows")
	}
	if _, err := Fit(Scale{Method: Divide}, climate()); err == nil {
		t.Error("fitted with a divisor of 0")
	}
}
