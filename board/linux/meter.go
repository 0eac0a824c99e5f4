// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"context"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/board"
)

// Scope says whose CPU time a meter measures.
type Scope uint8

// The scopes.
const (
	Process Scope = iota // all threads of this process
	Thread               // the thread that calls Begin, to which its goroutine is tied until it calls end itself
)

// Meter measures work by getrusage(2) and the counters of energy that the board
// has: those of the CPU packages and their memory (RAPL), else of the batteries
// while they are drained, else the one hwmon channel that counts energy or the
// average of power, if there is exactly one. What power they tell is added up by
// the trapezoidal rule, once a second.
type Meter struct {
	tree
	scope Scope
}

// NewMeter returns a meter for the board whose files are below root.
func NewMeter(root fs.FS, scope Scope) *Meter {
	if scope > Thread {
		panic(fmt.Sprintf("linux: scope(%d)", scope))
	}
	return &Meter{tree: tree{root}, scope: scope}
}

// Begin begins a piece of work as [board.Meter] says.
func (m *Meter) Begin(ctx context.Context) (end func() board.Cost) {
	counter := m.counter()
	ctx, cancel := context.WithCancel(ctx)
	stopped := counter.watch(ctx)
	thread := 0
	if m.scope == Thread {
		runtime.LockOSThread()
		thread = threadID()
	}
	begin, cpu := time.Now(), cpuTime(m.scope)
	return sync.OnceValue(func() board.Cost {
		c := board.Cost{CPU: cpuTime(m.scope) - cpu, Wall: time.Since(begin)}
		if m.scope == Thread {
			if thread != threadID() {
				panic("linux: a measurement of a thread was ended by another goroutine")
			}
			runtime.UnlockOSThread()
		}
		done := ctx.Err() != nil
		cancel()
		<-stopped
		if joules, ok := counter.total(); ok && !done {
			c.Joules = &joules
		}
		c.Counter = counter.name()
		return c
	})
}
