// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"testing"
	"testing/iotest"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"pgregory.net/rapid"
)

const perFrame = chunk.Payload - 13

// part is one frame as these tests read it, apart from the package's own parser.
type part struct {
	kind, part, parts uint8
	id, data          string
}

// fataler is a *testing.T or a *rapid.T.
type fataler interface{ Fatalf(string, ...any) }

func parse(t fataler, payload *[chunk.Payload]byte) (parts []part) {
	for b := payload[:]; ; {
		if len(b) < 13 || b[0] == 0 && b[1] == 0 {
			if !isZero(b) {
				t.Fatalf("%x behind the last frame", b)
			}
			return parts
		}
		n := int(binary.BigEndian.Uint16(b))
		p := part{kind: b[2], id: string(b[3:11]), part: b[11], parts: b[12], data: string(b[13 : 13+n])}
		if p.part >= p.parts {
			t.Fatalf("part %d of %d", p.part, p.parts)
		}
		parts = append(parts, p)
		b = b[13+n:]
	}
}

// drain empties a packer.
func drain(t fataler, p *chunk.Packer) (payloads []*[chunk.Payload]byte) {
	for n := p.Queued(); ; n-- {
		payload, ok := p.Next()
		if ok != (n > 0) || p.Queued() != max(n-1, 0) {
			t.Fatalf("%d payloads queued, next %t", n, ok)
		}
		if !ok {
			return payloads
		}
		payloads = append(payloads, payload)
	}
}

