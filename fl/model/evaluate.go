// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"math"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/tensor"
)

// Score is how well a model does on some rows.
type Score struct {
	Rows     int
	Loss     float64 // mean, without decay
	Accuracy float64 // share of classes that are right, 0..1; 0 in regression
	R2       float64 // 1 - squared error / variance of the targets; NaN if that is 0; 0 but for numbers
	AUC      float64 // probability that an anomalous row scores above a normal one; NaN if one kind lacks; 0 but for anomalies
}

// Measure returns the number of a score by which models like m are compared,
// the larger the better: accuracy for classes, R2 for numbers, AUC for
// anomalies.
func (m *Model) Measure(s Score) float64 {
	switch m.loss {
	case MeanSquare:
		return s.R2
	case Reconstruction:
		return s.AUC
	}
	return s.Accuracy
}

// Evaluate scores the parameters on all rows of t, so many at a time as the
// workspace takes. Of outputs that are equally large the first one is the class.
// Labels other than 0 are the anomalies, whose accuracy is left at 0, since it
// takes a threshold: see [Model.EvaluateAnomaly].
func (m *Model) Evaluate(theta []float32, t *dataset.Table, ws *Workspace) (Score, error) {
	if m.loss == Reconstruction {
		s, err := m.EvaluateAnomaly(theta, t, 0, ws)
		s.Accuracy = 0
		return s, err
	}
	if err := m.Accepts(t); err != nil {
		return Score{}, err
	}
	s := Score{Rows: t.Rows()}
	right, n := 0, m.Features()
	for begin := 0; begin < s.Rows; begin += ws.rows {
		end := min(begin+ws.rows, s.Rows)
		z := m.Predict(theta, t.X[begin*n:end*n], ws)
		if m.loss == CrossEntropy {
			right += m.countRight(z, t.Labels[begin:end])
			s.Loss += tensor.CrossEntropy(z, t.Labels[begin:end], m.outputs)
		} else {
			s.Loss += squares(z, t.Y[begin:end]) / 2
		}
	}
	rows := float64(s.Rows)
	s.Loss /= rows
	if m.loss == CrossEntropy {
		s.Accuracy = float64(right) / rows
	} else {
		s.R2 = r2(2*s.Loss, t.Y)
	}
	return s, nil
}

func (m *Model) countRight(z []float32, labels []int32) (right int) {
	for i, label := range labels {
		if tensor.ArgMax(z[i*m.outputs:(i+1)*m.outputs]) == int(label) {
			right++
		}
	}
	return right
}

// squares returns the sum of the squares of z - y.
func squares(z, y []float32) float64 {
	sum := 0.0
	for i, v := range z {
		d := float64(v) - float64(y[i])
		sum += float64(d * d)
	}
	return sum
}

// r2 returns 1 - meanSquare / variance of y.
func r2(meanSquare float64, y []float32) float64 {
	mean := 0.0
	for _, v := range y {
		mean += float64(v)
	}
	mean /= float64(len(y))
	variance := 0.0
	for _, v := range y {
		d := float64(v) - mean
		variance += float64(d * d)
	}
	variance /= float64(len(y))
	if variance == 0 {
		return math.NaN()
	}
	return 1 - meanSquare/variance
}
