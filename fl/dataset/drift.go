// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"math"
	"sync"
)

// Limits on the window of a drift monitor, in samples.
const (
	MinDriftWindow = 16
	MaxDriftWindow = 1 << 20
)

// From where on a window is told.
const (
	driftMissing = 0.2  // share of the samples that lack a feature
	driftOutside = 0.05 // share outside the range, above that of the training rows
	driftShift   = 3    // deviations of the training rows, between their mean and the window's
)

// DriftKind is what is wrong with a column.
type DriftKind uint8

// The kinds of drift.
const (
	DriftMissing DriftKind = iota // the share of samples without the feature is above 20 %
	DriftOutside                  // that outside the range of training is above 5 %
	DriftShift                    // the mean has moved by more than 3 deviations
	DriftStuck                    // all samples have the same number, which training rows had not
)

// Change is what a drift monitor found in the window before.
type Change struct {
	Column string
	Kind   DriftKind
	Amount float64 // a share, 0 to 1, or with DriftShift deviations, below 0 for less than before
	Window int     // samples that were looked at
}

// String returns the change as a sentence.
func (c Change) String() string {
	switch c.Kind {
	case DriftMissing:
		return fmt.Sprintf("column %s is missing in %.0f %% of the last %d samples", c.Column, 100*c.Amount, c.Window)
	case DriftOutside:
		return fmt.Sprintf("column %s is outside its range of training in %.0f %% of the last %d samples", c.Column, 100*c.Amount, c.Window)
	case DriftShift:
		return fmt.Sprintf("the mean of column %s has moved by %+.1f deviations over the last %d samples", c.Column, c.Amount, c.Window)
	}
	return fmt.Sprintf("column %s has not changed over the last %d samples", c.Column, c.Window)
}

// Drift compares live samples with the training rows, window by window. Its
// memory does not grow. It is safe for concurrent use.
type Drift struct {
	scaler  *Scaler
	columns []string
	known   []known // (features), of the training rows
	window  int     // samples

	mu      sync.Mutex
	x       []float32 // (features), the sample that is looked at, scaled
	seen    int       // samples in the window so far
	recent  []recent  // (features)
	changes []Change  // of the window before
}

// known is what a column was in training. All is scaled.
type known struct {
	mean, deviation float64
	low, high       float64 // the range; numbers on its edge are outside
	outside         float64 // share that was
	constant        bool
}

// recent is what a column is in the window.
type recent struct {
	missing, outside int
	numbers          int // that are finite, of which the following are
	sum, least, most float64
}

// NewDrift returns a monitor for samples that the scaler scales. Train holds
// training rows that it has scaled, of which there is at least one; those of
// another device would make a difference between the two look like drift.
func NewDrift(s *Scaler, train *Table, window int) (*Drift, error) {
	if err := s.Validate(train.Features()); err != nil {
		return nil, err
	}
	if train.Rows() == 0 {
		return nil, errors.New("drift: there are no training rows")
	}
	if window < MinDriftWindow || window > MaxDriftWindow {
		return nil, fmt.Errorf("drift: a window of %d samples; it takes %d to %d", window, MinDriftWindow, MaxDriftWindow)
	}
	n := train.Features()
	return &Drift{
		scaler: s, columns: train.Columns, known: know(s.Scale.Method, train), window: window,
		x: make([]float32, n), recent: make([]recent, n),
	}, nil
}

// know looks through the training rows. The range is that of clipping, and
// without it from least to most and half as far again on both sides.
func know(method Method, train *Table) []known {
	mean, deviation := moments(train.X, train.Features())
	out := make([]known, train.Features())
	for j, constant := range train.constant() {
		k := &out[j]
		k.mean, k.deviation, k.constant = float64(mean[j]), float64(deviation[j]), constant
		k.low, k.high = math.Inf(1), math.Inf(-1)
		for i := j; i < len(train.X); i += len(out) {
			k.low, k.high = min(k.low, float64(train.X[i])), max(k.high, float64(train.X[i]))
		}
		margin := (k.high - k.low) / 2
		if constant {
			margin = driftShift * k.deviation
		}
		k.low, k.high = k.low-margin, k.high+margin
		if method == ZScore {
			k.low, k.high = -clip, clip
		}
		outside := 0
		for i := j; i < len(train.X); i += len(out) {
			if k.isOutside(float64(train.X[i])) {
				outside++
			}
		}
		k.outside = float64(outside) / float64(train.Rows())
	}
	return out
}

func (k *known) isOutside(v float64) bool { return v <= k.low || v >= k.high }

// Add takes a sample that is not scaled yet, and leaves it as it is. NaN is a
// missing feature.
func (d *Drift) Add(x []float32) error {
	if len(x) != len(d.columns) {
		return fmt.Errorf("drift: sample of %d features, want %d", len(x), len(d.columns))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	copy(d.x, x)
	d.scaler.applyRow(d.x)
	for i, v := range d.x {
		if x[i] != x[i] {
			d.recent[i].missing++
			continue
		}
		d.recent[i].add(float64(v), d.known[i].isOutside(float64(v)))
	}
	if d.seen++; d.seen == d.window {
		d.judge()
		d.seen = 0
		clear(d.recent)
	}
	return nil
}

func (r *recent) add(v float64, outside bool) {
	if outside {
		r.outside++
	}
	if v-v != 0 {
		return
	}
	if r.numbers == 0 {
		r.least, r.most = v, v
	}
	r.numbers++
	r.sum += v
	r.least, r.most = min(r.least, v), max(r.most, v)
}

// judge tells what has changed in the window.
func (d *Drift) judge() {
	d.changes = nil
	for i := range d.recent {
		r, k := &d.recent[i], &d.known[i]
		tell := func(kind DriftKind, amount float64) {
			d.changes = append(d.changes, Change{d.columns[i], kind, amount, d.window})
		}
		all := float64(d.window)
		if share := float64(r.missing) / all; share > driftMissing {
			tell(DriftMissing, share)
		}
		if share := float64(r.outside) / all; share > driftOutside+k.outside {
			tell(DriftOutside, share)
		}
		if r.numbers == 0 {
			continue
		}
		if shift := (r.sum/float64(r.numbers) - k.mean) / k.deviation; math.Abs(shift) > driftShift {
			tell(DriftShift, shift)
		}
		if r.least == r.most && !k.constant && r.numbers >= MinDriftWindow/2 {
			tell(DriftStuck, 0)
		}
	}
}

// Changes returns what was found in the last window that is complete, in the
// order of the columns; nothing before there is one.
func (d *Drift) Changes() []Change {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Change(nil), d.changes...)
}
