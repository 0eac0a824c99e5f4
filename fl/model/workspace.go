// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import "fmt"

// Workspace is the memory that computing with a model takes, allocated once for
// batches of up to its number of rows.
type Workspace struct {
	model   *Model
	rows    int
	out     [][]float32 // (rows, out) of each layer
	delta   [][]float32 // (rows, out) of each layer: gradient of out
	scratch [][]float32 // of each layer
	grad    []float32   // (size), for training
	batch   Batch       // gathered rows, for training
	shuffle []int32     // row numbers in the order of an epoch, for training
}

// NewWorkspace returns memory for batches of up to so many rows, 1..MaxBatch.
// [Model.Activations] tells how much that is.
func (m *Model) NewWorkspace(rows int) *Workspace {
	if rows < 1 || rows > MaxBatch {
		panic(fmt.Sprintf("model: workspace of %d rows", rows))
	}
	ws := &Workspace{model: m, rows: rows}
	for i, l := range m.layers {
		_, out := l.shape()
		ws.out = append(ws.out, make([]float32, rows*out))
		delta := ws.out[i] // the gradient of the outputs replaces the outputs
		if i < len(m.layers)-1 {
			delta = make([]float32, rows*out)
		}
		ws.delta = append(ws.delta, delta)
		ws.scratch = append(ws.scratch, make([]float32, l.scratch(rows)))
	}
	return ws
}

// Activations returns how many numbers of four bytes a workspace for so many
// rows takes, with what training adds but for one gradient, (Size), and the row
// numbers: the bound on the memory of a batch.
func (m *Model) Activations(rows int) int64 {
	n := int64(rows) * int64(m.features+2-m.outputs) // the batch; the last delta is the last out
	for _, l := range m.layers {
		_, out := l.shape()
		n += 2*int64(rows)*int64(out) + l.scratch(rows)
	}
	return n
}

// pass returns what layer i works on in a forward pass over rows of x.
func (ws *Workspace) pass(i int, theta, x []float32, rows int) pass {
	l := ws.model.layers[i]
	in, out := l.shape()
	if i > 0 {
		x = ws.out[i-1][:rows*in]
	}
	return pass{
		rows: rows, theta: theta[l.from:l.to], x: x,
		out: ws.out[i][:rows*out], scratch: ws.scratch[i],
	}
}

// backPass adds to a pass what the way back takes. Before is left out at the
// first layer that it goes to.
func (ws *Workspace) backPass(i, first int, grad, theta, x []float32, rows int) pass {
	l, p := ws.model.layers[i], ws.pass(i, theta, x, rows)
	p.grad, p.delta = grad[l.from:l.to], ws.delta[i][:len(p.out)]
	if i > first {
		p.before = ws.delta[i-1][:len(p.x)]
	}
	return p
}

// rowsOf returns the number of rows in x, which must fit the workspace.
func (ws *Workspace) rowsOf(m *Model, x []float32) int {
	rows := len(x) / m.Features()
	if ws.model != m || rows < 1 || rows > ws.rows || len(x) != rows*m.Features() {
		panic(fmt.Sprintf("model: %d inputs for a workspace of %d rows", len(x), ws.rows))
	}
	return rows
}
