// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

// noise returns n numbers from -1 to 1.
func noise(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	v := make([]float32, n)
	for i := range v {
		v[i] = 2*r.Float32() - 1
	}
	return v
}

func TestParseQuant(t *testing.T) {
	for q, want := range map[Quant]string{Q4: "q4", Bytes: "bytes", Framed: "exchange"} {
		if got := q.String(); got != want {
			t.Errorf("encoding %d: %q, want %q", uint8(q), got, want)
		}
	}
	for s, want := range map[string]Quant{"none": F32, "q8": Q8} {
		if got, err := ParseQuant(s); got != want || err != nil || got.String() != s {
			t.Errorf("ParseQuant(%q) = %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "q4", "sign", "Q8", "f32"} {
		if _, err := ParseQuant(s); err == nil || !strings.Contains(err.Error(), "none, q8") {
			t.Errorf("ParseQuant(%q) = %v", s, err)
		}
	}
	if got := Quant(7).String(); got != "quant(7)" {
		t.Errorf("unknown encoding: %q", got)
	}
}

func TestEncodeVectorBytes(t *testing.T) {
	tests := []struct {
		q    Quant
		v    []float32
		want string
	}{
		{F32, nil, ""},
		{F32, []float32{1, -2}, "0000803f" + "000000c0"},
		{Q8, nil, ""},
		{Q8, []float32{0, 0, 0}, "00000000" + "000000"},
		// Scale 2/128: the largest, 1.984375, is 127 of them.
		{Q8, []float32{1.984375, -1.984375, 0.015625, -0.0234375, 0.0078125}, "0000803c" + "7f8101fe01"},
		{Q8, []float32{1e-31, -1e-31}, "00000000" + "0000"},
		// The largest scale of which 127 are finite.
		{Q8, []float32{math.MaxFloat32, -math.MaxFloat32, 0}, "0002017c" + "7f8100"},
		{Q4, nil, ""},
		{Q4, []float32{0, 0, 0}, "0000" + "0000"},
		// Scale 1: the first of a pair in the lower half, and the padding.
		{Q4, []float32{7, -7, 1, -1, 0.5, -0.4, -6}, "803f" + "97" + "f1" + "01" + "0a"},
		{Q4, []float32{1e-31, -1e-31}, "0000" + "00"},
		// The largest scale of which 7 are finite.
		{Q4, []float32{math.MaxFloat32, -math.MaxFloat32, 0}, "127e" + "97" + "00"},
	}
	for _, tt := range tests {
		if got := hex.EncodeToString(EncodeVector(tt.q, tt.v)); got != tt.want {
			t.Errorf("%v %v: %s, want %s", tt.q, tt.v, got, tt.want)
		}
	}
}

// TestQuantizeIsExact holds that a sender and its neighbours have the same
// numbers, however often they are quantized, and that these are near.
func TestQuantizeIsExact(t *testing.T) {
	number := rapid.OneOf(
		rapid.Float32Range(-10, 10),
		rapid.Float32Range(-1e-20, 1e-20),
		rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32),
		rapid.Just(float32(0)),
	)
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(number, 1, 600).Draw(t, "v")
		for _, q := range []Quant{F32, Q8, Q4} {
			encoded := EncodeVector(q, v)
			if len(encoded) != VectorSize(q, len(v)) {
				t.Fatalf("%v: %d bytes, want %d", q, len(encoded), VectorSize(q, len(v)))
			}
			decoded, err := DecodeVector(q, encoded, len(v))
			if err != nil {
				t.Fatal(err)
			}
			own := append([]float32{}, v...)
			Quantize(q, own)
			if diff := cmp.Diff(decoded, own); diff != "" {
				t.Fatalf("%v: (-neighbour's +own):\n%s", q, diff)
			}
			if !bytes.Equal(EncodeVector(q, own), encoded) {
				t.Fatalf("%v: quantizing twice gives other bytes", q)
			}
			checkNear(t, q, v, own)
		}
	})
}

func checkNear(t *rapid.T, q Quant, v, got []float32) {
	for i, x := range v {
		largest := float32(0)
		for _, y := range v[i/block*block : min(i/block*block+block, len(v))] {
			largest = max(largest, max(y, -y))
		}
		// Half a level, and what its scale is rounded up by.
		limit := float64(largest) / 127 / 2 * 1.0001
		switch q {
		case F32:
			limit = 0
		case Q4:
			limit = float64(largest) / 7 / 2 * (1 + 1.0/127)
		}
		if d := math.Abs(float64(got[i]) - float64(x)); d > max(limit, tiny) || q == F32 && d != 0 {
			t.Fatalf("%v: %v became %v, %v off, at most %v", q, x, got[i], d, limit)
		}
	}
}

