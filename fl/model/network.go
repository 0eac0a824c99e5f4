// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// Loss is what training makes small.
type Loss uint8

// The losses.
const (
	CrossEntropy Loss = iota // of the softmax of the outputs, for classes
	MeanSquare               // half the mean square of the error, for numbers
)

// Model is the shape of a model: it turns a parameter vector into a function.
type Model struct {
	spec    Spec
	loss    Loss
	layers  []layer
	size    int
	outputs int
}

// layer is a linear map with bias. Its weights (in, out) lie row-major at
// weight in the parameter vector, its biases (out) behind them.
type layer struct {
	in, out      int
	weight, bias int
}

func (l layer) weights(theta []float32) []float32 { return theta[l.weight:l.bias] }

func (l layer) biases(theta []float32) []float32 { return theta[l.bias : l.bias+l.out] }

// New returns the model for so many features and outputs, 1..MaxWidth each:
// one output for each class, or for each number to predict.
func New(spec Spec, features, outputs int, loss Loss) (*Model, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if features < 1 || features > MaxWidth || outputs < 1 || outputs > MaxWidth {
		return nil, fmt.Errorf("model %v: %d features and %d outputs; it takes 1 to %d", spec, features, outputs, MaxWidth)
	}
	switch {
	case loss > MeanSquare:
		return nil, fmt.Errorf("model %v: loss %d is unknown", spec, loss)
	case spec.Kind == Softmax && loss != CrossEntropy:
		return nil, fmt.Errorf("model softmax predicts classes, and the data have numbers; use linear or mlp:H")
	case spec.Kind == Linear && loss != MeanSquare:
		return nil, fmt.Errorf("model linear predicts numbers, and the data have classes; use softmax or mlp:H")
	}
	spec.Hidden = slices.Clone(spec.Hidden)
	m := &Model{spec: spec, loss: loss, outputs: outputs}
	in := features
	for i := range len(spec.Hidden) + 1 {
		out := outputs
		if i < len(spec.Hidden) {
			out = spec.Hidden[i]
		}
		// In 64 bits, since MaxWidth squared does not fit an int of 32.
		if size := int64(m.size) + int64(in+1)*int64(out); size > MaxParams {
			return nil, fmt.Errorf("model %v: more than %d parameters for %d features and %d outputs", spec, MaxParams, features, outputs)
		}
		l := layer{in: in, out: out, weight: m.size, bias: m.size + in*out}
		m.layers = append(m.layers, l)
		m.size = l.bias + out
		in = out
	}
	return m, nil
}

// For returns the model for the features and targets of a table.
func For(spec Spec, t *dataset.Table) (*Model, error) {
	if t.Kind == dataset.Regression {
		return New(spec, t.Features(), 1, MeanSquare)
	}
	return New(spec, t.Features(), t.Classes, CrossEntropy)
}

// Spec returns kind and size of the model.
func (m *Model) Spec() Spec { return Spec{Kind: m.spec.Kind, Hidden: slices.Clone(m.spec.Hidden)} }

// Size returns the number of parameters.
func (m *Model) Size() int { return m.size }

// Features returns the number of inputs.
func (m *Model) Features() int { return m.layers[0].in }

// Outputs returns the number of outputs.
func (m *Model) Outputs() int { return m.outputs }

// Loss returns what training makes small.
func (m *Model) Loss() Loss { return m.loss }

// initStream keeps the random numbers of Init apart from others of its seed.
const initStream = 0x696e6974

// Init sets theta, (Size), to where training begins. The weights of a hidden
// layer are uniform with the variance 2/inputs, those of the last layer behind
// hidden ones with 1/inputs; all others and the biases are zero.
func (m *Model) Init(theta []float32, seed uint64) {
	m.checkSize(theta)
	clear(theta)
	if len(m.layers) == 1 {
		return
	}
	r := rand.New(rand.NewPCG(seed, initStream))
	for i, l := range m.layers {
		variance := 2 / float64(l.in)
		if i == len(m.layers)-1 {
			variance = 1 / float64(l.in)
		}
		bound := float32(math.Sqrt(3 * variance)) // of a uniform number with that variance
		w := l.weights(theta)
		for j := range w {
			w[j] = float32(bound * (2*r.Float32() - 1))
		}
	}
}

// Accepts returns an error that says why the model cannot learn from t.
func (m *Model) Accepts(t *dataset.Table) error {
	switch {
	case t.Features() != m.Features():
		return fmt.Errorf("model %v of %d features: the data have %d", m.spec, m.Features(), t.Features())
	case m.loss == CrossEntropy && (t.Kind != dataset.Classification || t.Classes > m.outputs):
		return fmt.Errorf("model %v of %d classes: the data are a %v of %d classes", m.spec, m.outputs, t.Kind, t.Classes)
	case m.loss == MeanSquare && (t.Kind != dataset.Regression || m.outputs != 1):
		return fmt.Errorf("model %v of %d numbers: the data are a %v", m.spec, m.outputs, t.Kind)
	case t.Rows() == 0:
		return fmt.Errorf("model %v: there are no rows to learn from", m.spec)
	}
	return nil
}

func (m *Model) checkSize(theta []float32) {
	if len(theta) != m.size {
		panic(fmt.Sprintf("model: %d parameters for a model of %d", len(theta), m.size))
	}
}
