// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"strconv"
	"strings"
)

// possible tells how models are spelt.
const possible = "softmax, linear, mlp:H[:H…], conv[:FxW…][:H…][@C], gru[:H][@C], autoencoder[:H…]" +
	" with H units in a hidden layer, F filters of W steps, and C channels in a step"

// ParseSpec reads a model as the command line spells it:
//
//	softmax, linear
//	mlp:H[:H…]               H units in each hidden layer
//	conv[:FxW…][:H…][@C]     F filters of W steps each, then hidden layers
//	gru[:H][@C]              H units of state
//	autoencoder[:H…]         H units in each layer as far as the bottleneck
//
// C is the number of channels in a step of the window. What is left out has the
// value that [Spec] says: conv is conv:16x5@1.
func ParseSpec(s string) (Spec, error) {
	body, channels, hasChannels := strings.Cut(s, "@")
	parts := strings.Split(body, ":")
	spec, ok := Spec{}, false
	for kind, name := range kindNames {
		if parts[0] == name {
			spec.Kind, ok = Kind(kind), true
		}
	}
	sized, windowed := spec.Kind >= MLP, spec.Kind == Conv || spec.Kind == GRU
	if !ok || spec.Kind == MLP && len(parts) == 1 || !sized && len(parts) > 1 || !windowed && hasChannels {
		return Spec{}, fmt.Errorf("model %q is unknown; possible: %s", s, possible)
	}
	for _, part := range parts[1:] {
		if err := spec.add(part); err != nil {
			return Spec{}, fmt.Errorf("model %q: %w", s, err)
		}
	}
	if hasChannels {
		n, ok := parseCount(channels)
		if !ok || n == 0 { // which means automatic in a Spec
			return Spec{}, fmt.Errorf("model %q: %q is not a number of channels", s, channels)
		}
		spec.Channels = n
	}
	return spec, spec.validate()
}

// add appends a layer: H or, in front of all hidden layers of Conv, FxW.
func (s *Spec) add(part string) error {
	count, width, isFilter := strings.Cut(part, "x")
	n, ok := parseCount(count)
	if !isFilter || s.Kind != Conv {
		if !ok || isFilter {
			return fmt.Errorf("%q is not a number of units", part)
		}
		s.Hidden = append(s.Hidden, n)
		return nil
	}
	w, okWidth := parseCount(width)
	switch {
	case !ok || !okWidth:
		return fmt.Errorf("%q is not filters and their width, as in 16x5", part)
	case len(s.Hidden) > 0:
		return fmt.Errorf("filters %q stand behind a hidden layer; they come first", part)
	}
	s.Filters = append(s.Filters, Filter{Count: n, Width: w})
	return nil
}

// parseCount reads a number that is spelt in the one way that String has.
func parseCount(s string) (n int, ok bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && strconv.Itoa(n) == s
}

// String returns the model as [ParseSpec] reads it.
func (s Spec) String() string {
	if int(s.Kind) >= len(kindNames) {
		return fmt.Sprintf("kind(%d)", s.Kind)
	}
	var b strings.Builder
	b.WriteString(kindNames[s.Kind])
	for _, f := range s.Filters {
		fmt.Fprintf(&b, ":%dx%d", f.Count, f.Width)
	}
	for _, n := range s.Hidden {
		b.WriteString(":" + strconv.Itoa(n))
	}
	if s.Channels != 0 {
		b.WriteString("@" + strconv.Itoa(s.Channels))
	}
	return b.String()
}
