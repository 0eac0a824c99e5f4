// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package board_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vecino-edge/vecino/board"
)

func gate(t testing.TB, p board.Policy) *board.Gate {
	t.Helper()
	g, err := board.NewGate(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var (
	mains   = board.Power{Known: true, Level: board.Known(0.1)}
	unknown = board.Conditions{}
)

func hot(celsius float64) board.Conditions {
	return board.Conditions{Temperature: board.Known(celsius)}
}

func battery(level float64) board.Conditions {
	return board.Conditions{Power: board.Power{Known: true, OnBattery: true, Level: board.Known(level)}}
}

func busy(others float64) board.Conditions {
	return board.Conditions{Others: board.Known(others), Load: board.Known(9)}
}

func free(bytes float64) board.Conditions {
	return board.Conditions{Memory: board.Known(bytes)}
}

func slow(now bool) board.Conditions {
	return board.Conditions{Throttled: board.Throttle{Known: true, Now: now, Why: "under-voltage"}}
}

// step is one decision of a sequence.
type step struct {
	after time.Duration // since the step before
	c     board.Conditions
	why   string // empty where training goes on and nothing is to be told
	goes  bool   // it goes on although something is told
}

func TestGate(t *testing.T) {
	const absent = "this board does not tell its temperature, the limit of 70 °C does not count"
	tests := []struct {
		name   string
		policy board.Policy
		steps  []step
	}{
		{"no limit", board.Policy{}, []step{{c: hot(200)}, {c: battery(0)}, {c: busy(1)}, {c: free(0)}, {c: slow(true)}, {c: unknown}}},
		{"temperature", board.Policy{MaxCelsius: 70}, []step{
			{c: hot(66)},
			{c: hot(70)},
			{c: hot(71), why: "71 °C, above 70 °C"},
			{c: hot(70.04), why: "70.1 °C, above 70 °C"},
			{c: hot(70), why: "70 °C, resumes at 65 °C"},
			{c: hot(65.01), why: "65.1 °C, resumes at 65 °C"},
			{c: hot(65)},
			{c: hot(69.9)},
			{c: hot(100.25), why: "100.3 °C, above 70 °C"},
			{c: hot(-20)},
		}},
		{"battery", board.Policy{MinBattery: 0.3}, []step{
			{c: battery(0.9)},
			{c: battery(0.3)},
			{c: battery(0.2999), why: "battery at 29 %, below 30 %"},
			{c: battery(0.29), why: "battery at 29 %, below 30 %"},
			{c: battery(0.34), why: "battery at 34 %, resumes at 35 %"},
			{c: battery(0.35)},
			{c: battery(0.31)},
			{c: battery(0.05), why: "battery at 5 %, below 30 %"},
			{c: board.Conditions{Power: mains}},
			{c: battery(0.32)},
		}},
		{"battery that must be full", board.Policy{MinBattery: 0.98}, []step{
			{c: battery(0.97), why: "battery at 97 %, below 98 %"},
			{c: battery(0.99), why: "battery at 99 %, resumes at 100 %"},
			{c: battery(1)},
		}},
		{"battery without a level", board.Policy{MinBattery: 0.3}, []step{
			{c: board.Conditions{Power: board.Power{Known: true, OnBattery: true}}, goes: true,
				why: "this board does not tell the level of a battery, the limit of 30 % does not count"},
			{c: battery(0.2), why: "battery at 20 %, below 30 %"},
		}},
		{"load of others", board.Policy{MaxLoad: 0.6}, []step{
			{c: busy(0.6)},
			{c: busy(0.601), why: "others use 61 % of the CPU time, above 60 %"},
			{c: busy(0.5), why: "others use 50 % of the CPU time, resumes at 48 %"},
			{c: busy(0.55), why: "others use 55 % of the CPU time, resumes at 48 %"},
			{c: busy(0.48)},
			{c: busy(0.55)},
		}},
		{"load average where there is no other", board.Policy{MaxLoad: 1.5}, []step{
			{c: board.Conditions{Load: board.Known(1.5)}},
			{c: board.Conditions{Load: board.Known(1.51)}, why: "a load average of 151 % of the CPUs, above 150 %"},
			{c: board.Conditions{Load: board.Known(1.21)}, why: "a load average of 121 % of the CPUs, resumes at 120 %"},
			{c: board.Conditions{Load: board.Known(1.2)}},
		}},
		{"memory", board.Policy{MinMemory: 64e6}, []step{
			{c: free(64e6)},
			{c: free(64e6 - 1), why: "63.9 MB of memory available, below 64 MB"},
			{c: free(76.7e6), why: "76.7 MB of memory available, resumes at 76.8 MB"},
			{c: free(76.8e6)},
		}},
		{"throttled", board.Policy{Throttled: true}, []step{
			{c: slow(false)},
			{c: slow(true), why: "the board makes itself slower: under-voltage"},
			{after: time.Minute, c: slow(false), why: "the board made itself slower a moment ago"},
			{after: 59 * time.Second, c: slow(false), why: "the board made itself slower a moment ago"},
			{after: time.Second, c: slow(false)},
		}},
		{"window", board.Policy{Window: window(t, "22:00-00:30")}, []step{
			{c: unknown, why: "21:58, outside 22:00-00:30"},
			{after: 2 * time.Minute, c: unknown},
			{after: 150*time.Minute - time.Second, c: unknown},
			{after: time.Second, c: unknown, why: "00:30, outside 22:00-00:30"},
		}},
		{"several", board.Policy{MaxCelsius: 70, MinBattery: 0.5, Window: window(t, "22:00-06:00")}, []step{
			{c: board.Conditions{Temperature: board.Known(80), Power: battery(0.4).Power},
				why: "21:58, outside 22:00-06:00; 80 °C, above 70 °C; battery at 40 %, below 50 %"},
			{after: time.Hour, c: board.Conditions{Temperature: board.Known(67), Power: mains}, why: "67 °C, resumes at 65 °C"},
			{c: board.Conditions{Temperature: board.Known(64), Power: mains}},
		}},
		{"told once", board.Policy{MaxCelsius: 70, MinBattery: 0.3}, []step{
			{c: battery(0.2), why: "battery at 20 %, below 30 %; " + absent},
			{c: battery(0.2), why: "battery at 20 %, below 30 %"},
			{c: battery(0.9)},
		}},
		{"never told by the board", board.Policy{MaxCelsius: 70}, []step{{c: unknown, why: absent, goes: true}, {c: unknown}, {after: time.Hour, c: unknown}}},
		{"lost while hot", board.Policy{MaxCelsius: 70}, []step{
			{c: hot(80), why: "80 °C, above 70 °C"},
			{after: time.Second, c: unknown, why: "80 °C, above 70 °C"},
			{after: time.Second, c: hot(68), why: "68 °C, resumes at 65 °C"},
			{after: 2*time.Minute - 1, c: unknown, why: "68 °C, resumes at 65 °C"},
			{after: 1, c: unknown, why: absent, goes: true},
			{after: time.Second, c: hot(68)},
		}},
		{"lost while cool", board.Policy{MaxCelsius: 70}, []step{{c: hot(40)}, {after: time.Minute, c: unknown}, {after: time.Minute, c: unknown, why: absent, goes: true}}},
	}
	for _, tt := range tests {
		g, now := gate(t, tt.policy), time.Date(2026, 1, 15, 21, 58, 0, 0, time.UTC)
		for i, s := range tt.steps {
			now = now.Add(s.after)
			allowed, why := g.Decide(s.c, now)
			if want := s.why == "" || s.goes; allowed != want || why != s.why {
				t.Errorf("%s, step %d: %t, %q, want %t, %q", tt.name, i, allowed, why, want, s.why)
			}
		}
	}
}

// TestGateWithoutClock opens where the board has not been told the time, which
// it has in tests, whose clock begins in 2000.
func TestGateWithoutClock(t *testing.T) {
	g := gate(t, board.Policy{Window: window(t, "22:00-06:00")})
	for i, want := range []string{"the clock is not set, the window 22:00-06:00 does not count", ""} {
		if allowed, why := g.Decide(unknown, time.Unix(3e4, 0).UTC()); !allowed || why != want {
			t.Errorf("decision %d: %t, %q, want %q", i, allowed, why, want)
		}
	}
	if allowed, _ := g.Decide(unknown, time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC)); allowed {
		t.Error("open at noon")
	}
}

// TestGateHysteresis walks at random and holds a gate to the least that its
// hysteresis promises: it closes above the limit only, and opens again not before
// the way back.
func TestGateHysteresis(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Float64Range(30, 120).Draw(t, "limit")
		g, err := board.NewGate(board.Policy{MaxCelsius: limit})
		if err != nil {
			t.Fatal(err)
		}
		open := true
		for range 50 {
			x := rapid.Float64Range(limit-10, limit+10).Draw(t, "celsius")
			allowed, why := g.Decide(hot(x), time.Time{})
			switch {
			case open && !allowed && x <= limit, !open && allowed && x > limit-5, allowed && x > limit, !allowed && x <= limit-5:
				t.Fatalf("limit %v, at %v from open %t to %t", limit, x, open, allowed)
			case allowed != (why == ""):
				t.Fatalf("%t because %q", allowed, why)
			}
			open = allowed
		}
	})
}

