// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package model trains the models that neighbours share: linear and softmax
// regression, perceptrons, convolutions and gated recurrent units over windows
// (Cho et al., 2014), and autoencoders that find anomalies, by stochastic
// gradient descent with the correction of K-GT (Liu et al., Decentralized
// gradient tracking with local steps, 2024). A model is a list of layers, one
// file for each kind. Parameters are one flat float32 vector in a fixed layout,
// so that updates are vectors too; the same seed gives the same vector on every
// architecture, since all arithmetic is that of fl/tensor or keeps its rules.
//
// The zero Spec is softmax regression; a zero Model is not usable, take one
// from [New]. A [Model] is read only and safe for concurrent use, a [Workspace]
// belongs to one goroutine.
package model

import (
	"fmt"
	"slices"
)

// Limits on a model.
const (
	MaxParams  = 1 << 24 // parameters
	MaxHidden  = 16      // hidden layers of units, and convolutions
	MaxWidth   = 1 << 16 // numbers of a row between two layers; features and outputs, too
	MaxFilter  = 256     // steps that a filter of a convolution spans
	MaxSteps   = 256     // steps of a recurrent model
	gruHidden  = 32      // units of a recurrent model that names none
	poolWidth  = 2       // steps that become one behind a convolution
	bottleneck = 4       // features for each unit of an autoencoder that names none
)

// Kind is the family of a model.
type Kind uint8

// The kinds of model.
const (
	Softmax     Kind = iota // one linear layer for classes
	Linear                  // one linear layer for numbers
	MLP                     // hidden layers with ReLU, then a linear one
	Conv                    // convolutions over a window, each with ReLU and pooling, then as MLP
	GRU                     // a gated recurrent unit over a window, then a linear layer from its last state
	Autoencoder             // hidden layers with ReLU to a bottleneck and back, then a linear one; for anomalies
)

var kindNames = [...]string{Softmax: "softmax", Linear: "linear", MLP: "mlp", Conv: "conv", GRU: "gru", Autoencoder: "autoencoder"}

// Spec is a model's kind and size. Features and outputs come from the data.
//
// Conv and GRU take the features of a row for a window, (steps, channels)
// row-major: the channels of the first step, then those of the second.
type Spec struct {
	Kind     Kind
	Filters  []Filter // convolutions in their order; Conv only, none for 16x5
	Hidden   []int    // units of each hidden layer, 1..MaxWidth; the one of GRU is its state, none for 32; those of Autoencoder lead to the bottleneck, none for a quarter of the features
	Channels int      // numbers of a step of the window; Conv and GRU only, 0 for automatic
}

// Filter is the shape of a convolution.
type Filter struct {
	Count int // filters, the channels of what comes out, 1..MaxWidth
	Width int // steps that each of them spans, 1..MaxFilter
}

// defaultFilters are those of a Conv that names none.
var defaultFilters = []Filter{{Count: 16, Width: 5}}

func (s Spec) clone() Spec {
	s.Filters, s.Hidden = slices.Clone(s.Filters), slices.Clone(s.Hidden)
	return s
}

func (s Spec) validate() error {
	if err := s.validateCounts(); err != nil {
		return err
	}
	for _, n := range s.Hidden {
		if n < 1 || n > MaxWidth {
			return fmt.Errorf("model %v: a hidden layer of %d units; it takes 1 to %d", s, n, MaxWidth)
		}
	}
	for _, f := range s.Filters {
		switch {
		case f.Count < 1 || f.Count > MaxWidth:
			return fmt.Errorf("model %v: a layer of %d filters; it takes 1 to %d", s, f.Count, MaxWidth)
		case f.Width < 1 || f.Width > MaxFilter:
			return fmt.Errorf("model %v: filters of width %d; it takes 1 to %d", s, f.Width, MaxFilter)
		}
	}
	if s.Channels < 0 || s.Channels > MaxWidth {
		return fmt.Errorf("model %v: %d channels; it takes 1 to %d", s, s.Channels, MaxWidth)
	}
	return nil
}

// validateCounts holds how many layers of each kind a model can have.
func (s Spec) validateCounts() error {
	switch {
	case int(s.Kind) >= len(kindNames):
		return fmt.Errorf("model kind %d is unknown", s.Kind)
	case s.Kind < MLP && len(s.Hidden) > 0:
		return fmt.Errorf("model %s has no hidden layers", kindNames[s.Kind])
	case s.Kind == MLP && len(s.Hidden) < 1 || len(s.Hidden) > MaxHidden:
		return fmt.Errorf("model %v: %d hidden layers; it takes 1 to %d", s, len(s.Hidden), MaxHidden)
	case s.Kind == GRU && len(s.Hidden) > 1:
		return fmt.Errorf("model %v: %d numbers of units; it has one state", s, len(s.Hidden))
	case s.Kind != Conv && len(s.Filters) > 0:
		return fmt.Errorf("model %s has no filters", kindNames[s.Kind])
	case len(s.Filters) > MaxHidden:
		return fmt.Errorf("model %v: %d convolutions; it takes 1 to %d", s, len(s.Filters), MaxHidden)
	case s.Kind != Conv && s.Kind != GRU && s.Channels != 0:
		return fmt.Errorf("model %s has no channels", kindNames[s.Kind])
	}
	return nil
}
