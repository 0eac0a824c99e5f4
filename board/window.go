// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MaxSpans is how many spans of time a window may have.
const MaxSpans = 16

// Window is a set of spans of the day. The zero Window is all of it. It goes by
// the clock on the wall: where that is put forward or back, a span is an hour
// shorter or longer.
type Window struct {
	spans []span
}

// span is a part of the day, from and to in minutes since midnight; where it
// wraps, to is not above from. The minute of from belongs to it, that of to does
// not.
type span struct {
	from int // 0..1439
	to   int // 0..1440, not from
}

const minutesOfDay = 24 * 60

// ParseWindow reads spans of the day as in 22:00-06:00,12:30-13:30. One that ends
// before it begins goes over midnight; 24:00 is the end of the day. The empty
// text is the whole day.
func ParseWindow(s string) (Window, error) {
	if strings.TrimSpace(s) == "" {
		return Window{}, nil
	}
	parts := strings.SplitN(s, ",", MaxSpans+1)
	if len(parts) > MaxSpans {
		return Window{}, fmt.Errorf("window: more than %d spans; join some", MaxSpans)
	}
	var w Window
	for _, part := range parts {
		part = strings.TrimSpace(part)
		from, to, ok := strings.Cut(part, "-")
		begin, okBegin := parseClock(from)
		end, okEnd := parseClock(to)
		switch {
		case !ok || !okBegin || !okEnd || begin == minutesOfDay:
			return Window{}, fmt.Errorf("window %.32q: a span of time is wanted, such as 22:00-06:00, with commas between several", part)
		case begin == end || end-begin == minutesOfDay:
			return Window{}, fmt.Errorf("window %.32q: the span is empty or all day; leave the window out for all day", part)
		}
		w.spans = append(w.spans, span{begin, end})
	}
	return w, nil
}

// parseClock reads HH:MM, 00:00 to 24:00, as minutes since midnight.
func parseClock(s string) (minutes int, ok bool) {
	if len(s) != len("22:00") || s[2] != ':' {
		return 0, false
	}
	hour, err := strconv.ParseUint(s[:2], 10, 8)
	minute, err2 := strconv.ParseUint(s[3:], 10, 8)
	minutes = int(hour)*60 + int(minute)
	return minutes, err == nil && err2 == nil && minute < 60 && minutes <= minutesOfDay
}

// Contains reports whether a time is in the window, by the clock of its location.
func (w Window) Contains(t time.Time) bool {
	minute := t.Hour()*60 + t.Minute()
	for _, s := range w.spans {
		if s.contains(minute) {
			return true
		}
	}
	return len(w.spans) == 0
}

func (s span) contains(minute int) bool {
	if s.from < s.to {
		return s.from <= minute && minute < s.to
	}
	return s.from <= minute || minute < s.to
}

// Always reports whether the window is all day because it has no spans.
func (w Window) Always() bool { return len(w.spans) == 0 }

// String returns the window as [ParseWindow] reads it.
func (w Window) String() string {
	var b strings.Builder
	for i, s := range w.spans {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%02d:%02d-%02d:%02d", s.from/60, s.from%60, s.to/60, s.to%60)
	}
	return b.String()
}
