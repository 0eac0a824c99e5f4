// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"crypto/rand"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// exchangeAttacks change an exchange of 2 frames such that nobody takes it.
var exchangeAttacks = []struct {
	name   string
	change func(x *Exchange)
	want   string // the beginning of the error
}{
	{"receipts", func(x *Exchange) { x.Receipts = make([]byte, MaxReceipts+1) }, "3073 bytes of receipts"},
	{"frames", func(x *Exchange) { x.Frames = frames(top, 100, MaxFrames+1) }, "17 frames"},
	{"round twice", func(x *Exchange) { x.Frames[1].Round = x.Frames[0].Round; x.Frames[1].Prev = nil }, "frame 1: round 7 after round 7"},
	{"rounds descend", func(x *Exchange) { slices.Reverse(x.Frames) }, "frame 1: round 7 after round 1007"},
	{"prev", func(x *Exchange) { x.Frames[1].Prev = pointer(x.Frames[1].Round) }, "frame 1: round 1007 goes on from round 1007"},
	{"prev of the first", func(x *Exchange) { x.Frames[0].Prev = pointer(8) }, "frame 0: round 7 goes on from round 8"},
	{"from without a slice", func(x *Exchange) { x.Frames[0].From = 1 }, "frame 0: a slice from 1 without numbers"},
	{"beyond the end", func(x *Exchange) { x.Frames[1].From = 2 }, "frame 1: a slice of 99 numbers from 2 of 100"},
	{"far beyond", func(x *Exchange) { x.Frames[1].From = math.MaxUint32 }, "frame 1: a slice of 99 numbers from 4294967295 of 100"},
	{"no numbers but a scale", func(x *Exchange) { x.Frames[1].Slice = make([]byte, 4) }, "frame 1: a slice of 4 bytes"},
	{"long slice", func(x *Exchange) { x.Frames[1].Slice = make([]byte, VectorSize(Q8, leastSlice+1)) }, "frame 1: a slice of 2049 numbers from 1 of 100"},
	{"half a name", func(x *Exchange) { x.Frames[1].Behind = make([]byte, 3) }, "frame 1: 3 bytes name neighbours"},
	{"names", func(x *Exchange) { x.Frames[1].Behind = make([]byte, behindTag*(MaxBehind+1)) }, "frame 1: 1024 bytes name neighbours"},
	{"huge slice", func(x *Exchange) { x.Frames[1].Slice = make([]byte, 1<<20-100_000) }, "frame 1: a slice of"},
}

// TestExchangeRefused has a sender pack, and a neighbour get, what is no exchange.
func TestExchangeRefused(t *testing.T) {
	honest := packExchange(t, 100, exchange(top, 100, 2))
	if _, err := deliver(NewCollector(0), anna, 0, honest, honest.Shards, wantExchange(top, 100)); err != nil {
		t.Fatalf("what is right: %v", err)
	}
	for _, tt := range exchangeAttacks {
		x := exchange(top, 100, 2)
		tt.change(x)
		if _, err := PackExchange(rand.Reader, Spec{}, 100, x); err == nil || !strings.HasPrefix(err.Error(), "pack exchange: "+tt.want) {
			t.Errorf("%s: packed, or %v", tt.name, err)
		}
		payload := wire.MustMarshal(x)
		if _, err := decodeExchange(payload, 100); reason(err) != ReasonMalformed {
			t.Errorf("%s: decoded, or %v", tt.name, err)
		}
		numbers := 100
		if len(payload)+overhead > InlineMax {
			numbers = 5000
		}
		p := forge(t, packFrom(t, eve, 3, F32, vectors(1, numbers, 1)), payload, func(h *Header) { h.Quant, h.Params = Framed, 100 })
		w := wantExchange(Compression{}, 100)
		_, err := deliver(NewCollector(0), eve, 0, p, p.Shards, w)
		if why := reason(err); why != ReasonMalformed && (why != ReasonSize || len(payload) < 100_000) {
			t.Errorf("%s: complete, or %v", tt.name, err)
		}
	}
	for name, params := range map[string]int{"no numbers": 0, "too many": MaxSize + 1} {
		if _, err := PackExchange(rand.Reader, Spec{}, params, &Exchange{}); err == nil {
			t.Errorf("%s: packed", name)
		}
	}
	large := &Exchange{}
	for i := range MaxFrames {
		large.Frames = append(large.Frames, Frame{Round: uint32(i), Delta: make([]byte, 66_000)})
	}
	if _, err := PackExchange(rand.Reader, Spec{}, 100, large); err == nil || !strings.Contains(err.Error(), "send fewer frames") {
		t.Errorf("%d bytes: %v", ExchangeSize(large), err)
	}
	broken := errors.New("no entropy")
	if _, err := PackExchange(iotest.ErrReader(broken), Spec{}, 100, &Exchange{}); !errors.Is(err, broken) {
		t.Errorf("random bytes that cannot be read: %v", err)
	}
}

