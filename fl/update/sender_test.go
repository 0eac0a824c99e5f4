// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// thefts returns the headers that Eve, who opened Anna's, can sign in her name
// under Anna's id.
func thefts(t *testing.T, p *Packed) map[string][]byte {
	t.Helper()
	h := decode(t, p).Header
	other := encodePayload(h.Quant, vectors(9, int(h.Params), int(h.Vectors)))
	resign := func(change func(h *Header)) []byte {
		m := decode(t, p)
		change(&m.Header)
		return wire.MustMarshal(m)
	}
	return map[string][]byte{
		"a copy":         p.Message,
		"another key":    resign(func(h *Header) { h.Key[31]++ }),
		"other hashes":   resign(func(h *Header) { h.CTHash[0]++; h.MHash[0]++ }),
		"other vectors":  forge(t, p, other, nil).Message,
		"with Eve's key": forge(t, packFrom(t, eve, 7, h.Quant, vectors(9, int(h.Params), 1)), other, func(f *Header) { f.ID = h.ID }).Message,
	}
}

// TestStolenID has Eve put a header under Anna's id at any time, with Anna's own
// header and shards at any other.
func TestStolenID(t *testing.T) {
	for _, n := range []int{20, 5000} {
		v := vectors(1, n, 1)
		p := pack(t, 3, F32, v)
		moments := len(p.Shards) + 1
		for name, theft := range thefts(t, p) {
			for stolen := range moments {
				for own := range moments {
					done := besideTheft(t, p, want(v), theft, stolen, own)
					if len(done) != 1 || done[0].From != anna || !slices.Equal(done[0].Vectors[0], v[0]) {
						t.Errorf("%d numbers, %s at %d, Anna's header at %d: %d updates", n, name, stolen, own, len(done))
					}
				}
			}
		}
	}
}

// besideTheft delivers Anna's shards, her header before one of them, and Eve's
// before one of them and once more behind the last. It returns what is complete.
func besideTheft(t *testing.T, p *Packed, w Want, theft []byte, stolen, own int) (done []*Complete) {
	t.Helper()
	c := NewCollector(0)
	note := func(got *Complete, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		if got != nil {
			done = append(done, got)
		}
	}
	steal := func() {
		t.Helper()
		before, over := c.Stats(), len(c.done)
		got, err := c.Header(eve, 1, theft, w)
		if r, ok := err.(*Refused); got != nil || !ok || r.Reason != ReasonSender || r.From != eve {
			t.Errorf("Eve's header: %v, %v", got, err)
		}
		if after := c.Stats(); after != before || len(c.done) != over {
			t.Errorf("Eve's header changes %+v to %+v", before, after)
		}
	}
	for i := range len(p.Shards) + 1 {
		if i == stolen {
			steal()
		}
		if i == own {
			note(c.Header(anna, 1, p.Message, w))
		}
		if i < len(p.Shards) {
			note(c.Shard(p.Shards[i]))
		}
	}
	steal()
	return done
}

// TestForeignShards sends garbage under Anna's id, before and after her header
// and when her update is whole: none of it is kept beyond the header.
func TestForeignShards(t *testing.T) {
	v := vectors(1, 5000, 1)
	p := pack(t, 3, F32, v)
	c := NewCollector(0)
	want := want(v)
	for i := range p.Shards {
		if _, err := c.Shard(flip(p.Shards[i])); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := c.Header(anna, 1, p.Message, want); done != nil || err != nil {
		t.Fatalf("%v, %v", done, err)
	}
	if s := c.Stats(); s.Orphans != 0 || s.Bad != uint64(len(p.Shards)) {
		t.Errorf("with the header: %+v", s)
	}
	if _, err := c.Shard(flip(p.Shards[0])); reason(err) != ReasonShards || c.Stats().Orphans != 0 {
		t.Errorf("behind the header: %v, %+v", err, c.Stats())
	}
	if done, err := deliver(c, anna, 1, p, p.Shards, want); done == nil || err != nil || !cmp.Equal(done.Vectors, v) {
		t.Errorf("Anna's update is lost: %v", err)
	}
	if done, err := c.Shard(flip(p.Shards[0])); done != nil || err != nil || c.Stats().Held != 0 {
		t.Errorf("behind the update: %v, %v, %+v", done, err, c.Stats())
	}
}

// TestSameKey has Eve send Anna's vectors as her own, under Anna's key: that is
// an update of hers, and leaves Anna's alone.
func TestSameKey(t *testing.T) {
	v := vectors(1, 5000, 1)
	p, q := pack(t, 3, F32, v), packFrom(t, eve, 3, F32, v)
	if decode(t, p).Header.Key != decode(t, q).Header.Key || p.ID == q.ID {
		t.Fatal("the keys differ, or the ids do not")
	}
	c := NewCollector(0)
	got := map[[16]byte]int{}
	note := func(done *Complete, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		if done != nil {
			got[done.From]++
		}
	}
	note(c.Header(eve, 1, q.Message, want(v)))
	note(c.Header(anna, 1, p.Message, want(v)))
	for i := range p.Shards {
		note(c.Shard(q.Shards[i]))
		note(c.Shard(p.Shards[i]))
	}
	if got[anna] != 1 || got[eve] != 1 {
		t.Errorf("updates: %v", got)
	}
}
