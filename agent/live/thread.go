// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import "runtime"

// leastAside is how many pieces of work may be put aside at a time on any board.
const leastAside = 3

// asides holds as many values as pieces of work are aside. More would leave Go
// without a thread for others.
var asides = make(chan struct{}, max(leastAside, runtime.NumCPU()))

// Threads lets Go run more threads at a time than there are cores: one for every
// piece of work that [Aside] may have, and as many as there are cores beside them. So
// there is always one that waits for the network, and it is the kernel that chooses
// who goes first, not Go's own scheduler.
func Threads() {
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), runtime.NumCPU()+cap(asides)))
}

// Aside runs work on a thread of its own that gives way to all others of the
// process, where the system can do that, and returns when it is done. Go runs
// goroutines in turn, of up to 10 ms, and looks at the network only in between: work
// that never waits, as training does not, would make others wait that long. The
// kernel runs a thread that wakes up at once instead of one that gives way, if Go
// lets it: see [Threads].
func Aside(work func()) {
	asides <- struct{}{}
	defer func() { <-asides }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
		behind()
		work()
	}()
	<-done
}