// TestExchangeWanted has headers of exchanges and of others meet what a receiver
// wants.
func TestExchangeWanted(t *testing.T) {
	x := exchange(top, 4810, 3)
	p := packExchange(t, 4810, x)
	w := wantExchange(top, 4810)
	_, most, _ := w.exchangeSizes()
	size := func(n uint32) func(h *Header) {
		return func(h *Header) { h.Size = n }
	}
	tests := []struct {
		name   string
		want   Want
		change func(h *Header)
		why    Reason
	}{
		{"nothing", w, nil, ""},
		{"other numbers", wantExchange(top, 4811), nil, ReasonShape},
		{"vectors", Want{Task: task, Base: base, Params: 4810, Vectors: 1}, nil, ReasonShape},
		{"bytes", Want{Task: task, Base: base, Bytes: 4810}, nil, ReasonShape},
		{"another task", Want{Base: base, Params: 4810, Exchange: true, Compression: top}, nil, ReasonTask},
		{"two vectors", w, func(h *Header) { h.Vectors = 2 }, ReasonShape},
		{"no vector", w, func(h *Header) { h.Vectors = 0 }, ReasonShape},
		{"a vector", w, func(h *Header) { h.Quant = Q4 }, ReasonShape},
		{"less than nothing", w, size(exchangeLeast + overhead - 1), ReasonSize},
		{"more than can be", w, size(uint32(most) + 1), ReasonSize},
		{"more than any", w, size(math.MaxUint32), ReasonSize},
	}
	for _, tt := range tests {
		m := decode(t, p)
		if tt.change != nil {
			tt.change(&m.Header)
		}
		if _, err := DecodeHeader(wire.MustMarshal(m), tt.want); reason(err) != tt.why {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.why)
		}
	}
	m := decode(t, p)
	for name, w := range map[string]Want{"none": wantExchange(top, 0), "negative": wantExchange(top, -1), "too many": wantExchange(top, MaxSize+1)} {
		m.Header.Params = uint32(w.Params)
		if _, err := DecodeHeader(wire.MustMarshal(m), w); err == nil {
			t.Errorf("wanted %s numbers, got an exchange", name)
		}
	}
}

// TestExchangeBytes cuts and flips what a sender seals: it is refused, or is
// another exchange with one encoding.
func TestExchangeBytes(t *testing.T) {
	const params = 60
	payload := wire.MustMarshal(exchange(top, params, 3))
	for n := range payload {
		if _, err := decodeExchange(payload[:n], params); reason(err) != ReasonMalformed {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := decodeExchange(append(bytes.Clone(payload), 0), params); reason(err) != ReasonMalformed {
		t.Errorf("a byte behind: %v", err)
	}
	for i := range 8 * len(payload) {
		flipped := bytes.Clone(payload)
		flipped[i/8] ^= 1 << (i % 8)
		checkExchange(t, top, flipped, params)
	}
}

// checkExchange holds that a payload is refused, or the one encoding of an exchange
// within its limits, whose frames are refused or read.
func checkExchange(t *testing.T, c Compression, payload []byte, params int) {
	t.Helper()
	x, err := decodeExchange(payload, params)
	if err != nil {
		if reason(err) != ReasonMalformed || len(err.Error()) > 1000 {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(wire.MustMarshal(x), payload) || ExchangeSize(x) != len(payload) || len(x.Frames) > MaxFrames || len(x.Receipts) > MaxReceipts {
		t.Fatalf("%x decodes to %+v", payload, x)
	}
	var d Delta
	var slice []float32
	for i := range x.Frames {
		f := &x.Frames[i]
		slice, err = f.Decode(c, params, &d, slice)
		if err != nil {
			if reason(err) != ReasonMalformed && reason(err) != ReasonFinite {
				t.Fatal(err)
			}
			continue
		}
		if int(f.From)+len(slice) > params || len(slice) > MaxSlice(params) || !bytes.Equal(EncodeVector(Q8, slice), f.Slice) {
			t.Fatalf("slice %x of %d numbers from %d", f.Slice, len(slice), f.From)
		}
		if len(f.Delta) > 0 {
			checkCanonical(t, c, f.Delta, params)
		}
	}
}

// TestExchangeTakesLittleMemory has payloads promise very much.
func TestExchangeTakesLittleMemory(t *testing.T) {
	for name, payload := range map[string][]byte{
		"frames":   {0x83, 0, 0x40, 0x9b, 0, 0, 0, 1, 0, 0, 0, 0},
		"receipts": {0x83, 0, 0x5b, 0, 0, 0, 1, 0, 0, 0, 0},
		"a delta":  {0x83, 0, 0x40, 0x81, 0x87, 1, 0xf6, 0, 0, 0, 0x40, 0x5a, 0x7f, 0xff, 0xff, 0xff},
		"depth":    bytes.Repeat([]byte{0x81}, 10_000),
		"bytes":    make([]byte, MaxExchange+1),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := decodeExchange(payload, 4810)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
}

// FuzzExchange reads a payload with deltas of the kind that the first argument
// names.
func FuzzExchange(f *testing.F) {
	for i, s := range spellings {
		c := mustParse(f, s)
		for _, n := range []int{1, 60, 300} {
			f.Add(uint8(i), n, wire.MustMarshal(exchange(c, n, 2)))
		}
	}
	f.Add(uint8(0), 1, wire.MustMarshal(&Exchange{}))
	f.Fuzz(func(t *testing.T, kind uint8, params int, payload []byte) {
		checkExchange(t, mustParse(t, spellings[int(kind)%len(spellings)]), payload, params)
	})
}