func TestAddFills(t *testing.T) {
	p := chunk.NewPacker(rand.Reader)
	add := func(sizes ...int) {
		for i, n := range sizes {
			if err := p.Add(chunk.Message{Type: uint8(i), Data: make([]byte, n)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	steps := []struct {
		name  string
		sizes []int
		want  int // payloads queued then
	}{
		{"whole payload", []int{perFrame}, 1},
		{"a little less", []int{perFrame - 13}, 2},
		{"does not fit the 13 bytes left", []int{1}, 3},
		{"fits beside it", []int{1000, 1000, 1000}, 3},
		{"does not fit, and is not cut", []int{1200}, 4},
		{"fits the earlier gap", []int{900}, 4},
		{"two parts, the rest into a gap", []int{perFrame + 100}, 5},
		{"exactly two parts", []int{2 * perFrame}, 7},
		{"longest message", []int{chunk.MaxMessage}, 262},
	}
	for _, s := range steps {
		if add(s.sizes...); p.Queued() != s.want {
			t.Errorf("%s: %d payloads queued, want %d", s.name, p.Queued(), s.want)
		}
	}
	for _, payload := range drain(t, p) {
		for _, f := range parse(t, payload) {
			if f.parts > 1 && f.part < f.parts-1 && len(f.data) != perFrame {
				t.Errorf("part %d of %d has %d bytes", f.part, f.parts, len(f.data))
			}
		}
	}
}

func TestAddRefuses(t *testing.T) {
	fault := errors.New("no randomness")
	ok := chunk.Message{Data: []byte{1}}
	tests := []struct {
		name   string
		rand   []byte
		groups [][]chunk.Message
		want   error
	}{
		{"empty message", make([]byte, 64), [][]chunk.Message{{ok}, {{Type: 1}}}, chunk.ErrSize},
		{"long message", make([]byte, 64), [][]chunk.Message{{ok, {Data: make([]byte, chunk.MaxMessage+1)}}}, chunk.ErrSize},
		{"over the queue", make([]byte, 64), [][]chunk.Message{
			{ok}, {{Data: make([]byte, chunk.MaxMessage)}}, {{Data: make([]byte, chunk.MaxMessage)}}, {ok}, {ok}}, chunk.ErrFull},
		{"over the queue in one group", make([]byte, 64), [][]chunk.Message{{
			{Data: make([]byte, chunk.MaxMessage)}, {Data: make([]byte, chunk.MaxMessage)}, {Data: make([]byte, chunk.MaxMessage)}}}, chunk.ErrFull},
		{"no randomness", make([]byte, 15), [][]chunk.Message{{ok}, {ok}}, fault},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			random := make([]byte, 8, 8+len(tt.rand))
			random = append(random, tt.rand...)
			p := chunk.NewPacker(newFaulty(random, fault))
			if err := p.Add(chunk.Message{Type: 9, Data: []byte("before")}); err != nil {
				t.Fatal(err)
			}
			if err := p.Spread(tt.groups); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			payloads := drain(t, p)
			if len(payloads) != 1 || len(parse(t, payloads[0])) != 1 {
				t.Errorf("%d payloads queued after a refusal, want the one from before", len(payloads))
			}
		})
	}
}

// faulty reads bytes and then fails.
type faulty struct {
	left *bytes.Reader
	err  error
}

func newFaulty(b []byte, err error) *faulty { return &faulty{bytes.NewReader(b), err} }

func (f *faulty) Read(b []byte) (int, error) {
	if f.left.Len() == 0 {
		return iotest.ErrReader(f.err).Read(b)
	}
	return f.left.Read(b)
}

// TestQueueBound fills the queue to its last byte and no further.
func TestQueueBound(t *testing.T) {
	p := chunk.NewPacker(rand.Reader)
	full := chunk.Message{Data: make([]byte, perFrame)}
	for range chunk.MaxQueued / chunk.Payload {
		if err := p.Add(full); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Add(chunk.Message{Data: []byte{1}}); !errors.Is(err, chunk.ErrFull) {
		t.Errorf("error %v, want %v", err, chunk.ErrFull)
	}
	if _, ok := p.Next(); !ok || p.Add(full) != nil {
		t.Error("the queue does not take another after one is taken out")
	}
	if p.Queued()*chunk.Payload != chunk.MaxQueued {
		t.Errorf("%d payloads queued", p.Queued())
	}
}

// TestSpreadUpdate sends an update of 28 kB as the protocol does: fourteen
// shards, five of them with a copy of the header, into a queue that is not empty.
func TestSpreadUpdate(t *testing.T) {
	const header, shard = 1, 2
	p := chunk.NewPacker(rand.Reader)
	for _, n := range []int{100, 3000, 500, 4000, 1} {
		if err := p.Add(chunk.Message{Data: make([]byte, n)}); err != nil {
			t.Fatal(err)
		}
	}
	groups := make([][]chunk.Message, 14)
	for i := range groups {
		groups[i] = []chunk.Message{{Type: shard, Data: make([]byte, 2822)}}
		if i < 5 {
			groups[i] = append(groups[i], chunk.Message{Type: header, Data: make([]byte, 1180)})
		}
	}
	if err := p.Spread(groups); err != nil {
		t.Fatal(err)
	}
	headers, shards := 0, 0
	for i, payload := range drain(t, p) {
		var n [3]int
		for _, f := range parse(t, payload) {
			n[f.kind]++
		}
		if n[header] > 1 || n[shard] > 1 || n[header] > n[shard] {
			t.Errorf("payload %d holds %d headers and %d shards", i, n[header], n[shard])
		}
		headers, shards = headers+n[header], shards+n[shard]
	}
	if headers != 5 || shards != 14 {
		t.Errorf("%d headers and %d shards, want 5 and 14", headers, shards)
	}
}

// TestSpreadLargest queues the largest update at once: a mebibyte in 45+18 shards
// of 23,302 bytes, and nineteen headers of 63 hashes.
func TestSpreadLargest(t *testing.T) {
	sizes := make([][]int, 63)
	for i := range sizes {
		sizes[i] = []int{23_302 + 26}
		if i <= 18 {
			sizes[i] = append(sizes[i], 2_200)
		}
	}
	p := chunk.NewPacker(rand.Reader)
	if err := p.Spread(groupsOf(sizes)); err != nil {
		t.Fatal(err)
	}
	if p.Queued() != 63*6+19 {
		t.Errorf("%d payloads queued", p.Queued())
	}
}

// TestSpreadApart draws groups and what is queued before them. No payload holds
// two groups, a group that fits a payload lies in one, no message that fits a
// payload is cut, and nothing is lost.
func TestSpreadApart(t *testing.T) {
	const before = 255 // the type of what was queued before; a group's is its number
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(1, 600), rapid.IntRange(1, 3*perFrame))
		p := chunk.NewPacker(rand.Reader)
		for _, n := range rapid.SliceOfN(size, 0, 5).Draw(t, "before") {
			if err := p.Add(chunk.Message{Type: before, Data: make([]byte, n)}); err != nil {
				t.Fatal(err)
			}
		}
		sizes := rapid.SliceOfN(rapid.SliceOfN(size, 0, 4), 0, 8).Draw(t, "groups")
		if err := p.Spread(groupsOf(sizes)); err != nil {
			t.Fatal(err)
		}
		pages := make([]int, len(sizes)) // payloads that each group touches
		got := make([]int, len(sizes))   // bytes of each group
		for i, payload := range drain(t, p) {
			owner := -1
			for _, f := range parse(t, payload) {
				if f.kind == before {
					continue
				}
				if owner >= 0 && owner != int(f.kind) {
					t.Fatalf("payload %d holds groups %d and %d", i, owner, f.kind)
				}
				if owner < 0 {
					owner = int(f.kind)
					pages[owner]++
				}
				got[owner] += len(f.data)
			}
		}
		for g, ns := range sizes {
			total, frames := 0, 0
			for _, n := range ns {
				total, frames = total+n, frames+n+13
			}
			if got[g] != total || frames > 0 && frames <= chunk.Payload && pages[g] != 1 {
				t.Fatalf("group %d of %d bytes: %d bytes in %d payloads", g, total, got[g], pages[g])
			}
		}
	})
}

func groupsOf(sizes [][]int) [][]chunk.Message {
	groups := make([][]chunk.Message, len(sizes))
	for g, ns := range sizes {
		for _, n := range ns {
			groups[g] = append(groups[g], chunk.Message{Type: uint8(g), Data: make([]byte, n)})
		}
	}
	return groups
}

func BenchmarkSpread(b *testing.B) {
	groups := groupsOf([][]int{{2822, 1180}, {2822, 1180}, {2822, 1180}, {2822, 1180}, {2822, 1180},
		{2822}, {2822}, {2822}, {2822}, {2822}, {2822}, {2822}, {2822}, {2822}})
	b.ReportAllocs()
	for b.Loop() {
		p := chunk.NewPacker(rand.Reader)
		if err := p.Spread(groups); err != nil {
			b.Fatal(err)
		}
	}
}
