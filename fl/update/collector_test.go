// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/wire"
)

func flip(s shard.Message) shard.Message {
	s.Data = bytes.Clone(s.Data)
	s.Data[len(s.Data)/2] ^= 4
	return s
}

// TestCorruptedShards are counted, and parity replaces them.
func TestCorruptedShards(t *testing.T) {
	v := vectors(1, 7000, 1) // 10 data and 4 parity shards
	p := pack(t, 3, F32, v)
	m := decode(t, p).Header
	if m.K != 10 || m.M != 4 {
		t.Fatalf("%d+%d shards", m.K, m.M)
	}
	for _, headerFirst := range []bool{true, false} {
		shards := slices.Clone(p.Shards)
		for _, i := range []int{0, 3, 9, 12} {
			shards[i] = flip(shards[i])
		}
		c := NewCollector(0)
		var done *Complete
		refused := 0
		note := func(got *Complete, err error) {
			if got != nil {
				done = got
			}
			if err != nil {
				refused++
				if reason(err) != ReasonShards {
					t.Errorf("%v", err)
				}
			}
		}
		if headerFirst {
			note(c.Header(anna, 1, p.Message, want(v)))
		}
		for _, s := range shards {
			note(c.Shard(s))
		}
		if !headerFirst {
			note(c.Header(anna, 1, p.Message, want(v)))
		}
		if done == nil || !cmp.Equal(done.Vectors, v) {
			t.Errorf("header first %v: the update is lost", headerFirst)
		}
		if c.Stats().Bad != 4 || headerFirst && refused != 4 {
			t.Errorf("header first %v: %d of 4 counted, %d refused", headerFirst, c.Stats().Bad, refused)
		}
	}
}

func TestFiveShardsLost(t *testing.T) {
	v := vectors(1, 7000, 1)
	p := pack(t, 3, F32, v)
	c := NewCollector(0)
	if done, err := deliver(c, anna, 1, p, p.Shards[:9], want(v)); done != nil || err != nil {
		t.Errorf("nine of ten shards: %v, %v", done, err)
	}
	if s := c.Stats(); s.Updates != 1 || s.Held < 9*2800 {
		t.Errorf("%+v", s)
	}
}

func TestRepeats(t *testing.T) {
	v := vectors(1, 5000, 1)
	p := pack(t, 3, Q8, v)
	c := NewCollector(0)
	if _, err := deliver(c, anna, 1, p, p.Shards[:1], want(v)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Shard(p.Shards[0]); reason(err) != ReasonDuplicate {
		t.Errorf("the same shard: %v", err)
	}
	if done, err := c.Header(anna, 1, p.Message, want(v)); done != nil || err != nil {
		t.Errorf("a copy of the header: %v, %v", done, err)
	}
	if _, err := c.Header(anna, 2, p.Message, want(v)); reason(err) != ReasonDuplicate {
		t.Errorf("the header in another round: %v", err)
	}
	m := decode(t, p)
	m.Header.CTHash[0]++
	if _, err := c.Header(anna, 1, wire.MustMarshal(m), want(v)); reason(err) != ReasonDuplicate {
		t.Errorf("another header of that id: %v", err)
	}
	if done, err := deliver(c, anna, 1, p, p.Shards[1:], want(v)); done == nil || err != nil {
		t.Errorf("the rest: %v, %v", done, err)
	}
	for _, s := range p.Shards {
		if done, err := c.Shard(s); done != nil || err != nil {
			t.Errorf("a shard that comes late: %v, %v", done, err)
		}
	}
	if s := c.Stats(); s.Held != 0 || s.Orphans != 0 || s.Bad != 0 {
		t.Errorf("%+v", s)
	}
}

func TestMalformedShards(t *testing.T) {
	c := NewCollector(0)
	for name, s := range map[string]shard.Message{
		"empty": {Index: 1},
		"long":  {Data: make([]byte, shard.MaxShardSize+1)},
		"index": {Index: shard.MaxShards, Data: []byte{1}},
	} {
		if _, err := c.Shard(s); reason(err) != ReasonMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := c.Stats(); s.Held != 0 {
		t.Errorf("%+v", s)
	}
}

func TestForget(t *testing.T) {
	v := vectors(1, 5000, 1)
	c := NewCollector(0)
	for round := range uint32(4) {
		p := pack(t, byte(50*round), F32, v)
		if _, err := deliver(c, anna, round, p, p.Shards[:2], want(v)); err != nil {
			t.Fatal(err)
		}
	}
	whole := packFrom(t, eve, 240, F32, v)
	if done, _ := deliver(c, eve, 1, whole, whole.Shards, want(v)); done == nil {
		t.Fatal("no update")
	}
	orphan := pack(t, 201, F32, v).Shards[0]
	if _, err := c.Shard(orphan); err != nil {
		t.Fatal(err)
	}
	late := packFrom(t, eve, 160, F32, vectors(1, 3, 1))
	if done, _ := c.Header(eve, 2, late.Message, want(vectors(1, 3, 1))); done == nil {
		t.Fatal("no update")
	}
	c.Forget(1)
	if s := c.Stats(); s.Updates != 2 || s.Orphans != 1 || len(c.done) != 1 || s.Evicted != 0 {
		t.Errorf("after round 1: %+v, %d done", s, len(c.done))
	}
	c.Forget(math.MaxUint32)
	if s := c.Stats(); s != (Stats{}) {
		t.Errorf("after the last round: %+v", s)
	}
	if len(c.pending) != 0 || len(c.senders) != 0 || c.orphans.bytes != 0 {
		t.Errorf("left: %d updates, %d senders, %d bytes", len(c.pending), len(c.senders), c.orphans.bytes)
	}
}

// TestDoneIsBounded completes more updates than are remembered.
func TestDoneIsBounded(t *testing.T) {
	c := NewCollector(0)
	for i := range MaxDone + 10 {
		v := vectors(uint64(i), 10, 1)
		from := [16]byte{byte(i)}
		p := packFrom(t, from, byte(i), F32, v)
		if done, err := c.Header(from, 1, p.Message, want(v)); done == nil || err != nil {
			t.Fatal(err)
		}
	}
	if len(c.done) != MaxDone {
		t.Errorf("%d remembered, want %d", len(c.done), MaxDone)
	}
}

func BenchmarkCollect(b *testing.B) {
	v := [][]float32{noise(1, 25_000)}
	p := pack(b, 1, F32, v)
	lost := p.Copies() - 1
	w := want(v)
	b.SetBytes(100_000)
	b.ReportAllocs()
	for b.Loop() {
		if done, err := deliver(NewCollector(0), anna, 1, p, p.Shards[lost:], w); done == nil || err != nil {
			b.Fatal(err)
		}
	}
}
