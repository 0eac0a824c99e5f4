// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import "golang.org/x/sys/unix"

// Niceness of threads: what others have is 0, and smaller goes first.
const (
	niceAhead  = -5 // the scorer's, where the kernel allows it
	niceBehind = 10 // that of work that gives way
)

// ahead has the kernel prefer the thread at hand. It takes a capability, and does
// without where it lacks.
func ahead() { _ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceAhead) }

// behind has the kernel prefer other threads to the one at hand, which it always
// allows: one that waits for nothing (sched(7), SCHED_BATCH) is no realtime thread,
// even where the whole process has been made one.
func behind() {
	batch := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_BATCH, Nice: niceBehind}
	_ = unix.SchedSetAttr(0, &batch, 0)
}
