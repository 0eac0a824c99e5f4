// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/board"
	"github.com/vecino-edge/vecino/board/sim"
	"github.com/vecino-edge/vecino/fl/node"
)

// moment is a reading of the board after some time, and what follows.
type moment struct {
	after time.Duration
	board board.Conditions
	why   string // of the pause; empty where the device may train
}

func hot(celsius float64) board.Conditions {
	return board.Conditions{Temperature: board.Known(celsius)}
}

func battery(level float64) board.Conditions {
	return board.Conditions{Power: board.Power{Known: true, OnBattery: true, Level: board.Known(level)}}
}

func busy(share float64) board.Conditions { return board.Conditions{Others: board.Known(share)} }

var mains = board.Conditions{Power: board.Power{Known: true, Level: board.Known(0.2)}}

// TestPower holds when a device pauses and when it resumes, for each setting.
func TestPower(t *testing.T) {
	for name, tt := range map[string]struct {
		settings config.Power
		moments  []moment
	}{
		"nothing is limited": {config.Power{}, []moment{{0, hot(119), ""}, {0, battery(0.01), ""}, {0, busy(1), ""}}},
		"by default": {config.Default().Power, []moment{
			{0, hot(85), ""}, {0, hot(86), "86 °C, above 85 °C"}, {0, battery(0.01), "86 °C, above 85 °C"}, {3 * time.Minute, battery(0.01), ""},
		}},
		"temperature, with hysteresis": {config.Power{MaxTemperature: "70"}, []moment{
			{0, hot(69), ""}, {0, hot(70.5), "70.5 °C, above 70 °C"}, {0, hot(67), "67 °C, resumes at 65 °C"}, {0, hot(65), ""}, {0, hot(69), ""},
		}},
		"battery": {config.Power{MinBattery: "40"}, []moment{
			{0, battery(0.41), ""}, {0, battery(0.39), "battery at 39 %, below 40 %"}, {0, battery(0.42), "battery at 42 %, resumes at 45 %"},
			{0, mains, ""}, {0, battery(0.39), "battery at 39 %, below 40 %"}, {0, battery(0.45), ""},
		}},
		"only mains": {config.Power{OnlyMains: config.MainsAlone, MaxTemperature: "70"}, []moment{
			{0, battery(1), "on battery"}, {0, mains, ""}, {0, board.Conditions{}, ""},
			{0, board.Conditions{Temperature: board.Known(71), Power: battery(1).Power}, "on battery; 71 °C, above 70 °C"},
		}},
		"load": {config.Power{MaxLoad: "50"}, []moment{
			{0, busy(0.5), ""}, {0, busy(0.6), "others use 60 % of the CPU time, above 50 %"}, {0, busy(0.45), "others use 45 % of the CPU time, resumes at 40 %"}, {0, busy(0.4), ""},
		}},
		"window": {config.Power{Window: "22:00-06:00"}, []moment{ // it begins at midnight
			{0, hot(50), ""}, {6 * time.Hour, hot(50), "06:00, outside 22:00-06:00"}, {15*time.Hour + 59*time.Minute, hot(50), "21:59, outside 22:00-06:00"}, {time.Minute, hot(50), ""},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Local = time.UTC
				var probe sim.Probe
				var notes bytes.Buffer
				p, err := newPower(&tt.settings, &probe, sim.Meter{}, slog.New(slog.NewTextHandler(&notes, nil)))
				if err != nil {
					t.Fatal(err)
				}
				for i, m := range tt.moments {
					time.Sleep(m.after)
					probe.Set(m.board)
					if ok, why := p.allowed(); why != m.why || ok != (m.why == "") {
						t.Errorf("moment %d: %v, %q, want %q", i, ok, why, m.why)
					}
				}
				if n := strings.Count(notes.String(), "limit does not count"); n > 1 {
					t.Errorf("what the board does not tell is noted %d times:\n%s", n, &notes)
				}
			})
		})
	}
}

// TestPowerSettings holds that every setting which the configuration takes makes a
// policy, and what it is.
func TestPowerSettings(t *testing.T) {
	p, err := powerPolicy(&config.Power{MaxTemperature: "70.5", MinBattery: "40", MaxLoad: "100", Window: "22:00-06:00"})
	if err != nil || p.MaxCelsius != 70.5 || p.MinBattery != 0.4 || p.MaxLoad != 1 || p.Window.String() != "22:00-06:00" || p.Validate() != nil {
		t.Errorf("%+v, %v", p, err)
	}
	for _, bad := range []config.Power{{MaxTemperature: "hot"}, {Window: "night"}, {MaxTemperature: "10"}} {
		if _, err := newPower(&bad, &sim.Probe{}, sim.Meter{}, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestPowerMeter holds that the cost of work is told as it was measured.
func TestPowerMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			meter sim.Meter
			want  node.Cost
		}{
			{sim.Meter{CPUs: 2, Watts: 3}, node.Cost{CPU: 20 * time.Second, Wall: 10 * time.Second, Joules: 30, Counter: "sim/power"}},
			{sim.Meter{CPUs: 1}, node.Cost{CPU: 10 * time.Second, Wall: 10 * time.Second, Joules: math.NaN()}},
		} {
			p := &power{meter: tt.meter}
			end := p.begin()
			time.Sleep(10 * time.Second)
			got := end()
			if known := !math.IsNaN(tt.want.Joules); known && got != tt.want || !known && (got.CPU != tt.want.CPU || !math.IsNaN(got.Joules)) {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		}
	})
}

// TestThisMachine measures work on the machine that the test runs on.
func TestThisMachine(t *testing.T) {
	probe, meter := thisMachine()
	if b := boardNow(probe); b.OS == "" || b.CPUs < 1 {
		t.Errorf("%+v", b)
	}
	end := (&power{meter: meter}).begin()
	for begin := time.Now(); time.Since(begin) < 20*time.Millisecond; {
		math.Sqrt(2)
	}
	if c := end(); c.CPU <= 0 || c.Wall < 20*time.Millisecond {
		t.Errorf("%+v", c)
	}
}

func TestPowerInWords(t *testing.T) {
	level, load, degrees, on := 0.375, 1.5, 71.2, true
	b := boardInfo{Temperature: &degrees, Battery: &level, OnBattery: &on, Load: &load, Throttled: "under-voltage"}
	if got, want := boardInWords(b), "71 °C, battery at 38 %, on battery, load 150 %, makes itself slower: under-voltage"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := boardInWords(boardInfo{OS: "linux"}); got != "" {
		t.Errorf("a board that tells nothing: %q", got)
	}
	joules := 12.0
	s := &learn.Spending{
		Paused: "on battery", Pauses: 3, Last: &learn.Cost{CPU: 0.25, Wall: 1}, Total: &learn.Cost{CPU: 12.5, Joules: &joules, Counter: "battery"},
	}
	want := "cost\t0.25 s of processor time in the last round, 12.5 s of processor time and 12 J (battery) since the start|pauses\t3 rounds since the start"
	if got := strings.Join(costsInWords(s), "|"); got != want {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	for state, want := range map[learn.State]string{learn.Running: "paused: on battery", learn.Done: "done"} {
		if got := stateInWords(&learn.Status{State: state, Spending: *s}); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}
