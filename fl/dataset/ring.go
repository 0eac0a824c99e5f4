// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Limits on a ring.
const (
	MaxRingSamples = 1 << 18 // samples
	MaxRingCells   = 1 << 22 // samples times features, 16 MB
	MaxHoldOut     = 1000    // samples, of which one is held out
	MaxRun         = 1 << 12 // samples in a row that are held out together
)

// RingSettings say what a ring holds.
type RingSettings struct {
	Columns  []string // names of the features
	Target   string   // name of the target
	Kind     Kind     // Classification, Regression or Anomaly
	Classes  int      // 1..MaxClasses in a classification, else 0
	Capacity int      // samples, 1..MaxRingSamples, those held out included
	// HoldOut is k where one sample in k is held out, at random by a hash of its
	// number: 2..MaxHoldOut, or 0 for none.
	HoldOut int
	// Run is how many samples in a row are held out together: 0..MaxRun, where 0
	// is 1. Where windows overlap it should be a few windows long, since
	// otherwise what is learned from tells what is held out.
	Run  int
	Seed uint64 // of the hash
}

// Validate returns an error that names the setting that cannot be.
func (s *RingSettings) Validate() error {
	switch {
	case s.Kind == Classification && (s.Classes < 1 || s.Classes > MaxClasses):
		return fmt.Errorf("ring: %d classes; it takes 1 to %d", s.Classes, MaxClasses)
	case s.Kind == Automatic || s.Kind > Anomaly || s.Kind != Classification && s.Classes != 0:
		return fmt.Errorf("ring: %d classes in a %v", s.Classes, s.Kind)
	case len(s.Columns) < 1 || len(s.Columns) > MaxColumns:
		return fmt.Errorf("ring: %d features; it takes 1 to %d", len(s.Columns), MaxColumns)
	case s.Capacity < 1 || s.Capacity > min(MaxRingSamples, MaxRingCells/len(s.Columns)):
		return fmt.Errorf("ring: %d samples; it takes 1 to %d", s.Capacity, min(MaxRingSamples, MaxRingCells/len(s.Columns)))
	case s.HoldOut != 0 && (s.HoldOut < 2 || s.HoldOut > MaxHoldOut || s.Capacity < 2):
		return fmt.Errorf("ring: one of %d samples held out of %d; it takes 2 to %d, or 0 for none", s.HoldOut, s.Capacity, MaxHoldOut)
	case s.Run < 0 || s.Run > MaxRun:
		return fmt.Errorf("ring: %d samples in a row held out; it takes 1 to %d", s.Run, MaxRun)
	}
	for _, name := range append(slices.Clone(s.Columns), s.Target) {
		if len(name) > MaxField || !printable(name) {
			return fmt.Errorf("ring: the name %s is not readable text of up to %d bytes", quote([]byte(name)), MaxField)
		}
	}
	return nil
}

// Equal reports whether both say the same.
func (s *RingSettings) Equal(o *RingSettings) bool {
	a, b := *s, *o
	a.Columns, b.Columns = nil, nil
	return slices.Equal(s.Columns, o.Columns) && a.Target == b.Target && a.Kind == b.Kind && a.Classes == b.Classes &&
		a.Capacity == b.Capacity && a.HoldOut == b.HoldOut && a.Run == b.Run && a.Seed == b.Seed
}

// Ring holds the latest samples of a device's sensors, in memory that is taken
// once: those to learn from, and apart from them those that are held out. It is
// safe for concurrent use: a sensor adds while training reads.
type Ring struct {
	set RingSettings

	mu       sync.Mutex
	sequence uint64 // number of the next sample, from 0
	train    part
	held     part // no capacity where none is held out
}

// NewRing returns an empty ring.
func NewRing(set RingSettings) (*Ring, error) {
	if err := set.Validate(); err != nil {
		return nil, err
	}
	set.Columns = slices.Clone(set.Columns)
	r := &Ring{set: set}
	held := 0
	if set.HoldOut > 0 {
		held = max(1, set.Capacity/set.HoldOut)
	}
	r.train, r.held = newPart(set.Capacity-held, len(set.Columns)), newPart(held, len(set.Columns))
	return r, nil
}

