// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"fmt"
	"math"
	"slices"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/tensor"
)

// Coverage is the share of values that lie in the interval of a regression.
const Coverage = 0.9

// maxHeld is how many held-out rows a snapshot is judged by, the latest of them.
const maxHeld = 2048

// snapshot is a model as it was at one time, and how far its word goes. Nothing in
// it changes but the workspace, which belongs to the scorer.
type snapshot struct {
	task   *node.Task
	kind   dataset.Kind
	model  *model.Model
	theta  []float32 // (params), a copy
	scaler *dataset.Scaler
	fill   []float32 // (features), scaled: what stands for a missing value
	// reach is half the width of the interval in a regression, in the unit of the
	// target, and the threshold of an anomaly; ok where held-out rows tell it.
	reach float64
	ok    bool
	ws    *model.Workspace // of one row
}

// newSnapshot copies a model that a task has learned. Held are rows that it has
// not learned from, scaled as the task says; there may be none.
func newSnapshot(t *node.Task, theta []float32, held *dataset.Table) (*snapshot, error) {
	m, err := t.NewModel()
	if err != nil {
		return nil, err
	}
	if len(theta) != m.Size() {
		return nil, fmt.Errorf("a model of %d parameters for task %q, which has %d", len(theta), t.Name, m.Size())
	}
	if !tensor.Finite(theta) {
		return nil, model.ErrDiverged
	}
	s := &snapshot{
		task: t, kind: dataset.Kind(t.Kind), model: m, theta: slices.Clone(theta), scaler: scalerOf(t),
		fill: make([]float32, len(t.Columns)), ws: m.NewWorkspace(1),
	}
	if err := s.scaler.Validate(len(t.Columns)); err != nil {
		return nil, err
	}
	if held == nil || held.Rows() == 0 {
		return s, nil
	}
	return s, s.judge(latest(held))
}

// scalerOf returns the scaling that all devices of a task share.
func scalerOf(t *node.Task) *dataset.Scaler {
	return &dataset.Scaler{
		Scale: dataset.Scale{Method: dataset.Method(t.Scale), Divisor: t.Divisor},
		Mean:  t.Mean, Deviation: t.Deviation, TargetMean: t.TargetFit[0], TargetDeviation: t.TargetFit[1],
	}
}

// latest returns the last rows of a table, maxHeld at most.
func latest(t *dataset.Table) *dataset.Table {
	if t.Rows() <= maxHeld {
		return t
	}
	rows := make([]int32, maxHeld)
	for i := range rows {
		rows[i] = int32(t.Rows() - maxHeld + i)
	}
	return t.Subset(rows)
}

// judgeRows is how many held-out rows are looked at at a time.
const judgeRows = 64

// judge takes from held-out rows what stands for a missing value, which is the
// mean as in package dataset, and how far the model's word goes.
func (s *snapshot) judge(held *dataset.Table) error {
	if err := s.model.Accepts(held); err != nil {
		return err
	}
	for i := range s.fill {
		sum := 0.0
		for r := range held.Rows() {
			sum += float64(held.Row(r)[i])
		}
		s.fill[i] = float32(sum / float64(held.Rows()))
	}
	ws := s.model.NewWorkspace(judgeRows)
	switch s.kind {
	case dataset.Regression:
		s.reach, s.ok = s.interval(held, ws)
	case dataset.Anomaly:
		var normal []int32
		for i, label := range held.Labels {
			if label == 0 {
				normal = append(normal, int32(i))
			}
		}
		if len(normal) == 0 {
			return nil
		}
		threshold, err := s.model.Threshold(s.theta, held, normal, ws)
		if err != nil {
			return err
		}
		s.reach, s.ok = float64(threshold), true
	}
	return nil
}

// interval returns half the width of an interval around a value in which the
// target of a row like those held out lies with the probability [Coverage], by
// split conformal prediction (Lei et al., Distribution-free predictive inference
// for regression, 2018): the quantile of the errors on n rows, by the rank
// ceil((n+1) * Coverage). Where the rows are too few for that it is not known.
func (s *snapshot) interval(held *dataset.Table, ws *model.Workspace) (half float64, ok bool) {
	n, rows := s.model.Features(), held.Rows()
	errs := make([]float64, 0, rows)
	for begin := 0; begin < rows; begin += judgeRows {
		end := min(begin+judgeRows, rows)
		for i, z := range s.model.Predict(s.theta, held.X[begin*n:end*n], ws) {
			errs = append(errs, math.Abs(float64(z)-float64(held.Y[begin+i])))
		}
	}
	slices.Sort(errs)
	rank := int(math.Ceil(float64(rows+1) * Coverage))
	if rank > rows {
		return 0, false
	}
	return errs[rank-1] * float64(s.scaler.TargetDeviation), true
}

// score returns what the model says of a row of the task's columns, which is not
// scaled yet and has NaN for what is missing. X is changed.
func (s *snapshot) score(x []float32) (out Score, err error) {
	var gaps []int
	for i, v := range x {
		if v != v {
			gaps = append(gaps, i)
		}
	}
	out.Missing = len(gaps)
	s.scaler.ApplyRow(x)
	if s.scaler.Scale.Method != dataset.ZScore { // there 0 is the mean
		for _, i := range gaps {
			x[i] = s.fill[i]
		}
	}
	if !tensor.Finite(x) {
		return out, refuse(reasonNumber, "a value grows beyond 32 bits when it is scaled")
	}
	switch s.kind {
	case dataset.Classification:
		s.classify(&out, x)
	case dataset.Regression:
		s.estimate(&out, x)
	case dataset.Anomaly:
		s.suspect(&out, x)
	}
	return out, nil
}

// classify says the most likely class, and how likely the model holds it.
func (s *snapshot) classify(out *Score, x []float32) {
	z := s.model.Predict(s.theta, x, s.ws)
	class := tensor.ArgMax(z)
	tensor.Softmax(z, len(z))
	out.Class, out.Confidence = &class, finite(float64(z[class]))
}

func (s *snapshot) estimate(out *Score, x []float32) {
	z := s.model.Predict(s.theta, x, s.ws)[0]
	v := float64(float32(z*s.scaler.TargetDeviation) + s.scaler.TargetMean)
	out.Value = finite(v)
	if s.ok {
		confidence := Coverage
		out.Low, out.High, out.Confidence = finite(v-s.reach), finite(v+s.reach), &confidence
	}
}

// suspect says how far the row is from what is normal. The confidence is 1/2 at the
// threshold and grows with the ratio of the two; it is no probability.
func (s *snapshot) suspect(out *Score, x []float32) {
	var score [1]float32
	s.model.AnomalyScores(score[:], s.theta, x, s.ws)
	v := float64(score[0])
	out.Anomaly = finite(v)
	if !s.ok || out.Anomaly == nil {
		return
	}
	anomalous := v > s.reach
	out.Threshold, out.Anomalous = &s.reach, &anomalous
	if sum := v + s.reach; sum > 0 {
		out.Confidence = finite(max(v, s.reach) / sum)
	}
}

// finite returns nil for what JSON cannot say.
func finite(v float64) *float64 {
	if v-v != 0 {
		return nil
	}
	return &v
}
