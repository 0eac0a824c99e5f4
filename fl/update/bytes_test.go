// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

func packBytes(t testing.TB, data []byte) *Packed {
	t.Helper()
	r := counter(1)
	p, err := PackBytes(&r, Spec{Sender: anna, Task: task, Base: base}, data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

// TestBytes sends bytes of several lengths, with as many shards lost as may be.
func TestBytes(t *testing.T) {
	want := Want{Task: task, Base: base, Bytes: 600_000}
	for _, n := range []int{1, 500, InlineMax - 100, 4000, 55_296, 600_000} {
		p := packBytes(t, text(n))
		if a, err := AddressOf(anna, p.Message); err != nil || a != (Address{Task: task, ID: p.ID, Bytes: true}) {
			t.Errorf("%d bytes: not told apart from vectors: %+v, %v", n, a, err)
		}
		c := NewCollector(0)
		done, err := deliver(c, anna, 3, p, p.Shards[p.copies-1:], want)
		if err != nil || done == nil || !bytes.Equal(done.Bytes, text(n)) || done.From != anna || done.Round != 3 || done.Vectors != nil {
			t.Errorf("%d bytes: %v, complete: %v", n, err, done != nil)
		}
		if !c.Knows(p.ID) || c.Knows([16]byte{1}) {
			t.Errorf("%d bytes: the collector does not know what it had", n)
		}
	}
	vector := pack(t, 1, F32, vectors(1, 3, 1))
	if a, err := AddressOf(anna, vector.Message); err != nil || a.Bytes || a.Task != task {
		t.Errorf("vectors are taken for bytes: %+v, %v", a, err)
	}
	if _, err := AddressOf(eve, vector.Message); reason(err) != ReasonSender {
		t.Errorf("another's header: %v", err)
	}
	if _, err := AddressOf(anna, []byte("no header")); reason(err) != ReasonMalformed {
		t.Errorf("rubbish: %v", err)
	}
}

// TestBytesRefused has headers and payloads that are not what is wanted.
func TestBytesRefused(t *testing.T) {
	honest := packBytes(t, text(300))
	wanted := Want{Task: task, Base: base, Bytes: 300}
	cases := []struct {
		name string
		p    *Packed
		want Want
		why  Reason
	}{
		{"too long", packBytes(t, text(301)), wanted, ReasonShape},
		{"vectors", pack(t, 1, F32, vectors(1, 3, 1)), wanted, ReasonShape},
		{"bytes for vectors", honest, Want{Task: task, Base: base, Params: 300, Vectors: 1}, ReasonShape},
		{"two strings", forge(t, honest, wire.MustMarshal([][]byte{text(100), text(200)}), func(h *Header) { h.Vectors = 2 }), wanted, ReasonShape},
		{"another size", forge(t, honest, wire.MustMarshal([][]byte{text(299)}), nil), wanted, ReasonSize},
		{"no array", forge(t, honest, wire.MustMarshal(text(301)), nil), wanted, ReasonMalformed},
		{"two in one", forge(t, honest, wire.MustMarshal([][]byte{text(150), text(149)}), nil), wanted, ReasonShape},
		{"another task", honest, Want{Base: base, Bytes: 300}, ReasonTask},
	}
	for _, tc := range cases {
		if _, err := deliver(NewCollector(0), anna, 0, tc.p, tc.p.Shards, tc.want); reason(err) != tc.why {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.why)
		}
	}
	for _, n := range []int{0, MaxSize} {
		r := counter(1)
		if _, err := PackBytes(&r, Spec{}, make([]byte, n)); err == nil {
			t.Errorf("%d bytes are packed", n)
		}
	}
}
