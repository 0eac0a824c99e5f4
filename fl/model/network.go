// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"math/rand/v2"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// Loss is what training makes small.
type Loss uint8

// The losses.
const (
	CrossEntropy   Loss = iota // of the softmax of the outputs, for classes
	MeanSquare                 // half the mean square of the error, for numbers
	Reconstruction             // the mean square of output less input, over the features, for anomalies
)

// Model is the shape of a model: it turns a parameter vector into a function.
type Model struct {
	spec     Spec
	loss     Loss
	layers   []placed
	size     int
	features int
	outputs  int
}

// placed is a layer whose parameters lie at theta[from:to].
type placed struct {
	layer
	from, to int
}

// New returns the model for so many features and outputs, 1..MaxWidth each:
// one output for each class, or for each number to predict, or for each feature
// with Reconstruction.
func New(spec Spec, features, outputs int, loss Loss) (*Model, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if features < 1 || features > MaxWidth || outputs < 1 || outputs > MaxWidth {
		return nil, fmt.Errorf("model %v: %d features and %d outputs; it takes 1 to %d", spec, features, outputs, MaxWidth)
	}
	if err := spec.fits(features, outputs, loss); err != nil {
		return nil, err
	}
	layers, err := spec.build(features, outputs)
	if err != nil {
		return nil, fmt.Errorf("model %v: %w", spec, err)
	}
	m := &Model{spec: spec.clone(), loss: loss, features: features, outputs: outputs}
	if err := m.place(layers); err != nil {
		return nil, fmt.Errorf("model %v of %d features and %d outputs: %w", spec, features, outputs, err)
	}
	return m, nil
}

// place gives each layer its part of the parameter vector.
func (m *Model) place(layers []layer) error {
	for _, l := range layers {
		size := int64(m.size)
		for _, p := range l.tensors() {
			size += p.size()
		}
		if size > MaxParams {
			return fmt.Errorf("more than %d parameters", MaxParams)
		}
		m.layers = append(m.layers, placed{layer: l, from: m.size, to: int(size)})
		m.size = int(size)
	}
	return nil
}

// fits returns an error where the loss is not one of the model's.
func (s Spec) fits(features, outputs int, loss Loss) error {
	switch {
	case loss > Reconstruction:
		return fmt.Errorf("model %v: loss %d is unknown", s, loss)
	case s.Kind == Autoencoder && loss != Reconstruction:
		return fmt.Errorf("model %v finds anomalies, and the data have classes or numbers; use another model, or kind = %q in schema.toml", s, dataset.Anomaly)
	case s.Kind != Autoencoder && loss == Reconstruction:
		return fmt.Errorf("model %v predicts classes or numbers, and the data are to find anomalies; use autoencoder", s)
	case loss == Reconstruction && features != outputs:
		return fmt.Errorf("model %v: %d features and %d outputs; they are as many", s, features, outputs)
	case s.Kind == Softmax && loss != CrossEntropy:
		return fmt.Errorf("model softmax predicts classes, and the data have numbers; use linear or mlp:H")
	case s.Kind == Linear && loss != MeanSquare:
		return fmt.Errorf("model linear predicts numbers, and the data have classes; use softmax or mlp:H")
	}
	return nil
}

// For returns the model for the features and targets of a table.
func For(spec Spec, t *dataset.Table) (*Model, error) {
	return ForKind(spec, t.Kind, t.Features(), t.Classes)
}

// ForKind returns the model for data of a kind with so many features, and
// classes where the kind is Classification.
func ForKind(spec Spec, kind dataset.Kind, features, classes int) (*Model, error) {
	switch kind {
	case dataset.Regression:
		return New(spec, features, 1, MeanSquare)
	case dataset.Anomaly:
		return New(spec, features, features, Reconstruction)
	}
	return New(spec, features, classes, CrossEntropy)
}

// Spec returns kind and size of the model, as they were given to New.
func (m *Model) Spec() Spec { return m.spec.clone() }

// Size returns the number of parameters.
func (m *Model) Size() int { return m.size }

// Features returns the number of inputs.
func (m *Model) Features() int { return m.features }

// Outputs returns the number of outputs.
func (m *Model) Outputs() int { return m.outputs }

// Loss returns what training makes small.
func (m *Model) Loss() Loss { return m.loss }

// Products returns the multiplications that the outputs of a row take, but for
// activations; training takes about three times as many for each row. It is the
// bound on the time of a batch, which for windows goes beyond the size.
func (m *Model) Products() (n int64) {
	for _, l := range m.layers {
		n += l.products()
	}
	return n
}

// initStream keeps the random numbers of Init apart from others of its seed.
const initStream = 0x696e6974

// Init sets theta, (Size), to where training begins. Weights are uniform: those
// of a hidden layer and of a convolution with the variance 2/inputs of a unit,
// those of the last layer behind others with 1/inputs, those of a recurrent
// layer with 1/(3*units). A single layer and all biases are zero.
func (m *Model) Init(theta []float32, seed uint64) {
	m.checkSize(theta)
	r := rand.New(rand.NewPCG(seed, initStream))
	for _, l := range m.layers {
		own := theta[l.from:l.to]
		for _, p := range l.tensors() {
			n := p.size()
			p.init(own[:n], r)
			own = own[n:]
		}
	}
}

// Accepts returns an error that says why the model cannot learn from t.
func (m *Model) Accepts(t *dataset.Table) error {
	switch {
	case t.Features() != m.Features():
		return fmt.Errorf("model %v of %d features: the data have %d", m.spec, m.Features(), t.Features())
	case m.loss != Reconstruction && t.Kind == dataset.Anomaly:
		return fmt.Errorf("model %v predicts classes or numbers: the data are to find anomalies; use autoencoder", m.spec)
	case m.loss == CrossEntropy && (t.Kind != dataset.Classification || t.Classes > m.outputs):
		return fmt.Errorf("model %v of %d classes: the data are a %v of %d classes", m.spec, m.outputs, t.Kind, t.Classes)
	case m.loss == MeanSquare && (t.Kind != dataset.Regression || m.outputs != 1):
		return fmt.Errorf("model %v of %d numbers: the data are a %v", m.spec, m.outputs, t.Kind)
	case m.loss == Reconstruction && t.Kind != dataset.Anomaly:
		return fmt.Errorf("model %v finds anomalies: the data are a %v", m.spec, t.Kind)
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
