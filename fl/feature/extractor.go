// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Sink takes rows of features, such as a ring of the data set. It keeps no part
// of x. The target y is NaN where there is none.
type Sink interface {
	Add(x []float32, y float32) error
}

// Extractor makes rows of the samples that it is given and hands them on. It
// takes memory once, none for a sample.
type Extractor struct {
	set    Settings
	sink   Sink
	counts Counts

	last   time.Time // of the sample taken last
	held   int       // samples in the window, at most its length
	next   int       // where in the window the next sample goes
	due    int       // samples until the next row
	values []float32 // (channels, length), a ring for each channel

	window   []float64 // (length), of one channel in the order of time
	spectrum *spectrum // nil without bands
	row      []float32 // (features)
}

// New returns an extractor that hands its rows to sink.
func New(set Settings, sink Sink) (*Extractor, error) {
	if err := set.Validate(); err != nil {
		return nil, fmt.Errorf("feature: %w", err)
	}
	set.Channels = slices.Clone(set.Channels)
	length := set.Window.Length
	e := &Extractor{
		set: set, sink: sink, due: length,
		values: make([]float32, len(set.Channels)*length),
		window: make([]float64, length),
		row:    make([]float32, len(set.Channels)*(perChannel+set.Bands)),
	}
	if set.Bands > 0 {
		e.spectrum = newSpectrum(length)
	}
	return e, nil
}

// Counts returns what became of the samples so far.
func (e *Extractor) Counts() Counts { return e.counts }

// Add takes a sample: a value for each channel, and that of the target behind
// them if there is one. A row is due when the window is full for the first
// time and a step after each other; its target is that of its last sample. The
// error is that of the sink, or says that the number of values is wrong.
//
// A sample that is not after the one before it is left out, unless it is older
// by more than a window: then the clock was set back, and the window begins
// anew. A sample with a value that is not finite is left out too. When more
// than one and a half periods lie between two samples, what came before is
// given up, since a row must not stretch over a gap.
func (e *Extractor) Add(at time.Time, values []float32) error {
	channels := len(e.set.Channels)
	want := channels
	if e.set.Target != "" {
		want++
	}
	if len(values) != want {
		return fmt.Errorf("feature: a sample of %d values, want %d", len(values), want)
	}
	for _, v := range values[:channels] {
		if v-v != 0 {
			e.counts.Invalid++
			return nil
		}
	}
	if !e.follow(at) {
		e.counts.Late++
		return nil
	}
	e.take(values[:channels])
	if e.due > 0 {
		return nil
	}
	e.due = e.set.Window.Step
	e.measure()
	e.counts.Rows++
	y := float32(math.NaN())
	if want > channels && values[channels]-values[channels] == 0 {
		y = values[channels]
	}
	return e.sink.Add(e.row, y)
}

// follow moves on to a time, and reports whether it is one to go on from.
func (e *Extractor) follow(at time.Time) bool {
	if e.held > 0 {
		passed := at.Sub(e.last)
		window := time.Duration(e.set.Window.Length)
		setBack := passed < 0 && -passed/window > e.set.Period
		switch {
		case passed <= 0 && !setBack:
			return false
		case setBack || passed-e.set.Period > e.set.Period/2:
			e.counts.Gaps++
			e.held, e.next, e.due = 0, 0, e.set.Window.Length
		}
	}
	e.last = at
	return true
}

// take puts a sample into the window.
func (e *Extractor) take(values []float32) {
	length := e.set.Window.Length
	for c, v := range values {
		e.values[c*length+e.next] = v
	}
	if e.next++; e.next == length {
		e.next = 0
	}
	e.held = min(e.held+1, length)
	e.due--
	e.counts.Samples++
}

// measure sets the row to the features of the window, which is full.
func (e *Extractor) measure() {
	length, features := e.set.Window.Length, perChannel+e.set.Bands
	for c := range e.set.Channels {
		ring := e.values[c*length : (c+1)*length]
		for i, v := range ring[e.next:] { // the oldest ones first
			e.window[i] = float64(v)
		}
		for i, v := range ring[:e.next] {
			e.window[length-e.next+i] = float64(v)
		}
		out := e.row[c*features : (c+1)*features]
		mean := moments(out[:perChannel], e.window)
		if e.spectrum != nil {
			e.spectrum.bands(out[perChannel:], e.window, mean)
		}
	}
}

// moments sets mean, deviation, least and largest value, and returns the mean.
func moments(out []float32, window []float64) float64 {
	var sum, squares float64
	for _, v := range window {
		sum += v
	}
	n := float64(len(window))
	mean := sum / n
	least, largest := window[0], window[0]
	for _, v := range window {
		d := v - mean
		squares += float64(d * d)
		least, largest = min(least, v), max(largest, v)
	}
	out[0], out[1], out[2], out[3] = float32(mean), bounded(math.Sqrt(squares/n)), float32(least), float32(largest)
	return mean
}

// bounded returns v, which is not negative, or the largest float32.
func bounded(v float64) float32 { return float32(min(v, math.MaxFloat32)) }
