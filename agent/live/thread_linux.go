// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import "syscall"

// Niceness of threads: what others have is 0, and smaller goes first.
const (
	niceAhead  = -5 // the scorer's, where the kernel allows it
	niceBehind = 10 // that of work that gives way
)

// ahead has the kernel prefer the thread at hand. It takes a capability, and does
// without where it lacks.
func ahead() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceAhead) }

// behind has the kernel prefer other threads to the one at hand, which it always
// allows.
func behind() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceBehind) }
