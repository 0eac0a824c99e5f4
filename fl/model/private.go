// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"errors"
	"fmt"
	"math"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/tensor"
)

// MaxPrivateSteps is the most steps of one call.
const MaxPrivateSteps = 1 << 20

// Private is stochastic gradient descent with differential privacy for each
// record (Abadi et al., Deep learning with differential privacy, 2016). A step
// takes each record with probability Q, clips its gradient to the norm Clip, adds
// noise to the sum, and divides by the number of records to be expected.
type Private struct {
	Rate  float32 // learning rate, above 0
	Decay float32 // weight decay, 0 or above; biases decay, too
	Clip  float32 // largest norm of a record's gradient, above 0
	Sigma float64 // noise multiplier, 0 or above: deviation of the noise over Clip; 0 hides nothing
	Q     float64 // sampling rate, above 0 and at most 1
	Steps int     // 1..MaxPrivateSteps
}

// Mechanism draws what keeps a record private, from randomness that nobody else
// knows.
type Mechanism interface {
	// Sample appends to dst each of the numbers 0 to n-1 with probability q.
	Sample(dst []int32, n int, q float64) []int32
	// Noise adds to each number a normal one with the standard deviation sigma.
	Noise(dst []float32, sigma float64)
}

// clipMargin is the part of Clip that gradients are clipped to. The rest is for
// rounding: of the gradient, of its norm, and of the sum to the steps of noise.
const clipMargin = 1 - 1.0/1024

// Validate returns an error that names the setting that cannot be.
func (p Private) Validate() error {
	if err := (SGD{Rate: p.Rate, Decay: p.Decay, Batch: 1, Epochs: 1}).Validate(); err != nil {
		return err
	}
	switch {
	case !(p.Clip > 0 && p.Clip <= math.MaxFloat32):
		return fmt.Errorf("clipping norm %v: it must be a number above 0", p.Clip)
	case !(p.Sigma >= 0 && p.Sigma*float64(p.Clip) <= math.MaxFloat32):
		return fmt.Errorf("noise multiplier %v: it must be 0 or a number above", p.Sigma)
	case !(p.Q > 0 && p.Q <= 1):
		return fmt.Errorf("sampling rate %v: it must be above 0 and at most 1", p.Q)
	case p.Steps < 1 || p.Steps > MaxPrivateSteps:
		return fmt.Errorf("%d private steps: it takes 1 to %d", p.Steps, MaxPrivateSteps)
	}
	return nil
}

// Train moves theta, (Size), by Steps steps of Rate against the noisy gradient,
// the decay and the correction, (Size) or nil, which must be public. Rows are
// those of the data to learn from; nil means all, and their number is public. A
// sample without rows is a step, too. It returns the number of steps and the
// mean loss of the sampled rows, 0 without any, which is not private: it must not
// leave the device. After an error, such as ErrDiverged, theta has no meaning,
// and the steps must be counted as taken.
func (p Private) Train(m *Model, theta []float32, data *dataset.Table, rows []int32, correction []float32, mechanism Mechanism, ws *Workspace) (steps int, loss float64, err error) {
	if err := p.Validate(); err != nil {
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
	const one = 1 // the least batch; a sample is gone through by as many rows as fit
	ws.prepare(m, one, data, rows)
	n, sampled := len(ws.shuffle), 0
	c := newClipper(m, data, p.Clip, ws)
	for range p.Steps {
		sample := mechanism.Sample(ws.shuffle[:0], n, p.Q)
		for i, r := range sample {
			if rows != nil {
				sample[i] = rows[r]
			}
		}
		ws.shuffle = sample
		l := c.sumUp(theta)
		if math.IsNaN(l) || math.IsInf(l, 0) {
			return steps, loss, ErrDiverged
		}
		mechanism.Noise(c.sum, p.Sigma*float64(p.Clip))
		p.step(theta, c.sum, correction, float32(1/(p.Q*float64(n))))
		loss += l
		sampled += len(sample)
		steps++
	}
	if !tensor.Finite(theta) {
		return steps, loss, ErrDiverged
	}
	return steps, loss / float64(max(sampled, 1)), nil
}

// step moves theta against the sum times share, the decay and the correction.
func (p Private) step(theta, sum, correction []float32, share float32) {
	sum = sum[:len(theta)]
	for i, v := range theta {
		g := float32(sum[i]*share) + float32(p.Decay*v)
		if correction != nil {
			g += correction[i]
		}
		theta[i] = v - float32(p.Rate*g)
	}
}

// clipper sums up clipped gradients.
type clipper struct {
	model *Model
	data  *dataset.Table
	ws    *Workspace
	bound float64   // on the norm of a gradient
	sum   []float32 // (size)
}

func newClipper(m *Model, data *dataset.Table, clip float32, ws *Workspace) *clipper {
	c := &clipper{model: m, data: data, ws: ws, bound: float64(clip) * clipMargin, sum: ws.grad}
	if !c.direct() {
		c.sum = make([]float32, m.size) // the workspace's gradient is for one record
	}
	return c
}

// direct tells whether the model is one linear layer.
func (c *clipper) direct() bool {
	return c.model.spec.Kind == Softmax || c.model.spec.Kind == Linear
}

// sumUp sets the sum to that of the clipped gradients of the sampled rows, which
// are in the workspace, and returns the sum of their losses.
func (c *clipper) sumUp(theta []float32) (loss float64) {
	clear(c.sum)
	n := len(c.ws.shuffle)
	if !c.direct() {
		for at := range n {
			loss += c.addOne(theta, at)
		}
		return loss
	}
	for at := 0; at < n; at += c.ws.rows {
		loss += c.addRows(theta, at, min(c.ws.rows, n-at))
	}
	return loss
}

// addOne adds the clipped gradient of one row, of any model.
func (c *clipper) addOne(theta []float32, at int) (loss float64) {
	ws := c.ws
	ws.gather(c.model, c.data, at, 1)
	loss = c.model.Gradient(ws.grad, theta, ws.batch, 0, ws)
	tensor.Axpy(c.scale(tensor.Norm(ws.grad)), ws.grad, c.sum)
	return loss
}

// addRows adds the clipped gradients of some rows in one linear layer. A row's
// gradient is the outer product of its inputs, with 1 for the bias, and the
// gradient of its outputs, so that its norm is the product of theirs.
func (c *clipper) addRows(theta []float32, at, rows int) (loss float64) {
	m, ws := c.model, c.ws
	ws.gather(m, c.data, at, rows)
	in, out := m.Features(), m.Outputs()
	z := m.Predict(theta, ws.batch.X, ws)
	weights, biases := c.sum[:in*out], c.sum[in*out:]
	for r := range rows {
		g, x := z[r*out:(r+1)*out], ws.batch.X[r*in:(r+1)*in]
		if m.loss == CrossEntropy {
			loss += tensor.CrossEntropyGrad(g, ws.batch.Labels[r:r+1], out)
		} else {
			tensor.Sub(g, g, ws.batch.Y[r:r+1])
			loss += tensor.Dot(g, g) / 2
		}
		tensor.Scale(c.scale(math.Sqrt(tensor.Dot(g, g)*(tensor.Dot(x, x)+1))), g)
		tensor.Axpy(1, g, biases)
	}
	tensor.MatMulTA(weights, ws.batch.X, z, in, rows, out)
	return loss
}

// scale returns what clips a gradient of a norm.
func (c *clipper) scale(norm float64) float32 {
	if norm <= c.bound {
		return 1
	}
	return float32(c.bound / norm)
}
