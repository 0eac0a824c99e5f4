// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
)

// Limits on what is kept to learn from.
const (
	MaxRows   = 8192    // of a shape, those held out included
	maxCells  = 1 << 19 // rows times columns, 2 MB; but no fewer rows than minRows
	minRows   = 64
	holdOut   = 5   // one row in so many is held out
	heldRun   = 16  // rows in a row that are held out together, since each is much like the one before
	maxRecord = 256 // rows that wait for their ring

	// What learning takes at least.
	minTrain = 32
	minHeld  = 4
)

// rows are those of one shape, in a ring that survives a restart.
type rows struct {
	file  string
	ring  *dataset.Ring
	added atomic.Uint64
	saved uint64 // of them when the ring was written
}

// record is a row on its way to its ring.
type record struct {
	to *rows
	x  []float32
	y  float32
}

// ringSettings fills in how many rows of a shape are kept.
func ringSettings(set dataset.RingSettings) dataset.RingSettings {
	set.HoldOut, set.Run = holdOut, max(set.Run, heldRun)
	set.Capacity = max(minRows, min(MaxRows, maxCells/max(1, len(set.Columns))))
	return set
}

// openRows returns the rows of a task with windows: those of the task of its name
// before, or of the one of its files, not taken by others, that have their shape, or
// else new ones.
func (s *Service) openRows(t *node.Task, before *lane, all []*lane) (*rows, error) {
	set := ringSettings(dataset.RingSettings{
		Columns: t.Columns, Target: t.Target, Kind: dataset.Kind(t.Kind), Classes: int(t.Classes),
		Run: 4 * int(t.Features.Length) / int(t.Features.Step), // windows that overlap
	})
	if before != nil && before.rows != nil {
		if had := before.rows.ring.Settings(); had.Equal(&set) {
			return before.rows, nil
		}
	}
	var free string
	for i := MaxTasks; i > 0; i-- {
		file := fmt.Sprintf("%s-%d", fileBase, i)
		if slices.ContainsFunc(all, func(l *lane) bool { return l.rows != nil && l.rows.file == file }) {
			continue
		}
		free = file
		if old := s.readRows(file); old != nil {
			if kept := old.Settings(); kept.Equal(&set) {
				return &rows{file: file, ring: old}, nil
			}
		}
	}
	ring, err := dataset.NewRing(set)
	return &rows{file: free, ring: ring}, err
}

// readRows returns the ring in a file, nil where there is none that can be read.
func (s *Service) readRows(file string) *dataset.Ring {
	b, err := s.o.Files.Read(file, dataset.MaxRing)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		var r *dataset.Ring
		if r, err = dataset.DecodeRing(b); err == nil {
			return r
		}
	}
	s.o.Log.Error("live rows not read; they are gathered anew", "file", file, "err", err)
	return nil
}

// base gathers the values of every sample as they are, for tasks that need no
// windows. All but the rows belongs to the scorer's goroutine.
type base struct {
	set    dataset.RingSettings // but the columns
	target string               // as samples name it; empty for none
	shape  shape
	fitted *fitting
	begun  bool                 // a sample has said that the rows are of its shape
	rows   atomic.Pointer[rows] // nil before the first sample of all
}

const fileBase = "live-rows"

// restore takes up the rows of the last run, so that a task that a restart
// interrupted finds them before the first sample.
func (s *Service) restore() {
	old := s.readRows(fileBase)
	if old == nil {
		return
	}
	kept, set := old.Settings(), s.base.set
	set.Columns = kept.Columns
	if set = ringSettings(set); !kept.Equal(&set) {
		s.o.Log.Info("live rows with another target are given up")
		return
	}
	s.base.rows.Store(&rows{file: fileBase, ring: old})
}

// gather puts a sample into the base.
func (s *Service) gather(sample Sample) {
	b := &s.base
	if !b.begun {
		if b.begun = s.begin(sample.Layout); !b.begun {
			return
		}
	}
	if b.fitted == nil || b.fitted.layout != sample.Layout {
		b.fitted = b.shape.fit(sample.Layout)
	}
	if !b.fitted.fits {
		return
	}
	x := make([]float32, len(b.shape.columns))
	y := b.fitted.row(x, sample)
	s.keep(b.rows.Load(), x, y)
}

