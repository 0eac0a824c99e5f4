// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"math"
	"math/rand/v2"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// layer is one step of the network, from the numbers of a row to other numbers.
// It holds shapes only; parameters and memory are handed in by a pass.
type layer interface {
	// kind names the layer in the names of its tensors.
	kind() string
	// shape returns the numbers of a row that go in and come out.
	shape() (in, out int)
	// tensors returns its parameters in the order in which they lie in theta.
	tensors() []param
	// scratch returns the numbers that forward and backward need for so many
	// rows, those included that forward leaves for backward.
	scratch(rows int) int64
	// products returns the multiplications of a forward pass over one row, but
	// for activations.
	products() int64
	// forward sets p.out.
	forward(p pass)
	// backward adds to p.grad and sets p.before, from p.delta, which it may
	// overwrite. It follows a forward of the same rows.
	backward(p pass)
}

// pass is what a layer works on, for a number of rows.
type pass struct {
	rows    int
	theta   []float32 // the parameters of the layer
	x       []float32 // (rows, in)
	out     []float32 // (rows, out)
	scratch []float32 // (scratch(rows)) at least

	grad   []float32 // of theta
	delta  []float32 // (rows, out), the gradient of out
	before []float32 // (rows, in), the gradient of x; nil where nobody needs it
}

// param is one tensor of a layer.
type param struct {
	name     string
	shape    []int   // row-major
	variance float64 // with which Init begins; 0 for zeros
}

// size returns the number of elements, in 64 bits, since MaxWidth squared does
// not fit an int of 32.
func (p param) size() int64 {
	n := int64(1)
	for _, d := range p.shape {
		n *= int64(d)
	}
	return n
}

// init sets w to uniform numbers of the tensor's variance.
func (p param) init(w []float32, r *rand.Rand) {
	if p.variance == 0 {
		clear(w)
		return
	}
	bound := float32(math.Sqrt(3 * p.variance)) // of a uniform number with that variance
	for j := range w {
		w[j] = float32(bound * (2*r.Float32() - 1))
	}
}

// fillRows sets every row of c to b.
func fillRows(c, b []float32) {
	for ; len(c) > 0; c = c[len(b):] {
		copy(c, b)
	}
}

// addRows adds every row of c to b, from the first to the last.
func addRows(b, c []float32) {
	for ; len(c) > 0; c = c[len(b):] {
		tensor.Axpy(1, c[:len(b)], b)
	}
}
