// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"io/fs"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/board"
)

// Probe tells the conditions of the board.
type Probe struct {
	tree

	mu     sync.Mutex
	begin  ticks          // of the running interval
	since  time.Time      // when that was; zero before the first reading
	others board.Quantity // of the last whole interval
}

// minInterval is the shortest time over which the CPU time of others is told: the
// kernel counts it in hundredths of a second.
const minInterval = time.Second

// NewProbe returns a probe for the board whose files are below root.
func NewProbe(root fs.FS) *Probe { return &Probe{tree: tree{root}} }

// Read reads all conditions anew, as [board.Probe] says. The share of others is
// that of the time since the last reading, a second at least, and so not known at
// the first.
func (p *Probe) Read() board.Conditions {
	p.mu.Lock()
	defer p.mu.Unlock()
	var c board.Conditions
	var errs problems
	var err error
	c.Temperature, err = p.temperature()
	errs.add(err)
	c.Power, err = p.power()
	errs.add(err)
	c.Throttled, err = p.throttled()
	errs.add(err)
	now, cpus, err := p.stat()
	errs.add(err)
	c.Others, err = p.share(now)
	errs.add(err)
	c.Load, err = p.load(cpus)
	errs.add(err)
	groups, err := p.groups()
	errs.add(err)
	c.CPUs, err = p.quota(groups, cpus)
	errs.add(err)
	c.Memory, err = p.memory(groups)
	errs.add(err)
	c.Problem = errs.join()
	return c
}
