// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"fmt"
	"math"
	"strconv"
)

// Policy is when a device may train, as its owner wishes. The zero Policy is
// always; so is each zero field for its condition.
type Policy struct {
	Window     Window  // of the day
	MaxCelsius float64 // of the CPU, 30..120
	MinBattery float64 // level while on battery, 0..1
	MaxLoad    float64 // share of CPU time that others have, or else the load average over the CPUs; up to 100
	MinMemory  float64 // bytes available, up to 1<<50
	Throttled  bool    // stop while the board makes itself slower
}

// How far a condition has to be back on the good side before training resumes:
// stopping itself cools the board and rests the battery, and without these it
// would start and stop all the time.
const (
	backCelsius = 5.0  // °C below the limit
	backBattery = 0.05 // of a full battery above it
	backLoad    = 0.8  // of the limit
	backMemory  = 1.2  // of the limit
)

const maxMemory float64 = 1 << 50 // bytes

// Validate returns an error that says what to change in a policy that makes no
// sense.
func (p Policy) Validate() error {
	switch {
	case p.MaxCelsius != 0 && !(p.MaxCelsius >= 30 && p.MaxCelsius <= 120):
		return fmt.Errorf("policy: a highest temperature of %v °C: it takes 30 to 120, or 0 for none", p.MaxCelsius)
	case !(p.MinBattery >= 0 && p.MinBattery <= 1):
		return fmt.Errorf("policy: a lowest battery level of %v: it takes 0 to 1", p.MinBattery)
	case !(p.MaxLoad >= 0 && p.MaxLoad <= 100):
		return fmt.Errorf("policy: a highest load of %v: it takes 0 to 100, where 0 is no limit and 1 all CPUs", p.MaxLoad)
	case !(p.MinMemory >= 0 && p.MinMemory <= maxMemory):
		return fmt.Errorf("policy: %v bytes of memory: it takes 0 to %.0f", p.MinMemory, maxMemory)
	}
	return nil
}

// number returns a number for people with so many decimals at most, rounded away
// from the limit that it is told to be beyond: up where it is above, else down.
func number(x float64, decimals int, above bool) string {
	scale := math.Pow10(decimals)
	const noise = 1e-6 // of the product, which must not make a 70.1 a 70.2
	if above {
		return trim(math.Ceil(float64(x*scale)-noise) / scale)
	}
	return trim(math.Floor(float64(x*scale)+noise) / scale)
}

// trim returns a number, to two decimals, in the fewest digits.
func trim(x float64) string {
	return strconv.FormatFloat(math.Round(x*100)/100+0, 'f', -1, 64) // + 0 is for -0
}
