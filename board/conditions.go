// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package board

// Probe tells the conditions of a board.
type Probe interface {
	// Read never fails as a whole: what could not be read is unknown, and why is in
	// [Conditions.Problem].
	Read() Conditions
}

// Conditions are what decides whether a device may train. Each is unknown where
// the board does not tell it, as all are in the zero value.
type Conditions struct {
	Temperature Quantity // of the hottest zone of the CPU or the chip it is on, °C
	Power       Power
	Load        Quantity // load average of one minute over the CPUs, this process included; 1 is all busy
	Others      Quantity // share of all CPU time that others than this process had since the last reading, 0..1
	CPUs        Quantity // that this process may use at a time, above 0; a fraction where a quota says so
	Memory      Quantity // bytes that are available to this process
	Throttled   Throttle

	// Problem joins what failed to be read although the board has it; nil if nothing
	// did.
	Problem error
}

// Quantity is a number that a board may not tell. The zero Quantity is unknown.
type Quantity struct {
	X     float64 // finite
	Known bool
}

// Known returns the quantity of a number.
func Known(x float64) Quantity { return Quantity{X: x, Known: true} }

// Power says where the power comes from.
type Power struct {
	OnBattery bool     // nothing else supplies the board, or not enough
	Level     Quantity // of all batteries together, 0..1
	Known     bool     // whether OnBattery is known
}

// Throttle says whether the board has made itself slower than it could be.
type Throttle struct {
	Now   bool
	Why   string // for people, such as under-voltage; empty unless it is
	Known bool
}
