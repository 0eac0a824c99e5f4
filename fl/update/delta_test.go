// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// spellings of every kind of compression.
var spellings = []string{"none", "q8", "q4", "sign", "topk:0.1:1bit", "topk:0.1:4bit", "topk:0.001:4bit", "topk:0.6:1bit", "topk:1:1bit", "topk:1:4bit"}

// bell returns n numbers of the normal distribution.
func bell(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// dense returns all numbers of a delta.
func (d *Delta) dense(params int) []float32 {
	if d.Index == nil {
		return slices.Clone(d.Value)
	}
	v := make([]float32, params)
	for i, j := range d.Index {
		v[j] = d.Value[i]
	}
	return v
}

// sameDelta compares to the bit.
func sameDelta(a, b *Delta) bool {
	return (a.Index == nil) == (b.Index == nil) && slices.Equal(a.Index, b.Index) && slices.EqualFunc(a.Value, b.Value, func(x, y float32) bool {
		return math.Float32bits(x) == math.Float32bits(y)
	})
}

// TestDeltaBytes holds encodings that can be computed by hand.
func TestDeltaBytes(t *testing.T) {
	ones := func(n int) []float32 { return slices.Repeat([]float32{1}, n) }
	tests := []struct {
		compression string
		u           []float32
		want        string
	}{
		{"none", []float32{1, -2}, "0000803f" + "000000c0"},
		{"q8", []float32{1.984375, -0.0234375}, "0000803c" + "7ffe"},
		// A scale of 1: 7, -7, 0.5 rounded away from zero, and the padding.
		{"q4", []float32{7, -7, 0.5}, "803f" + "97" + "01"},
		{"q4", []float32{0x1p-101, 0}, "0000" + "00"},
		{"q4", []float32{7 << 120, math.MaxFloat32}, "127e" + "70"},
		{"sign", []float32{1, -2, 3, -2, 2, 2, 2, 2, -2}, "0040" + "0a01"},
		{"sign", []float32{0x1p-101, -0x1p-101}, "0000" + "00"},
		// All are sent: k, the last of two values, and then the signs.
		{"topk:1:1bit", []float32{1}, "803f" + "80"},
		{"topk:1:1bit", []float32{-1}, "803f" + "c0"},
		{"topk:1:1bit", ones(16), "803f" + "f0f0f1"},
		{"topk:1:1bit", []float32{0, 0}, "0000"},
		// 1.375 is 5.5 eighths of 2, which go up to 6.
		{"topk:1:4bit", []float32{2, -1.375}, "0040" + "d456"},
		{"topk:0.001:1bit", []float32{0, 0, -5, 0}, "a040" + "ce"},
	}
	for _, tt := range tests {
		var d Delta
		c := mustParse(t, tt.compression)
		if got := hex.EncodeToString(c.AppendDelta(nil, tt.u, &d)); got != tt.want {
			t.Errorf("%s of %v: %s, want %s", c, tt.u, got, tt.want)
		}
	}
}

// TestDelta holds that a receiver has what the sender believes it has, that
// another round of the same changes nothing, and that a delta is nearer to what it
// is for than none.
func TestDelta(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, _ := ParseCompression(rapid.SampledFrom(spellings).Draw(t, "compression"))
		number := rapid.SampledFrom([]*rapid.Generator[float32]{anyNumber(), rapid.Float32Range(-1, 1)}).Draw(t, "number")
		u := rapid.SliceOfN(number, 1, 600).Draw(t, "u")
		kept := slices.Clone(u)
		sent := Delta{Index: []int32{5}, Value: []float32{1, 2, 3}}
		data := c.AppendDelta([]byte("before"), u, &sent)
		if !slices.Equal(u, kept) || !bytes.HasPrefix(data, []byte("before")) {
			t.Fatal("it changed what it was given")
		}
		data = data[len("before"):]
		if n := c.DeltaBound(len(u)); len(data) > n || !c.sparse() && len(data) != n {
			t.Fatalf("%v: %d bytes, bound %d", c, len(data), n)
		}
		got := Delta{Index: []int32{1, 2}, Value: []float32{7}}
		if err := c.DecodeDelta(data, len(u), &got); err != nil || !sameDelta(&sent, &got) {
			t.Fatalf("%v: %v: (-sent +got):\n%s", c, err, cmp.Diff(sent, got))
		}
		var again Delta
		if b := c.AppendDelta(nil, sent.dense(len(u)), &again); !bytes.Equal(b, data) || !sameDelta(&sent, &again) {
			t.Fatalf("%v: what was decoded is encoded as %x, not as %x", c, b, data)
		}
		checkDelta(t, c, u, &sent)
	})
}

