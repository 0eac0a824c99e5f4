// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// Batch is rows with their targets: Labels for CrossEntropy, Y for MeanSquare.
type Batch struct {
	X      []float32 // (rows, features)
	Y      []float32 // (rows, outputs)
	Labels []int32   // (rows), 0..outputs-1
}

// Workspace is the memory that computing with a model takes, allocated once for
// batches of up to its number of rows.
type Workspace struct {
	model   *Model
	rows    int
	out     [][]float32 // (rows, out) of each layer, behind ReLU but for the last
	delta   [][]float32 // (rows, out) of each hidden layer: gradient of its sums
	grad    []float32   // (size), for training
	batch   Batch       // gathered rows, for training
	shuffle []int32     // row numbers in the order of an epoch, for training
}

// NewWorkspace returns memory for batches of up to so many rows, 1..MaxBatch.
func (m *Model) NewWorkspace(rows int) *Workspace {
	if rows < 1 || rows > MaxBatch {
		panic(fmt.Sprintf("model: workspace of %d rows", rows))
	}
	ws := &Workspace{model: m, rows: rows}
	for _, l := range m.layers {
		ws.out = append(ws.out, make([]float32, rows*l.out))
		ws.delta = append(ws.delta, make([]float32, rows*l.out))
	}
	// The gradient of the outputs replaces the outputs.
	ws.delta[len(ws.delta)-1] = ws.out[len(ws.out)-1]
	return ws
}

// Predict returns the outputs for the rows of x, (rows, outputs), which hold
// until the workspace is used again. They are not normalised: the class is the
// first largest one, and tensor.Softmax makes them probabilities.
func (m *Model) Predict(theta, x []float32, ws *Workspace) []float32 {
	m.checkSize(theta)
	rows := ws.rowsOf(m, x)
	in := x
	for i, l := range m.layers {
		out := ws.out[i][:rows*l.out]
		b := l.biases(theta)
		for r := range rows {
			copy(out[r*l.out:], b)
		}
		tensor.MatMul(out, in, l.weights(theta), rows, l.in, l.out)
		if i < len(m.layers)-1 {
			tensor.ReLU(out)
		}
		in = out
	}
	return in
}

// Gradient sets grad, (Size), to the gradient of the mean loss over the batch
// plus decay*theta, biases included, and returns that mean without the decay.
func (m *Model) Gradient(grad, theta []float32, b Batch, decay float32, ws *Workspace) float64 {
	m.checkSize(grad)
	z := m.Predict(theta, b.X, ws)
	loss := m.lossGrad(z, b)
	for i, v := range theta {
		grad[i] = float32(decay * v)
	}
	m.backward(grad, theta, b.X, len(z)/m.outputs, ws)
	return loss
}

// backward adds to grad what follows from the gradient of the outputs, which
// is in the workspace.
func (m *Model) backward(grad, theta, x []float32, rows int, ws *Workspace) {
	for i := len(m.layers) - 1; i >= 0; i-- {
		l, in := m.layers[i], x
		if i > 0 {
			in = ws.out[i-1][:rows*l.in]
		}
		delta := ws.delta[i][:rows*l.out]
		tensor.MatMulTA(l.weights(grad), in, delta, l.in, rows, l.out)
		b := l.biases(grad)
		for r := range rows {
			tensor.Axpy(1, delta[r*l.out:(r+1)*l.out], b)
		}
		if i > 0 {
			before := ws.delta[i-1][:rows*l.in]
			clear(before)
			tensor.MatMulTB(before, delta, l.weights(theta), rows, l.out, l.in)
			tensor.ReLUGrad(before, in)
		}
	}
}

// lossGrad returns the mean loss of the outputs z and replaces them by its
// gradient.
func (m *Model) lossGrad(z []float32, b Batch) float64 {
	rows := len(z) / m.outputs
	if m.loss == CrossEntropy {
		return tensor.CrossEntropyGrad(z, b.Labels, m.outputs) / float64(rows)
	}
	tensor.Sub(z, z, b.Y)
	loss := tensor.Dot(z, z) / 2 / float64(rows)
	tensor.Scale(1/float32(rows), z)
	return loss
}

// rowsOf returns the number of rows in x, which must fit the workspace.
func (ws *Workspace) rowsOf(m *Model, x []float32) int {
	rows := len(x) / m.Features()
	if ws.model != m || rows < 1 || rows > ws.rows || len(x) != rows*m.Features() {
		panic(fmt.Sprintf("model: %d inputs for a workspace of %d rows", len(x), ws.rows))
	}
	return rows
}
