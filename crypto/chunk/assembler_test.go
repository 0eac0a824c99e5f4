// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/chunk"
)

// payloadOf lays frames into a payload as they are, sound or not.
func payloadOf(parts ...part) []byte {
	b := make([]byte, 0, chunk.Payload)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.data)))
		b = append(b, p.kind)
		b = append(append(b, p.id...), make([]byte, 8-len(p.id))...)
		b = append(append(b, p.part, p.parts), p.data...)
	}
	return b[:chunk.Payload]
}

func TestAcceptMalformed(t *testing.T) {
	good := part{kind: 1, id: "good", parts: 1, data: "x"}
	edit := func(at int, b ...byte) []byte {
		p := payloadOf(good)
		copy(p[at:], b)
		return p
	}
	tests := []struct {
		name    string
		payload []byte
		want    error
	}{
		{"one frame", edit(0), nil},
		{"no frame", make([]byte, chunk.Payload), nil},
		{"frame that fills it", payloadOf(part{parts: 1, data: string(make([]byte, perFrame))}), nil},
		{"frames that leave 12 bytes", payloadOf(part{parts: 1, data: string(make([]byte, perFrame-12))}), nil},
		{"short", edit(0)[:chunk.Payload-1], chunk.ErrMalformed},
		{"long", append(edit(0), 0), chunk.ErrMalformed},
		{"nothing", nil, chunk.ErrMalformed},
		{"last byte set", edit(chunk.Payload-1, 1), chunk.ErrMalformed},
		{"byte set behind the list", edit(14+13, 1), chunk.ErrMalformed},
		{"head without data", edit(14, 0, 0, 1), chunk.ErrMalformed},
		{"length 0 in the first frame", edit(0, 0, 0), chunk.ErrMalformed},
		{"length over the end", edit(0, 0xff, 0xff), chunk.ErrMalformed},
		{"length over the end by one", edit(0, byte((perFrame+1)>>8), byte((perFrame+1)&0xff)), chunk.ErrMalformed},
		{"no parts", edit(12, 0), chunk.ErrMalformed},
		{"part over parts", edit(11, 1), chunk.ErrMalformed},
		{"part 255 of 255", edit(11, 255, 255), chunk.ErrMalformed},
		{"bytes where no head fits", func() []byte {
			p := payloadOf(part{parts: 1, data: string(make([]byte, perFrame-12))})
			p[chunk.Payload-12] = 1
			return p
		}(), chunk.ErrMalformed},
		{"second frame bad", payloadOf(good, part{kind: 1, id: "bad", part: 2, parts: 2, data: "y"}), chunk.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := chunk.NewAssembler(0)
			ms, err := a.Accept(tt.payload)
			if !errors.Is(err, tt.want) || err != nil && ms != nil {
				t.Errorf("%d messages, error %v, want %v", len(ms), err, tt.want)
			}
			if n := a.Counts().Malformed; (n == 1) != (tt.want != nil) || a.Held() != 0 {
				t.Errorf("%d payloads counted as malformed, %d bytes held", n, a.Held())
			}
		})
	}
}

