// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package shard_test

import (
	"bytes"
	"errors"
	"math"
	"math/bits"
	"testing"

	"github.com/vecino-edge/vecino/crypto/shard"
)

var code10x4 = shard.Code{K: 10, M: 4}

// TestEveryLoss loses, and in a second pass corrupts, every choice of up to five
// of fourteen shards: four or fewer are made good, five are refused.
func TestEveryLoss(t *testing.T) {
	data := counterBytes(997)
	shards, hashes := split(t, code10x4, data)
	for lost := range uint(1) << 14 {
		if bits.OnesCount(lost) > 5 {
			continue
		}
		for _, corrupt := range []bool{false, true} {
			j := newJoiner(t, code10x4, len(data), hashes)
			addAll(t, j, shards, lost, corrupt)
			checkJoin(t, j, data, lost, corrupt)
		}
	}
}

// addAll adds all shards but those of the set lost, of which it adds a corrupted
// copy where corrupt is true. Exactly these must be located.
func addAll(t *testing.T, j *shard.Joiner, shards [][]byte, lost uint, corrupt bool) {
	t.Helper()
	for i, s := range shards {
		isLost := lost>>i&1 == 1
		if isLost && !corrupt {
			continue
		}
		if isLost {
			s = bytes.Clone(s)
			s[(i*37+int(lost))%len(s)] ^= 1 << (i % 8)
		}
		if err := j.Add(i, s); isLost != errors.Is(err, shard.ErrHash) || !isLost && err != nil {
			t.Fatalf("lost %014b: shard %d: error %v", lost, i, err)
		}
	}
}

func checkJoin(t *testing.T, j *shard.Joiner, data []byte, lost uint, corrupt bool) {
	t.Helper()
	n := bits.OnesCount(lost)
	got, err := j.Join()
	if n <= 4 {
		if err != nil || !j.Ready() || !bytes.Equal(got, data) {
			t.Fatalf("lost %014b, corrupted %t: wrong data or error %v", lost, corrupt, err)
		}
		return
	}
	bad := 0
	if corrupt {
		bad = n
	}
	var few *shard.TooFewError
	if !errors.As(err, &few) || j.Ready() || *few != (shard.TooFewError{Have: 14 - n, Need: 10, Bad: bad}) {
		t.Fatalf("lost %014b, corrupted %t: error %v", lost, corrupt, err)
	}
}

func TestTooFewMessage(t *testing.T) {
	err := &shard.TooFewError{Have: 9, Need: 10, Bad: 5}
	if got, want := err.Error(), "shard: have 9 good shards and need 10; 5 arrived corrupted"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}

func TestAdd(t *testing.T) {
	data := counterBytes(50)
	c := shard.Code{K: 3, M: 2}
	shards, hashes := split(t, c, data)
	bad := bytes.Clone(shards[1])
	bad[0] ^= 1
	steps := []struct {
		name  string
		index int
		data  []byte
		want  error
	}{
		{"first", 0, shards[0], nil},
		{"same again", 0, shards[0], shard.ErrDuplicate},
		{"corrupted copy of a good one", 0, bad, shard.ErrDuplicate},
		{"corrupted", 1, bad, shard.ErrHash},
		{"corrupted again", 1, bad, shard.ErrHash},
		{"another's data", 1, shards[2], shard.ErrHash},
		{"short", 2, shards[2][:16], shard.ErrSize},
		{"long", 2, append(bytes.Clone(shards[2]), 0), shard.ErrSize},
		{"empty", 2, nil, shard.ErrSize},
		{"index below", -1, shards[0], shard.ErrIndex},
		{"index above", 5, shards[0], shard.ErrIndex},
		{"index far above", math.MaxInt, shards[0], shard.ErrIndex},
		{"good after corrupted", 1, shards[1], nil},
		{"third", 4, shards[4], nil},
		{"more than needed", 2, shards[2], nil},
		{"more than needed, again", 2, shards[2], shard.ErrDuplicate},
		{"more than needed, corrupted", 3, bad, shard.ErrHash},
	}
	j := newJoiner(t, c, len(data), hashes)
	for i, s := range steps {
		if err := j.Add(s.index, s.data); !errors.Is(err, s.want) {
			t.Errorf("%s: error %v, want %v", s.name, err, s.want)
		}
		if want := i >= 13; j.Ready() != want {
			t.Errorf("%s: ready %t, want %t", s.name, j.Ready(), want)
		}
	}
	if got, err := j.Join(); err != nil || !bytes.Equal(got, data) {
		t.Errorf("joined %x, error %v", got, err)
	}
}

func TestNewJoinerCopies(t *testing.T) {
	data := counterBytes(20)
	c := shard.Code{K: 2, M: 1}
	shards, hashes := split(t, c, data)
	j := newJoiner(t, c, len(data), hashes)
	hashes[0] = shard.Hash{}
	for i, s := range shards {
		if err := j.Add(i, s); err != nil {
			t.Fatal(err)
		}
		clear(s)
	}
	first, err := j.Join()
	if err != nil || !bytes.Equal(first, data) {
		t.Fatalf("joined %x, error %v", first, err)
	}
	clear(first)
	if again, err := j.Join(); err != nil || !bytes.Equal(again, data) {
		t.Errorf("joined again %x, error %v", again, err)
	}
}

func TestNewJoinerHashes(t *testing.T) {
	for _, n := range []int{0, 13, 15, 64} {
		if _, err := shard.NewJoiner(code10x4, 100, make([]shard.Hash, n)); !errors.Is(err, shard.ErrCode) {
			t.Errorf("%d hashes: error %v, want %v", n, err, shard.ErrCode)
		}
	}
}

// TestPadding refuses a sender that hides bytes behind the end.
func TestPadding(t *testing.T) {
	c := shard.Code{K: 2, M: 1}
	shards, hashes := split(t, c, []byte{1, 2, 3, 4}) // claimed to be 3 bytes
	for lost := range 3 {
		j := newJoiner(t, c, 3, hashes)
		for i, s := range shards {
			if i != lost {
				if err := j.Add(i, s); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got, err := j.Join(); !errors.Is(err, shard.ErrPadding) {
			t.Errorf("without shard %d: joined %x, error %v", lost, got, err)
		}
	}
}

// TestBytes holds the memory of a joiner to the first K shards.
func TestBytes(t *testing.T) {
	data := counterBytes(5000)
	shards, hashes := split(t, code10x4, data)
	j := newJoiner(t, code10x4, len(data), hashes)
	empty := j.Bytes()
	if empty < 14*shard.HashSize || empty > 14*64 {
		t.Errorf("%d bytes held before the first shard", empty)
	}
	for i, s := range shards {
		if err := j.Add(i, s); err != nil {
			t.Fatal(err)
		}
		if want := empty + 500*min(i+1, 10); j.Bytes() != want {
			t.Errorf("%d bytes held after shard %d, want %d", j.Bytes(), i, want)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	data := counterBytes(100_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := shard.Split(code10x4, data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkJoin adds the last ten shards of fourteen, so that four data shards
// have to be rebuilt.
func BenchmarkJoin(b *testing.B) {
	data := counterBytes(100_000)
	shards, hashes := split(b, code10x4, data)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		j := newJoiner(b, code10x4, len(data), hashes)
		for i := 4; i < 14; i++ {
			if err := j.Add(i, shards[i]); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := j.Join(); err != nil {
			b.Fatal(err)
		}
	}
}
