// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"syscall"
	"time"
)

// cpuTime returns the CPU time of the process or of the thread that calls.
func cpuTime(s Scope) time.Duration {
	who := syscall.RUSAGE_SELF
	if s == Thread {
		who = syscall.RUSAGE_THREAD
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		panic("linux: getrusage: " + err.Error()) // it takes nothing that could be wrong
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// threadID tells threads apart.
func threadID() int { return syscall.Gettid() }