func TestDecodeVectorRefuses(t *testing.T) {
	good := EncodeVector(Q8, []float32{1, -1, 0.5})
	good4 := EncodeVector(Q4, []float32{1, -1, 0.5})
	change := func(data []byte, at int, to ...byte) []byte {
		data = bytes.Clone(data)
		copy(data[at:], to)
		return data
	}
	tests := []struct {
		name string
		q    Quant
		data []byte
		n    int
		want error
	}{
		{"short", F32, make([]byte, 7), 2, ErrVector},
		{"long", F32, make([]byte, 9), 2, ErrVector},
		{"short block", Q8, good[:6], 3, ErrVector},
		{"no scale", Q8, make([]byte, 256+4+1), 257, ErrVector},
		{"negative length", F32, nil, -1, ErrVector},
		{"huge", F32, nil, math.MaxInt, ErrVector},
		{"huge q8", Q8, nil, math.MaxInt, ErrVector},
		{"unknown", Quant(2), make([]byte, 8), 2, ErrVector},
		{"NaN", F32, EncodeVector(F32, []float32{1, nan}), 2, ErrNotFinite},
		{"infinite", F32, EncodeVector(F32, []float32{-inf, 1}), 2, ErrNotFinite},
		{"scale NaN", Q8, change(good, 0, 0, 0, 0xc0, 0x7f), 3, ErrNotFinite},
		{"scale infinite", Q8, change(good, 0, 0, 0, 0x80, 0x7f), 3, ErrNotFinite},
		{"scale too large", Q8, change(good, 0, 0xff, 0xff, 0x7f, 0x7f), 3, ErrNotFinite},
		{"scale negative", Q8, change(good, 3, good[3]|0x80), 3, ErrVector},
		{"scale minus zero", Q8, []byte{0, 0, 0, 0x80, 0, 0, 0}, 3, ErrVector},
		{"level -128", Q8, change(good, 4, 0x80), 3, ErrVector},
		{"level of scale 0", Q8, []byte{0, 0, 0, 0, 0, 1, 0}, 3, ErrVector},
		{"huge q4", Q4, nil, math.MaxInt, ErrVector},
		{"short q4", Q4, good4[:3], 3, ErrVector},
		{"long q4", Q4, append(bytes.Clone(good4), 0), 3, ErrVector},
		{"q4 scale NaN", Q4, change(good4, 0, 0xc0, 0x7f), 3, ErrNotFinite},
		{"q4 scale infinite", Q4, change(good4, 0, 0x80, 0x7f), 3, ErrNotFinite},
		{"q4 scale too large", Q4, change(good4, 0, 0x13, 0x7e), 3, ErrNotFinite},
		{"q4 scale negative", Q4, change(good4, 1, good4[1]|0x80), 3, ErrVector},
		{"q4 scale of other numbers", Q4, change(good4, 2, 0xf1), 3, ErrVector},
		{"q4 level -8", Q4, change(good4, 2, 0x87), 3, ErrVector},
		{"q4 level of scale 0", Q4, []byte{0, 0, 1, 0}, 3, ErrVector},
		{"q4 padding", Q4, change(good4, 3, good4[3]|0x10), 3, ErrVector},
		{"an exchange", Framed, make([]byte, 12), 3, ErrVector},
	}
	for _, tt := range tests {
		if v, err := DecodeVector(tt.q, tt.data, tt.n); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v, want %v", tt.name, v, err, tt.want)
		}
	}
	if v, err := DecodeVector(Q8, good, 3); err != nil || v[0] < 1 || v[0] > 1.0001 {
		t.Errorf("%v, %v", v, err)
	}
}

// TestVectorGolden holds the bytes of a long vector on every architecture.
func TestVectorGolden(t *testing.T) {
	for q, want := range map[Quant]string{
		F32: "0ed14545a9b7c93297d21a01463769dca8675443368459bb86b7befe2ef02229",
		Q8:  "061a28f222d447e3239a0e235cd3af7e01b44b11e832d6952a98f97912bb4c4c",
		Q4:  "34fa6835a8a7aa8bc81a7121b44ace839080610efdf7ce7f475b2c10b02cb928",
	} {
		sum := sha256.Sum256(EncodeVector(q, noise(1, 1000)))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%v: %s, want %s", q, got, want)
		}
	}
}

func TestCheckNorm(t *testing.T) {
	v := []float32{3, 4}
	if err := CheckNorm(v, 5); err != nil {
		t.Error(err)
	}
	for _, bad := range [][]float32{{3, 4.001}, {nan, 0}, {inf, 0}} {
		err := CheckNorm(bad, 5)
		if r, ok := err.(*Refused); !ok || r.Reason != ReasonNorm {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if err := CheckNorm(v, math.NaN()); err == nil {
		t.Error("a limit that is no number limits nothing")
	}
}

func FuzzVector(f *testing.F) {
	f.Add(uint8(F32), 2, EncodeVector(F32, []float32{1, -2}))
	f.Add(uint8(Q8), 3, EncodeVector(Q8, []float32{1, -1, 0.5}))
	f.Add(uint8(Q8), 300, EncodeVector(Q8, noise(1, 300)))
	f.Add(uint8(2), 0, []byte{})
	f.Add(uint8(Q4), 3, EncodeVector(Q4, []float32{1, -1, 0.5}))
	f.Add(uint8(Q4), 300, EncodeVector(Q4, noise(1, 300)))
	f.Fuzz(func(t *testing.T, q uint8, n int, data []byte) {
		v, err := DecodeVector(Quant(q), data, n)
		if err != nil {
			return
		}
		if len(v) != n {
			t.Fatalf("%d numbers, want %d", len(v), n)
		}
		// What is sent on after one more round is always read again.
		again, err := DecodeVector(Quant(q), EncodeVector(Quant(q), v), n)
		if err != nil {
			t.Fatal(err)
		}
		Quantize(Quant(q), v)
		if !cmp.Equal(v, again) {
			t.Fatalf("own %v, neighbour's %v", v, again)
		}
	})
}

func BenchmarkVector(b *testing.B) {
	v := noise(1, 100_000)
	for _, q := range []Quant{F32, Q8, Q4} {
		encoded := EncodeVector(q, v)
		b.Run("encode "+q.String(), func(b *testing.B) {
			b.SetBytes(int64(len(encoded)))
			for b.Loop() {
				EncodeVector(q, v)
			}
		})
		b.Run("decode "+q.String(), func(b *testing.B) {
			b.SetBytes(int64(len(encoded)))
			for b.Loop() {
				if _, err := DecodeVector(q, encoded, len(v)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
