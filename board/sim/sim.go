// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package sim is a board without hardware, the published double of package board
// for tests: a [Sensor], a [Probe] and a [Meter] that follow a script over time and
// fail when they are told to, and a [Recorder] and a [Recording], which write down
// what real sensors give and play it again. Recordings are JSON lines (RFC 8259);
// recording.cddl describes them.
//
// Time is the clock of package time, which testing/synctest fakes. The zero Meter
// and the zero Probe are usable: nothing is used, nothing is known. All types are
// safe for concurrent use.
package sim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/board"
)

// Step is what a sensor gives from a time on.
type Step struct {
	At     time.Duration // since the sensor was made
	Values []float64     // one for each channel; NaN for one that cannot be read
}

// Sensor gives the values of a script, and fails when it is told to.
type Sensor struct {
	name     string
	channels []board.Channel
	begin    time.Time
	steps    []Step

	mu  sync.Mutex
	err error
}

// NewSensor returns a sensor that holds the values of each step until the next.
// Before the first one it cannot be read. Steps go up in time, and each has as
// many values as there are channels.
func NewSensor(name string, channels []board.Channel, steps ...Step) *Sensor {
	for i, s := range steps {
		if len(s.Values) != len(channels) || i > 0 && s.At <= steps[i-1].At {
			panic(fmt.Sprintf("sim: step %d of %s: %d values of %d channels, at %v", i, name, len(s.Values), len(channels), s.At))
		}
	}
	return &Sensor{name: name, channels: slices.Clone(channels), begin: time.Now(), steps: slices.Clone(steps)}
}

// Name returns the name.
func (s *Sensor) Name() string { return s.name }

// Channels returns the channels.
func (s *Sensor) Channels() []board.Channel { return slices.Clone(s.channels) }

// Fail makes all reads fail with an error, and with nil ends that.
func (s *Sensor) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// ErrNoValue is what a channel fails with for which the script has no number.
var ErrNoValue = errors.New("the script has no value")

// Read gives the values of now.
func (s *Sensor) Read(ctx context.Context) ([]board.Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.name, err)
	}
	s.mu.Lock()
	err := s.err
	s.mu.Unlock()
	now := time.Now()
	var x []float64
	for _, step := range s.steps {
		if err == nil && now.Sub(s.begin) >= step.At {
			x = step.Values
		}
	}
	values := make([]board.Value, len(s.channels))
	var errs []error
	for i, c := range s.channels {
		values[i] = board.Value{Channel: c, X: math.NaN(), Time: now, Quality: board.Bad}
		if x != nil && !math.IsNaN(x[i]) {
			values[i].X, values[i].Quality = x[i], board.Good
			continue
		}
		if err == nil {
			errs = append(errs, fmt.Errorf("read %s: %w", c.Name, ErrNoValue))
		}
	}
	if err != nil {
		errs = []error{fmt.Errorf("read %s: %w", s.name, err)}
	}
	return values, errors.Join(errs...)
}

// Probe tells the conditions that it was given last.
type Probe struct {
	mu sync.Mutex
	c  board.Conditions
}

// Set gives the conditions.
func (p *Probe) Set(c board.Conditions) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.c = c
}

// Read returns the conditions.
func (p *Probe) Read() board.Conditions {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.c
}

// Meter measures work that costs the same at all times.
type Meter struct {
	CPUs  float64 // that the work keeps busy
	Watts float64 // that the board draws; 0 for a board without a counter
}

// Begin begins a piece of work as [board.Meter] says.
func (m Meter) Begin(ctx context.Context) (end func() board.Cost) {
	begin := time.Now()
	return sync.OnceValue(func() board.Cost {
		wall := time.Since(begin)
		c := board.Cost{CPU: time.Duration(m.CPUs * float64(wall)), Wall: wall}
		if m.Watts > 0 {
			c.Counter = "sim/power"
			if joules := m.Watts * wall.Seconds(); ctx.Err() == nil {
				c.Joules = &joules
			}
		}
		return c
	})
}
