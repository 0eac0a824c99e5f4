// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build testhooks

package main

import (
	"os"
	"time"
)

// machineClock is wrong by VECINOTEST_CLOCK_SKEW, such as -90s.
func machineClock() time.Time {
	skew, _ := time.ParseDuration(os.Getenv("VECINOTEST_CLOCK_SKEW"))
	return time.Now().Add(skew)
}
