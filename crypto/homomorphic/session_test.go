// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"
	"testing"
)

// TestRounds plays two rounds in quiet neighbourhoods.
func TestRounds(t *testing.T) {
	tests := []struct {
		name string
		n    int
		plan Plan
	}{
		{"lattice", 3, latticePlan},
		{"lattice, two vectors of 16 bits", 8, widePlan},
		{"lattice", 32, latticePlan},
		{"mask", 3, maskPlan},
		{"mask", 8, maskPlan},
		{"mask", 32, maskPlan},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.name, " ", tt.n), func(t *testing.T) {
			net := newNetwork(t, tt.n, tt.plan)
			for round := range uint32(2) {
				net.play(round)
				if got := net.check(round); got != tt.n {
					t.Errorf("round %d: %d devices have the sum, the first has %v", round, got, reason(net.devices[0], round))
				}
				if r, err := net.devices[0].Result(round); err != nil || len(r.Active) != tt.n {
					t.Errorf("round %d: %v", round, err)
				}
			}
			if len(net.refused) > 0 {
				t.Errorf("refused: %v", net.refused)
			}
		})
	}
}
