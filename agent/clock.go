// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !testhooks

package main

import "time"

// machineClock is the time as this machine believes it to be.
func machineClock() time.Time { return time.Now() }
