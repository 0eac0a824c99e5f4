// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestFloodBySender has Eve send headers and shards without end, while Anna's
// update is on its way.
func TestFloodBySender(t *testing.T) {
	const limit = 200 << 10
	c := NewCollector(limit)
	v := vectors(1, 7000, 1)
	p := pack(t, 3, F32, v)
	if _, err := deliver(c, anna, 1, p, p.Shards[:5], want(v)); err != nil {
		t.Fatal(err)
	}
	junk := packFrom(t, eve, 9, F32, vectors(2, 7000, 1))
	var youngest [16]byte
	for i := range 2000 {
		m := decode(t, junk)
		m.Header.Key[0], m.Header.Key[1] = byte(i), byte(i>>8)
		m.Header.ID = m.Header.identify(eve)
		youngest = m.Header.ID
		if _, err := c.Header(eve, 1, wire.MustMarshal(m), want(v)); err != nil {
			t.Fatal(err)
		}
		s := junk.Shards[i%8]
		s.ID = m.Header.ID
		if _, err := c.Shard(s); err != nil {
			t.Fatal(err)
		}
		if held := c.Stats().Held; held > limit {
			t.Fatalf("%d bytes held, at most %d", held, limit)
		}
	}
	if s := c.Stats(); s.Evicted < 1900 || s.Updates < 10 {
		t.Errorf("%+v", s)
	}
	if c.pending[youngest] == nil {
		t.Error("Eve's youngest update was dropped before her oldest")
	}
	done, err := deliver(c, anna, 1, p, p.Shards[5:], want(v))
	if done == nil || err != nil {
		t.Errorf("Anna's update is lost: %v, %+v", err, c.Stats())
	}
}

// TestFloodOfOrphans sends shards from nobody.
func TestFloodOfOrphans(t *testing.T) {
	const limit = 200 << 10
	c := NewCollector(limit)
	v := vectors(1, 7000, 1)
	p := pack(t, 3, F32, v)
	if _, err := deliver(c, anna, 1, p, p.Shards[:5], want(v)); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 700)
	for i := range 5000 {
		id := [16]byte{byte(i), byte(i >> 8), 1}
		if _, err := c.Shard(shard.Message{ID: id, Index: uint8(i % 64), Data: data}); err != nil {
			t.Fatal(err)
		}
		if held := c.Stats().Held; held > limit {
			t.Fatalf("%d bytes held, at most %d", held, limit)
		}
	}
	if done, err := deliver(c, anna, 1, p, p.Shards[5:], want(v)); done == nil || err != nil {
		t.Errorf("Anna's update is lost: %v, %+v", err, c.Stats())
	}
	if s := c.Stats(); s.Orphans < 100 || s.Updates != 0 {
		t.Errorf("%+v", s)
	}
	// The youngest are there still: those of one more update, before its header.
	q := pack(t, 77, F32, v)
	for _, s := range q.Shards {
		if _, err := c.Shard(s); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := c.Header(anna, 2, q.Message, want(v)); done == nil || err != nil {
		t.Errorf("an update whose header comes last: %v", err)
	}
}

// TestOneUpdateBeyondTheLimit cannot be collected, and leaves nothing behind.
func TestOneUpdateBeyondTheLimit(t *testing.T) {
	v := vectors(1, 7000, 1)
	p := pack(t, 3, F32, v)
	c := NewCollector(10 << 10)
	done, err := deliver(c, anna, 1, p, p.Shards, want(v))
	if done != nil || err != nil || c.Stats().Held > 10<<10 || c.Stats().Evicted == 0 {
		t.Errorf("%v, %v, %+v", done, err, c.Stats())
	}
}

// FuzzCollector drives a collector by a program of bytes: each step delivers a
// header or a shard, good or damaged, of one of four updates of two senders. Who
// delivers a header is its sender or one of three others.
func FuzzCollector(f *testing.F) {
	v := vectors(1, 1500, 1)
	var packed []*Packed
	owner := map[[16]byte][16]byte{} // by the update's id
	for i := range 4 {
		from := [16]byte{byte(i >> 1)}
		p := packFrom(f, from, byte(40*i), F32, v)
		packed, owner[p.ID] = append(packed, p), from
	}
	f.Add([]byte{0, 0, 16, 0, 32, 0, 1, 0, 17, 0})
	f.Add([]byte{4, 0, 16, 0, 16, 0, 0, 255, 48, 3, 2, 0, 3, 9})
	f.Fuzz(func(t *testing.T, program []byte) {
		const limit = 16 << 10
		c := NewCollector(limit)
		completed := map[[16]byte]bool{}
		for len(program) >= 2 {
			op, damage := program[0], program[1]
			program = program[2:]
			p := packed[op&3]
			var done *Complete
			if op>>4 == 0 {
				from, another := owner[p.ID], op>>2&3
				from[0] ^= another
				before := c.Stats()
				got, err := c.Header(from, uint32(damage&3), harm(p.Message, damage), want(v))
				if another != 0 && (err == nil || c.Stats() != before) {
					t.Fatalf("a header under another's id: %v, %+v became %+v", err, before, c.Stats())
				}
				done = got
			} else {
				s := p.Shards[int(op>>4)%len(p.Shards)]
				s.Data = harm(s.Data, damage)
				done, _ = c.Shard(s)
			}
			if damage == 255 {
				c.Forget(1)
				clear(completed)
			}
			if done != nil {
				id := done.Header.ID
				if from, known := owner[id]; !known || done.From != from || completed[id] || !slices.Equal(done.Vectors[0], v[0]) {
					t.Fatalf("update of %v: came twice, or is another one", done.From)
				}
				completed[id] = true
			}
			checkBooks(t, c, limit)
		}
	})
}

// harm flips a bit of data where damage is 4 to 254.
func harm(data []byte, damage byte) []byte {
	if damage < 4 || damage == 255 {
		return data
	}
	data = bytes.Clone(data)
	data[int(damage)*len(data)/256] ^= 1 << (damage % 8)
	return data
}

// checkBooks holds what a collector counts against what it holds.
func checkBooks(t *testing.T, c *Collector, limit int) {
	t.Helper()
	held, updates := 0, 0
	for _, s := range c.senders {
		sum := 0
		for _, p := range s.updates {
			if p.bytes != perPartial+p.joiner.Bytes() || c.pending[p.header.ID] != p {
				t.Fatalf("an update of %d bytes is counted as %d", perPartial+p.joiner.Bytes(), p.bytes)
			}
			sum += p.bytes
			updates++
		}
		if sum != s.bytes || len(s.updates) == 0 {
			t.Fatalf("a sender of %d bytes is counted as %d", sum, s.bytes)
		}
		held += sum
	}
	orphans := 0
	for _, o := range c.orphans.list {
		orphans += o.bytes()
	}
	if orphans != c.orphans.bytes || held+orphans != c.held || len(c.pending) != updates || c.held > limit || len(c.done) > MaxDone {
		t.Fatalf("%d and %d bytes are counted as %d, at most %d; %d updates as %d", held, orphans, c.held, limit, updates, len(c.pending))
	}
}
