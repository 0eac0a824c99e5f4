// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"
	"time"
)

// Cost is what the work of a device on a task has cost: local training, mixing and
// scoring, and not what carrying the updates takes.
type Cost struct {
	CPU  time.Duration // processor time
	Wall time.Duration
	// Joules is what Counter counted in the wall time, of all that it measures and
	// whoever used it. It is NaN where the device cannot know.
	Joules  float64
	Counter string // empty where there is none
}

// Add adds the cost of other work. Joules that are not known make the sum unknown.
func (c *Cost) Add(o Cost) {
	c.CPU += o.CPU
	c.Wall += o.Wall
	c.Joules += o.Joules
	if o.Counter != "" {
		c.Counter = o.Counter
	}
}

// measure does a piece of a round's work and adds what it cost to the round's cost.
// Pieces do not overlap.
func (r *Runner) measure(work func() error) error {
	if r.Meter == nil {
		r.cost.Joules = math.NaN()
		return work()
	}
	end := r.Meter()
	err := work()
	r.cost.Add(end())
	return err
}
