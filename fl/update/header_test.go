// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/wire"
)

func TestDecodeHeader(t *testing.T) {
	for _, n := range []int{10, 5000} {
		v := vectors(1, n, 2)
		p := pack(t, 3, Q8, v)
		m, err := DecodeHeader(p.Message, want(v))
		if err != nil {
			t.Fatal(err)
		}
		h := m.Header
		if h.ID != p.ID || int(h.Params) != n || h.Vectors != 2 || h.Quant != Q8 || (m.Inline == nil) != (n == 5000) {
			t.Errorf("%d numbers: %+v", n, h)
		}
		if again := wire.MustMarshal(m); !bytes.Equal(again, p.Message) {
			t.Errorf("%d numbers: encodes to other bytes", n)
		}
	}
}

// TestHeaderAttacks changes one field after the other in what a sender signs.
func TestHeaderAttacks(t *testing.T) {
	v := vectors(1, 5000, 2) // 4 data and 2 parity shards
	wants := want(v)
	hashes := func(n int) func(m *Message) {
		return func(m *Message) { m.Header.ShardHash = make([]shard.Hash, n) }
	}
	inline := func(n int) func(m *Message) {
		return func(m *Message) {
			b := make([]byte, n)
			m.Inline, m.Header.K, m.Header.M, m.Header.ShardHash = &b, 0, 0, nil
		}
	}
	tests := []struct {
		name   string
		change func(m *Message)
		want   Reason
	}{
		{"task", func(m *Message) { m.Header.Task[15]++ }, ReasonTask},
		{"base", func(m *Message) { m.Header.Base[0]++ }, ReasonBase},
		{"no vector", func(m *Message) { m.Header.Vectors = 0 }, ReasonShape},
		{"one vector", func(m *Message) { m.Header.Vectors = 1 }, ReasonShape},
		{"three vectors", func(m *Message) { m.Header.Vectors = 3 }, ReasonShape},
		{"no numbers", func(m *Message) { m.Header.Params = 0 }, ReasonShape},
		{"fewer numbers", func(m *Message) { m.Header.Params-- }, ReasonShape},
		{"more numbers", func(m *Message) { m.Header.Params = math.MaxUint32 }, ReasonShape},
		{"encoding", func(m *Message) { m.Header.Quant = 2 }, ReasonShape},
		{"other encoding", func(m *Message) { m.Header.Quant = F32 }, ReasonSize},
		{"no size", func(m *Message) { m.Header.Size = 0 }, ReasonSize},
		{"smaller", func(m *Message) { m.Header.Size-- }, ReasonSize},
		{"larger", func(m *Message) { m.Header.Size = math.MaxUint32 }, ReasonSize},
		{"weight 0", func(m *Message) { m.Header.Weight = 0 }, ReasonMalformed},
		{"weight 2", func(m *Message) { m.Header.Weight = 2 }, ReasonMalformed},
		{"no data shards", func(m *Message) { m.Header.K = 0 }, ReasonShards},
		{"more data shards", func(m *Message) { m.Header.K++ }, ReasonShards},
		{"too many data shards", func(m *Message) { m.Header.K = 255 }, ReasonShards},
		{"more parity", func(m *Message) { m.Header.M++ }, ReasonShards},
		{"too much parity", func(m *Message) { m.Header.M = 255 }, ReasonShards},
		{"no hashes", hashes(0), ReasonShards},
		{"one hash more", hashes(7), ReasonShards},
		{"inline and shards", func(m *Message) { b := []byte{1}; m.Inline = &b }, ReasonShards},
		{"inline and empty", inline(0), ReasonSize},
		{"inline and short", inline(100), ReasonSize},
		{"inline and long", inline(1025), ReasonSize},
	}
	for _, tt := range tests {
		m := decode(t, pack(t, 3, Q8, v))
		tt.change(&m)
		if _, err := DecodeHeader(wire.MustMarshal(m), wants); reason(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	// Shards beyond what a message of type 2 carries: 1 data shard of 100 kB.
	big := vectors(1, 25_000, 1)
	m := decode(t, pack(t, 3, F32, big))
	m.Header.K, m.Header.M, m.Header.ShardHash = 1, 0, make([]shard.Hash, 1)
	if _, err := DecodeHeader(wire.MustMarshal(m), want(big)); reason(err) != ReasonShards {
		t.Errorf("shards too large: %v", err)
	}
	// The whole ciphertext inline, though it is too long for that.
	long := vectors(1, 300, 1)
	m = decode(t, pack(t, 3, F32, long))
	whole := make([]byte, m.Header.Size)
	m.Inline, m.Header.K, m.Header.M, m.Header.ShardHash = &whole, 0, 0, nil
	if _, err := DecodeHeader(wire.MustMarshal(m), want(long)); reason(err) != ReasonSize {
		t.Errorf("%d bytes inline: %v", len(whole), err)
	}
	good := pack(t, 3, Q8, v).Message
	for name, w := range map[string]Want{
		"no numbers":      {Task: task, Base: base, Vectors: 2},
		"negative":        {Task: task, Base: base, Vectors: 2, Params: -1},
		"no vectors":      {Task: task, Base: base, Params: 5000},
		"of a zero value": {},
	} {
		if _, err := DecodeHeader(good, w); err == nil {
			t.Errorf("wanted %s, got one", name)
		}
	}
}

// TestHeaderBytes cuts and flips what is on the wire.
func TestHeaderBytes(t *testing.T) {
	v := vectors(1, 5000, 1)
	msg := pack(t, 3, Q8, v).Message
	for n := range msg {
		if _, err := DecodeHeader(msg[:n], want(v)); reason(err) != ReasonMalformed {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := DecodeHeader(append(bytes.Clone(msg), 0), want(v)); reason(err) != ReasonMalformed {
		t.Errorf("a byte behind: %v", err)
	}
	// A flip is refused, or it changes nothing but a key, a hash or the id,
	// which only what follows can show.
	original := decode(t, pack(t, 3, Q8, v))
	for i := range 8 * len(msg) {
		flipped := bytes.Clone(msg)
		flipped[i/8] ^= 1 << (i % 8)
		m, err := DecodeHeader(flipped, want(v))
		if err != nil {
			continue
		}
		h := &m.Header
		h.Key, h.CTHash, h.MHash, h.ShardHash, h.ID = original.Header.Key, original.Header.CTHash, original.Header.MHash, original.Header.ShardHash, original.Header.ID
		if !cmp.Equal(original, m) {
			t.Fatalf("bit %d: %+v", i, m.Header)
		}
	}
}

// TestOversizeTakesNoMemory refuses headers that promise very much.
func TestOversizeTakesNoMemory(t *testing.T) {
	v := vectors(1, 5000, 1)
	m := decode(t, pack(t, 3, Q8, v))
	m.Header.Params, m.Header.Size = math.MaxUint32, math.MaxUint32
	large := wire.MustMarshal(m)
	w := want(v)
	w.Params = math.MaxInt32
	longHash := append(bytes.Clone(large[:100]), 0x9b, 0, 0, 0, 1, 0, 0, 0, 0) // an array of 2^32 elements
	for name, msg := range map[string][]byte{
		"size":    large,
		"hashes":  longHash,
		"message": make([]byte, MaxMessage+1),
		"bytes":   {0x82, 0x8e, 0x5b, 0, 0, 1, 0, 0, 0, 0, 0},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := DecodeHeader(msg, w)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
			t.Errorf("%s: %d bytes allocated", name, got)
		}
	}
}

func TestRefusedText(t *testing.T) {
	if got := (&Refused{Reason: ReasonDuplicate}).Error(); got != "update refused: duplicate" {
		t.Error(got)
	}
	err := refuse(ReasonNorm, "%d", 3)
	if !strings.HasSuffix(err.Error(), "norm: 3") {
		t.Error(err)
	}
}

func FuzzHeader(f *testing.F) {
	for _, n := range []int{3, 5000} {
		f.Add(pack(f, 3, Q8, vectors(1, n, 1)).Message, n, 1)
		f.Add(pack(f, 3, F32, vectors(1, n, 2)).Message, n, 2)
		f.Add(packExchange(f, n, exchange(top, n, 2)).Message, n, 0)
	}
	f.Fuzz(func(t *testing.T, msg []byte, params, vectors int) {
		const exchanged = 0 // vectors of whoever wants an exchange
		m, err := DecodeHeader(msg, Want{Task: task, Base: base, Params: params, Vectors: vectors, Exchange: vectors == exchanged, Compression: top})
		if err != nil {
			if reason(err) == "" || len(err.Error()) > 1000 {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(wire.MustMarshal(m), msg) {
			t.Fatal("encodes to other bytes")
		}
		h := m.Header
		if m.Inline == nil {
			if _, err := shard.NewJoiner(h.code(), int(h.Size), h.ShardHash); err != nil {
				t.Fatal(err)
			}
		} else if len(*m.Inline) > InlineMax {
			t.Fatalf("%d bytes inline", len(*m.Inline))
		}
	})
}
