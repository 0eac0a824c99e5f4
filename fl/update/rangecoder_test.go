// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// choice is one that a range coder codes: of n values, or, where n is 0, yes (1)
// or no (0), where yes has that chance.
type choice struct{ value, n, chance uint32 }

func drawChoices(t *rapid.T) []choice {
	edge := rapid.SampledFrom([]uint32{1, 2, certainty / 2, certainty - 2, certainty - 1})
	one := rapid.Custom(func(t *rapid.T) choice {
		if rapid.Bool().Draw(t, "uniform") {
			n := rapid.OneOf(rapid.SampledFrom([]uint32{1, 2, 16, 1<<20 + 1}), rapid.Uint32Range(1, 1<<20+1)).Draw(t, "n")
			return choice{value: rapid.OneOf(rapid.Uint32Range(0, n-1), rapid.Just(n-1), rapid.Just(uint32(0))).Draw(t, "value"), n: n}
		}
		return choice{value: rapid.Uint32Range(0, 1).Draw(t, "yes"), chance: rapid.OneOf(edge, rapid.Uint32Range(1, certainty-1)).Draw(t, "chance")}
	})
	return rapid.SliceOfN(one, 0, 300).Draw(t, "choices")
}

func encodeChoices(out []byte, choices []choice) []byte {
	e := newRangeEncoder(out)
	for _, c := range choices {
		if c.n > 0 {
			e.uniform(c.value, c.n)
		} else {
			e.choice(c.value == 1, c.chance)
		}
	}
	return e.finish()
}

// decodeChoices reports whether data are the choices, and a whole sequence.
func decodeChoices(data []byte, choices []choice) (same, finished bool) {
	d := newRangeDecoder(data)
	for _, c := range choices {
		var got uint32
		if c.n > 0 {
			got = d.uniform(c.n)
		} else if d.choice(c.chance) {
			got = 1
		}
		if got != c.value {
			return false, false
		}
	}
	return true, d.finished()
}

// exactRange codes as update.cddl tells, with integers that have no end.
func exactRange(choices []choice) []byte {
	low, width := new(big.Int), uint64(1<<32-1)
	s := 0
	for _, c := range choices {
		switch part := (width >> 16) * uint64(c.chance); {
		case c.n > 0:
			width /= uint64(c.n)
			low.Add(low, new(big.Int).SetUint64(uint64(c.value)*width))
		case c.value == 1:
			width = part
		default:
			low.Add(low, new(big.Int).SetUint64(part))
			width -= part
		}
		for ; width < 1<<24; width <<= 8 {
			low.Lsh(low, 8)
			s++
		}
	}
	high := new(big.Int).Add(low, new(big.Int).SetUint64(width))
	for _, end := range []struct{ bits, bytes int }{{32, s}, {24, s + 1}} {
		unit := new(big.Int).Lsh(big.NewInt(1), uint(end.bits))
		e := new(big.Int).Add(low, unit)
		e.Sub(e, big.NewInt(1)).Rsh(e, uint(end.bits))
		if new(big.Int).Mul(e, unit).Cmp(high) < 0 {
			return e.FillBytes(make([]byte, end.bytes))
		}
	}
	panic("no end")
}

func TestRangeCoder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		choices := drawChoices(t)
		before := []byte{1, 0xff}
		data := encodeChoices(bytes.Clone(before), choices)
		if !bytes.HasPrefix(data, before) {
			t.Fatalf("a carry went into what was there: %x", data)
		}
		data = data[len(before):]
		if want := exactRange(choices); !bytes.Equal(data, want) {
			t.Fatalf("%x, want %x", data, want)
		}
		if same, finished := decodeChoices(data, choices); !same || !finished {
			t.Fatalf("%x: same %v, finished %v", data, same, finished)
		}
		// Any other bytes are of other choices, or of none.
		other := bytes.Clone(data)
		switch rapid.IntRange(0, 3).Draw(t, "damage") {
		case 0:
			other = append(other, rapid.Byte().Draw(t, "behind"))
		case 1:
			other = append(other, make([]byte, rapid.IntRange(1, 6).Draw(t, "zeros"))...)
		case 2:
			other = other[:rapid.IntRange(0, len(other)).Draw(t, "length")]
		default:
			if len(other) > 0 {
				other[rapid.IntRange(0, len(other)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			}
		}
		if same, finished := decodeChoices(other, choices); same && finished && !bytes.Equal(other, data) {
			t.Fatalf("%x and %x are the same choices", data, other)
		}
	})
}

// TestRangeCarry has a carry go through many bytes.
func TestRangeCarry(t *testing.T) {
	var choices []choice
	for range 40 { // the upper end of a narrow interval again and again: 0xffff…
		choices = append(choices, choice{value: 15, n: 16})
	}
	data := encodeChoices(nil, choices)
	if want := exactRange(choices); !bytes.Equal(data, want) {
		t.Errorf("%x, want %x", data, want)
	}
	e := rangeEncoder{out: []byte{7, 0xff, 0xff, 0xff}, low: 0xffffff00, width: 1 << 24}
	e.add(0x100)
	if want := []byte{8, 0, 0, 0}; !bytes.Equal(e.out, want) || e.low != 0 {
		t.Errorf("%x and %x, want %x and 0", e.out, e.low, want)
	}
}

// TestRangeReadsLittle has a decoder meet the end of its data.
func TestRangeReadsLittle(t *testing.T) {
	d := newRangeDecoder(nil)
	steps := 0
	for ; !d.bad; steps++ {
		d.uniform(16)
	}
	if steps > 10 || d.finished() {
		t.Errorf("%d symbols of four bits from nothing, finished %v", steps, d.finished())
	}
	if d := newRangeDecoder([]byte{0xff, 0xff, 0xff, 0xff}); !d.bad || d.finished() {
		t.Error("a number beyond the interval is read")
	}
}
