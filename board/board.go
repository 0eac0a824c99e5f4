// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package board says what the rest of the house may ask of the hardware, and
// decides from the answers whether a device may train now. A [Sensor] gives
// samples, a [Probe] the [Conditions] that training depends on, a [Meter] what a
// piece of work has cost; [LED], [Button] and [Watchdog] are the doors of what
// talks to people and restarts the machine. The drivers live in packages below
// this one: board/linux reads what the kernel tells in /proc and /sys, board/sim
// is the published double for tests.
//
// Only what a board really tells is passed on: what it cannot tell is marked as
// unknown, never estimated, and never keeps a device from training. Units are
// those of the International System and the common ones of people: °C, %, hPa.
//
// The zero values of [Conditions], [Policy] and [Window] are usable: nothing is
// known, nothing is limited, always open. A [Gate] comes from [NewGate]. Values
// are plain; a Gate belongs to one goroutine, and every implementation of the
// interfaces here is safe for concurrent use.
package board

import (
	"context"
	"fmt"
	"time"
)

// Sensor is a chip or part of one that measures. Its name and its channels stay
// as they are while it lives.
type Sensor interface {
	// Name returns the stable name, such as thermal/cpu-thermal or hwmon/sht3x: of
	// lower-case letters, digits and "-._", in parts separated by slashes.
	Name() string

	// Channels returns what it measures, in the order of the values that Read gives.
	// Their names begin with the name of the sensor, and no two on a board are alike.
	Channels() []Channel

	// Read takes a sample: one value for each channel, in their order. Where a
	// channel cannot be read the others are, and the error joins what went wrong. It
	// is nil if all values are good. Once ctx is done it returns no values and the
	// error of ctx; a bus that hangs may hold it up for longer.
	Read(ctx context.Context) ([]Value, error)
}

// Channel is one quantity that a sensor measures.
type Channel struct {
	Name  string // such as hwmon/nct6775/temp1
	Unit  string // one of the constants below
	Label string // as the maker of the board calls it, printable; empty if it does not
}

// The units that channels have.
const (
	NoUnit       = ""
	Celsius      = "°C"
	Percent      = "%"
	Volt         = "V"
	Ampere       = "A"
	Watt         = "W"
	Joule        = "J"
	Hectopascal  = "hPa"
	Lux          = "lx"
	RPM          = "rpm"
	PPM          = "ppm"
	Microgram    = "µg/m³"
	Metre        = "m"
	Ohm          = "Ω"
	Siemens      = "S/m"
	Acceleration = "m/s²"
	AngularSpeed = "rad/s"
	Radian       = "rad"
	Degree       = "°"
	Microtesla   = "µT"
	Nanofarad    = "nF"
	PH           = "pH"
)

// Value is what a channel measured.
type Value struct {
	Channel
	X       float64   // NaN where nothing was read, otherwise finite
	Time    time.Time // when it was read
	Quality Quality
}

// Quality says how far a value can be relied on.
type Quality uint8

// The qualities.
const (
	Good  Quality = iota // read now
	Stale                // could not be read now; an earlier one, of not long ago
	Bad                  // not read, or read and impossible: do not learn from it
)

var qualityNames = [...]string{Good: "good", Stale: "stale", Bad: "bad"}

// String returns good, stale or bad.
func (q Quality) String() string {
	if int(q) < len(qualityNames) {
		return qualityNames[q]
	}
	return fmt.Sprintf("quality(%d)", uint8(q))
}

// MarshalText returns what String does.
func (q Quality) MarshalText() ([]byte, error) {
	if int(q) >= len(qualityNames) {
		return nil, fmt.Errorf("%v is unknown; it is good, stale or bad", q)
	}
	return []byte(q.String()), nil
}

// UnmarshalText reads good, stale or bad.
func (q *Quality) UnmarshalText(text []byte) error {
	for i, name := range qualityNames {
		if string(text) == name {
			*q = Quality(i)
			return nil
		}
	}
	return fmt.Errorf("quality %.32q is unknown; it is good, stale or bad", text)
}
