// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"fmt"
	"slices"
	"sync"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
)

// DataStatus is what is to be known of a device's data in a task. Lists of columns hold
// the first of them, and the notes say the rest.
type DataStatus struct {
	Rows     int         `json:"rows"`              // to learn from
	Test     int         `json:"test_rows"`         // that are never learned from
	HeldOut  bool        `json:"held_out"`          // the test rows are a part of the training file
	Classes  []int       `json:"classes,omitempty"` // rows of each class, to learn from
	Missing  []GapStatus `json:"missing"`           // columns with gaps
	Constant []string    `json:"constant"`          // columns in which all rows are alike
	Clipped  float64     `json:"clipped"`           // share of the numbers that lie outside the task's scale
	Drift    []string    `json:"drift"`             // how the test rows, or new ones, differ from those that were there
	Notes    []string    `json:"notes"`             // all of it in sentences
}

// GapStatus is a column in which numbers are missing.
type GapStatus struct {
	Column string `json:"column"`
	Rows   int    `json:"rows"` // that lack it
}

// Bounds of what is told of data.
const (
	maxColumnsTold = 16
	maxNotes       = 32
)

// drifting compares rows that are read with those that were read the time before. The
// zero drifting has read none.
type drifting struct {
	mu      sync.Mutex
	before  *dataset.Drift // nil before the first
	columns []string       // of the rows that there were
	rows    int            // how many there were
}

// examine prepares the data for a task and says what is to be known of them.
func (s *Service) examine(data *Data, t *node.Task) error {
	changes := s.drift.read(data.Train)
	for _, change := range changes {
		s.o.Log.Warn("the data drift", "task", t.Name, "what", change)
	}
	test := data.Test.Clone() // not scaled
	if err := data.prepare(t); err != nil {
		return err
	}
	s.drift.keep(t.Scaler(), data.Train)
	if !data.HeldOut { // rows that were drawn from the others are like them
		changes = append(changes, differ(t.Scaler(), data.Train, test)...)
	}
	data.status = newDataStatus(data, changes)
	return nil
}

func newDataStatus(data *Data, changes []string) *DataStatus {
	r := data.Train.Report()
	d := &DataStatus{
		Rows: r.Rows, Test: data.Test.Rows(), HeldOut: data.HeldOut, Missing: []GapStatus{}, Constant: []string{}, Clipped: r.Clipped,
		Drift: slices.Clip(changes[:min(len(changes), maxColumnsTold)]), Notes: []string{},
	}
	if d.Drift == nil {
		d.Drift = []string{}
	}
	for _, gap := range r.Missing[:min(len(r.Missing), maxColumnsTold)] {
		d.Missing = append(d.Missing, GapStatus{gap.Column, gap.Rows})
	}
	d.Constant = append(d.Constant, r.Constant[:min(len(r.Constant), maxColumnsTold)]...)
	if data.Train.Kind == dataset.Classification {
		d.Classes = data.Train.ClassCounts()
	}
	d.note(r.Sentences(), changes)
	return d
}

// note says it all in sentences.
func (d *DataStatus) note(sentences, changes []string) {
	if d.HeldOut {
		d.Notes = append(d.Notes, fmt.Sprintf("there is no test file: %d of %d rows of the training file are held out, and never learned from", d.Test, d.Rows+d.Test))
	}
	if lacking := d.lacking(); lacking > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("%d of %d classes have no row here", lacking, len(d.Classes)))
	}
	d.Notes = append(append(d.Notes, sentences...), changes...)
	if more := len(d.Notes) - maxNotes; more > 0 {
		d.Notes = append(d.Notes[:maxNotes], fmt.Sprintf("and %d more", more))
	}
}

// lacking returns how many classes have no row.
func (d *DataStatus) lacking() (n int) {
	for _, rows := range d.Classes {
		if rows == 0 {
			n++
		}
	}
	return n
}

// newRows is how many rows are looked at together, of so many.
func newRows(rows int) int { return min(max(rows/8, dataset.MinDriftWindow), 1024) }

// read compares rows, which are not scaled yet, with those of the time before: the new
// ones where there are more, and else all.
func (d *drifting) read(train *dataset.Table) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.before == nil || !slices.Equal(d.columns, train.Columns) {
		return nil
	}
	from := d.rows
	if from >= train.Rows() {
		from = 0
	}
	return feed(d.before, train, from, func(dataset.Change) bool { return true })
}

// keep notes rows that are scaled, for the next time.
func (d *drifting) keep(s *dataset.Scaler, train *dataset.Table) {
	d.mu.Lock()
	defer d.mu.Unlock()
	drift, err := dataset.NewDrift(s, train, newRows(train.Rows()))
	if err != nil { // of rows that are none
		return
	}
	d.before, d.columns, d.rows = drift, train.Columns, train.Rows()
}

// differ says how the test rows, not scaled, differ from those to learn from.
func differ(s *dataset.Scaler, train, test *dataset.Table) []string {
	if test.Rows() < dataset.MinDriftWindow {
		return nil
	}
	drift, err := dataset.NewDrift(s, train, min(test.Rows(), dataset.MaxDriftWindow))
	if err != nil {
		return nil
	}
	// Of a few test rows many may be alike in a column that is mostly 0.
	changes := feed(drift, test, 0, func(c dataset.Change) bool { return c.Kind != dataset.DriftStuck })
	for i := range changes {
		changes[i] = "test rows: " + changes[i]
	}
	return changes
}

// feed shows a monitor the rows from one on and returns what the last window held of
// the changes that count.
func feed(drift *dataset.Drift, t *dataset.Table, from int, counts func(dataset.Change) bool) (out []string) {
	for i := from; i < t.Rows(); i++ {
		if err := drift.Add(t.Row(i)); err != nil {
			panic("learn: " + err.Error()) // the columns are the same
		}
	}
	for _, c := range drift.Changes() {
		if counts(c) {
			out = append(out, c.String())
		}
	}
	return out
}
