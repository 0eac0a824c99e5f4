// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package model trains the models that neighbours share: softmax regression,
// linear regression and perceptrons with ReLU, by plain stochastic gradient
// descent with the correction of K-GT (Liu et al., Decentralized gradient
// tracking with local steps, 2024). Parameters are one flat float32 vector in a
// fixed layout, so that updates are vectors too; the same seed gives the same
// vector on every architecture, since all arithmetic is that of fl/tensor.
//
// The zero Spec is softmax regression; a zero Model is not usable, take one
// from [New]. A [Model] is read only and safe for concurrent use, a [Workspace]
// belongs to one goroutine.
package model

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits on a model.
const (
	MaxParams = 1 << 24 // parameters
	MaxHidden = 16      // hidden layers
	MaxWidth  = 1 << 16 // units of a layer; features and outputs, too
)

// Kind is the family of a model.
type Kind uint8

// The kinds of model.
const (
	Softmax Kind = iota // one linear layer for classes
	Linear              // one linear layer for numbers
	MLP                 // hidden layers with ReLU, then a linear one
)

// Spec is a model's kind and size. Features and outputs come from the data.
type Spec struct {
	Kind   Kind
	Hidden []int // units of each hidden layer, 1..MaxWidth; MLP only
}

// ParseSpec reads a model as the command line spells it: softmax, linear,
// mlp:H, mlp:H:H and so on, with H units in each hidden layer.
func ParseSpec(s string) (Spec, error) {
	name, arg, hasArg := strings.Cut(s, ":")
	switch {
	case s == "softmax":
		return Spec{}, nil
	case s == "linear":
		return Spec{Kind: Linear}, nil
	case name != "mlp" || !hasArg:
		return Spec{}, fmt.Errorf("model %q is unknown; possible: softmax, linear, mlp:H, mlp:H:H, … with H units in each hidden layer", s)
	}
	spec := Spec{Kind: MLP}
	for _, units := range strings.Split(arg, ":") {
		n, err := strconv.Atoi(units)
		if err != nil || strconv.Itoa(n) != units {
			return Spec{}, fmt.Errorf("model %q: %q is not a number of units", s, units)
		}
		spec.Hidden = append(spec.Hidden, n)
	}
	return spec, spec.validate()
}

// String returns the model as [ParseSpec] reads it.
func (s Spec) String() string {
	switch s.Kind {
	case Softmax:
		return "softmax"
	case Linear:
		return "linear"
	}
	var b strings.Builder
	b.WriteString("mlp")
	for _, n := range s.Hidden {
		b.WriteString(":" + strconv.Itoa(n))
	}
	return b.String()
}

func (s Spec) validate() error {
	switch {
	case s.Kind > MLP:
		return fmt.Errorf("model kind %d is unknown", s.Kind)
	case s.Kind != MLP && len(s.Hidden) > 0:
		return fmt.Errorf("model %v has no hidden layers", s)
	case s.Kind == MLP && (len(s.Hidden) < 1 || len(s.Hidden) > MaxHidden):
		return fmt.Errorf("model %v: %d hidden layers; it takes 1 to %d", s, len(s.Hidden), MaxHidden)
	}
	for _, n := range s.Hidden {
		if n < 1 || n > MaxWidth {
			return fmt.Errorf("model %v: a hidden layer of %d units; it takes 1 to %d", s, n, MaxWidth)
		}
	}
	return nil
}
