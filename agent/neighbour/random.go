// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"encoding/binary"
	"io"
	"maps"
	"math"
	"sync"
	"time"
)

// fraction draws from [0, 1). The times at which a device speaks are seen by
// everybody on the broker, so they come from the same randomness as keys.
func fraction(rand io.Reader) float64 {
	var b [8]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		panic("neighbour: " + err.Error()) // crypto/rand never fails
	}
	return float64(binary.BigEndian.Uint64(b[:])>>11) / (1 << 53)
}

// uniform draws from U(0, most).
func uniform(rand io.Reader, most time.Duration) time.Duration {
	return time.Duration(fraction(rand) * float64(most))
}

// exponential draws the time to the next event of a Poisson process.
func exponential(rand io.Reader, mean time.Duration) time.Duration {
	return time.Duration(-math.Log(1-fraction(rand)) * float64(mean))
}

// counters counts refusals by reason. The reasons are constants of the program,
// so that nobody outside can add one.
type counters struct {
	mu sync.Mutex
	n  map[string]uint64
}

func (c *counters) add(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]uint64{}
	}
	c.n[reason]++
}

func (c *counters) snapshot() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]uint64, len(c.n))
	maps.Copy(out, c.n)
	return out
}
