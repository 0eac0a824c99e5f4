// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"slices"
)

// build returns the layers of a model, each with up to MaxWidth numbers of a row
// in front of it and behind it.
func (s Spec) build(features, outputs int) ([]layer, error) {
	switch s.Kind {
	case Conv:
		return s.buildConv(features, outputs)
	case GRU:
		return s.buildGRU(features, outputs)
	case Autoencoder:
		hidden := s.Hidden
		if len(hidden) == 0 {
			hidden = []int{max(1, features/bottleneck)}
		}
		back := slices.Clone(hidden[:len(hidden)-1])
		slices.Reverse(back)
		return perceptron(nil, features, slices.Concat(hidden, back), outputs), nil
	}
	return perceptron(nil, features, s.Hidden, outputs), nil
}

// perceptron appends hidden layers and the linear one to layers.
func perceptron(layers []layer, in int, hidden []int, outputs int) []layer {
	for _, units := range hidden {
		layers = append(layers, dense{in: in, out: units, relu: true, variance: 2 / float64(in)})
		in = units
	}
	last := dense{in: in, out: outputs}
	if len(layers) > 0 {
		last.variance = 1 / float64(in)
	}
	return append(layers, last)
}

func (s Spec) buildConv(features, outputs int) ([]layer, error) {
	filters, channels := s.Filters, max(s.Channels, 1)
	if len(filters) == 0 {
		filters = defaultFilters
	}
	steps, err := stepsOf(features, channels)
	if err != nil {
		return nil, err
	}
	var layers []layer
	for _, f := range filters {
		// In 64 bits, since MaxWidth squared does not fit an int of 32.
		if int64(steps)*int64(f.Count) > MaxWidth || int64(f.Width)*int64(channels) > MaxWidth {
			return nil, fmt.Errorf("filters %dx%d are too large for %d steps of %d channels; filters times steps, and width times channels, are up to %d",
				f.Count, f.Width, steps, channels, MaxWidth)
		}
		layers = append(layers, conv{steps: steps, channels: channels, filters: f.Count, width: f.Width})
		channels = f.Count
		if steps > 1 {
			layers = append(layers, pool{steps: steps, channels: channels})
			steps = (steps + poolWidth - 1) / poolWidth
		}
	}
	return perceptron(layers, steps*channels, s.Hidden, outputs), nil
}

func (s Spec) buildGRU(features, outputs int) ([]layer, error) {
	units, channels := gruHidden, s.Channels
	if len(s.Hidden) > 0 {
		units = s.Hidden[0]
	}
	if channels == 0 {
		channels = squareChannels(features)
	}
	steps, err := stepsOf(features, channels)
	if err != nil {
		return nil, err
	}
	if steps > MaxSteps {
		return nil, fmt.Errorf("%d features are %d steps of %d channels; it takes up to %d steps", features, steps, channels, MaxSteps)
	}
	return perceptron([]layer{gru{steps: steps, channels: channels, units: units}}, units, nil, outputs), nil
}

func stepsOf(features, channels int) (steps int, err error) {
	if features%channels != 0 {
		return 0, fmt.Errorf("%d features are no whole number of steps of %d channels", features, channels)
	}
	return features / channels, nil
}

// squareChannels returns the channels of a window that nobody told the shape
// of: the largest divisor of the features up to their square root, so that an
// image is read line by line, or the smallest divisor which leaves no more than
// MaxSteps steps where that one leaves more.
func squareChannels(features int) int {
	best := 1
	for c := 1; c <= features; c++ {
		if features%c != 0 {
			continue
		}
		if c > features/c && features/best <= MaxSteps {
			break
		}
		best = c
	}
	return best
}
