// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import "fmt"

// Mode is what the devices of a task show of what they learned.
type Mode uint8

// The modes.
const (
	// Robust shows a device's update to its neighbours, which can tell a bad one
	// from the rest. It is the default.
	Robust Mode = iota
	// Private shows the sum over all present members only, added under encryption.
	Private
	// Hybrid shows the sums of groups of five members or more.
	Hybrid
	// Mask is Private by pairwise masks, for small processors and slow links.
	Mask
)

var modes = [...]string{Robust: "robust", Private: "private", Hybrid: "hybrid", Mask: "mask"}

// String returns the mode as [ParseMode] reads it.
func (m Mode) String() string {
	if int(m) < len(modes) {
		return modes[m]
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// Summed reports whether devices learn by sums of what they submit instead of
// by updates.
func (m Mode) Summed() bool { return m != Robust }

// ParseMode reads robust, private, hybrid or mask.
func ParseMode(s string) (Mode, error) {
	for m, name := range modes {
		if s == name {
			return Mode(m), nil
		}
	}
	return 0, fmt.Errorf("mode %q is unknown; it is robust, private, hybrid or mask", s)
}
