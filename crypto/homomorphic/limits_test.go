// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/rlwe"
)

func TestThresholds(t *testing.T) {
	type row struct{ N, Tau, Active, Tolerance int }
	want := []row{{3, 2, 3, 0}, {4, 3, 4, 1}, {5, 4, 5, 2}, {6, 5, 6, 3}, {7, 5, 5, 2}, {8, 6, 6, 3}, {16, 11, 11, 5}, {32, 22, 22, 11}}
	var got []row
	for _, w := range want {
		tau := Threshold(w.N)
		got = append(got, row{w.N, tau, MinActive(w.N, tau), Tolerance(w.N, tau, w.N)})
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for n := MinRoster; n <= MaxRoster; n++ {
		if err := checkThreshold(n, Threshold(n)); err != nil {
			t.Errorf("default of %d: %v", n, err)
		}
	}
	for _, bad := range [][2]int{{2, 2}, {33, 23}, {8, 4}, {8, 9}, {3, 3}, {8, 1}} {
		if err := checkThreshold(bad[0], bad[1]); !errors.Is(err, ErrRule) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestFit(t *testing.T) {
	hour := EpochBudget(60, 4096, time.Hour)
	tests := []struct {
		name   string
		plan   Plan
		budget int64
		what   string
		want   error
	}{
		{"eight, 10,000 values", Plan{Roster: 8, Vectors: 2, Params: 10_000}, hour, "", nil},
		{"all 32", Plan{Roster: 32, Vectors: 2, Params: 20_000}, hour, "", nil},
		{"all 32, half the budget", Plan{Roster: 32, Vectors: 2, Params: 20_000}, hour / 2, "set-up", nil},
		{"all 32, seeds only", Plan{Mode: Mask, Roster: 32, Vectors: 2, Params: 20_000}, hour / 2, "", nil},
		{"100,000 values, two vectors", Plan{Roster: 8, Vectors: 2, Params: 100_000}, hour, "", nil},
		{"150,000 values, two vectors", Plan{Roster: 8, Vectors: 2, Params: 150_000}, hour, "memory for a round's uploads", nil},
		{"too few", Plan{Roster: 2, Vectors: 1, Params: 1}, hour, "", ErrRule},
		{"no vector", Plan{Roster: 3, Params: 1}, hour, "", ErrConfig},
		{"no value", Plan{Roster: 3, Vectors: 1}, hour, "", ErrConfig},
		{"wide masks", Plan{Roster: 3, Vectors: 1, Params: 1, Mode: Mask, Width: rlwe.Width16}, hour, "", ErrConfig},
		{"odd width", Plan{Roster: 3, Vectors: 1, Params: 1, Width: 9}, hour, "", ErrConfig},
		{"no mode", Plan{Roster: 3, Vectors: 1, Params: 1, Mode: 2}, hour, "", ErrConfig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.plan.Fit(tt.budget)
			var unfit *UnfitError
			if errors.As(err, &unfit) != (tt.what != "") || unfit != nil && unfit.What != tt.what {
				t.Fatalf("got %v", err)
			}
			if tt.what == "" && !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
		})
	}
	if p := (Plan{Roster: MinRoster, Vectors: 1, Params: MaxMemory}); p.Fit(1<<40) == nil || MaxMemory/MinRoster/rlwe.PolySize > MaxPieces {
		t.Error("more pieces fit into the memory than a set of them holds")
	}
}

func TestConfigRefused(t *testing.T) {
	good := newNetwork(t, 3, latticePlan).devices[0].config
	tests := map[string]func(c *Config){
		"short rounds":  func(c *Config) { c.RoundLen = 4*c.Wait - 1 },
		"no wait":       func(c *Config) { c.Wait = 0 },
		"no store":      func(c *Config) { c.Shares = nil },
		"no randomness": func(c *Config) { c.Rand = nil },
		"no values":     func(c *Config) { c.Params = 0 },
		"threshold":     func(c *Config) { c.Tau = 33 },
	}
	for name, change := range tests {
		c := good
		change(&c)
		if _, err := NewSession(c, testBegin); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := good
	c.Params = MaxMemory
	var unfit *UnfitError
	if _, err := NewSession(c, testBegin); !errors.As(err, &unfit) {
		t.Errorf("a model that is too large: %v", err)
	}
}

func TestGroups(t *testing.T) {
	var members []Key
	for n := 1; n <= MaxRoster; n++ {
		members = append(members, keyOf(n))
		groups := Groups(7, [16]byte{2}, members, 5)
		seen := make(map[Key]int)
		for i, g := range groups {
			if len(groups) > 1 && (len(g) < 5 || len(g) > 9) {
				t.Errorf("%d members: group %d of %d", n, i, len(g))
			}
			for _, u := range g {
				seen[u]++
				if GroupOf(groups, u) != i {
					t.Errorf("member of group %d is in %d", i, GroupOf(groups, u))
				}
			}
		}
		if len(seen) != n || len(groups) != max(1, n/5) {
			t.Errorf("%d members: %d of them in %d groups", n, len(seen), len(groups))
		}
	}
	if cmp.Equal(Groups(7, [16]byte{2}, members, 5), Groups(8, [16]byte{2}, members, 5)) {
		t.Error("the groups of two epochs are the same")
	}
	if GroupOf(nil, members[0]) != -1 {
		t.Error("a member of no group is in one")
	}
}
