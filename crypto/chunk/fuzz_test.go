// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk_test

import (
	"testing"

	"github.com/vecino-edge/vecino/crypto/chunk"
)

// FuzzAccept gives an assembler with a small limit a payload twice: bytes, and
// zeros behind them.
func FuzzAccept(f *testing.F) {
	f.Add([]byte{})
	f.Add(payloadOf(part{1, 0, 1, "a", "hi"}, part{1, 1, 2, "b", "there"})[:64])
	f.Add(payloadOf(part{1, 0, 2, "b", "out "}, part{1, 1, 2, "b", "there"})[:64])
	f.Fuzz(func(t *testing.T, raw []byte) {
		payload := make([]byte, chunk.Payload)
		copy(payload, raw)
		a := chunk.NewAssembler(500)
		first := accept(t, a, payload, 500)
		again := accept(t, a, payload, 500)
		if len(again) > 0 && a.Counts().Dropped == 0 {
			t.Fatalf("%d messages, and %d of them twice", len(first), len(again))
		}
	})
}

// FuzzAssemble builds sound frames from a script, five bytes each and at most 64,
// so that the fuzzer reaches the states behind the parser.
func FuzzAssemble(f *testing.F) {
	f.Add(uint16(800), []byte{1, 0, 0, 2, 9, 1, 0, 1, 2, 9})
	f.Add(uint16(300), []byte{1, 0, 0, 3, 200, 2, 0, 0, 3, 200, 1, 0, 1, 3, 1, 1, 0, 2, 3, 1})
	f.Fuzz(func(t *testing.T, limit uint16, script []byte) {
		a := chunk.NewAssembler(int(limit) + 1)
		script = script[:min(len(script), 64*5)]
		for ; len(script) >= 5; script = script[5:] {
			fr := part{kind: script[1], part: script[2], parts: max(script[3], 1), id: string(script[:1])}
			fr.part %= fr.parts
			fr.data = string(make([]byte, 1+int(script[4])*15))
			accept(t, a, payloadOf(fr), int(limit)+1)
		}
		if n := a.Counts().Malformed; n != 0 {
			t.Fatalf("%d sound payloads refused", n)
		}
	})
}

func accept(t *testing.T, a *chunk.Assembler, payload []byte, limit int) []chunk.Message {
	t.Helper()
	before := a.Counts()
	ms, err := a.Accept(payload)
	after := a.Counts()
	if (err != nil) != (after.Malformed == before.Malformed+1) {
		t.Fatalf("error %v, %d payloads counted as malformed", err, after.Malformed)
	}
	if after.Delivered != before.Delivered+uint64(len(ms)) {
		t.Fatalf("%d messages, counts %+v", len(ms), after)
	}
	for _, m := range ms {
		if len(m.Data) < 1 || len(m.Data) > chunk.MaxMessage {
			t.Fatalf("message of %d bytes", len(m.Data))
		}
	}
	if a.Held() > limit || a.Held() != a.Recount() {
		t.Fatalf("%d bytes held, counted %d, limit %d", a.Held(), a.Recount(), limit)
	}
	return ms
}
