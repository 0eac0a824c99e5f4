// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// of returns the extent of some numbers.
func of(numbers ...float64) (e extent) {
	for _, v := range numbers {
		e.add(v)
	}
	return e
}

func labels(ticks []tick) string {
	var s []string
	for _, t := range ticks {
		s = append(s, t.label)
	}
	return strings.Join(s, " | ")
}

func TestOuterTicks(t *testing.T) {
	for _, tt := range []struct {
		name    string
		e       extent
		percent bool
		want    string
	}{
		{"nothing", extent{}, false, "0.0 | 0.2 | 0.4 | 0.6 | 0.8 | 1.0"},
		{"nothing of fractions", extent{}, true, "0 % | 20 % | 40 % | 60 % | 80 % | 100 %"},
		{"accuracy", of(0.113, 0.942), true, "0 % | 20 % | 40 % | 60 % | 80 % | 100 %"},
		{"good accuracy", of(0.963, 0.9712), true, "96.2 % | 96.4 % | 96.6 % | 96.8 % | 97.0 % | 97.2 %"},
		{"constant accuracy", of(0.97), true, "92 % | 94 % | 96 % | 98 % | 100 %"},
		{"no accuracy", of(0), true, "0 % | 1 % | 2 % | 3 % | 4 % | 5 %"},
		{"loss", of(0.02, 2.31), false, "0.0 | 0.5 | 1.0 | 1.5 | 2.0 | 2.5"},
		{"negative", of(-3, 9), false, "−4 | −2 | 0 | 2 | 4 | 6 | 8 | 10"},
		{"constant", of(50), false, "44 | 46 | 48 | 50 | 52 | 54 | 56"},
		{"zero", of(0), false, "−1.0 | −0.5 | 0.0 | 0.5 | 1.0"},
		{"small", of(0, 3e-9), false, "0 | 5e−10 | 1e−9 | 1.5e−9 | 2e−9 | 2.5e−9 | 3e−9"},
		{"large", of(0, 4e6), false, "0 | 1e6 | 2e6 | 3e6 | 4e6"},
		{"nearly constant", of(1, 1+1e-8), false, "1e0 | 1.000000002e0 | 1.000000004e0 | 1.000000006e0 | 1.000000008e0 | 1.00000001e0"},
		{"as good as constant", of(1, 1+1e-12), false, "0.90 | 0.95 | 1.00 | 1.05 | 1.10"},
		{"smallest", of(0, 5e-324), false, "−1.0 | −0.5 | 0.0 | 0.5 | 1.0"},
		{"limits", of(-MaxAbs, MaxAbs), false, "−1e300 | −5e299 | 0 | 5e299 | 1e300"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lo, hi, ticks := tt.e.outer(ySteps, tt.percent)
			if got := labels(ticks); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if lo != ticks[0].at || hi != ticks[len(ticks)-1].at || lo > tt.e.lo || hi < tt.e.hi {
				t.Errorf("axis from %v to %v", lo, hi)
			}
		})
	}
}

func TestInnerTicks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		e      extent
		pixels int
		want   string
	}{
		{"rounds", of(1, 100), 600, "20 | 40 | 60 | 80 | 100"},
		{"two rounds", of(1, 2), 600, "1 | 2"},
		{"one round", of(7), 600, "7"},
		{"many rounds", of(1, 1<<20), 600, "2e5 | 4e5 | 6e5 | 8e5 | 1e6"},
		{"hours", of(0.5, 2), 600, "0.6 | 0.8 | 1.0 | 1.2 | 1.4 | 1.6 | 1.8 | 2.0"},
		{"long labels", of(1, 1+5e-8), 500, "1e0 | 1.00000002e0 | 1.00000004e0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, ticks := tt.e.fitting(tt.pixels); labels(ticks) != tt.want {
				t.Errorf("%s, want %s", labels(ticks), tt.want)
			}
		})
	}
}

// TestAxes holds axes of any two numbers to their bounds: few ticks, in order,
// each within the axis and told from its neighbour.
func TestAxes(t *testing.T) {
	number := rapid.Custom(func(t *rapid.T) float64 {
		return math.Max(-MaxAbs, math.Min(MaxAbs, rapid.Float64().Draw(t, "v")))
	})
	rapid.Check(t, func(t *rapid.T) {
		a := number.Draw(t, "a")
		b := number.Draw(t, "b")
		if rapid.Bool().Draw(t, "near") {
			b = a + a*rapid.Float64Range(-1e-7, 1e-7).Draw(t, "off")
		}
		check := func(axis string, lo, hi float64, ticks []tick) {
			if !(lo < hi) || len(ticks) < 1 || len(ticks) > 2*xSteps {
				t.Fatalf("%s: from %v to %v with %d ticks", axis, lo, hi, len(ticks))
			}
			for i, k := range ticks {
				if k.at < lo-1e-6*(hi-lo) || k.at > hi+1e-6*(hi-lo) {
					t.Fatalf("%s: tick %v from %v to %v", axis, k.at, lo, hi)
				}
				if i > 0 && (k.at <= ticks[i-1].at || k.label == ticks[i-1].label) {
					t.Fatalf("%s: ticks %v and %v", axis, ticks[i-1], k)
				}
				if w := textWidth(k.label, fontSize); w > 200 {
					t.Fatalf("%s: label %q of %d pixels", axis, k.label, w)
				}
			}
		}
		e := of(a, b)
		lo, hi, ticks := e.outer(ySteps, rapid.Bool().Draw(t, "percent"))
		check("Y", lo, hi, ticks)
		if lo > e.lo || hi < e.hi {
			// By the slack of a rounded quotient, which no pixel shows.
			if 1e-6*(hi-lo) < math.Max(lo-e.lo, e.hi-hi) {
				t.Fatalf("from %v to %v, the numbers from %v to %v", lo, hi, e.lo, e.hi)
			}
		}
		lo, hi, ticks = e.fitting(400)
		check("X", lo, hi, ticks)
	})
}
