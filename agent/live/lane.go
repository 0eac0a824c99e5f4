// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/vecino-edge/vecino/fl/feature"
	"github.com/vecino-edge/vecino/fl/node"
)

// shape says of which values of a sample a row is made.
type shape struct {
	columns []string // the names of the values, in order
	target  string   // the name of what is to be learned; empty for none
}

// fitting is where in the samples of a layout the values of a shape are.
type fitting struct {
	layout *Layout
	from   []int // of each column, -1 where the layout lacks it
	target int   // likewise
	fits   bool
}

// fit finds the values of a shape in a layout. Without names they go by their
// order, and the target is behind them; with names one is enough to fit.
func (p *shape) fit(l *Layout) *fitting {
	f := &fitting{layout: l, from: make([]int, len(p.columns)), target: -1}
	if l.Positional {
		n := len(p.columns)
		for i := range f.from {
			f.from[i] = i
		}
		if len(l.Names) == n+1 && p.target != "" {
			f.target = n
		}
		f.fits = len(l.Names) == n || f.target == n
		return f
	}
	place := make(map[string]int, len(l.Names))
	for i, name := range l.Names {
		place[name] = i
	}
	for i, name := range p.columns {
		at, ok := place[name]
		if !ok {
			at = -1
		}
		f.from[i], f.fits = at, f.fits || ok
	}
	if at, ok := place[p.target]; ok {
		f.target = at
	}
	return f
}

// row sets x to the values of a sample and returns its target, NaN where there is
// none.
func (f *fitting) row(x []float32, s Sample) (y float32) {
	for i, at := range f.from {
		x[i] = missing
		if at >= 0 {
			x[i] = s.Values[at]
		}
	}
	if f.target < 0 {
		return missing
	}
	return s.Values[f.target]
}

// lane takes samples to the scores of one task. All but the snapshot belongs to
// the scorer's goroutine once the lane is in the service's list.
type lane struct {
	id       node.ID
	name     string // of the sensor
	task     *node.Task
	snapshot atomic.Pointer[snapshot] // nil: rows are gathered for a task that is yet to be learned
	rows     *rows                    // of a task with features; else nil

	shape     shape
	fitted    *fitting
	extractor *feature.Extractor // nil where rows are columns
	sample    []float32          // (columns of the shape and the target) at hand
	scratch   []float32          // (columns of the task)
	out       func(l *lane, arrived time.Time, x []float32)
	keep      func(r *rows, x []float32, y float32)
	arrived   time.Time // of the sample at hand
}

// newLane returns the lane of a task. What it makes goes to out and, of windows,
// to keep.
func newLane(t *node.Task, name string, r *rows, out func(*lane, time.Time, []float32), keep func(*rows, []float32, float32)) (*lane, error) {
	l := &lane{id: t.ID(), name: name, task: t, rows: r, out: out, keep: keep, scratch: make([]float32, len(t.Columns))}
	set, windows := t.FeatureSettings()
	if !windows {
		l.shape = shape{columns: t.Columns, target: t.Target}
		return l, nil
	}
	l.shape = shape{columns: set.Channels, target: set.Target}
	l.sample = make([]float32, len(set.Channels)+1)
	var err error
	l.extractor, err = feature.New(set, sink{l})
	return l, err
}

// take takes a sample, and reports whether it has anything for the lane.
func (l *lane) take(s Sample) bool {
	if l.fitted == nil || l.fitted.layout != s.Layout {
		l.fitted = l.shape.fit(s.Layout)
	}
	if !l.fitted.fits {
		return false
	}
	l.arrived = s.At
	if l.extractor == nil {
		l.fitted.row(l.scratch, s)
		if !slices.ContainsFunc(l.scratch, func(v float32) bool { return v == v }) {
			return false
		}
		l.out(l, s.At, l.scratch)
		return true
	}
	n := len(l.shape.columns)
	l.sample[n] = l.fitted.row(l.sample[:n], s)
	// The error is of the number of values, which is right, or that of the sink.
	return l.extractor.Add(s.At, l.sample[:n+min(1, len(l.shape.target))]) == nil
}

// sink takes the rows that an extractor makes.
type sink struct{ *lane }

// Add is of feature.Sink.
func (k sink) Add(x []float32, y float32) error {
	k.keep(k.rows, x, y)
	copy(k.scratch, x)
	k.out(k.lane, k.arrived, k.scratch)
	return nil
}
