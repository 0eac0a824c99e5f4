// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"math/rand/v2"
	"time"
)

// The times between attempts to connect: before attempt n a wait is drawn evenly
// from zero to backoffBase * 2^n, at most backoffCap, so that neighbours whose
// broker restarts do not come back in step.
const (
	backoffBase = 500 * time.Millisecond
	backoffCap  = 30 * time.Second
	holdTime    = 30 * time.Second // a connection held so long begins the series anew
)

// backoff is the series of waits. Its zero value is at the beginning.
type backoff struct {
	attempt int
	draw    func(n int64) int64 // evenly from [0, n); nil is that of math/rand/v2
}

// next returns the wait before the next attempt.
func (b *backoff) next() time.Duration {
	draw := b.draw
	if draw == nil {
		draw = rand.Int64N
	}
	ceiling := backoffCap
	if shift := b.attempt; shift < 8 && backoffBase<<shift < backoffCap {
		ceiling = backoffBase << shift
	}
	b.attempt++
	return time.Duration(draw(int64(ceiling) + 1))
}

// held tells how long a connection lasted that has now ended.
func (b *backoff) held(d time.Duration) {
	if d >= holdTime {
		b.attempt = 0
	}
}
