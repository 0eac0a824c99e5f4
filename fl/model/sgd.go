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
	Rate        float32   // learning rate, above 0
	Decay       float32   // weight decay, 0 or above; biases decay, too
	Momentum    float32   // share of the velocity that a step keeps, 0 or above and below 1
	Batch       int       // rows of a step, 1..MaxBatch
	Epochs      int       // times that each row is used, 1..MaxEpochs
	ClassWeight []float32 // (outputs), by which rows of each class count, 0 or above; nil for ones
}

// Step is what steers the steps of a training beside the gradient. The zero
// Step, and nil, steer nothing.
type Step struct {
	Correction []float32 // (Size), added to every gradient; nil for none
	Share      float32   // by which the correction is multiplied; 0 means 1
	Velocity   []float32 // (Size), belongs to the caller, begins as zeros and goes on from call to call; with momentum only
	Only       Range     // the part of theta that moves; the zero Range for all of it
}

// Validate returns an error that names the setting that cannot be.
func (s SGD) Validate() error {
	switch {
	case !(s.Rate > 0 && s.Rate <= math.MaxFloat32):
		return fmt.Errorf("learning rate %v: it must be a number above 0", s.Rate)
	case !(s.Decay >= 0 && s.Decay <= math.MaxFloat32):
		return fmt.Errorf("weight decay %v: it must be 0 or a number above", s.Decay)
	case !(s.Momentum >= 0 && s.Momentum < 1):
		return fmt.Errorf("momentum %v: it must be 0 or above and below 1", s.Momentum)
	case s.Batch < 1 || s.Batch > MaxBatch:
		return fmt.Errorf("batch of %d rows: it takes 1 to %d", s.Batch, MaxBatch)
	case s.Epochs < 1 || s.Epochs > MaxEpochs:
		return fmt.Errorf("%d epochs: it takes 1 to %d", s.Epochs, MaxEpochs)
	}
	for class, w := range s.ClassWeight {
		if !(w >= 0 && w <= math.MaxFloat32) {
			return fmt.Errorf("weight %v of class %d: it must be 0 or a number above", w, class)
		}
	}
	return nil
}

// Steps returns the number of steps that training on so many rows takes.
func (s SGD) Steps(rows int) int { return s.Epochs * ((rows + s.Batch - 1) / s.Batch) }

// Train moves theta, (Size). With momentum β a step goes
//
//	velocity = β*velocity + gradient + share*correction
//	theta    = theta - Rate*(1-β)*velocity
//
// so that it is as long as one without, where gradients agree. Rows are those
// of the data to learn from; nil means all. Each epoch goes through them in a
// fresh order, and its last batch is filled up from the beginning of that order.
// It returns the number of steps and the mean loss over them. After an error,
// such as ErrDiverged, theta and the velocity have no meaning.
func (s SGD) Train(m *Model, theta []float32, data *dataset.Table, rows []int32, step *Step, rng *rand.Rand, ws *Workspace) (steps int, loss float64, err error) {
	if err := s.check(m, data, rows); err != nil {
		return 0, 0, err
	}
	m.checkSize(theta)
	steer := s.checkStep(m, step)
	first := m.layerAt(steer.Only.From)
	ws.prepare(m, s.Batch, data, rows)
	ws.batch.Weight = s.ClassWeight
	for range s.Epochs {
		order := ws.shuffle
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for begin := 0; begin < len(order); begin += s.Batch {
			ws.gather(m, data, begin, s.Batch)
			l := m.gradientFrom(first, ws.grad, theta, ws.batch, s.Decay, ws)
			if math.IsNaN(l) || math.IsInf(l, 0) {
				return steps, loss, ErrDiverged
			}
			s.step(theta, ws.grad, steer)
			loss += l
			steps++
		}
	}
	if !tensor.Finite(theta) {
		return steps, loss, ErrDiverged
	}
	return steps, loss / float64(steps), nil
}

// check returns an error that says why there is nothing to train.
func (s SGD) check(m *Model, data *dataset.Table, rows []int32) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if err := m.Accepts(data); err != nil {
		return err
	}
	switch {
	case rows != nil && len(rows) == 0:
		return errors.New("train: no rows to learn from")
	case s.ClassWeight != nil && m.loss != CrossEntropy:
		return fmt.Errorf("train: class weights, and model %v has no classes", m.spec)
	case s.ClassWeight != nil && len(s.ClassWeight) != m.outputs:
		return fmt.Errorf("train: %d class weights for %d classes", len(s.ClassWeight), m.outputs)
	}
	return nil
}

// checkStep holds what steers against the model and returns it with the range
// of all filled in.
func (s SGD) checkStep(m *Model, given *Step) (step Step) {
	if given != nil {
		step = *given
	}
	if step.Only == (Range{}) {
		step.Only.To = m.size
	}
	if step.Share == 0 {
		step.Share = 1
	}
	for _, v := range [][]float32{step.Correction, step.Velocity} {
		if v != nil {
			m.checkSize(v)
		}
	}
	switch only := step.Only; {
	case s.Momentum > 0 && step.Velocity == nil:
		panic("model: momentum without a velocity")
	case only.From < 0 || only.From >= only.To || only.To > m.size:
		panic(fmt.Sprintf("model: steps in the range %d to %d of %d parameters", only.From, only.To, m.size))
	}
	return step
}

// step moves theta against the gradient plus the correction.
func (s SGD) step(theta, grad []float32, step Step) {
	from, to := step.Only.From, step.Only.To
	theta, grad = theta[from:to], grad[from:to]
	if step.Correction != nil {
		tensor.Axpy(step.Share, step.Correction[from:to], grad)
	}
	rate := s.Rate
	if s.Momentum > 0 {
		velocity := step.Velocity[from:to]
		for i, g := range grad {
			velocity[i] = float32(s.Momentum*velocity[i]) + g
		}
		grad, rate = velocity, float32(rate*(1-s.Momentum))
	}
	tensor.Axpy(-rate, grad, theta)
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
	ws.batch.Weight = nil
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
		switch m.loss {
		case CrossEntropy:
			b.Labels[k] = data.Labels[row]
		case MeanSquare:
			b.Y[k] = data.Y[row]
		}
	}
}