// checkDelta holds d against what c promises of u.
func checkDelta(t *rapid.T, c Compression, u []float32, d *Delta) {
	v := d.dense(len(u))
	before, after := 0.0, 0.0
	for i, x := range u {
		before += float64(x) * float64(x)
		after += (float64(v[i]) - float64(x)) * (float64(v[i]) - float64(x))
		if float64(v[i])*float64(x) < 0 || c == (Compression{}) && math.Float32bits(v[i]) != math.Float32bits(x) {
			t.Fatalf("%v: %v became %v", c, x, v[i])
		}
	}
	if after > before*(1+1e-12) {
		t.Fatalf("%v: the square of the distance grew from %g to %g", c, before, after)
	}
	switch c.coding {
	case codeQ4:
		checkNear(t, Q4, u, v)
	case codeQ8:
		checkNear(t, Q8, u, v)
	case codeSign:
		for b := 0; b < len(u); b += block {
			checkMean(t, u[b:min(b+block, len(u))], v[b:min(b+block, len(u))])
		}
	case codeTop1, codeTop4:
		checkTop(t, c, u, d)
	}
}

// checkMean holds the magnitudes of v against the mean of those of u.
func checkMean(t *rapid.T, u, v []float32) {
	mean := 0.0
	for _, x := range u {
		mean += math.Abs(float64(x)) / float64(len(u))
	}
	for i, x := range v {
		if d := math.Abs(math.Abs(float64(x)) - mean); d > mean/250 && mean > tiny {
			t.Fatalf("%v became %v, the mean is %v", u[i], x, mean)
		}
	}
}

// checkTop holds that the largest are sent, and how near.
func checkTop(t *rapid.T, c Compression, u []float32, d *Delta) {
	want := sortedLargest(u, c.count(len(u)))
	if len(d.Index) == 0 {
		if len(want.Value) > 0 && c.grade().scale(want.Value) > 0 {
			t.Fatalf("%v: nothing is sent of %v", c, want)
		}
		return
	}
	if !slices.Equal(want.Index, d.Index) {
		t.Fatalf("%v: %v are sent, want %v", c, d.Index, want.Index)
	}
	if c.coding == codeTop1 {
		checkMean(t, want.Value, d.Value)
		return
	}
	step := float64(largest(d.Value)) / eighths
	for i, x := range want.Value {
		limit := step / 2 * 1.0001
		if math.Abs(float64(x)) < step { // which goes up to one step
			limit = step
		}
		if off := math.Abs(float64(x) - float64(d.Value[i])); off > limit && step*eighths < maxHalf {
			t.Fatalf("%v became %v, in steps of %v", x, d.Value[i], step)
		}
	}
}

// TestDeltaAllocates nothing once its memory is there.
func TestDeltaAllocates(t *testing.T) {
	u := bell(1, 4810)
	for _, s := range spellings {
		c := mustParse(t, s)
		var sent, got Delta
		data := c.AppendDelta(nil, u, &sent)
		if n := testing.AllocsPerRun(3, func() { data = c.AppendDelta(data[:0], u, &sent) }); n != 0 {
			t.Errorf("%v: encoding allocates %v times", c, n)
		}
		if err := c.DecodeDelta(data, len(u), &got); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(3, func() { _ = c.DecodeDelta(data, len(u), &got) }); n != 0 {
			t.Errorf("%v: decoding allocates %v times", c, n)
		}
	}
}
