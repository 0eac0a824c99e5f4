// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// TestControls holds that the attackers find what a town lacks, and nothing where
// it lacks nothing.
func TestControls(t *testing.T) {
	for _, c := range []struct {
		name                         string
		town                         town
		shared                       bool
		substring, histogram, learnt [2]float64 // least and most share of right links
	}{
		{name: "all covers", substring: chance, histogram: chance, learnt: chance},
		{"client id stays", town{fixedID: true}, true, found(0.95), found(0.95), found(0.95)},
		{"bytes in a chunk come again", town{greeting: true}, true, found(0.95), found(0.95), found(0.95)},
		{"no padding", town{noPadding: true}, false, chance, found(0.5), found(0.5)},
		{"no cover", town{noCover: true}, false, chance, found(0.5), found(0.5)},
		{"clocks are off", town{skew: 2 * time.Second}, false, chance, found(0.25), found(0.25)},
		{"keep-alives differ", town{ownKeepAlive: true}, true, found(0.2), found(0.25), found(0.25)},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.town.devices, c.town.epochs, c.town.seed = 16, 10, 7
			r := Analyse(c.town.run())
			var out bytes.Buffer
			r.Print(&out)
			if got := r.Shared > 0; got != c.shared {
				t.Errorf("%d shared substrings, want some: %v", r.Shared, c.shared)
			}
			for _, x := range []struct {
				name string
				got  Score
				want [2]float64
			}{{"a", r.Substring, c.substring}, {"b", r.Best(), c.histogram}, {"c", r.Learned, c.learnt}} {
				if x.got.Trials != 16*9 {
					t.Errorf("(%s): %d trials", x.name, x.got.Trials)
				}
				if rate := x.got.Rate(); rate < x.want[0] || rate > x.want[1] {
					t.Errorf("(%s): %v, want %v to %v", x.name, x.got, x.want[0], x.want[1])
				}
			}
			t.Log(out.String())
		})
	}
}

// chance is what guessing gives: 1 in 16, and in 144 trials less than 1 in 7 but
// once in a thousand.
var chance = [2]float64{0, 0.14}

func found(least float64) [2]float64 { return [2]float64{least, 1} }

// TestOthers holds that attacker (c) never learns from the run that it attacks.
func TestOthers(t *testing.T) {
	a, b, c, d := &Edge{}, &Edge{}, &Edge{}, &Edge{}
	all := [][]*Edge{{a, b}, {c}, {d}}
	for n, want := range [][]*Edge{{c, d}, {a, b, d}, {a, b, c}} {
		if got := others(all, n); !slices.Equal(got, want) {
			t.Errorf("run %d: %v, want %v", n, got, want)
		}
	}
}

// TestSeveralRuns holds that runs are attacked one by one, each with its devices.
func TestSeveralRuns(t *testing.T) {
	town := town{devices: 8, epochs: 4, noPadding: true}
	first := town.run()
	town.seed = 1
	r := Analyse(first, town.run())
	if r.Learned.Trials != 2*8*3 || r.Tracks != 2*8*4 || r.Missing != 0 || r.Learned.Rate() < 0.5 {
		t.Errorf("%d tracks, %d missing, (c) %v", r.Tracks, r.Missing, r.Learned)
	}
}
