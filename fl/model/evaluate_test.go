// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"math"
	"testing"

	"github.com/vecino-edge/vecino/fl/dataset"
)

func evaluate(t *testing.T, m *Model, theta []float32, data *dataset.Table, ws *Workspace) Score {
	t.Helper()
	score, err := m.Evaluate(theta, data, ws)
	if err != nil {
		t.Fatal(err)
	}
	return score
}

func TestEvaluateClasses(t *testing.T) {
	m := newModel(t, "softmax", 1, 3, CrossEntropy)
	// The outputs are (x, -x, 0): class 0 for x > 0, 1 for x < 0; the first, 0,
	// for x = 0, where all three are equal.
	theta := []float32{1, -1, 0, 0, 0, 0}
	data := &dataset.Table{
		Kind: dataset.Classification, Columns: []string{"x"}, Classes: 3,
		X: []float32{2, -2, 0, 0, 5}, Labels: []int32{0, 1, 0, 2, 1}, Y: []float32{0, 1, 0, 2, 1},
	}
	want := 0.0
	for i, x := range data.X {
		z := []float64{float64(x), -float64(x), 0}
		want += math.Log(math.Exp(z[0])+math.Exp(z[1])+1) - z[data.Labels[i]]
	}
	for _, rows := range []int{1, 2, 5, 100} {
		got := evaluate(t, m, theta, data, m.NewWorkspace(rows))
		if got.Rows != 5 || got.Accuracy != 0.6 || math.Abs(got.Loss-want/5) > 1e-6 {
			t.Errorf("workspace of %d rows: %+v, want loss %v", rows, got, want/5)
		}
	}
}

func TestEvaluateNumbers(t *testing.T) {
	m := newModel(t, "linear", 1, 1, MeanSquare)
	data := &dataset.Table{
		Kind: dataset.Regression, Columns: []string{"x"},
		X: []float32{1, 2, 3, 4}, Y: []float32{1, 2, 3, 6},
	}
	got := evaluate(t, m, []float32{1, 0}, data, m.NewWorkspace(3))
	// One error of 2 in four rows; the variance of the targets is 3.5.
	if got.Loss != 0.5 || got.R2 != 1-1/3.5 || got.Accuracy != 0 {
		t.Errorf("%+v", got)
	}
	data.Y = []float32{2, 2, 2, 2}
	got = evaluate(t, m, []float32{1, 0}, data, m.NewWorkspace(4))
	if !math.IsNaN(got.R2) {
		t.Errorf("R2 of equal targets is %v", got.R2)
	}
}

func TestEvaluateRefuses(t *testing.T) {
	m := newModel(t, "softmax", 1, 3, CrossEntropy)
	if _, err := m.Evaluate(make([]float32, 6), points(4, dataset.Classification), m.NewWorkspace(1)); err == nil {
		t.Error("evaluated on rows of other features")
	}
}

// TestEvaluateShowsDivergence keeps what is not finite visible in the score.
func TestEvaluateShowsDivergence(t *testing.T) {
	m := newModel(t, "mlp:2", 2, 2, CrossEntropy)
	theta := make([]float32, m.Size())
	theta[0] = float32(math.NaN())
	if got := evaluate(t, m, theta, points(4, dataset.Classification), m.NewWorkspace(4)); !math.IsNaN(got.Loss) {
		t.Errorf("%+v", got)
	}
}
