// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"
	"time"
)

// LED is a light that people look at.
type LED interface {
	Name() string // stable, such as green:status
	Set(on bool) error
}

// Button is something that people press.
type Button interface {
	Name() string // stable
	// Wait returns at the next press or release, without bounces, and says which.
	Wait(ctx context.Context) (pressed bool, err error)
}

// Watchdog restarts the machine unless it is fed in time.
type Watchdog interface {
	Timeout() time.Duration // after which an unfed one restarts the machine
	Feed() error
	// Close disarms it where the hardware allows that.
	Close() error
}
