// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"math"

	"github.com/vecino-edge/vecino/fl/tensor"
)

const (
	// clip bounds a standardised feature, so that a broken sensor cannot
	// outweigh all others.
	clip = 6
	// leastDeviation is that of a column that counts as constant below it.
	leastDeviation = 1e-6
)

// Scaler brings rows to the size that the training rows had. A task carries
// one, so that all neighbours scale alike.
type Scaler struct {
	Scale           Scale
	Mean            []float32 // (features); ZScore only
	Deviation       []float32 // (features), above 0; ZScore only
	TargetMean      float32   // 0 in classification
	TargetDeviation float32   // above 0; 1 in classification
}

// Fit returns the scaler for the training rows, of which there is at least one.
// A column that is constant keeps the deviation 1. The targets of a regression
// are standardised by every method.
func Fit(scale Scale, train *Table) (*Scaler, error) {
	if err := scale.validate(); err != nil {
		return nil, err
	}
	if train.Rows() == 0 {
		return nil, errors.New("dataset: fit a scaler to no rows")
	}
	s := &Scaler{Scale: scale, TargetDeviation: 1}
	if scale.Method == ZScore {
		s.Mean, s.Deviation = moments(train.X, train.Features())
	}
	if train.Kind == Regression {
		mean, deviation := moments(train.Y, 1)
		s.TargetMean, s.TargetDeviation = mean[0], deviation[0]
	}
	return s, nil
}

// moments returns mean and population deviation of each of n columns, summed
// in float64 in the order of the rows, over those rows that have a number there.
// A column without any has the mean 0.
func moments(x []float32, n int) (mean, deviation []float32) {
	rows := len(x) / n
	count, sum, squares := make([]int, n), make([]float64, n), make([]float64, n)
	for i := range rows {
		for j, v := range x[i*n : (i+1)*n] {
			if v == v {
				sum[j] += float64(v)
				count[j]++
			}
		}
	}
	for j := range sum {
		sum[j] /= float64(max(count[j], 1))
	}
	for i := range rows {
		for j, v := range x[i*n : (i+1)*n] {
			if v == v {
				d := float64(v) - sum[j]
				squares[j] += float64(d * d)
			}
		}
	}
	mean, deviation = make([]float32, n), make([]float32, n)
	for j := range mean {
		mean[j] = float32(sum[j])
		deviation[j] = float32(math.Sqrt(squares[j] / float64(max(count[j], 1))))
		if deviation[j] < leastDeviation {
			deviation[j] = 1
		}
	}
	return mean, deviation
}

// Validate returns an error unless the scaler, which may come from another
// device, is one for tables of so many features.
func (s *Scaler) Validate(features int) error {
	if err := s.Scale.validate(); err != nil {
		return err
	}
	want := 0
	if s.Scale.Method == ZScore {
		want = features
	}
	if len(s.Mean) != want || len(s.Deviation) != want {
		return fmt.Errorf("scaler: %d means and %d deviations for %d features", len(s.Mean), len(s.Deviation), features)
	}
	if !tensor.Finite(s.Mean) || !tensor.Finite([]float32{s.TargetMean}) {
		return errors.New("scaler: a mean is not finite")
	}
	for _, d := range append(s.Deviation[:want:want], s.TargetDeviation) {
		if !(d > 0 && d <= math.MaxFloat32) {
			return fmt.Errorf("scaler: deviation %v is not above 0 and finite", d)
		}
	}
	return nil
}

// Apply scales features and targets of t in place, once. T has as many features
// as the scaler. A missing feature becomes the mean of its column: with [ZScore]
// that is 0, whatever the mean of t is, and otherwise t.Fill, or the mean over
// the rows of t if there is none.
func (s *Scaler) Apply(t *Table) error {
	if err := s.Validate(t.Features()); err != nil {
		return err
	}
	by := t.Fill
	if s.Scale.Method != ZScore && t.Missing != nil && by == nil {
		by = columnMeans(t)
	}
	for i := range t.Rows() {
		x := t.Row(i)
		if by != nil && s.Scale.Method != ZScore {
			fill(x, by)
		}
		t.Clipped += s.applyRow(x)
	}
	if t.Kind == Regression {
		for i, y := range t.Y {
			t.Y[i] = (y - s.TargetMean) / s.TargetDeviation
		}
	}
	if !tensor.Finite(t.X) || !tensor.Finite(t.Y) {
		return fmt.Errorf("scale by %v: a number grows beyond 32 bits; use zscore", s.Scale)
	}
	return nil
}

// ApplyRow scales the features of one row in place. One that is missing, NaN,
// becomes 0.
func (s *Scaler) ApplyRow(x []float32) {
	s.applyRow(x)
	for i, v := range x {
		if v != v {
			x[i] = 0
		}
	}
}

// applyRow is ApplyRow, but that only [ZScore] sets what is missing. It returns
// how many features were clipped.
func (s *Scaler) applyRow(x []float32) (clipped int) {
	switch s.Scale.Method {
	case ZScore:
		for i, v := range x {
			z := (v - s.Mean[i]) / s.Deviation[i]
			switch {
			case z != z:
				z = 0
			case z < -clip:
				z = -clip
				clipped++
			case z > clip:
				z = clip
				clipped++
			}
			x[i] = z
		}
	case Divide:
		for i, v := range x {
			x[i] = v / s.Scale.Divisor
		}
	}
	return clipped
}
