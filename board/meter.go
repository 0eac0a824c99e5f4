// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"
	"time"
)

// Meter measures what work costs.
type Meter interface {
	// Begin begins a piece of work. The function that it returns ends it and gives
	// the cost; it is called once at least, and gives the same when called again.
	// Counters that have to be watched meanwhile are so until then or until ctx is
	// done, after which there are no joules.
	Begin(ctx context.Context) (end func() Cost)
}

// Cost is what a piece of work has cost.
type Cost struct {
	CPU  time.Duration // CPU time, in user mode and in the kernel
	Wall time.Duration

	// Joules is what Counter counted meanwhile. That is the energy of all that it
	// measures, whoever used it, and not of this work alone. It is nil where the
	// board has no counter or the counter failed for a part of the time.
	Joules  *float64
	Counter string // such as powercap/package-0; empty where there is none
}
