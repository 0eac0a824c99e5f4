// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/tensor"
)

// Limits on training.
const (
	MaxBatch  = 4096    // rows of a batch
	MaxEpochs = 100_000 // epochs of one call
)

// ErrDiverged tells that the loss or the parameters are not finite any more. A
// lower rate helps, or scaled features.
var ErrDiverged = errors.New("training diverged; lower the learning rate or scale the features")

// SGD is stochastic gradient descent for some epochs.
type SGD struct {
	Rate   float32 // learning rate, above 0
	Decay  float32 // weight decay, 0 or above; biases decay, too
	Batch  int     // rows of a step, 1..MaxBatch
	Epochs int     // times that each row is used, 1..MaxEpochs
}

// Validate returns an error that names the setting that cannot be.
func (s SGD) Validate() error {
	switch {
	case !(s.Rate > 0 && s.Rate <= math.MaxFloat32):
		return fmt.Errorf("learning rate %v: it must be a number above 0", s.Rate)
	case !(s.Decay >= 0 && s.Decay <= math.MaxFloat32):
		return fmt.Errorf("weight decay %v: it must be 0 or a number above", s.Decay)
	case s.Batch < 1 || s.Batch > MaxBatch:
		return fmt.Errorf("batch of %d rows: it takes 1 to %d", s.Batch, MaxBatch)
	case s.Epochs < 1 || s.Epochs > MaxEpochs:
		return fmt.Errorf("%d epochs: it takes 1 to %d", s.Epochs, MaxEpochs)
	}
	return nil
}

// Steps returns the number of steps that training on so many rows takes.
func (s SGD) Steps(rows int) int { return s.Epochs * ((rows + s.Batch - 1) / s.Batch) }

// Train moves theta, (Size), by steps of Rate against the gradient plus the
// correction, (Size) or nil. Rows are those of the data to learn from; nil
// means all. Each epoch goes through them in a fresh order, and its last batch
// is filled up from the beginning of that order. It returns the number of steps
// and the mean loss over them. After an error, such as ErrDiverged, theta has no
// meaning.
func (s SGD) Train(m *Model, theta []float32, data *dataset.Table, rows []int32, correction []float32, rng *rand.Rand, ws *Workspace) (steps int, loss float64, err error) {
	if err := s.Validate(); err != nil {
		return 0, 0, err
	}
	if err := m.Accepts(data); err != nil {
		return 0, 0, err
	}
	if rows != nil && len(rows) == 0 {
		return 0, 0, errors.New("train: no rows to learn from")
	}
	m.checkSize(theta)
	if correction != nil {
		m.checkSize(correction)
	}
	ws.prepare(m, s.Batch, data, rows)
	for range s.Epochs {
		order := ws.shuffle
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for begin := 0; begin < len(order); begin += s.Batch {
			ws.gather(m, data, begin, s.Batch)
			l := m.Gradient(ws.grad, theta, ws.batch, s.Decay, ws)
			if math.IsNaN(l) || math.IsInf(l, 0) {
				return steps, loss, ErrDiverged
			}
			s.step(theta, ws.grad, correction)
			loss += l
			steps++
		}
	}
	if !tensor.Finite(theta) {
		return steps, loss, ErrDiverged
	}
	return steps, loss / float64(steps), nil
}

// step moves theta against the gradient plus the correction.
func (s SGD) step(theta, grad, correction []float32) {
	if correction == nil {
		tensor.Axpy(-s.Rate, grad, theta)
		return
	}
	grad, correction = grad[:len(theta)], correction[:len(theta)]
	for i, v := range theta {
		theta[i] = v - float32(s.Rate*(grad[i]+correction[i]))
	}
}

// prepare makes room for training and notes the rows to learn from.
func (ws *Workspace) prepare(m *Model, batch int, data *dataset.Table, rows []int32) {
	if ws.model != m || batch > ws.rows {
		panic(fmt.Sprintf("model: batch of %d for a workspace of %d rows", batch, ws.rows))
	}
	if ws.grad == nil {
		ws.grad = make([]float32, m.size)
		ws.batch.X = make([]float32, ws.rows*m.Features())
		ws.batch.Y = make([]float32, ws.rows)
		ws.batch.Labels = make([]int32, ws.rows)
	}
	ws.shuffle = append(ws.shuffle[:0], rows...)
	if rows == nil {
		for i := range data.Rows() {
			ws.shuffle = append(ws.shuffle, int32(i))
		}
	}
}

// gather copies a batch of rows from begin in the order of the epoch, which
// begins anew behind its end.
func (ws *Workspace) gather(m *Model, data *dataset.Table, begin, rows int) {
	n := m.Features()
	b := &ws.batch
	b.X, b.Y, b.Labels = b.X[:rows*n], b.Y[:rows], b.Labels[:rows]
	at := begin
	for k := range rows {
		row := ws.shuffle[at]
		if at++; at == len(ws.shuffle) {
			at = 0
		}
		copy(b.X[k*n:(k+1)*n], data.Row(int(row)))
		if m.loss == CrossEntropy {
			b.Labels[k] = data.Labels[row]
		} else {
			b.Y[k] = data.Y[row]
		}
	}
}