// begin makes the columns of the base those of the first sample since the start. Rows
// of the last run stay if they have the same ones.
func (s *Service) begin(l *Layout) bool {
	b := &s.base
	var columns []string
	for i, name := range l.Names {
		behind := l.Positional && b.target != "" && i == len(l.Names)-1
		if name != b.target && !behind {
			columns = append(columns, name)
		}
	}
	if len(columns) == 0 {
		return false
	}
	b.shape = shape{columns: columns, target: b.target}
	if r := b.rows.Load(); r != nil {
		before := r.ring.Settings().Columns
		if slices.Equal(slices.Sorted(slices.Values(before)), slices.Sorted(slices.Values(columns))) {
			b.shape.columns = before
			return true
		}
		s.o.Log.Info("live rows with other columns are given up")
	}
	set := b.set
	set.Columns = columns
	ring, err := dataset.NewRing(ringSettings(set))
	if err != nil {
		s.tally.refused(refuse(reasonNames, "%v", err))
		return false
	}
	b.rows.Store(&rows{file: fileBase, ring: ring})
	return true
}

// keep hands a row to the goroutine that keeps rows, so that the scorer never waits
// for a ring that training reads. X is not kept.
func (s *Service) keep(to *rows, x []float32, y float32) {
	select {
	case s.records <- record{to, slices.Clone(x), y}:
	default:
		s.tally.lost.Add(1)
	}
}

// record puts rows into their rings and writes these from time to time, until ctx
// ends, and then once more.
func (s *Service) record(ctx context.Context) {
	tick := time.NewTicker(s.o.SaveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.save()
			return
		case <-tick.C:
			s.save()
		case <-s.saveNow:
			s.save()
		case r := <-s.records:
			if err := r.to.ring.Add(r.x, r.y); err != nil {
				s.tally.refused(refuse(reasonNumber, "%v", err))
				continue
			}
			r.to.added.Add(1)
		}
	}
}

// save writes what has changed since it was written last.
func (s *Service) save() {
	s.saveModels()
	all := []*rows{s.base.rows.Load()}
	for _, l := range *s.lanes.Load() {
		all = append(all, l.rows)
	}
	for _, r := range all {
		if r == nil || r.added.Load() == r.saved {
			continue
		}
		added := r.added.Load()
		if err := s.o.Files.Write(r.file, r.ring.Encode()); err != nil {
			s.o.Log.Error("live rows not saved", "file", r.file, "err", err)
			continue
		}
		r.saved = added
	}
}

// ErrFewRows says that there is too little to learn from yet.
var ErrFewRows = errors.New("too few live rows")

// Draft returns what [Service.Tables] needs to know of a task that is to be made, which
// learns from windows of samples what the options say.
func (s *Service) Draft(name string, f node.Features) (*node.Task, error) {
	b := &s.base.set
	t := &node.Task{Name: name, Kind: uint8(b.Kind), Classes: uint16(b.Classes), Target: b.Target, Features: &f}
	set, _ := t.FeatureSettings()
	if err := set.Validate(); err != nil {
		return nil, err
	}
	t.Columns = set.Names()
	return t, nil
}

// Tables returns copies of what has been gathered for a task, not scaled yet: rows
// to learn from and rows held out. Without a task they are the values of the
// samples as they are. For a task with windows that is new here, gathering begins
// now. The error wraps [ErrFewRows] where there is too little yet.
func (s *Service) Tables(t *node.Task) (train, test *dataset.Table, err error) {
	r := s.base.rows.Load()
	if t != nil && t.Features != nil {
		l, err := s.lane(t)
		if err != nil {
			return nil, nil, err
		}
		r = l.rows
	}
	if r == nil {
		return nil, nil, fmt.Errorf("%w: no sample has come yet", ErrFewRows)
	}
	train, test = r.ring.Tables()
	if train.Rows() < minTrain || test.Rows() < minHeld {
		return nil, nil, fmt.Errorf("%w: %d to learn from and %d held out have a target; it takes %d and %d",
			ErrFewRows, train.Rows(), test.Rows(), minTrain, minHeld)
	}
	select {
	case s.saveNow <- struct{}{}: // after a restart the task needs them again
	default:
	}
	if t == nil || t.Features != nil {
		return train, test, nil
	}
	return order(train, t.Columns), order(test, t.Columns), nil
}

// order returns the table with the given columns alone, in their order; the table
// itself where it lacks one, for others to complain about.
func order(t *dataset.Table, columns []string) *dataset.Table {
	if slices.Equal(t.Columns, columns) {
		return t
	}
	from := make([]int, len(columns))
	for i, name := range columns {
		if from[i] = slices.Index(t.Columns, name); from[i] < 0 {
			return t
		}
	}
	out := *t
	out.Columns, out.X = slices.Clone(columns), make([]float32, 0, t.Rows()*len(columns))
	for r := range t.Rows() {
		for _, i := range from {
			out.X = append(out.X, t.Row(r)[i])
		}
	}
	out.Missing, out.Fill = pick(t.Missing, from), pick(t.Fill, from)
	return &out
}

// pick returns some elements of a list, nil of nil.
func pick[E any](list []E, from []int) (out []E) {
	if list == nil {
		return nil
	}
	for _, i := range from {
		out = append(out, list[i])
	}
	return out
}