func TestAccept(t *testing.T) {
	a1, a2, a3 := part{1, 0, 3, "a", "One"}, part{1, 1, 3, "a", "Two"}, part{1, 2, 3, "a", "Three"}
	whole := chunk.Message{Type: 1, Data: []byte("OneTwoThree")}
	tests := []struct {
		name   string
		frames []part
		want   []chunk.Message
		counts chunk.Counts
	}{
		{"in order", []part{a1, a2, a3}, []chunk.Message{whole}, chunk.Counts{Delivered: 1}},
		{"out of order", []part{a3, a1, a2}, []chunk.Message{whole}, chunk.Counts{Delivered: 1}},
		{"with repetitions", []part{a1, a1, a3, a1, a2, a2, a1}, []chunk.Message{whole}, chunk.Counts{Delivered: 1, Repeated: 4}},
		{"all again", []part{a1, a2, a3, a1, a2, a3}, []chunk.Message{whole}, chunk.Counts{Delivered: 1, Repeated: 3}},
		{"a part repeated with other data", []part{a1, {1, 0, 3, "a", "XYZ"}, a2, a3}, []chunk.Message{whole}, chunk.Counts{Delivered: 1, Repeated: 1}},
		{"one missing", []part{a1, a3}, nil, chunk.Counts{}},
		{"short one, twice", []part{{4, 0, 1, "b", "hi"}, {4, 0, 1, "b", "hi"}}, []chunk.Message{{Type: 4, Data: []byte("hi")}}, chunk.Counts{Delivered: 1, Repeated: 1}},
		{"other parts", []part{a1, a2, {1, 2, 4, "a", "Three"}, a3, a1, a2, a3}, nil, chunk.Counts{Dropped: 1, Repeated: 4}},
		{"other type", []part{a1, {2, 1, 3, "a", "Two"}, a2, a3}, nil, chunk.Counts{Dropped: 1, Repeated: 2}},
		{"one part after three", []part{a1, {1, 0, 1, "a", "all"}, a2, a3}, nil, chunk.Counts{Dropped: 1, Repeated: 2}},
		{"three parts after one", []part{{1, 0, 1, "a", "all"}, a1, a2, a3}, []chunk.Message{{Type: 1, Data: []byte("all")}}, chunk.Counts{Delivered: 1, Repeated: 3}},
		{"two between one another", []part{a1, {1, 1, 2, "b", "b"}, a2, {1, 0, 2, "b", "B"}, a3},
			[]chunk.Message{{Type: 1, Data: []byte("Bb")}, whole}, chunk.Counts{Delivered: 2}},
	}
	for _, tt := range tests {
		for _, apart := range []bool{false, true} { // one payload for all frames, or one for each
			a := chunk.NewAssembler(0)
			if diff := cmp.Diff(tt.want, acceptAll(t, a, apart, tt.frames)); diff != "" {
				t.Errorf("%s: messages (-want +got):\n%s", tt.name, diff)
			}
			if diff := cmp.Diff(tt.counts, a.Counts()); diff != "" {
				t.Errorf("%s: counts (-want +got):\n%s", tt.name, diff)
			}
			if a.Held() != a.Recount() {
				t.Errorf("%s: %d bytes held, counted %d", tt.name, a.Held(), a.Recount())
			}
		}
	}
}

func acceptAll(t *testing.T, a *chunk.Assembler, apart bool, frames []part) (all []chunk.Message) {
	t.Helper()
	payloads := [][]byte{payloadOf(frames...)}
	if apart {
		payloads = nil
		for _, f := range frames {
			payloads = append(payloads, payloadOf(f))
		}
	}
	for _, p := range payloads {
		ms, err := a.Accept(p)
		if err != nil {
			t.Fatal(err)
		}
		clear(p) // the messages must be copies
		all = append(all, ms...)
	}
	return all
}

func id(n int) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }

// TestLimit gives up the oldest incomplete messages, and only those.
func TestLimit(t *testing.T) {
	const limit = 20_000
	data := string(bytes.Repeat([]byte{7}, 4000))
	a := chunk.NewAssembler(limit)
	for n := range 10 {
		if _, err := a.Accept(payloadOf(part{1, 0, 2, id(n), data})); err != nil {
			t.Fatal(err)
		}
		if a.Held() > limit || a.Held() != a.Recount() {
			t.Fatalf("%d bytes held, counted %d, limit %d", a.Held(), a.Recount(), limit)
		}
	}
	if got := a.Counts().Dropped; got != 6 { // 4 of 4,320 bytes fit 20,000
		t.Errorf("%d messages dropped, want 6", got)
	}
	for n := 9; n >= 0; n-- {
		ms, err := a.Accept(payloadOf(part{1, 1, 2, id(n), "end"}))
		if want := n >= 6; err != nil || (len(ms) == 1) != want {
			t.Errorf("message %d: delivered %t, want %t (error %v)", n, len(ms) == 1, want, err)
		}
	}
}

