// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"math"
	"strconv"
	"strings"
)

// A number is written out between these bounds, else with an exponent.
const (
	plainBelow  = 1e6
	plainDigits = 6 // behind the point
)

// flat is the share of its magnitude below which a range counts as one number:
// ticks within it would need more digits than a label has room for.
const flat = 1e-9

// slack forgives the rounding of a quotient, in steps between ticks.
const slack = 1e-6

// step is the distance between ticks, m times ten to the power of e, where m is
// 1, 2 or 5. It is kept in decimal so that a tick is written as it is meant.
type step struct{ m, e int }

// newStep returns the smallest step that is no smaller than raw, which is above
// zero. The decimal form comes from strconv, which is exact everywhere, where a
// logarithm is not.
func newStep(raw float64) step {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(raw, 'e', -1, 64), "e")
	f, _ := strconv.ParseFloat(mantissa, 64)
	e, _ := strconv.Atoi(exponent)
	for _, m := range []int{1, 2, 5} {
		if f <= float64(m)+slack {
			return step{m, e}
		}
	}
	return step{1, e + 1}
}

// times returns k steps as the number nearest to their decimal form.
func (s step) times(k int64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatInt(k*int64(s.m), 10)+"e"+strconv.Itoa(s.e), 64)
	return v
}

// below and above return the steps that enclose v, v itself where it is one.
func (s step) below(v float64) int64 { return int64(math.Floor(v/s.times(1) + slack)) }
func (s step) above(v float64) int64 { return int64(math.Ceil(v/s.times(1) - slack)) }

// tick is a place on an axis and what is written there.
type tick struct {
	at    float64
	label string
}

// ticks returns the ticks from lo to hi, of which the labels are percentages
// when percent is set.
func (s step) ticks(lo, hi int64, percent bool) []tick {
	if percent {
		shown := step{s.m, s.e + 2}
		out := shown.ticks(lo, hi, false)
		for k := range out {
			out[k] = tick{s.times(lo + int64(k)), out[k].label + " %"}
		}
		return out
	}
	most := math.Max(math.Abs(s.times(lo)), math.Abs(s.times(hi)))
	plain := most < plainBelow && s.e >= -plainDigits
	var out []tick
	for k := lo; k <= hi; k++ {
		out = append(out, tick{s.times(k), s.label(k, plain)})
	}
	return out
}

func (s step) label(k int64, plain bool) string {
	v := s.times(k)
	var text string
	if plain {
		text = strconv.FormatFloat(v, 'f', max(0, -s.e), 64)
	} else {
		text = strconv.FormatFloat(v, 'e', -1, 64)
		mantissa, exponent, _ := strings.Cut(text, "e")
		e, _ := strconv.Atoi(exponent)
		text = mantissa + "e" + strconv.Itoa(e)
		if k == 0 {
			text = "0"
		}
	}
	return strings.ReplaceAll(text, "-", "\u2212")
}

// widened returns the range that an axis shows: that of the numbers, and around
// a constant a little more. Fractions stay between 0 and 1.
func (e extent) widened(fraction bool) (lo, hi float64) {
	if !e.some {
		return 0, 1
	}
	most := math.Max(math.Abs(e.lo), math.Abs(e.hi))
	if e.hi-e.lo > flat*most && e.hi-e.lo > 1/MaxAbs {
		return e.lo, e.hi
	}
	pad := most / 10
	if most < 10/MaxAbs {
		pad = 1
	}
	lo, hi = e.lo-pad, e.hi+pad
	if fraction && e.lo >= 0 && e.hi <= 1 {
		lo, hi = math.Max(0, e.lo-0.05), math.Min(1, e.hi+0.05)
	}
	return lo, hi
}

// outer returns an axis of about n steps that begins and ends with a tick.
func (e extent) outer(n int, percent bool) (lo, hi float64, ticks []tick) {
	lo, hi = e.widened(percent)
	s := newStep((hi - lo) / float64(n))
	first, last := s.below(lo), s.above(hi)
	return s.times(first), s.times(last), s.ticks(first, last, percent)
}

// inner returns the ticks of an axis of about n steps that ends with its
// numbers. Between integers there are no ticks.
func (e extent) inner(n int) (lo, hi float64, ticks []tick) {
	lo, hi = e.widened(false)
	s := newStep((hi - lo) / float64(n))
	if e.whole && s.e < 0 {
		s = step{1, 0}
	}
	return lo, hi, s.ticks(s.above(lo), s.below(hi), false)
}
