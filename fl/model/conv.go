// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import "github.com/vecino-edge/vecino/fl/tensor"

// convBlock is the number of steps that a convolution unfolds at a time, whole
// rows of them: enough to make its matrix products long, and few enough for the
// caches of small boards.
const convBlock = 256

// conv is a convolution over time with ReLU behind it. A row is a window,
// (steps, channels), and becomes (steps, filters): at each step every filter
// sees width steps, of which (width-1)/2, rounded down, lie before that step,
// and zeros beyond the ends of the window. Its weights, (width, channels,
// filters), come first in theta, then its biases, (filters).
//
// Each window of width steps is unfolded into one row of a matrix, so that the
// convolution is one matrix product.
type conv struct {
	steps, channels int
	filters, width  int
}

func (c conv) kind() string         { return "conv" }
func (c conv) shape() (in, out int) { return c.steps * c.channels, c.steps * c.filters }
func (c conv) patch() int           { return c.width * c.channels }

// block returns the number of rows that are unfolded at a time.
func (c conv) block() int { return max(1, convBlock/c.steps) }

func (c conv) scratch(rows int) int64 {
	return int64(min(rows, c.block())) * int64(c.steps) * int64(c.patch())
}

func (c conv) products() int64 {
	return int64(c.steps) * int64(c.patch()) * int64(c.filters)
}

func (c conv) tensors() []param {
	return []param{
		{name: "weight", shape: []int{c.width, c.channels, c.filters}, variance: 2 / float64(c.patch())},
		{name: "bias", shape: []int{c.filters}},
	}
}

func (c conv) split(theta []float32) (weights, biases []float32) {
	n := c.patch() * c.filters
	return theta[:n], theta[n:]
}

func (c conv) forward(p pass) {
	w, b := c.split(p.theta)
	fillRows(p.out, b)
	in, out := c.shape()
	for begin := 0; begin < p.rows; begin += c.block() {
		end := min(begin+c.block(), p.rows)
		windows := c.unfold(p.scratch, p.x[begin*in:end*in])
		tensor.MatMul(p.out[begin*out:end*out], windows, w, (end-begin)*c.steps, c.patch(), c.filters)
	}
	tensor.ReLU(p.out)
}

func (c conv) backward(p pass) {
	tensor.ReLUGrad(p.delta, p.out)
	w, _ := c.split(p.theta)
	gw, gb := c.split(p.grad)
	addRows(gb, p.delta)
	in, out := c.shape()
	for begin := 0; begin < p.rows; begin += c.block() {
		end := min(begin+c.block(), p.rows)
		n, delta := (end-begin)*c.steps, p.delta[begin*out:end*out]
		windows := c.unfold(p.scratch, p.x[begin*in:end*in])
		tensor.MatMulTA(gw, windows, delta, c.patch(), n, c.filters)
		if p.before != nil {
			clear(windows)
			tensor.MatMulTB(windows, delta, w, n, c.filters, c.patch())
			c.fold(p.before[begin*in:end*in], windows)
		}
	}
}

// span returns the part of a row that the filters see at a step, and where it
// lies in the patch of that step; around it the patch is zero.
func (c conv) span(step int) (from, to, at int) {
	begin := (step - (c.width-1)/2) * c.channels
	from, to = max(begin, 0), min(begin+c.patch(), c.steps*c.channels)
	return from, to, from - begin
}

// unfold copies the patch of each step of the rows x into a row of windows,
// (rows*steps, patch), which it returns.
func (c conv) unfold(windows, x []float32) []float32 {
	row, patch := c.steps*c.channels, c.patch()
	windows = windows[:len(x)/row*c.steps*patch]
	for rest := windows; len(x) > 0; x = x[row:] {
		for step := range c.steps {
			from, to, at := c.span(step)
			clear(rest[:at])
			copy(rest[at:], x[from:to])
			clear(rest[at+to-from : patch])
			rest = rest[patch:]
		}
	}
	return windows
}

// fold sets the rows x to the sums of what lies in windows at the places that
// unfold copies their elements to.
func (c conv) fold(x, windows []float32) {
	clear(x)
	row, patch := c.steps*c.channels, c.patch()
	for ; len(x) > 0; x = x[row:] {
		for step := range c.steps {
			from, to, at := c.span(step)
			tensor.Axpy(1, windows[at:at+to-from], x[from:to])
			windows = windows[patch:]
		}
	}
}
