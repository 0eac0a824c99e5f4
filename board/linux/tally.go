// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import "time"

// tally adds up what a counter of energy or a meter of power tells. Once a part
// of the time is not covered it is broken for good: energy is never guessed.
type tally struct {
	source func() (float64, error)
	power  bool    // the source tells watts; else joules that rise
	top    float64 // joules at which the counter starts again from 0; 0 if it does not

	joules float64
	last   float64
	at     time.Time // of last; zero before the first
	broken bool
}

// Beyond these what a source tells cannot be right.
const (
	maxWatts     = 5000            // of a counter that has started again
	maxPowerGap  = 5 * time.Second // between two readings of power
	maxEnergyGap = 5 * time.Minute // between two readings of a counter that starts again
)

// add takes in a reading.
func (t *tally) add(now time.Time, x float64, err error) {
	if err != nil || t.power && x < 0 {
		t.broken = true
	}
	if !t.at.IsZero() && !t.broken {
		passed := now.Sub(t.at)
		if t.power {
			t.broken = passed > maxPowerGap
			t.joules += float64((t.last+x)/2) * passed.Seconds()
		} else {
			t.joules += t.rise(x, passed)
		}
	}
	t.last, t.at = x, now
}

// rise returns the joules since the last reading. A counter that went back has
// started again, unless that means a power that no board has: then the machine
// has slept or somebody has set it back.
func (t *tally) rise(x float64, passed time.Duration) float64 {
	joules := x - t.last
	if t.top > 0 && passed > maxEnergyGap {
		t.broken = true
	}
	if joules < 0 {
		joules += t.top
		t.broken = t.broken || joules < 0 || joules > maxWatts*passed.Seconds()
	}
	return joules
}
