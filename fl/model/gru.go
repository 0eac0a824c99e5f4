// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import "github.com/vecino-edge/vecino/fl/tensor"

// gru is a gated recurrent unit (Cho et al., Learning phrase representations
// using RNN encoder-decoder, 2014) over a window, (steps, channels). With a
// state h that begins as zero, and σ the logistic function, a step with input x is
//
//	r  = σ(x·Wr + br + h·Ur + cr)          reset gate
//	z  = σ(x·Wz + bz + h·Uz + cz)          update gate
//	n  = tanh(x·Wn + bn + r*(h·Un + cn))   candidate
//	h' = (1-z)*n + z*h
//
// where the reset gate acts behind the recurrent product, as in PyTorch. A row
// becomes its last state. In theta lie W, (channels, 3*units), U, (units,
// 3*units), b and c, (3*units), each with the parts r, z, n side by side.
type gru struct{ steps, channels, units int }

func (g gru) kind() string         { return "gru" }
func (g gru) shape() (in, out int) { return g.steps * g.channels, g.units }

// tensors begin with the variance of PyTorch, uniform within 1/sqrt(units).
func (g gru) tensors() []param {
	variance := 1 / (3 * float64(g.units))
	return []param{
		{name: "weight_input", shape: []int{g.channels, 3 * g.units}, variance: variance},
		{name: "weight_state", shape: []int{g.units, 3 * g.units}, variance: variance},
		{name: "bias_input", shape: []int{3 * g.units}},
		{name: "bias_state", shape: []int{3 * g.units}},
	}
}

// split returns W, U, b and c.
func (g gru) split(theta []float32) (w, u, b, c []float32) {
	n := 3 * g.units
	w, theta = theta[:g.channels*n], theta[g.channels*n:]
	u, theta = theta[:g.units*n], theta[g.units*n:]
	return w, u, theta[:n], theta[n:]
}

func (g gru) scratch(rows int) int64 {
	return int64(rows) * int64(g.units) * (5*int64(g.steps) + 4)
}

func (g gru) products() int64 {
	return int64(g.steps) * int64(g.channels+g.units) * 3 * int64(g.units)
}

// memory is what a gru keeps of a pass. States and candidates lie by time, so
// that those of one step are one matrix.
type memory struct {
	gates     []float32 // (rows, steps, 3*units): r, z, n; in backward, the gradient of what comes from the input
	recurrent []float32 // (rows, 3*units): h·U + c of a step; in backward, its gradient
	candidate []float32 // (steps, rows, units): h·Un + cn
	states    []float32 // (steps+1, rows, units)
}

func (g gru) memory(s []float32, rows int) (m memory) {
	n := rows * g.units
	m.gates, s = s[:3*n*g.steps], s[3*n*g.steps:]
	m.recurrent, s = s[:3*n], s[3*n:]
	m.candidate, s = s[:n*g.steps], s[n*g.steps:]
	m.states = s[:n*(g.steps+1)]
	return m
}

func (g gru) forward(p pass) {
	w, u, b, c := g.split(p.theta)
	m, n := g.memory(p.scratch, p.rows), p.rows*g.units
	fillRows(m.gates, b)
	tensor.MatMul(m.gates, p.x, w, p.rows*g.steps, g.channels, 3*g.units)
	clear(m.states[:n])
	for t := range g.steps {
		h := m.states[t*n : (t+1)*n]
		fillRows(m.recurrent, c)
		if t > 0 { // the first state is zero
			tensor.MatMul(m.recurrent, h, u, p.rows, g.units, 3*g.units)
		}
		for r := range p.rows {
			g.step(m, t, r, p.rows)
		}
	}
	copy(p.out, m.states[g.steps*n:])
}

// cell is what one row has at one step: slices of (units).
type cell struct {
	r, z, n    []float32 // gates
	ur, uz, un []float32 // of the recurrent product
	candidate  []float32
	h, next    []float32 // states
}

func (g gru) cell(m memory, t, row, rows int) cell {
	k := g.units
	gates, rec := m.gates[(row*g.steps+t)*3*k:], m.recurrent[row*3*k:]
	at := (t*rows + row) * k
	return cell{
		r: gates[:k], z: gates[k : 2*k], n: gates[2*k : 3*k],
		ur: rec[:k], uz: rec[k : 2*k], un: rec[2*k : 3*k],
		candidate: m.candidate[at : at+k],
		h:         m.states[at : at+k],
		next:      m.states[at+rows*k : at+rows*k+k],
	}
}

// step computes the next state of a row.
func (g gru) step(m memory, t, row, rows int) {
	c := g.cell(m, t, row, rows)
	for j, h := range c.h {
		r := sigmoid(c.r[j] + c.ur[j])
		z := sigmoid(c.z[j] + c.uz[j])
		u := c.un[j]
		n := tanh(c.n[j] + float32(r*u))
		c.r[j], c.z[j], c.n[j], c.candidate[j] = r, z, n, u
		c.next[j] = float32((1-z)*n) + float32(z*h)
	}
}

func (g gru) backward(p pass) {
	w, u, _, _ := g.split(p.theta)
	gw, gu, gb, gc := g.split(p.grad)
	m, n := g.memory(p.scratch, p.rows), p.rows*g.units
	for t := g.steps - 1; t >= 0; t-- {
		for r := range p.rows {
			g.stepBack(m, p.delta[r*g.units:(r+1)*g.units], t, r, p.rows)
		}
		addRows(gc, m.recurrent)
		if t > 0 {
			tensor.MatMulTA(gu, m.states[t*n:(t+1)*n], m.recurrent, g.units, p.rows, 3*g.units)
			tensor.MatMulTB(p.delta, m.recurrent, u, p.rows, 3*g.units, g.units)
		}
	}
	tensor.MatMulTA(gw, p.x, m.gates, g.channels, p.rows*g.steps, 3*g.units)
	addRows(gb, m.gates)
	if p.before != nil {
		clear(p.before)
		tensor.MatMulTB(p.before, m.gates, w, p.rows*g.steps, 3*g.units, g.channels)
	}
}

// stepBack takes a row's gradient of the next state, delta, and leaves in its
// place the part of that of the state before which does not go through U, and
// the gradients of both sums in the memory.
func (g gru) stepBack(m memory, delta []float32, t, row, rows int) {
	c := g.cell(m, t, row, rows)
	for j, d := range delta {
		r, z, n := c.r[j], c.z[j], c.n[j]
		dn := float32(float32(d*(1-z)) * (1 - float32(n*n)))
		dz := float32(float32(d*(c.h[j]-n)) * float32(z*(1-z)))
		dr := float32(float32(dn*c.candidate[j]) * float32(r*(1-r)))
		c.r[j], c.z[j], c.n[j] = dr, dz, dn
		c.ur[j], c.uz[j], c.un[j] = dr, dz, float32(dn*r)
		delta[j] = float32(d * z)
	}
}
