// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// ThresholdShare is the share of normal rows whose anomaly score a threshold
// lets pass.
const ThresholdShare = 0.99

// AnomalyScores sets dst, (rows), to the scores of the rows of x, (rows,
// features): the mean over the features of the square of what the model, whose
// loss is Reconstruction, makes of a row less that row.
func (m *Model) AnomalyScores(dst, theta, x []float32, ws *Workspace) {
	n := m.features
	if m.loss != Reconstruction || len(x) != len(dst)*n {
		panic(fmt.Sprintf("model: %d anomaly scores of %d features by model %v", len(dst), len(x), m.spec))
	}
	for len(dst) > 0 {
		rows := min(len(dst), ws.rows)
		z := m.Predict(theta, x[:rows*n], ws)
		for r := range rows {
			dst[r] = float32(squares(z[r*n:(r+1)*n], x[r*n:(r+1)*n]) / float64(n))
		}
		dst, x = dst[rows:], x[rows*n:]
	}
}

// Threshold returns the anomaly score above which a row counts as anomalous:
// the 99th percentile (ThresholdShare, by nearest rank) of the scores of normal
// rows, those that were learned from or that were held back for this. Rows are
// those of the table to take; nil means all. It fails where a score is not a
// number.
func (m *Model) Threshold(theta []float32, normal *dataset.Table, rows []int32, ws *Workspace) (float32, error) {
	if err := m.Accepts(normal); err != nil {
		return 0, err
	}
	if rows != nil && len(rows) == 0 {
		return 0, errors.New("threshold: no rows to take it from")
	}
	scores := make([]float32, normal.Rows())
	m.AnomalyScores(scores, theta, normal.X, ws)
	if rows != nil {
		all := scores
		scores = make([]float32, len(rows))
		for i, row := range rows {
			scores[i] = all[row]
		}
	}
	slices.Sort(scores) // NaN comes first
	if scores[0] != scores[0] {
		return 0, fmt.Errorf("threshold: %w", ErrDiverged)
	}
	return scores[int(math.Ceil(ThresholdShare*float64(len(scores))))-1], nil
}

// EvaluateAnomaly is [Model.Evaluate] for Reconstruction with an accuracy: the
// share of the rows where a score above the threshold tells the label.
func (m *Model) EvaluateAnomaly(theta []float32, t *dataset.Table, threshold float32, ws *Workspace) (Score, error) {
	if m.loss != Reconstruction {
		return Score{}, fmt.Errorf("model %v does not find anomalies", m.spec)
	}
	if err := m.Accepts(t); err != nil {
		return Score{}, err
	}
	s := Score{Rows: t.Rows()}
	scores := make([]float32, s.Rows)
	m.AnomalyScores(scores, theta, t.X, ws)
	right := 0
	for i, v := range scores {
		s.Loss += float64(v)
		if (v > threshold) == (t.Labels[i] != 0) {
			right++
		}
	}
	s.Loss /= float64(s.Rows)
	s.Accuracy = float64(right) / float64(s.Rows)
	s.AUC = auc(scores, t.Labels)
	return s, nil
}

// auc returns the area under the curve of the true positive rate over the false
// positive rate: the probability that a random anomalous row, whose label is not
// 0, has a higher score than a random normal one, where equal scores count half
// (Mann and Whitney, 1947). It is NaN where rows of one kind lack or a score is
// not a number.
func auc(scores []float32, labels []int32) float64 {
	order := make([]int32, len(scores))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return cmp.Compare(scores[i], scores[j]) })
	var wins, normal, anomalous int64 // wins counts twice, so that halves are whole
	for begin := 0; begin < len(order); {
		v := scores[order[begin]]
		if v != v {
			return math.NaN()
		}
		end, below, above := begin, int64(0), int64(0)
		for ; end < len(order) && scores[order[end]] == v; end++ {
			if labels[order[end]] == 0 {
				below++
			} else {
				above++
			}
		}
		wins += above * (2*normal + below)
		normal, anomalous, begin = normal+below, anomalous+above, end
	}
	if normal == 0 || anomalous == 0 {
		return math.NaN()
	}
	return float64(wins) / float64(2*normal) / float64(anomalous)
}