// TestOverLimit never completes a message that is longer than the limit, and
// still takes others.
func TestOverLimit(t *testing.T) {
	a := chunk.NewAssembler(8_000)
	data := string(make([]byte, 4000))
	for n := range uint8(3) {
		ms, err := a.Accept(payloadOf(part{1, n, 3, "long", data}))
		if err != nil || len(ms) != 0 || a.Held() > 8_000 {
			t.Errorf("part %d: %d messages, %d bytes held, error %v", n, len(ms), a.Held(), err)
		}
	}
	if ms, err := a.Accept(payloadOf(part{1, 0, 1, "short", data})); err != nil || len(ms) != 1 {
		t.Errorf("%d messages, error %v, want 1", len(ms), err)
	}
}

// TestDefaultLimit holds the longest message, which takes 255 payloads.
func TestDefaultLimit(t *testing.T) {
	for _, limit := range []int{0, -1} {
		a := chunk.NewAssembler(limit)
		data := string(bytes.Repeat([]byte{5}, perFrame))
		var got []chunk.Message
		for n := range uint8(chunk.MaxParts) {
			got = append(got, acceptAll(t, a, false, []part{{1, 254 - n, 255, "long", data}})...)
		}
		if len(got) != 1 || len(got[0].Data) != chunk.MaxMessage || a.Held() != 0 {
			t.Errorf("%d messages, %d bytes held", len(got), a.Held())
		}
	}
}

// TestRemembered forgets the identifier of a message after that of many others.
func TestRemembered(t *testing.T) {
	a := chunk.NewAssembler(0)
	deliver := func(n int) int {
		return len(acceptAll(t, a, false, []part{{1, 0, 1, id(n), "x"}}))
	}
	for n := range chunk.Remembered {
		if deliver(n) != 1 {
			t.Fatalf("message %d is not delivered", n)
		}
	}
	if deliver(0) != 0 || deliver(chunk.Remembered-1) != 0 {
		t.Error("a remembered message is delivered again")
	}
	if deliver(chunk.Remembered) != 1 || deliver(1) != 0 {
		t.Error("one more message makes the assembler forget more than the oldest")
	}
	if deliver(0) != 1 || deliver(chunk.Remembered) != 0 || deliver(2) != 0 {
		t.Error("the oldest is still remembered, or another was forgotten for it")
	}
	if deliver(1) != 1 || deliver(2) != 1 || deliver(0) != 0 {
		t.Error("the oldest are not forgotten in their order")
	}
}

// TestAcceptMemory floods an assembler with the frames that cost the most for
// their length, and looks at the heap.
func TestAcceptMemory(t *testing.T) {
	a := chunk.NewAssembler(chunk.MaxHeld)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, n := heap(), 0
	for range 100 {
		var frames []part
		for len(frames) < chunk.Payload/14 {
			frames = append(frames, part{1, 0, 255, id(n), "x"})
			n++
		}
		if _, err := a.Accept(payloadOf(frames...)); err != nil {
			t.Fatal(err)
		}
	}
	if grown := int64(heap() - before); grown > chunk.MaxHeld*5/4 {
		t.Errorf("the heap has grown by %d bytes, limit %d", grown, chunk.MaxHeld)
	}
	if a.Counts().Dropped == 0 || a.Held() > chunk.MaxHeld {
		t.Errorf("%d messages dropped, %d bytes held", a.Counts().Dropped, a.Held())
	}
}

// TestAcceptCoverAllocates holds cover, most of what arrives, to no allocation.
func TestAcceptCoverAllocates(t *testing.T) {
	a := chunk.NewAssembler(0)
	cover := make([]byte, chunk.Payload)
	if n := testing.AllocsPerRun(20, func() { _, _ = a.Accept(cover) }); n != 0 {
		t.Errorf("cover allocates %v times", n)
	}
}

func BenchmarkAcceptCover(b *testing.B) {
	a := chunk.NewAssembler(0)
	cover := make([]byte, chunk.Payload)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Accept(cover); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAcceptFlood takes payloads full of tiny parts, each of which pushes
// an older message out.
func BenchmarkAcceptFlood(b *testing.B) {
	a := chunk.NewAssembler(0)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		var frames []part
		for len(frames) < chunk.Payload/14 {
			frames = append(frames, part{1, 0, 255, id(n), "x"})
			n++
		}
		payload := payloadOf(frames...)
		b.StartTimer()
		if _, err := a.Accept(payload); err != nil {
			b.Fatal(err)
		}
	}
}
