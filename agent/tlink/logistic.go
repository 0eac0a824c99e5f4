// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import "math"

// Logistic is a logistic regression with two classes. Its inputs are brought to
// mean 0 and deviation 1 as they were in training.
type Logistic struct {
	mean, deviation []float64 // (inputs)
	weight          []float64 // (inputs)
	bias            float64
}

// How a regression is trained: full batches, with momentum. The penalty keeps
// inputs that all say the same from growing without end.
const (
	logisticSteps    = 400
	logisticMomentum = 0.9
	logisticPenalty  = 1e-3
)

// Train fits a regression to rows, (rows, inputs), of which those with same are
// in the class. Classes weigh the same, however many rows they have.
func Train(rows [][]float64, same []bool) *Logistic {
	l := &Logistic{weight: make([]float64, len(rows[0]))}
	l.standardise(rows)
	x := make([][]float64, len(rows))
	in := 0.0
	for i, r := range rows {
		x[i] = l.scale(r)
		if same[i] {
			in++
		}
	}
	share := [2]float64{0.5 / max(1, float64(len(rows))-in), 0.5 / max(1, in)}
	gradient, speed := make([]float64, len(l.weight)+1), make([]float64, len(l.weight)+1)
	rate := 1 / float64(len(gradient)) // the curvature is about a quarter of the inputs at most
	for range logisticSteps {
		l.gradient(x, same, share, gradient)
		for k := range speed {
			speed[k] = logisticMomentum*speed[k] - rate*gradient[k]
		}
		for k := range l.weight {
			l.weight[k] += speed[k]
		}
		l.bias += speed[len(l.weight)]
	}
	return l
}

// gradient sets out to that of the penalised loss, the bias last.
func (l *Logistic) gradient(x [][]float64, same []bool, share [2]float64, out []float64) {
	for k, w := range l.weight {
		out[k] = logisticPenalty * w
	}
	out[len(l.weight)] = 0
	for i, r := range x {
		err := sigmoid(l.sum(r)) * share[0]
		if same[i] {
			err = (sigmoid(l.sum(r)) - 1) * share[1]
		}
		for k, v := range r {
			out[k] += err * v
		}
		out[len(l.weight)] += err
	}
}

func (l *Logistic) standardise(rows [][]float64) {
	n := len(rows[0])
	l.mean, l.deviation = make([]float64, n), make([]float64, n)
	for k := range n {
		column := make([]float64, len(rows))
		for i, r := range rows {
			column[i] = r[k]
		}
		l.mean[k], l.deviation[k] = moments(column)
	}
}

func (l *Logistic) scale(row []float64) []float64 {
	out := make([]float64, len(row))
	for k, v := range row {
		if l.deviation[k] > 0 {
			out[k] = (v - l.mean[k]) / l.deviation[k]
		}
	}
	return out
}

func (l *Logistic) sum(x []float64) float64 {
	s := l.bias
	for k, v := range x {
		s += l.weight[k] * v
	}
	return s
}

// Odds returns the logarithm of the odds that a row is in the class, where both
// classes are as frequent.
func (l *Logistic) Odds(row []float64) float64 { return l.sum(l.scale(row)) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
