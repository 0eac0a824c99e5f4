// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestPayloadAttacks has a sender sign a header for a payload that is wrong in
// some way, with and without shards.
func TestPayloadAttacks(t *testing.T) {
	array := func(items ...any) []byte { return wire.MustMarshal(items) }
	for _, n := range []int{20, 5000} {
		v := vectors(1, n, 1)
		good := packFrom(t, eve, 3, F32, v)
		one := EncodeVector(F32, v[0])
		bad := slices.Clone(v[0])
		bad[n/2] = nan
		infinite := slices.Clone(v[0])
		infinite[0] = inf
		// A byte string of 20 bytes and the rest, with their heads, are as long
		// as one of the right length.
		rest := one[:headSize(4*n)+4*n-21]
		rest = rest[headSize(len(rest)):]
		other := slices.Clone(encodePayload(F32, v))
		other[0] = 0x82
		tests := []struct {
			name    string
			payload []byte
			change  func(h *Header)
			want    Reason
		}{
			{"nothing wrong", array(one), nil, ""},
			{"NaN", array(EncodeVector(F32, bad)), nil, ReasonFinite},
			{"infinite", array(EncodeVector(F32, infinite)), nil, ReasonFinite},
			{"other key", array(one), func(h *Header) { h.Key[0]++; h.ID = h.identify(eve) }, ReasonOpen},
			{"hash of the ciphertext", array(one), func(h *Header) { h.CTHash[0]++ }, ReasonHash},
			{"hash of the payload", array(one), func(h *Header) { h.MHash[31]++ }, ReasonHash},
			{"two vectors announced", other, nil, ReasonMalformed},
			{"not CBOR", bytes.Repeat([]byte{0xff}, len(other)), nil, ReasonMalformed},
			{"two vectors", array(one[:20], rest), nil, ReasonShape},
		}
		for _, tt := range tests {
			p := forge(t, good, tt.payload, tt.change)
			c := NewCollector(0)
			done, err := deliver(c, eve, 1, p, p.Shards, want(v))
			if reason(err) != tt.want || (done == nil) != (err != nil) {
				t.Errorf("%d numbers, %s: %v, %v, want %q", n, tt.name, done, err, tt.want)
			}
			if r, ok := err.(*Refused); ok && r.From != eve {
				t.Errorf("%d numbers, %s: refusal from %q", n, tt.name, r.From)
			}
			if s := c.Stats(); s.Held != 0 {
				t.Errorf("%d numbers, %s: %+v is left", n, tt.name, s)
			}
			// It stays refused: another copy of the header does not begin anew.
			if done, err := c.Header(eve, 1, p.Message, want(v)); done != nil || err != nil {
				t.Errorf("%d numbers, %s: a copy of the header: %v, %v", n, tt.name, done, err)
			}
		}
	}
}

// TestSealedForAnother moves Anna's ciphertext to another task, base or sender.
func TestSealedForAnother(t *testing.T) {
	v := vectors(1, 5000, 1)
	p := pack(t, 3, Q8, v)
	tests := []struct {
		name   string
		from   [16]byte
		change func(h *Header, w *Want)
		want   Reason
	}{
		{"nothing", anna, func(*Header, *Want) {}, ""},
		{"task", anna, func(h *Header, w *Want) { h.Task[0]++; w.Task[0]++ }, ReasonOpen},
		{"base", anna, func(h *Header, w *Want) { h.Base[0]++; w.Base[0]++ }, ReasonOpen},
		{"sender", eve, func(h *Header, _ *Want) { h.ID = h.identify(eve) }, ReasonOpen},
	}
	for _, tt := range tests {
		m, w := decode(t, p), want(v)
		tt.change(&m.Header, &w)
		shards := slices.Clone(p.Shards)
		for i := range shards {
			shards[i].ID = m.Header.ID
		}
		moved := &Packed{Message: wire.MustMarshal(m)}
		if _, err := deliver(NewCollector(0), tt.from, 1, moved, shards, w); reason(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestLevelOutOfRange has a vector in 8 bits that no sender encodes.
func TestLevelOutOfRange(t *testing.T) {
	v := vectors(1, 20, 1)
	encoded := EncodeVector(Q8, v[0])
	encoded[10] = 0x80
	p := forge(t, packFrom(t, eve, 3, Q8, v), wire.MustMarshal([][]byte{encoded}), nil)
	if _, err := deliver(NewCollector(0), eve, 1, p, nil, want(v)); reason(err) != ReasonMalformed {
		t.Errorf("%v", err)
	}
}

// TestPadding has a sender fill the last data shard with more than zeros.
func TestPadding(t *testing.T) {
	v := vectors(1, 5001, 1)
	p := packFrom(t, eve, 3, F32, v)
	m := decode(t, p)
	var padded []byte
	for _, s := range p.Shards[:m.Header.K] {
		padded = append(padded, s.Data...)
	}
	if len(padded) == int(m.Header.Size) {
		t.Fatal("there is no padding")
	}
	padded[len(padded)-1] = 1
	forged := &Packed{ID: p.ID}
	if err := forged.split(&m.Header, padded, 0); err != nil {
		t.Fatal(err)
	}
	forged.Message = wire.MustMarshal(m)
	if _, err := deliver(NewCollector(0), eve, 1, forged, forged.Shards, want(v)); reason(err) != ReasonShards {
		t.Errorf("%v", err)
	}
}
