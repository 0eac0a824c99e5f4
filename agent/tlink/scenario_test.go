// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestHooks holds that a scenario does not begin with a binary that would leave
// on what it is to switch off.
func TestHooks(t *testing.T) {
	for _, c := range []struct {
		name, binary, variable string
		skewed, ok             bool
	}{
		{"no hooks", "nothing", "VECINOTEST_PADDING=off", false, false},
		{"another hook", "VECINOTEST_ROTATION", "VECINOTEST_PADDING=off", false, false},
		{"the hook", "x VECINOTEST_PADDING y", "VECINOTEST_PADDING=off", false, true},
		{"a setting is no hook", "nothing", "VECINO_NEIGHBOURS_COVER=off", false, true},
		{"skew", "VECINOTEST_CLOCK_SKEW", "VECINO_NEIGHBOURS_COVER=off", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			binary := filepath.Join(t.TempDir(), "vecino")
			if err := os.WriteFile(binary, []byte(c.binary), 0o600); err != nil {
				t.Fatal(err)
			}
			s := Scenario{Binary: binary, Variables: []string{c.variable}, Logf: t.Logf}
			err := s.checkHooks()
			if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "-tags testhooks") {
				t.Errorf("error %v", err)
			}
			if c.ok && s.skewed != c.skewed {
				t.Errorf("skewed is %v", s.skewed)
			}
		})
	}
}

// TestHomes holds that devices differ in what they learn, and in their clocks,
// the same way for the same seed.
func TestHomes(t *testing.T) {
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip("needs a folder in memory")
	}
	settle := func(seed uint64) (hidden []int, skews []string) {
		s := Scenario{Folder: t.TempDir(), Devices: 16, Skew: time.Second, Seed: seed, skewed: true}
		rec := NewRecorder("127.0.0.1:1")
		defer rec.Close()
		homes, err := s.homes(rec)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range homes {
			hidden, skews = append(hidden, h.hidden), append(skews, h.variables[0])
			_, text, _ := strings.Cut(h.variables[0], "=")
			if d, err := time.ParseDuration(text); err != nil || d.Abs() > time.Second {
				t.Errorf("%s: more than a second", h.variables[0])
			}
			if err := h.end(); err != nil {
				t.Error(err)
			}
		}
		return hidden, skews
	}
	hidden, skews := settle(1)
	if !slices.IsSorted(hidden) || len(slices.Compact(hidden)) != 16 || len(slices.Compact(slices.Clone(skews))) < 15 {
		t.Errorf("devices are alike: %v %v", hidden, skews)
	}
	if _, again := settle(1); !slices.Equal(skews, again) {
		t.Errorf("the same seed gave %v and %v", skews, again)
	}
	if _, other := settle(2); slices.Equal(skews, other) {
		t.Error("two seeds gave the same clocks")
	}
}
