// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"github.com/vecino-edge/vecino/fl/node"
)

// Cost is what work on a task has cost, as people see it. What carrying updates
// takes is not in it.
type Cost struct {
	CPU     float64  `json:"cpu_seconds"`
	Wall    float64  `json:"seconds"`
	Joules  *float64 `json:"joules"`            // that Counter counted meanwhile, of all that it measures; nil where the device cannot know
	Counter string   `json:"counter,omitempty"` // such as powercap/package-0
}

// Spending is what a task has cost a device so far, and whether it pauses.
type Spending struct {
	Paused string `json:"paused,omitempty"`     // why the device does not train at the moment
	Pauses int    `json:"pauses,omitempty"`     // rounds in which it did not, since the start
	Last   *Cost  `json:"last_cost,omitempty"`  // of the last round in which it did something, or of tuning
	Total  *Cost  `json:"total_cost,omitempty"` // since the start
}

// count adds a round.
func (s *Spending) count(r node.Report) {
	if s.Paused = r.Paused; r.Paused != "" {
		s.Pauses++
	}
	if r.Cost != (node.Cost{}) {
		s.add(r.Cost)
	}
}

// add adds the cost of some work.
func (s *Spending) add(c node.Cost) {
	last := newCost(c)
	s.Last = &last
	total := last // a copy, since a status that was given away points to the one before
	if before := s.Total; before != nil {
		total.CPU += before.CPU
		total.Wall += before.Wall
		total.Joules = plus(before.Joules, last.Joules)
	}
	s.Total = &total
}

// measured does work on a task beside its rounds and counts what it costs.
func (s *Service) measured(j *job, work func() error) error {
	if s.o.Meter == nil {
		return work()
	}
	end := s.o.Meter()
	err := work()
	cost := end()
	s.change(j, func(st *Status) { st.Spending.add(cost) })
	return err
}

func newCost(c node.Cost) Cost {
	return Cost{CPU: c.CPU.Seconds(), Wall: c.Wall.Seconds(), Joules: finite(c.Joules), Counter: c.Counter}
}

// plus adds what is known; with what is not the sum is not known.
func plus(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	sum := *a + *b
	return &sum
}
