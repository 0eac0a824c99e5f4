// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package feature turns live streams of samples into rows to learn from: over a
// sliding window it takes of each channel the mean, the deviation, the least
// and the largest value, and the energy in bands of frequency, by a periodogram
// with a Hann window (Welch, The use of fast Fourier transform for the
// estimation of power spectra, 1967). Bits agree on every architecture, so that
// devices of different makes learn from the same numbers.
//
// The zero Settings are not valid, and an [Extractor] comes from [New]. It
// belongs to one goroutine.
package feature

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Limits on settings.
const (
	MinLength   = 8    // samples of a window
	MaxLength   = 4096 // samples of a window
	MaxChannels = 64   // channels, the target aside
	MaxBands    = 32   // bands of a channel
	MaxName     = 64   // bytes of a channel's name
)

// Window says which samples make a row.
type Window struct {
	Length int // samples, MinLength..MaxLength
	Step   int // samples from one row to the next, 1..Length
}

// Settings of an extractor.
type Settings struct {
	Channels []string      // their names
	Target   string        // name of a channel that holds what is to be learned; empty for none
	Window   Window        // over the latest samples
	Bands    int           // of frequency for each channel; 0 for none
	Period   time.Duration // from one sample to the next, above 0
}

// Validate returns an error that names the setting that cannot be.
func (s *Settings) Validate() error {
	switch {
	case len(s.Channels) < 1 || len(s.Channels) > MaxChannels:
		return fmt.Errorf("%d channels; it takes 1 to %d", len(s.Channels), MaxChannels)
	case s.Window.Length < MinLength || s.Window.Length > MaxLength:
		return fmt.Errorf("a window of %d samples; it takes %d to %d", s.Window.Length, MinLength, MaxLength)
	case s.Window.Step < 1 || s.Window.Step > s.Window.Length:
		return fmt.Errorf("a step of %d samples; it takes 1 to the window's %d", s.Window.Step, s.Window.Length)
	case s.Bands < 0 || s.Bands > min(MaxBands, padded(s.Window.Length)/2):
		return fmt.Errorf("%d bands; it takes 0 to %d", s.Bands, min(MaxBands, padded(s.Window.Length)/2))
	case s.Period <= 0:
		return fmt.Errorf("a period of %v; it must be above 0", s.Period)
	}
	return s.checkNames()
}

func (s *Settings) checkNames() error {
	seen := map[string]bool{s.Target: true}
	for _, name := range s.Channels {
		switch {
		case name == "":
			return errors.New("a channel has no name")
		case len(name) > MaxName:
			return fmt.Errorf("the name of channel %.16q… is longer than %d bytes", name, MaxName)
		case seen[name]:
			return fmt.Errorf("two channels are named %q", name)
		}
		seen[name] = true
	}
	return nil
}

// perChannel is the number of features that a channel has beside its bands.
const perChannel = 4

// Names returns the names of the features in the order of a row, such as
// acc_x.mean, acc_x.std, acc_x.min, acc_x.max, acc_x.band1 and so on for each
// channel. All are in the unit of the channel, but for the bands, whose unit is
// its square.
//
// Band b of n, from 1, holds what oscillates at (b-1)/n to b/n of half the rate
// of the samples. The energies of all bands together are close to the square of
// the deviation.
func (s *Settings) Names() []string {
	names := make([]string, 0, len(s.Channels)*(perChannel+s.Bands))
	for _, c := range s.Channels {
		names = append(names, c+".mean", c+".std", c+".min", c+".max")
		for b := range s.Bands {
			names = append(names, c+".band"+strconv.Itoa(b+1))
		}
	}
	return names
}

// Counts tell what became of the samples.
type Counts struct {
	Samples int // taken into a window
	Rows    int // handed on
	Late    int // samples left out: not after the one before them
	Invalid int // samples left out: a number was not finite
	Gaps    int // windows given up since samples between two were missing, or the clock was set back
}