// Settings returns what the ring was made with.
func (r *Ring) Settings() RingSettings {
	set := r.set
	set.Columns = slices.Clone(set.Columns)
	return set
}

// Add puts a sample in the place of the oldest one, once the ring is full. It
// refuses numbers that are infinite and a y that is not a class. A NaN in x is
// a missing feature, and as y it means that the sample has no label yet; it
// waits for one unseen, but that in a ring of [Anomaly] it counts as normal, 0.
func (r *Ring) Add(x []float32, y float32) error {
	_, err := r.Append(x, y)
	return err
}

// Append is Add, and returns the number of the sample, for [Ring.Label].
func (r *Ring) Append(x []float32, y float32) (sequence uint64, err error) {
	if len(x) != len(r.set.Columns) {
		return 0, fmt.Errorf("ring: sample of %d features, want %d", len(x), len(r.set.Columns))
	}
	for _, v := range x {
		if v == v && v-v != 0 {
			return 0, errors.New("ring: a number of the sample is not finite")
		}
	}
	if y != y && r.set.Kind == Anomaly {
		y = 0
	}
	if y == y {
		if err := r.checkTarget(y); err != nil {
			return 0, err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sequence = r.sequence
	r.sequence++
	r.part(sequence).add(sequence, x, y)
	return sequence, nil
}

// Label sets the target of a sample that came without one, or another one. It
// reports whether the sample is still there.
func (r *Ring) Label(sequence uint64, y float32) (bool, error) {
	if err := r.checkTarget(y); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.part(sequence).label(sequence, y), nil
}

func (r *Ring) checkTarget(y float32) error {
	classes := r.set.Classes
	if r.set.Kind == Anomaly {
		classes = anomalyClasses
	}
	switch {
	case y-y != 0:
		return errors.New("ring: the target of the sample is not finite")
	case r.set.Kind != Regression && !isClass(y, classes):
		return fmt.Errorf("ring: %g is not a class; classes are whole numbers from 0 to %d", y, classes-1)
	}
	return nil
}

// part returns the one that the sample belongs to.
func (r *Ring) part(sequence uint64) *part {
	if r.set.HoldOut > 0 && mix(sequence/uint64(max(r.set.Run, 1))^r.set.Seed)%uint64(r.set.HoldOut) == 0 {
		return &r.held
	}
	return &r.train
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Len returns the number of samples to learn from and of those held out, with
// and without labels.
func (r *Ring) Len() (train, held int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.train.rows, r.held.rows
}

// Tables returns copies of the samples that have labels, oldest first: those to
// learn from, of which all are normal with [Anomaly], and those held out, of
// which there may be none. Samples that come meanwhile may take the places of
// the oldest ones before these are copied, since the ring is never locked for
// long.
func (r *Ring) Tables() (train, test *Table) {
	t, h := r.train.copy(&r.mu), r.held.copy(&r.mu)
	return r.table(t, true), r.table(h, false)
}

// table makes a table of a copy.
func (r *Ring) table(s samples, training bool) *Table {
	t := &Table{
		Kind: r.set.Kind, Columns: slices.Clone(r.set.Columns), Target: r.set.Target, Classes: r.set.Classes,
		X: s.x[:0], Y: s.y[:0], // rows move to the left only
	}
	n := len(t.Columns)
	for i, y := range s.y {
		switch {
		case y != y:
			t.Dropped++
		case training && t.Kind == Anomaly && y != 0:
			t.Abnormal++
		default:
			t.X, t.Y = append(t.X, s.x[i*n:(i+1)*n]...), append(t.Y, y)
		}
	}
	t.countAllMissing()
	t.setFill()
	if t.Kind != Regression {
		t.label()
	}
	return t
}
