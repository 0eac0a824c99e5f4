// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/fl/dataset"
	"pgregory.net/rapid"
)

// halving returns an autoencoder of one feature that gives back max(x, 0)/2, so
// that the score of x is x*x/4 above 0 and x*x below.
func halving(t *testing.T) (*Model, []float32) {
	return newModel(t, "autoencoder:1", 1, 1, Reconstruction), []float32{1, 0, 0.5, 0}
}

// odd returns an anomaly table of one feature.
func odd(x []float32, labels []int32) *dataset.Table {
	return &dataset.Table{Kind: dataset.Anomaly, Columns: []string{"x"}, Classes: 2, X: x, Y: make([]float32, len(x)), Labels: labels}
}

func TestEvaluateAnomaly(t *testing.T) {
	m, theta := halving(t)
	// The scores are 0, 1, 4, 9, 1.
	data := odd([]float32{0, 2, 4, 6, -1}, []int32{0, 0, 1, 1, 1})
	for _, rows := range []int{1, 2, 5, 100} {
		ws := m.NewWorkspace(rows)
		for threshold, accuracy := range map[float32]float64{-1: 0.6, 0.5: 0.8, 1: 0.8, 4: 0.6, 10: 0.4} {
			got, err := m.EvaluateAnomaly(theta, data, threshold, ws)
			if want := (Score{Rows: 5, Loss: 3, Accuracy: accuracy, AUC: 5.5 / 6}); err != nil || got != want {
				t.Errorf("workspace of %d rows, threshold %v: %+v, %v, want %+v", rows, threshold, got, err, want)
			}
		}
		got := evaluate(t, m, theta, data, ws)
		if want := (Score{Rows: 5, Loss: 3, AUC: 5.5 / 6}); got != want || m.Measure(got) != want.AUC {
			t.Errorf("workspace of %d rows: %+v, want %+v", rows, got, want)
		}
	}
	if _, err := m.EvaluateAnomaly(theta, odd(nil, nil), 0, m.NewWorkspace(1)); err == nil || !strings.Contains(err.Error(), "no rows") {
		t.Errorf("without rows: %v", err)
	}
	classes := newModel(t, "softmax", 1, 2, CrossEntropy)
	if _, err := classes.EvaluateAnomaly(make([]float32, 4), data, 0, classes.NewWorkspace(1)); err == nil || !strings.Contains(err.Error(), "does not find anomalies") {
		t.Errorf("softmax: %v", err)
	}
	if _, err := m.Evaluate(theta, points(3, dataset.Classification), m.NewWorkspace(1)); err == nil {
		t.Error("an autoencoder evaluates classes")
	}
}

func TestMeasure(t *testing.T) {
	s := Score{Accuracy: 1, R2: 2, AUC: 3}
	for want, m := range map[float64]*Model{
		1: newModel(t, "softmax", 1, 2, CrossEntropy),
		2: newModel(t, "mlp:2", 1, 1, MeanSquare),
		3: newModel(t, "autoencoder", 1, 1, Reconstruction),
	} {
		if got := m.Measure(s); got != want {
			t.Errorf("%v: %v, want %v", m.Spec(), got, want)
		}
	}
}

func TestThreshold(t *testing.T) {
	m, theta := halving(t)
	var x []float32
	for i := range 200 {
		x = append(x, float32((i*77)%200)) // each of 0 to 199 once; the scores are x*x/4
	}
	ws, data := m.NewWorkspace(7), odd(x, make([]int32, 200))
	rows := make([]int32, 50)
	for i := range rows {
		rows[i] = int32(i)
	}
	largest := float32(0)
	for _, v := range x[:50] {
		largest = max(largest, v)
	}
	for _, tt := range []struct {
		rows []int32
		want float32
	}{{nil, 197}, {rows, largest}, {[]int32{3}, x[3]}} {
		got, err := m.Threshold(theta, data, tt.rows, ws)
		if want := tt.want * tt.want / 4; err != nil || got != want {
			t.Errorf("%d rows: %v, %v, want %v", len(tt.rows), got, err, want)
		}
	}
	if _, err := m.Threshold(theta, data, []int32{}, ws); err == nil {
		t.Error("a threshold without rows")
	}
	if _, err := m.Threshold(theta, odd(nil, nil), nil, ws); err == nil {
		t.Error("a threshold of an empty table")
	}
	theta[0] = float32(math.NaN())
	if _, err := m.Threshold(theta, data, nil, ws); !errors.Is(err, ErrDiverged) {
		t.Errorf("a threshold that is not a number: %v", err)
	}
	if got := evaluate(t, m, theta, odd([]float32{1, 2}, []int32{0, 1}), ws); !math.IsNaN(got.AUC) || !math.IsNaN(got.Loss) {
		t.Errorf("scores that are not numbers: %+v", got)
	}
}

func TestAnomalyScoresMistakesPanic(t *testing.T) {
	m, theta := halving(t)
	classes := newModel(t, "softmax", 1, 1, CrossEntropy)
	for name, f := range map[string]func(){
		"more rows than scores": func() { m.AnomalyScores(make([]float32, 1), theta, make([]float32, 2), m.NewWorkspace(1)) },
		"a model of classes":    func() { classes.AnomalyScores(nil, theta[:2], nil, classes.NewWorkspace(1)) },
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "model: ") {
					t.Errorf("%s: panic %q", name, text)
				}
			}()
			f()
		}()
	}
}

// TestAUC compares with the definition, pair by pair.
func TestAUC(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 30).Draw(t, "rows")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		scores, labels := make([]float32, n), make([]int32, n)
		for i := range n {
			scores[i], labels[i] = float32(r.IntN(8)), int32(r.IntN(2))
		}
		wins, pairs := 0.0, 0.0
		for i := range n {
			for j := range n {
				if labels[i] == 0 || labels[j] != 0 {
					continue
				}
				pairs++
				switch {
				case scores[i] > scores[j]:
					wins++
				case scores[i] == scores[j]:
					wins += 0.5
				}
			}
		}
		got, want := auc(scores, labels), wins/pairs
		if math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > 1e-12 {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
