// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package board_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // a build machine may have none

	"pgregory.net/rapid"

	"github.com/vecino-edge/vecino/board"
)

func window(t testing.TB, s string) board.Window {
	t.Helper()
	w, err := board.ParseWindow(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWindow(t *testing.T) {
	tests := []struct {
		window  string
		in, out string // clocks, separated by blanks
	}{
		{"", "00:00 12:00 23:59", ""},
		{"  ", "00:00 12:00 23:59", ""},
		{"22:00-06:00", "22:00 23:59 00:00 05:59", "06:00 12:00 21:59"},
		{"06:00-22:00", "06:00 12:00 21:59", "22:00 23:59 00:00 05:59"},
		{"18:00-24:00", "18:00 23:59", "00:00 17:59"},
		{"18:00-00:00", "18:00 23:59", "00:00 17:59"},
		{"00:00-00:01", "00:00", "00:01 23:59"},
		{"23:59-00:00", "23:59", "00:00 23:58"},
		{"22:00-06:00, 12:30-13:30", "22:00 05:59 12:30 13:29", "12:29 13:30 06:00"},
		{"08:00-12:00,10:00-14:00", "08:00 11:00 12:00 13:59", "07:59 14:00"},
	}
	for _, tt := range tests {
		w := window(t, tt.window)
		for clock := range strings.FieldsSeq(tt.in) {
			if !w.Contains(at(t, clock)) {
				t.Errorf("%q does not contain %s", tt.window, clock)
			}
		}
		for clock := range strings.FieldsSeq(tt.out) {
			if w.Contains(at(t, clock)) {
				t.Errorf("%q contains %s", tt.window, clock)
			}
		}
		if got := w.Always(); got != (tt.out == "") {
			t.Errorf("%q: always %t", tt.window, got)
		}
	}
}

// at returns the time of a clock on a winter's day.
func at(t testing.TB, clock string) time.Time {
	t.Helper()
	c, err := time.Parse("15:04", clock)
	if err != nil {
		t.Fatal(err)
	}
	return time.Date(2026, 1, 15, c.Hour(), c.Minute(), 59, 999, time.UTC)
}

// TestWindowSummerTime counts the minutes that windows are open on the days that
// have 23 and 25 hours.
func TestWindowSummerTime(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, window string
		day          time.Time
		want         int // minutes
	}{
		{"usual night", "22:00-06:00", time.Date(2026, 1, 15, 12, 0, 0, 0, madrid), 480},
		{"night that loses an hour", "22:00-06:00", time.Date(2026, 3, 28, 12, 0, 0, 0, madrid), 420},
		{"night that gains an hour", "22:00-06:00", time.Date(2026, 10, 24, 12, 0, 0, 0, madrid), 540},
		{"hour that is left out", "02:00-03:00", time.Date(2026, 3, 28, 12, 0, 0, 0, madrid), 0},
		{"hour that comes twice", "02:00-03:00", time.Date(2026, 10, 24, 12, 0, 0, 0, madrid), 120},
		{"begins in the hour left out", "02:30-04:00", time.Date(2026, 3, 28, 12, 0, 0, 0, madrid), 60},
	}
	for _, tt := range tests {
		w := window(t, tt.window)
		minutes := 0
		for now := tt.day; now.Before(tt.day.Add(23 * time.Hour)); now = now.Add(time.Minute) {
			if w.Contains(now) {
				minutes++
			}
		}
		if minutes != tt.want {
			t.Errorf("%s: %s is open for %d minutes, want %d", tt.name, tt.window, minutes, tt.want)
		}
	}
}

func TestParseWindowRefuses(t *testing.T) {
	const form = ": a span of time is wanted, such as 22:00-06:00, with commas between several"
	const empty = ": the span is empty or all day; leave the window out for all day"
	tests := []struct{ in, want string }{
		{"22:00", `window "22:00"` + form},
		{"22:00-", `window "22:00-"` + form},
		{"-06:00", `window "-06:00"` + form},
		{"22:00-06:00,", `window ""` + form},
		{"22:00-06:00;12:00-13:00", `window "22:00-06:00;12:00-13:00"` + form},
		{"9:00-17:00", `window "9:00-17:00"` + form},
		{"24:00-06:00", `window "24:00-06:00"` + form},
		{"22:00-24:01", `window "22:00-24:01"` + form},
		{"22:60-23:00", `window "22:60-23:00"` + form},
		{"25:00-23:00", `window "25:00-23:00"` + form},
		{"+1:00-23:00", `window "+1:00-23:00"` + form},
		{"22:-1-23:00", `window "22:-1-23:00"` + form},
		{"22h00-23h00", `window "22h00-23h00"` + form},
		{"10:00-10:00", `window "10:00-10:00"` + empty},
		{"00:00-24:00", `window "00:00-24:00"` + empty},
		{strings.Repeat("x", 100), `window "` + strings.Repeat("x", 32) + `"` + form},
		{strings.Repeat("10:00-11:00,", board.MaxSpans) + "10:00-11:00", "window: more than 16 spans; join some"},
	}
	for _, tt := range tests {
		_, err := board.ParseWindow(tt.in)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q: error %v, want %s", tt.in, err, tt.want)
		}
	}
	if _, err := board.ParseWindow(strings.Repeat("10:00-11:00,", board.MaxSpans-1) + "10:00-11:00"); err != nil {
		t.Errorf("%d spans: %v", board.MaxSpans, err)
	}
}

// TestWindowComplement holds any span to be open exactly while the span from its
// end to its beginning is closed.
func TestWindowComplement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := func(minute int) string {
			return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC).Format("15:04")
		}
		from := rapid.IntRange(0, 1439).Draw(t, "from")
		to := (from + rapid.IntRange(1, 1439).Draw(t, "length")) % 1440
		open, err := board.ParseWindow(clock(from) + "-" + clock(to))
		if err != nil {
			t.Fatal(err)
		}
		closed, err := board.ParseWindow(clock(to) + "-" + clock(from))
		if err != nil {
			t.Fatal(err)
		}
		for minute := range 1440 {
			now := time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC)
			if open.Contains(now) == closed.Contains(now) {
				t.Fatalf("%v and %v at %s: both %t", open, closed, clock(minute), open.Contains(now))
			}
		}
	})
}

func FuzzParseWindow(f *testing.F) {
	f.Add("22:00-06:00, 12:30-13:30")
	f.Add("00:00-24:00")
	f.Fuzz(func(t *testing.T, s string) {
		w, err := board.ParseWindow(s)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x00\x1b") {
				t.Errorf("error with control characters: %q", err)
			}
			return
		}
		again, err := board.ParseWindow(w.String())
		if err != nil || again.String() != w.String() {
			t.Errorf("%q is %q, which is %q, error %v", s, w, again, err)
		}
	})
}
