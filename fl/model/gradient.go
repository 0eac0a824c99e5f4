// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import "github.com/vecino-edge/vecino/fl/tensor"

// Batch is rows with their targets: Labels for CrossEntropy, Y for MeanSquare;
// with Reconstruction X is its own target.
type Batch struct {
	X      []float32 // (rows, features)
	Y      []float32 // (rows, outputs)
	Labels []int32   // (rows), 0..outputs-1
	Weight []float32 // (outputs), by which the loss of a row of each class is multiplied; nil for ones
}

// Predict returns the outputs for the rows of x, (rows, outputs), which hold
// until the workspace is used again. They are not normalised: the class is the
// first largest one, and tensor.Softmax makes them probabilities.
func (m *Model) Predict(theta, x []float32, ws *Workspace) []float32 {
	m.checkSize(theta)
	rows := ws.rowsOf(m, x)
	for i, l := range m.layers {
		l.forward(ws.pass(i, theta, x, rows))
	}
	return ws.out[len(ws.out)-1][:rows*m.outputs]
}

// Gradient sets grad, (Size), to the gradient of the mean loss over the batch
// plus decay*theta, biases included, and returns that mean without the decay.
// Where the batch has weights, the sum of the weighted losses is still divided
// by the number of rows.
func (m *Model) Gradient(grad, theta []float32, b Batch, decay float32, ws *Workspace) float64 {
	return m.gradientFrom(0, grad, theta, b, decay, ws)
}

// gradientFrom is Gradient for the layers from first on. What it leaves of the
// gradient of those before has no meaning.
func (m *Model) gradientFrom(first int, grad, theta []float32, b Batch, decay float32, ws *Workspace) float64 {
	m.checkSize(grad)
	z := m.Predict(theta, b.X, ws)
	rows := len(z) / m.outputs
	loss := m.lossGrad(z, b)
	copy(grad, theta)
	tensor.Scale(decay, grad)
	for i := len(m.layers) - 1; i >= first; i-- {
		m.layers[i].backward(ws.backPass(i, first, grad, theta, b.X, rows))
	}
	return loss
}

// lossGrad returns the mean loss of the outputs z and replaces them by its
// gradient.
func (m *Model) lossGrad(z []float32, b Batch) float64 {
	rows := len(z) / m.outputs
	switch {
	case m.loss == CrossEntropy && b.Weight != nil:
		return m.weightedLossGrad(z, b)
	case m.loss == CrossEntropy:
		return tensor.CrossEntropyGrad(z, b.Labels, m.outputs) / float64(rows)
	case m.loss == Reconstruction:
		tensor.Sub(z, z, b.X)
		loss := tensor.Dot(z, z) / float64(len(z))
		tensor.Scale(2/float32(len(z)), z)
		return loss
	}
	tensor.Sub(z, z, b.Y)
	loss := tensor.Dot(z, z) / 2 / float64(rows)
	tensor.Scale(1/float32(rows), z)
	return loss
}

// weightedLossGrad is lossGrad row by row, each with the weight of its class.
func (m *Model) weightedLossGrad(z []float32, b Batch) float64 {
	loss, share := 0.0, 1/float32(len(b.Labels))
	for i, label := range b.Labels {
		row, w := z[i*m.outputs:(i+1)*m.outputs], b.Weight[label]
		l := tensor.CrossEntropyGrad(row, b.Labels[i:i+1], m.outputs)
		loss += float64(float64(w) * l)
		tensor.Scale(float32(w*share), row)
	}
	return loss / float64(len(b.Labels))
}
