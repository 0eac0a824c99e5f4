// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// TestDeltaRefuses cuts, lengthens and flips every bit of deltas: none decodes to
// anything but what encodes to these very bytes.
func TestDeltaRefuses(t *testing.T) {
	for _, s := range spellings {
		c := mustParse(t, s)
		for _, n := range []int{1, 7, 300} {
			u := bell(uint64(n), n)
			var d Delta
			data := c.AppendDelta(nil, u, &d)
			for i := range data {
				checkCanonical(t, c, data[:i], n)
			}
			for _, more := range [][]byte{{0}, {1}, {0x80}, {0, 0, 0, 0}, {0x80, 0, 0, 0, 0, 0}, make([]byte, 2000)} {
				checkCanonical(t, c, append(bytes.Clone(data), more...), n)
			}
			for i := range 8 * len(data) {
				flipped := bytes.Clone(data)
				flipped[i/8] ^= 1 << (i % 8)
				checkCanonical(t, c, flipped, n)
			}
		}
	}
}

// checkCanonical holds that data are refused, with a reason, or the one encoding
// of what they decode to, which is within its bounds.
func checkCanonical(t *testing.T, c Compression, data []byte, params int) {
	t.Helper()
	var d Delta
	if err := c.DecodeDelta(data, params, &d); err != nil {
		if !errors.Is(err, ErrDelta) && !errors.Is(err, ErrVector) && !errors.Is(err, ErrNotFinite) || len(err.Error()) > 300 {
			t.Fatalf("%v of %d: %v", c, params, err)
		}
		return
	}
	for i, j := range d.Index {
		if j < 0 || int(j) >= params || i > 0 && d.Index[i-1] >= j {
			t.Fatalf("%v of %d: index %d", c, params, j)
		}
	}
	if len(d.Value) != len(d.Index) && d.Index != nil || d.Index == nil && len(d.Value) != params {
		t.Fatalf("%v of %d: %d indices, %d values", c, params, len(d.Index), len(d.Value))
	}
	var again Delta
	if b := c.AppendDelta(nil, d.dense(params), &again); !bytes.Equal(b, data) || !sameDelta(&d, &again) {
		t.Fatalf("%v of %d: %x decodes, and encodes as %x", c, params, data, b)
	}
}

// TestDeltaForgeries has deltas that a sender of bad will makes by hand.
func TestDeltaForgeries(t *testing.T) {
	tests := []struct {
		name, compression string
		params            int
		data              string
		want              error
	}{
		{"nothing", "none", 1, "", ErrDelta},
		{"no numbers", "none", 0, "", ErrDelta},
		{"negative", "topk:1:1bit", -1, "803f80", ErrDelta},
		{"too many", "topk:1:1bit", MaxSize + 1, "803f80", ErrDelta},
		{"NaN", "none", 1, "0000c07f", ErrNotFinite},
		{"q8, another scale", "q8", 1, "0000803f" + "01", ErrVector},
		{"q8, scale of zeros", "q8", 1, "0000803f" + "00", ErrVector},
		{"q4, -8", "q4", 2, "803f" + "87", ErrVector},
		{"q4, another scale", "q4", 2, "803f" + "16", ErrVector},
		{"q4, scale of zeros", "q4", 2, "803f" + "00", ErrVector},
		{"q4, levels of scale 0", "q4", 2, "0000" + "07", ErrVector},
		{"q4, padding", "q4", 1, "803f" + "17", ErrVector},
		{"q4, tiny", "q4", 2, "000c" + "07", ErrVector}, // 7 * 2^-103
		{"q4, negative", "q4", 2, "80bf" + "07", ErrVector},
		{"q4, infinite", "q4", 2, "807f" + "07", ErrNotFinite},
		{"q4, too large", "q4", 2, "137e" + "07", ErrNotFinite},
		{"sign, padding", "sign", 7, "803f" + "80", ErrDelta},
		{"sign, of scale 0", "sign", 8, "0000" + "80", ErrDelta},
		{"sign, scale minus zero", "sign", 8, "0080" + "00", ErrVector},
		{"sign, negative", "sign", 8, "80bf" + "00", ErrVector},
		{"sign, tiny", "sign", 8, "7f0d" + "00", ErrVector},
		{"sign, infinite", "sign", 8, "807f" + "00", ErrNotFinite},
		{"top, no range", "topk:1:1bit", 1, "803f", ErrDelta},
		{"top, none of a scale", "topk:1:1bit", 1, "803f00", ErrDelta},
		{"top, some of scale 0", "topk:1:1bit", 1, "000080", ErrDelta},
		{"top, zeros behind none", "topk:1:1bit", 1, "000000", ErrDelta},
		{"top, one byte", "topk:1:1bit", 1, "00", ErrDelta},
		{"top, negative", "topk:1:1bit", 1, "80bf80", ErrVector},
		{"top, tiny", "topk:1:1bit", 1, "7f0d80", ErrVector},
		{"top, NaN", "topk:1:1bit", 1, "c07f80", ErrNotFinite},
		{"top, beyond the interval", "topk:1:1bit", 1, "803fffffffff", ErrDelta},
		{"top, another number of the interval", "topk:1:1bit", 1, "803f81", ErrDelta},
		{"top, none of eight eighths", "topk:1:4bit", 1, "803f80", ErrDelta},
		{"top, longer than can be", "topk:0.001:1bit", 1, "803f" + "80000000000000000000", ErrDelta},
	}
	for _, tt := range tests {
		data, err := hex.DecodeString(tt.data)
		if err != nil {
			t.Fatal(err)
		}
		var d Delta
		err = mustParse(t, tt.compression).DecodeDelta(data, tt.params, &d)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, d, err, tt.want)
		}
		if possible := tt.params >= 1 && tt.params <= MaxSize; !possible && !strings.Contains(err.Error(), "which are 1 to 1048576") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestAppendDeltaPanics(t *testing.T) {
	for name, u := range map[string][]float32{
		"nothing": nil, "NaN": {1, nan}, "infinite": {-inf}, "too many": make([]float32, MaxSize+1),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is encoded", name)
				}
			}()
			mustParse(t, "topk:1:1bit").AppendDelta(nil, u, &Delta{})
		}()
	}
}

// FuzzDelta reads a delta of the kind that the first argument names.
func FuzzDelta(f *testing.F) {
	for i, s := range spellings {
		c := mustParse(f, s)
		for _, n := range []int{1, 8, 257, 600} {
			var d Delta
			f.Add(uint8(i), n, c.AppendDelta(nil, bell(uint64(n), n), &d))
		}
		f.Add(uint8(i), 300, c.AppendDelta(nil, make([]float32, 300), new(Delta)))
	}
	f.Fuzz(func(t *testing.T, kind uint8, params int, data []byte) {
		if params > 1<<14 {
			params = 1 << 14 // what is larger takes longer and shows no more
		}
		checkCanonical(t, mustParse(t, spellings[int(kind)%len(spellings)]), data, params)
	})
}