func TestPolicyValidate(t *testing.T) {
	tests := []struct {
		policy board.Policy
		want   string // part of the error, empty for none
	}{
		{board.Policy{}, ""},
		{board.Policy{MaxCelsius: 30, MinBattery: 1, MaxLoad: 100, MinMemory: 1 << 50}, ""},
		{board.Policy{MaxCelsius: 120}, ""},
		{board.Policy{MaxCelsius: 29}, "a highest temperature of 29 °C: it takes 30 to 120"},
		{board.Policy{MaxCelsius: 121}, "it takes 30 to 120"},
		{board.Policy{MaxCelsius: math.NaN()}, "it takes 30 to 120"},
		{board.Policy{MinBattery: 30}, "a lowest battery level of 30: it takes 0 to 1"},
		{board.Policy{MinBattery: math.NaN()}, "it takes 0 to 1"},
		{board.Policy{MaxLoad: -1}, "a highest load of -1: it takes 0 to 100"},
		{board.Policy{MaxLoad: math.Inf(1)}, "it takes 0 to 100"},
		{board.Policy{MinMemory: -1}, "-1 bytes of memory: it takes 0 to 1125899906842624"},
		{board.Policy{MinMemory: math.NaN()}, "bytes of memory"},
	}
	for _, tt := range tests {
		_, err := board.NewGate(tt.policy)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want %q", tt.policy, err, tt.want)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	g := gate(b, board.Policy{Window: window(b, "22:00-06:00"), MaxCelsius: 70, MinBattery: 0.3, MaxLoad: 0.6, MinMemory: 64e6, Throttled: true})
	c := board.Conditions{Temperature: board.Known(50), Power: mains, Others: board.Known(0.1), Memory: board.Known(1e9), Throttled: board.Throttle{Known: true}}
	now := time.Date(2026, 1, 15, 23, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		if ok, why := g.Decide(c, now); !ok {
			b.Fatal(why)
		}
	}
}
