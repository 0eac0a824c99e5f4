// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import "github.com/vecino-edge/vecino/fl/tensor"

// dense is a linear map with bias, and ReLU behind it where it is hidden. Its
// weights, (in, out), come first in theta, then its biases, (out).
type dense struct {
	in, out  int
	relu     bool
	variance float64 // of the first weights
}

func (d dense) kind() string         { return "dense" }
func (d dense) shape() (in, out int) { return d.in, d.out }
func (d dense) scratch(int) int64    { return 0 }
func (d dense) products() int64      { return int64(d.in) * int64(d.out) }

func (d dense) tensors() []param {
	return []param{
		{name: "weight", shape: []int{d.in, d.out}, variance: d.variance},
		{name: "bias", shape: []int{d.out}},
	}
}

func (d dense) split(theta []float32) (weights, biases []float32) {
	return theta[:d.in*d.out], theta[d.in*d.out:]
}

func (d dense) forward(p pass) {
	w, b := d.split(p.theta)
	fillRows(p.out, b)
	tensor.MatMul(p.out, p.x, w, p.rows, d.in, d.out)
	if d.relu {
		tensor.ReLU(p.out)
	}
}

func (d dense) backward(p pass) {
	if d.relu {
		tensor.ReLUGrad(p.delta, p.out)
	}
	w, b := d.split(p.grad)
	tensor.MatMulTA(w, p.x, p.delta, d.in, p.rows, d.out)
	addRows(b, p.delta)
	if p.before != nil {
		w, _ = d.split(p.theta)
		clear(p.before)
		tensor.MatMulTB(p.before, p.delta, w, p.rows, d.out, d.in)
	}
}
