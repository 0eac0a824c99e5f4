// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"testing"

	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/topology"
)

// TestSumsLearnAsWell holds what it costs to learn by sums: on ten devices that
// all see each other, not more than 0.3 points of a hundred, over three seeds.
func TestSumsLearnAsWell(t *testing.T) {
	if testing.Short() {
		t.Skip("six simulations of a hundred rounds: without -short")
	}
	mean := func(mode node.Mode) (sum float64) {
		for seed := range uint64(3) {
			s := digitsOf(t)
			s.Partition.Alpha, s.Topology, s.Rounds, s.Seed, s.Mode = 0.5, topology.Topology{}, 100, seed+1, mode
			if mode.Summed() {
				s.Compression = compression("q8")
			}
			sum += run(t, s).Mean / 3
		}
		return sum
	}
	plain, private := mean(node.Robust), mean(node.Private)
	if private < plain-0.003 || plain < 0.95 {
		t.Errorf("updates %.4f, sums %.4f", plain, private)
	}
	t.Logf("updates %.4f, sums %.4f", plain, private)
}
