// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// Ring holds the latest samples of a device's sensors, in memory that is taken
// once. It is safe for concurrent use: a sensor adds while training reads.
type Ring struct {
	columns []string
	kind    Kind
	classes int

	mu   sync.Mutex
	x    []float32 // (capacity, features)
	y    []float32 // (capacity)
	next int       // where the next sample goes
	rows int       // samples held, at most the capacity
}

// NewRing returns a ring for so many samples with the named features. Classes
// is the number of classes of a classification, and 0 in a regression.
func NewRing(columns []string, kind Kind, classes, capacity int) (*Ring, error) {
	switch {
	case kind == Classification && (classes < 1 || classes > MaxClasses):
		return nil, fmt.Errorf("ring: %d classes; it takes 1 to %d", classes, MaxClasses)
	case kind == Regression && classes != 0 || kind != Classification && kind != Regression:
		return nil, fmt.Errorf("ring: %d classes in a %v", classes, kind)
	case len(columns) < 1 || len(columns) > MaxColumns:
		return nil, fmt.Errorf("ring: %d features; it takes 1 to %d", len(columns), MaxColumns)
	case capacity < 1 || capacity > MaxCells/len(columns):
		return nil, fmt.Errorf("ring: %d samples; it takes 1 to %d", capacity, MaxCells/len(columns))
	}
	return &Ring{
		columns: slices.Clone(columns),
		kind:    kind,
		classes: classes,
		x:       make([]float32, capacity*len(columns)),
		y:       make([]float32, capacity),
	}, nil
}

// Add puts a sample in the place of the oldest one, once the ring is full. It
// refuses numbers that are not finite and a y that is not a class.
func (r *Ring) Add(x []float32, y float32) error {
	if len(x) != len(r.columns) {
		return fmt.Errorf("ring: sample of %d features, want %d", len(x), len(r.columns))
	}
	if !tensor.Finite(x) || !tensor.Finite([]float32{y}) {
		return errors.New("ring: a number of the sample is not finite")
	}
	if r.kind == Classification && !isClass(y, r.classes) {
		return fmt.Errorf("ring: %g is not a class; classes are whole numbers from 0 to %d", y, r.classes-1)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	copy(r.x[r.next*len(x):], x)
	r.y[r.next] = y
	r.next = (r.next + 1) % len(r.y)
	r.rows = min(r.rows+1, len(r.y))
	return nil
}

// Len returns the number of samples held.
func (r *Ring) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rows
}

// Snapshot returns a copy of the samples, oldest first.
func (r *Ring) Snapshot() *Table {
	t := &Table{Kind: r.kind, Classes: r.classes, Columns: slices.Clone(r.columns)}
	r.mu.Lock()
	first := 0
	if r.rows == len(r.y) {
		first = r.next
	}
	n := len(r.columns)
	t.X = append(slices.Clone(r.x[first*n:r.rows*n]), r.x[:first*n]...)
	t.Y = append(slices.Clone(r.y[first:r.rows]), r.y[:first]...)
	r.mu.Unlock()
	if r.kind == Classification {
		t.Labels = make([]int32, len(t.Y))
		for i, y := range t.Y {
			t.Labels[i] = int32(y)
		}
	}
	return t
}
