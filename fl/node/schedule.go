// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import "fmt"

// Schedule says how the learning rate goes over the rounds of a task.
type Schedule uint8

// The schedules.
const (
	// Trapezoid holds the rate for 70 % of the rounds and then lowers it linearly to
	// nothing, the default: at the end the nodes agree, and the noise of their steps
	// averages out (Hägele et al., Scaling laws and compute-optimal training beyond
	// fixed training durations, 2024).
	Trapezoid Schedule = iota
	// Constant holds the rate.
	Constant
)

var schedules = [...]string{Trapezoid: "trapezoid", Constant: "constant"}

// String returns the schedule as [ParseSchedule] reads it.
func (s Schedule) String() string {
	if int(s) < len(schedules) {
		return schedules[s]
	}
	return fmt.Sprintf("schedule(%d)", uint8(s))
}

// ParseSchedule reads trapezoid or constant.
func ParseSchedule(s string) (Schedule, error) {
	for i, name := range schedules {
		if s == name {
			return Schedule(i), nil
		}
	}
	return 0, fmt.Errorf("schedule %q is unknown; it is trapezoid or constant", s)
}

// leastShare of the rate is that of the last rounds. Below it what is divided by
// the rate would be all rounding.
const leastShare = 1.0 / 256

// Share returns the share of the rate in a round, above 0 and up to 1. Where the
// number of rounds is 0, which means that nobody knows it, it is 1.
func (s Schedule) Share(round, rounds uint32) float32 {
	tail := rounds - uint32(uint64(rounds)*7/10)
	if s == Constant || rounds == 0 || round < rounds-tail {
		return 1
	}
	left := rounds - min(round, rounds-1)
	return max(float32(left)/float32(tail), leastShare)
}
