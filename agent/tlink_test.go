// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/tlink"
)

var tlinkMode = flag.String("tlink", "", "measure whether an observer of the broker can follow devices across epochs: short, full or controls")

// tlinkRun is what one call of TestTLink measures. Chance is 1 in 16, 6.25 %:
// of runs in which nothing leaks, about one in a hundred is above the bound in
// short, and next to none in full.
type tlinkRun struct {
	devices, epochs, seeds int
	most                   float64 // share of links that attackers may get right
}

var tlinkRuns = map[string]tlinkRun{
	"short":    {devices: 16, epochs: 8, seeds: 1, most: 0.14},
	"full":     {devices: 16, epochs: 20, seeds: 5, most: 0.09},
	"controls": {devices: 16, epochs: 6, seeds: 1},
}

// TestTLink lets real devices live behind a recorder and three attackers look for
// them in the recording; see package tlink. It is what `make t-link` runs.
func TestTLink(t *testing.T) {
	run, binary := tlinkSetup(t, "short", "full")
	runs := run.live(t, binary, 0)
	report := run.analyse(t, runs)
	if run.seeds == 1 && run.worst(report) > run.most {
		t.Log("above the bound, which chance alone is in one of a hundred: another seed, and both together are held against it")
		report = run.analyse(t, append(runs, run.live(t, binary, 1)...))
	}
	if 10*report.Missing > report.Tracks {
		t.Errorf("of %d tracks %d are missing: too many devices were away for a measurement", report.Tracks+report.Missing, report.Missing)
	}
	if report.Shared > 0 {
		t.Errorf("(a): %d substrings are shared between epochs, want none", report.Shared)
	}
	if worst := run.worst(report); worst > run.most {
		t.Errorf("(b) or (c): %.1f %% of the links are right, at most %v %% may be", 100*worst, 100*run.most)
	}
}

// worst returns the share of links that the best attacker got right.
func (r tlinkRun) worst(report *tlink.Report) float64 {
	worst := report.Learned.Rate()
	for _, b := range report.Histograms {
		worst = max(worst, b.Score.Rate())
	}
	return worst
}

// TestTLinkControls switches one cover after the other off in the devices, which
// builds with -tags testhooks can do, and holds that the attackers notice.
func TestTLinkControls(t *testing.T) {
	run, binary := tlinkSetup(t, "controls")
	for _, c := range []struct {
		name, variable string
		least          float64
	}{
		{"rotation off", "VECINOTEST_ROTATION=off", 0.95},
		{"padding off", "VECINOTEST_PADDING=off", 0.5},
		{"cover off", "VECINO_NEIGHBOURS_COVER=off", 0.2},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := run.analyse(t, run.live(t, binary, 0, c.variable))
			best := report.Best()
			if report.Learned.Rate() > best.Rate() {
				best = report.Learned
			}
			if best.Rate() < c.least {
				t.Errorf("the best attacker: %v, want %v %% or more", best, 100*c.least)
			}
		})
	}
}

// The scenario's times. A key request is four messages, each behind a Poisson
// wait, and gives up after a third of D: fewer chunks or a shorter D would let
// nobody in. The spread itself is a tenth of the epoch at most. Clocks are off by up
// to two minutes, which is eight epochs.
const (
	tlinkEpoch  = 15 * time.Second
	tlinkSpread = 6 * time.Second
	tlinkChunks = 240 // a minute
	tlinkSkew   = 2 * time.Minute
)

// tlinkSetup returns what the flag asks for, and a binary with hooks for tests;
// it skips where the flag asks for nothing or another test.
func tlinkSetup(t *testing.T, modes ...string) (tlinkRun, string) {
	t.Helper()
	run, ok := tlinkRuns[*tlinkMode]
	wanted := false
	for _, m := range modes {
		wanted = wanted || m == *tlinkMode
	}
	switch {
	case *tlinkMode != "" && !ok:
		t.Fatalf("-tlink %s: short, full and controls are possible", *tlinkMode)
	case !wanted:
		t.Skipf("takes minutes: go test ./agent -run TestTLink -timeout 1h -v -tlink %s", modes[0])
	case !broker.Available:
		t.Skip("needs a build with a broker")
	}
	binary := filepath.Join(t.TempDir(), "vecino")
	build := exec.Command("go", "build", "-tags", "testhooks", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return run, binary
}

// live runs the scenario once for each seed, from first on.
func (r tlinkRun) live(t *testing.T, binary string, first int, variables ...string) (runs []tlink.Run) {
	t.Helper()
	for seed := range r.seeds {
		s := tlink.Scenario{
			Binary: binary, Folder: t.TempDir(), Variables: variables, Devices: r.devices, Epochs: r.epochs,
			Epoch: tlinkEpoch, Spread: tlinkSpread, Skew: tlinkSkew, ChunksPerMinute: tlinkChunks, Seed: uint64(first + seed), Logf: t.Logf,
		}
		recording, truth, err := s.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if epochs := recording.Epochs(); len(epochs) < r.epochs-1 {
			t.Fatalf("%d epochs were recorded, want %d", len(epochs), r.epochs)
		}
		runs = append(runs, tlink.Run{Recording: recording, Truth: truth})
	}
	return runs
}

// analyse prints how the attackers fared.
func (r tlinkRun) analyse(t *testing.T, runs []tlink.Run) *tlink.Report {
	t.Helper()
	report := tlink.Analyse(runs...)
	var table bytes.Buffer
	fmt.Fprintf(&table, "%d devices, %d epochs, %d seeds\n", r.devices, r.epochs, len(runs))
	report.Print(&table)
	t.Log(table.String())
	return report
}
