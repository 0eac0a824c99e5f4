// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

// pool takes the largest number of each channel in every two steps of a window,
// (steps, channels). A single step at the end stays as it is.
type pool struct{ steps, channels int }

func (l pool) kind() string      { return "pool" }
func (l pool) tensors() []param  { return nil }
func (l pool) scratch(int) int64 { return 0 }
func (l pool) products() int64   { return 0 }

func (l pool) shape() (in, out int) {
	return l.steps * l.channels, (l.steps + poolWidth - 1) / poolWidth * l.channels
}

func (l pool) forward(p pass) {
	in, out := l.shape()
	for r := range p.rows {
		x, y := p.x[r*in:(r+1)*in], p.out[r*out:(r+1)*out]
		for ; len(x) > 0; y = y[l.channels:] {
			var second []float32
			n := copy(y[:l.channels], x)
			if x = x[n:]; len(x) > 0 {
				second, x = x[:n], x[n:]
			}
			for c, v := range second {
				y[c] = max(y[c], v) // NaN stays NaN, so that a model that diverges is noticed
			}
		}
	}
}

// backward hands the gradient to the larger of two numbers, to the first of
// equal ones.
func (l pool) backward(p pass) {
	if p.before == nil {
		return
	}
	in, out := l.shape()
	for r := range p.rows {
		x, before, d := p.x[r*in:(r+1)*in], p.before[r*in:(r+1)*in], p.delta[r*out:(r+1)*out]
		for ; len(d) > 0; d = d[l.channels:] {
			n := copy(before, d[:l.channels])
			if len(x) == n {
				break
			}
			for c, v := range x[n : 2*n] {
				before[n+c] = 0
				if v > x[c] {
					before[c], before[n+c] = 0, d[c]
				}
			}
			x, before = x[2*n:], before[2*n:]
		}
	}
}
