// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strconv"
)

// Tensor is a part of the parameter vector that belongs together, row-major at
// theta[From:To].
type Tensor struct {
	Name     string // kind of the layer, its number among those of the kind from 1, and what of it, as in dense1.weight
	Shape    []int  // dense: (in, out); conv: (width, channels, filters); gru: (channels, 3*units) and (units, 3*units) with reset gate, update gate and candidate side by side; biases: (out)
	From, To int
}

// Range is the part theta[From:To] of a parameter vector.
type Range struct{ From, To int }

// Layers returns the tensors of the model in the order of the parameter vector,
// which they cover without a gap.
func (m *Model) Layers() []Tensor {
	var all []Tensor
	number := map[string]int{}
	for _, l := range m.layers {
		number[l.kind()]++
		at := l.from
		for _, p := range l.tensors() {
			t := Tensor{Name: l.kind() + strconv.Itoa(number[l.kind()]) + "." + p.name, Shape: p.shape, From: at}
			at += int(p.size())
			t.To = at
			all = append(all, t)
		}
	}
	return all
}

// Head returns where the last layer lies: what a device keeps to itself where
// the layers before it are shared. It is everything in a model of one layer.
func (m *Model) Head() Range {
	last := m.layers[len(m.layers)-1]
	return Range{From: last.from, To: last.to}
}

// layerAt returns the number of the layer that theta[i] belongs to.
func (m *Model) layerAt(i int) int {
	return slices.IndexFunc(m.layers, func(l placed) bool { return i < l.to })
}
