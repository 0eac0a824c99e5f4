// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"math"
	"testing"
)

// TestShares holds how much goes wrong, and in which directions.
func TestShares(t *testing.T) {
	const nodes, rounds = 20, 400
	tests := []struct {
		name  string
		links Links
		want  float64 // share of the messages that do not arrive
		both  float64 // share of the exchanges that fail in both directions
	}{
		{"nothing", Links{}, 0, 0},
		{"loss", Links{Loss: 0.3}, 0.3, 0.3},
		{"one way", Links{OneWay: 0.3}, 0.3, 0.09},
		{"loss and one way", Links{Loss: 0.2, OneWay: 0.5}, 0.6, 0.4},
		{"delay", Links{Delay: 0.5}, math.Exp(-2), math.Exp(-4)},
		{"no loss that is named", Links{Split: Split{}}, 0, 0},
		{"split", Links{Split: Split{0, rounds}}, 10. / 19, 10. / 19},
		{"all", Links{Loss: 1}, 1, 1},
	}
	for _, tt := range tests {
		w := newWeather(tt.links, 7, nodes)
		failed, both, messages, exchanges := 0, 0, 0, 0
		for round := range uint32(rounds) {
			for i := range nodes {
				for j := range i {
					there, back := w.arrives(round, i, j), w.arrives(round, j, i)
					messages, exchanges = messages+2, exchanges+1
					for _, arrived := range []bool{there, back} {
						if !arrived {
							failed++
						}
					}
					if !there && !back {
						both++
					}
				}
			}
		}
		if got := float64(failed) / float64(messages); math.Abs(got-tt.want) > 0.01 {
			t.Errorf("%s: %.3f of the messages fail, want %.3f", tt.name, got, tt.want)
		}
		if got := float64(both) / float64(exchanges); math.Abs(got-tt.both) > 0.01 {
			t.Errorf("%s: %.3f of the exchanges fail both ways, want %.3f", tt.name, got, tt.both)
		}
	}
}

// TestSplit holds that the halves hear themselves, and each other before and after.
func TestSplit(t *testing.T) {
	w := newWeather(Links{Split: Split{3, 5}}, 1, 7)
	for round := range uint32(7) {
		apart := round == 3 || round == 4
		if w.arrives(round, 0, 6) == apart || w.arrives(round, 6, 0) == apart {
			t.Errorf("round %d: the halves hear each other: %v", round, !apart)
		}
		if !w.arrives(round, 0, 3) || !w.arrives(round, 4, 6) {
			t.Errorf("round %d: a half does not hear itself", round)
		}
	}
}

// TestChurn holds how many nodes are away, and that one which is alone never is.
func TestChurn(t *testing.T) {
	w := newWeather(Links{Churn: 0.2}, 1, 50)
	away := 0
	for round := range uint32(400) {
		for i := range 50 {
			if w.away(round, i) {
				away++
			}
		}
	}
	if got := float64(away) / (400 * 50); math.Abs(got-0.2) > 0.01 {
		t.Errorf("%.3f of the nodes are away, want 0.2", got)
	}
	single := newWeather(Links{Churn: 1}, 1, 1)
	if single.away(0, 0) {
		t.Error("a single node is away")
	}
}
