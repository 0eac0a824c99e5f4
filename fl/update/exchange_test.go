// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/vecino-edge/vecino/crypto/wire"
)

var top = Compression{coding: codeTop1, share: whole / 10}

func pointer(n uint32) *uint32 { return &n }

// frames returns so many frames about params: each with a delta, and every second
// one with a slice.
func frames(c Compression, params, n int) []Frame {
	var out []Frame
	for i := range n {
		var d Delta
		f := Frame{Round: uint32(1000*i + 7), Degree: uint8(i), Gain: uint8(30 * i), Behind: text(4 * (i % 3)), Slice: []byte{}, Delta: c.AppendDelta(nil, bell(uint64(i), params), &d)}
		if i > 0 {
			f.Prev = pointer(uint32(1000*i - 993))
		}
		if i%2 == 1 {
			f.From = uint32(i)
			f.Slice = EncodeVector(Q8, noise(uint64(i), min(params-i, 100*i, leastSlice)))
		}
		out = append(out, f)
	}
	return out
}

func exchange(c Compression, params, n int) *Exchange {
	return &Exchange{Gen: 70_000, Receipts: text(20), Frames: frames(c, params, n)}
}

func packExchange(t testing.TB, params int, x *Exchange) *Packed {
	t.Helper()
	r := counter(1)
	p, err := PackExchange(&r, Spec{Sender: anna, Task: task, Base: base}, params, x)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func wantExchange(c Compression, params int) Want {
	return Want{Task: task, Base: base, Params: params, Vectors: 1, Exchange: true, Compression: c}
}

// TestExchange sends exchanges of several sizes, with as many shards lost as may be.
func TestExchange(t *testing.T) {
	for _, n := range []int{0, 1, 2, MaxFrames} {
		for _, c := range []Compression{{}, {coding: codeQ4}, {coding: codeSign}, top} {
			x := exchange(c, 4810, n)
			p := packExchange(t, 4810, x)
			if p.Payload != ExchangeSize(x) {
				t.Errorf("%d frames of %v: %d bytes, told %d", n, c, p.Payload, ExchangeSize(x))
			}
			collector := NewCollector(0)
			done, err := deliver(collector, anna, 3, p, p.Shards[p.copies-1:], wantExchange(c, 4810))
			if err != nil || done == nil || done.Vectors != nil || done.Bytes != nil {
				t.Errorf("%d frames of %v: %v, complete %v", n, c, err, done != nil)
				continue
			}
			if !bytes.Equal(wire.MustMarshal(done.Exchange), wire.MustMarshal(x)) {
				t.Errorf("%d frames of %v: another one came out: %+v", n, c, done.Exchange)
			}
		}
	}
}

func TestFrameDecode(t *testing.T) {
	const params = 4810
	u, v := bell(1, params), noise(2, 700)
	var sent Delta
	f := Frame{Round: 2, From: 4110, Slice: EncodeVector(Q8, v), Delta: top.AppendDelta(nil, u, &sent)}
	Quantize(Q8, v)
	var got Delta
	slice, err := f.Decode(top, params, &got, make([]float32, 3, 1000))
	if err != nil || !slices.Equal(slice, v) || !sameDelta(&sent, &got) {
		t.Errorf("%v, %d of slice", err, len(slice))
	}
	f.Slice, f.Delta, f.From = nil, nil, 0
	if slice, err = f.Decode(top, params, &got, slice); err != nil || len(slice) != 0 || got.Index == nil || len(got.Index) != 0 || len(got.Value) != 0 {
		t.Errorf("of nothing: %v, %v, %+v", err, slice, got)
	}
	if _, err := f.Decode(top, params, new(Delta), nil); err != nil {
		t.Errorf("of nothing, into nothing: %v", err)
	}
}

func TestFrameDecodeRefuses(t *testing.T) {
	const params = 4810
	slice := EncodeVector(Q8, []float32{1, 2, 3})
	tests := []struct {
		name string
		f    Frame
		want Reason
	}{
		{"nothing wrong", Frame{Slice: slice, From: params - 3}, ""},
		{"beyond the end", Frame{Slice: slice, From: params - 2}, ReasonMalformed},
		{"prev", Frame{Prev: pointer(0)}, ReasonMalformed},
		{"no delta", Frame{Delta: []byte{1}}, ReasonMalformed},
		{"delta of another compression", Frame{Delta: Compression{coding: codeSign}.AppendDelta(nil, bell(1, params), new(Delta))}, ReasonMalformed},
		{"delta of NaN", Frame{Delta: []byte{0xc0, 0x7f, 0}}, ReasonFinite},
		{"slice of NaN", Frame{Slice: []byte{0, 0, 0xc0, 0x7f, 1}}, ReasonFinite},
		{"slice of another scale", Frame{Slice: []byte{0, 0, 0x80, 0x3f, 1}}, ReasonMalformed},
		{"slice of -128", Frame{Slice: []byte{0, 0, 0x80, 0x3f, 0x80}}, ReasonMalformed},
	}
	for _, tt := range tests {
		if _, err := tt.f.Decode(top, params, new(Delta), nil); reason(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestFrameNumbers holds that the length of a slice tells how many numbers it has.
func TestFrameNumbers(t *testing.T) {
	lengths := map[int]int{}
	for n := range 3000 {
		lengths[VectorSize(Q8, n)] = n
	}
	for size := range 3000 {
		f := Frame{Slice: make([]byte, size)}
		n, ok := f.numbers()
		if want, possible := lengths[size]; ok != possible || ok && n != want {
			t.Errorf("%d bytes: %d, %v, want %d, %v", size, n, ok, want, possible)
		}
	}
}

// TestExchangeSizes has the bound on a ciphertext hold the largest exchange to the
// byte, where deltas have one size, and no other.
func TestExchangeSizes(t *testing.T) {
	for _, params := range []int{1, 255, 4810, 1 << 17} {
		for _, c := range []Compression{{coding: codeQ4}, {coding: codeSign}} {
			x := &Exchange{Gen: math.MaxUint32, Receipts: make([]byte, MaxReceipts)}
			n := MaxSlice(params)
			for i := range uint32(MaxFrames) {
				round := math.MaxUint32 - MaxFrames + i
				x.Frames = append(x.Frames, Frame{
					Round: round, Prev: pointer(round - 1), Degree: 255, Gain: 255, Behind: make([]byte, behindTag*MaxBehind), From: uint32(params - n),
					Slice: EncodeVector(Q8, make([]float32, n)), Delta: make([]byte, c.DeltaBound(params)),
				})
			}
			payload := wire.MustMarshal(x)
			if ExchangeSize(x) != len(payload) {
				t.Errorf("%d of %v: %d bytes, told %d", params, c, len(payload), ExchangeSize(x))
			}
			w := wantExchange(c, params)
			least, most, ok := w.exchangeSizes()
			room := 4 * MaxFrames // since indices below 2^16 are shorter than frameMost says
			if size := len(payload) + overhead; !ok || most != MaxSize && (size > most || size < most-room) || most > MaxSize {
				t.Errorf("%d of %v: %d bytes, from %d to %d", params, c, size, least, most)
			}
			if nothing := ExchangeSize(&Exchange{}) + overhead; nothing != least {
				t.Errorf("nothing takes %d bytes, least %d", nothing, least)
			}
		}
	}
}

func TestExchangeSizeIsCBOR(t *testing.T) {
	number := rapid.OneOf(rapid.Uint32(), rapid.SampledFrom([]uint32{0, 23, 24, 255, 256, 65535, 65536, math.MaxUint32}))
	data := rapid.Map(rapid.SampledFrom([]int{0, 1, 23, 24, 255, 256, 65535, 65536}), func(n int) []byte { return make([]byte, n) })
	frame := rapid.Custom(func(t *rapid.T) Frame {
		f := Frame{Round: number.Draw(t, "round"), Degree: rapid.Uint8().Draw(t, "degree"), Gain: rapid.Uint8().Draw(t, "gain"), Behind: data.Draw(t, "behind"), From: number.Draw(t, "from"), Slice: data.Draw(t, "slice"), Delta: data.Draw(t, "delta")}
		if rapid.Bool().Draw(t, "goes on") {
			f.Prev = pointer(number.Draw(t, "prev"))
		}
		return f
	})
	rapid.Check(t, func(t *rapid.T) {
		x := &Exchange{Gen: number.Draw(t, "gen"), Receipts: data.Draw(t, "receipts"), Frames: rapid.SliceOfN(frame, 0, 30).Draw(t, "frames")}
		if got, want := ExchangeSize(x), len(wire.MustMarshal(x)); got != want {
			t.Fatalf("%d bytes, want %d", got, want)
		}
	})
}

func BenchmarkExchange(b *testing.B) {
	x := exchange(top, 4810, MaxFrames)
	payload := wire.MustMarshal(x)
	b.Run(fmt.Sprintf("decode %d frames", MaxFrames), func(b *testing.B) {
		var d Delta
		var slice []float32
		b.SetBytes(int64(len(payload)))
		b.ReportAllocs()
		for b.Loop() {
			got, err := decodeExchange(payload, 4810)
			if err != nil {
				b.Fatal(err)
			}
			for i := range got.Frames {
				if slice, err = got.Frames[i].Decode(top, 4810, &d, slice); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
