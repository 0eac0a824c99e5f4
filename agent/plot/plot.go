// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package plot draws learning curves as a standing SVG 1.1 picture: lines over
// a common axis, each with an optional band, a legend and round ticks. The
// picture needs no script, font or style sheet from elsewhere. Attributes give
// its light colours, and a media query the dark ones, so that a reader which
// ignores style sheets still shows it. The same plot gives the same bytes on
// every machine.
//
// Ticks are one, two or five times a power of ten. A series too long to show is
// thinned as in Jugel et al., "M4: a visualization-oriented time series data
// aggregation" (VLDB 2014), which keeps first, last, lowest and highest of each
// run, so that a spike survives.
//
// The zero [Plot] is an empty frame. Everything here is safe for concurrent use
// as long as nobody changes the series meanwhile.
package plot

import (
	"fmt"
	"io"
	"math"
)

// What a plot may hold. A longer series is thinned, a longer text is cut.
const (
	MaxSeries = 8    // lines of one plot, each of a colour and a dash of its own
	MaxPoints = 2400 // points of one series that are drawn, some four in each column of pixels
	MaxText   = 200  // characters of one text

	// MaxAbs is the largest magnitude of a number; one beyond it leaves a gap, as
	// what is not a number does.
	MaxAbs = 1e300
)

// Plot is one picture.
type Plot struct {
	Title  string
	XLabel string
	YLabel string

	YPercent bool     // Y holds fractions, where 1 is written as 100 %
	Series   []Series // MaxSeries at most; the first is drawn first
}

// Series is one line of a plot. A point that is not finite, or beyond [MaxAbs],
// leaves a gap.
type Series struct {
	Name string // in the legend, which leaves out a series without one
	X, Y []float64

	// Low and High bound a band around the line. They are as long as X or empty;
	// where one of them is not finite the band has a gap.
	Low, High []float64
}

// Write draws p to w in one call of w.Write. It refuses series of unequal
// lengths, and too many of them.
func Write(w io.Writer, p Plot) error {
	if err := p.check(); err != nil {
		return err
	}
	if _, err := w.Write(draw(&p)); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}

func (p *Plot) check() error {
	if n := len(p.Series); n > MaxSeries {
		return fmt.Errorf("draw plot: %d series, at most %d fit: draw several plots", n, MaxSeries)
	}
	for i := range p.Series {
		s := &p.Series[i]
		if len(s.X) != len(s.Y) {
			return fmt.Errorf("draw plot: series %d (%q) has %d X and %d Y", i, s.Name, len(s.X), len(s.Y))
		}
		if len(s.Low) != len(s.High) || len(s.Low) != 0 && len(s.Low) != len(s.X) {
			return fmt.Errorf("draw plot: series %d (%q) has %d X, %d Low and %d High", i, s.Name, len(s.X), len(s.Low), len(s.High))
		}
	}
	return nil
}

// usable says whether a number has a place on an axis.
func usable(v float64) bool { return math.Abs(v) <= MaxAbs }

// point says whether the line has a point at i.
func (s *Series) point(i int) bool { return usable(s.X[i]) && usable(s.Y[i]) }

// band says whether the band has a place at i.
func (s *Series) band(i int) bool {
	return len(s.Low) > 0 && s.point(i) && usable(s.Low[i]) && usable(s.High[i])
}

// extent is the range of the numbers seen so far.
type extent struct {
	lo, hi float64
	whole  bool // all of them are integers
	some   bool // there is one
}

func (e *extent) add(v float64) {
	if !e.some {
		*e = extent{lo: v, hi: v, whole: true, some: true}
	}
	e.lo, e.hi = math.Min(e.lo, v), math.Max(e.hi, v)
	e.whole = e.whole && v == math.Trunc(v)
}

// extents returns the ranges of what is drawn.
func (p *Plot) extents() (x, y extent) {
	for i := range p.Series {
		s := &p.Series[i]
		for j := range s.X {
			if !s.point(j) {
				continue
			}
			x.add(s.X[j])
			y.add(s.Y[j])
			if s.band(j) {
				y.add(s.Low[j])
				y.add(s.High[j])
			}
		}
	}
	return x, y
}
