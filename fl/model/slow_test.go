// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"math"
)

// slowLoss is the loss in float64, written down as the definition says: the
// mean over the rows, plus decay/2 times the square of the parameters.
func slowLoss(m *Model, theta []float64, b Batch, decay float64) float64 {
	n, rows := m.Features(), len(b.X)/m.Features()
	loss := 0.0
	for r := range rows {
		in := doubles(b.X[r*n : (r+1)*n])
		loss += slowRowLoss(m, slowOutputs(m, theta, in), in, b, r)
	}
	loss /= float64(rows)
	for _, v := range theta {
		loss += decay / 2 * v * v
	}
	return loss
}

func slowRowLoss(m *Model, out, in []float64, b Batch, r int) (loss float64) {
	switch m.Loss() {
	case MeanSquare:
		for j, v := range out {
			d := v - float64(b.Y[r*m.Outputs()+j])
			loss += d * d / 2
		}
		return loss
	case Reconstruction:
		for j, v := range out {
			loss += (v - in[j]) * (v - in[j]) / float64(len(in))
		}
		return loss
	}
	for _, v := range out {
		loss += math.Exp(v)
	}
	loss = math.Log(loss) - out[b.Labels[r]]
	if b.Weight != nil {
		loss *= float64(b.Weight[b.Labels[r]])
	}
	return loss
}

func doubles(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// slowOutputs is the model of one row in float64.
func slowOutputs(m *Model, theta, in []float64) []float64 {
	for _, l := range m.layers {
		own := theta[l.from:l.to]
		switch l := l.layer.(type) {
		case dense:
			in = slowDense(l, own, in)
		case conv:
			in = slowConv(l, own, in)
		case pool:
			in = slowPool(l, in)
		case gru:
			in = slowGRU(l, own, in)
		default:
			panic(fmt.Sprintf("no slow form of %T", l))
		}
	}
	return in
}

func slowDense(l dense, theta, in []float64) []float64 {
	out := make([]float64, l.out)
	for j := range out {
		out[j] = theta[l.in*l.out+j]
		for i, v := range in {
			out[j] += v * theta[i*l.out+j]
		}
		if l.relu {
			out[j] = max(out[j], 0)
		}
	}
	return out
}

// slowConv sums what each filter f sees at step t, at the distance k, of
// channel c.
func slowConv(l conv, theta, in []float64) []float64 {
	out := make([]float64, l.steps*l.filters)
	for t := range l.steps {
		for f := range l.filters {
			sum := theta[l.width*l.channels*l.filters+f]
			for k := range l.width {
				for c := range l.channels {
					if s := t + k - (l.width-1)/2; s >= 0 && s < l.steps {
						sum += in[s*l.channels+c] * theta[(k*l.channels+c)*l.filters+f]
					}
				}
			}
			out[t*l.filters+f] = max(sum, 0)
		}
	}
	return out
}

func slowPool(l pool, in []float64) []float64 {
	var out []float64
	for t := 0; t < l.steps; t += 2 {
		for c := range l.channels {
			v := in[t*l.channels+c]
			if t+1 < l.steps {
				v = max(v, in[(t+1)*l.channels+c])
			}
			out = append(out, v)
		}
	}
	return out
}

// slowGRU follows the equations of PyTorch's GRU for one row.
func slowGRU(l gru, theta, in []float64) []float64 {
	units := l.units
	u := theta[l.channels*3*units:]
	b := u[units*3*units:]
	c := b[3*units:]
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	h := make([]float64, units)
	for t := range l.steps {
		x := in[t*l.channels : (t+1)*l.channels]
		input := func(gate, j int) float64 { return b[gate*units+j] + column(x, theta, gate*units+j, 3*units) }
		state := func(gate, j int) float64 { return c[gate*units+j] + column(h, u, gate*units+j, 3*units) }
		next := make([]float64, units)
		for j := range next {
			r := sigmoid(input(0, j) + state(0, j))
			z := sigmoid(input(1, j) + state(1, j))
			n := math.Tanh(input(2, j) + r*state(2, j))
			next[j] = (1-z)*n + z*h[j]
		}
		h = next
	}
	return h
}

// column returns the product of x with a column of a matrix of so many columns.
func column(x, matrix []float64, at, columns int) (sum float64) {
	for i, v := range x {
		sum += v * matrix[i*columns+at]
	}
	return sum
}
