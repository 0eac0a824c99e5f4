// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"strings"

	"github.com/vecino-edge/vecino/fl/model"
)

// step is one layer as a program runs it: from in to out numbers of a row.
type step struct {
	kind    string // dense, conv, pool or gru
	in, out int
	tensors []model.Tensor // in the order of the layer's documentation in fl/model

	relu     bool // behind a dense layer
	steps    int  // of the window; conv, pool and gru
	channels int  // of a step; conv, pool and gru
	width    int  // steps that a filter spans; conv
	units    int  // of the state; gru
}

// plan returns the layers of a model in their order. What has no parameters,
// which model.Layers leaves out, follows from the rules of model.Spec.
func plan(m *model.Model) (steps []step) {
	layers := m.Layers()
	row := m.Features()
	for begin := 0; begin < len(layers); {
		name, _, _ := strings.Cut(layers[begin].Name, ".")
		end := begin
		for end < len(layers) && strings.HasPrefix(layers[end].Name, name+".") {
			end++
		}
		s := newStep(strings.TrimRight(name, "0123456789"), row, layers[begin:end])
		s.relu = s.kind == "dense" && end < len(layers)
		steps, row = append(steps, s), s.out
		if s.kind == "conv" && s.steps > 1 {
			p := step{kind: "pool", in: row, out: (s.steps + 1) / 2 * s.channelsOut(), steps: s.steps, channels: s.channelsOut()}
			steps, row = append(steps, p), p.out
		}
		begin = end
	}
	if row != m.Outputs() {
		panic("export: the layers of model " + m.Spec().String() + " are not known here")
	}
	return steps
}

// newStep returns the step of a layer whose rows are so many numbers wide.
func newStep(kind string, row int, tensors []model.Tensor) step {
	s := step{kind: kind, in: row, tensors: tensors}
	shape := tensors[0].Shape
	switch kind {
	case "dense":
		s.out = shape[1]
	case "conv":
		s.width, s.channels = shape[0], shape[1]
		s.steps = row / s.channels
		s.out = s.steps * shape[2]
	case "gru":
		s.channels, s.units = shape[0], shape[1]/3
		s.steps = row / s.channels
		s.out = s.units
	default:
		panic("export: a layer of kind " + kind + " is not known here")
	}
	return s
}

// channelsOut returns the filters of a convolution.
func (s *step) channelsOut() int { return s.out / s.steps }
