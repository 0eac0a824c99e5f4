// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package shard_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/vecino-edge/vecino/crypto/shard"
)

// TestTrials draws codes, sizes, losses and corruptions at random: data must
// come out as they went in, or be refused for want of shards, and every
// corrupted shard must be located.
func TestTrials(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 2_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	joined := 0
	for i := range n {
		if trial(t, r) {
			joined++
		}
		if t.Failed() {
			t.Fatalf("in trial %d", i)
		}
	}
	if joined < n/4 || joined > n*3/4 {
		t.Errorf("%d of %d trials joined: the draw is lopsided", joined, n)
	}
}

// trial reports whether the data could be joined.
func trial(t *testing.T, r *rand.Rand) bool {
	c := shard.Code{K: 1 + r.IntN(6), M: r.IntN(5)}
	data := randomBytes(r, 1+r.IntN(200))
	shards, hashes := split(t, c, data)
	j := newJoiner(t, c, len(data), hashes)
	loss, corruption := r.Float64()/2, r.Float64()/2
	good, bad := 0, 0
	for _, index := range r.Perm(len(shards)) {
		if r.Float64() < loss {
			continue
		}
		spoilt := r.Float64() < corruption
		if spoilt {
			add(t, j, index, spoil(r, shards, index), shards[index])
			spoilt = r.IntN(4) != 0 // now and then a good copy comes later
		}
		if spoilt {
			bad++
			continue
		}
		if err := j.Add(index, shards[index]); err != nil {
			t.Errorf("%+v: good shard %d: %v", c, index, err)
		}
		good++
	}
	got, err := j.Join()
	if good >= c.K {
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%+v: %d bytes, %d good shards: wrong data or error %v", c, len(data), good, err)
		}
		return true
	}
	var few *shard.TooFewError
	if !errors.As(err, &few) || few.Have != good || few.Need != c.K || few.Bad > bad {
		t.Errorf("%+v: %d good and %d bad shards: error %v", c, good, bad, err)
	}
	return false
}

// add gives the joiner a spoilt shard, which it must refuse unless the spoiling
// left it as it was.
func add(t *testing.T, j *shard.Joiner, index int, spoilt, whole []byte) {
	err := j.Add(index, spoilt)
	want := shard.ErrHash
	if len(spoilt) != len(whole) {
		want = shard.ErrSize
	}
	if !errors.Is(err, want) {
		t.Errorf("spoilt shard %d: error %v, want %v", index, err, want)
	}
}

// spoil returns other bytes than those of the shard of the index.
func spoil(r *rand.Rand, shards [][]byte, index int) []byte {
	s := bytes.Clone(shards[index])
	switch r.IntN(5) {
	case 0:
		s = bytes.Clone(shards[r.IntN(len(shards))]) // another one's
	case 1:
		s = randomBytes(r, len(s))
	case 2:
		return s[:len(s)-1]
	case 3:
		return append(s, 0)
	}
	if bytes.Equal(s, shards[index]) {
		s[r.IntN(len(s))] ^= 1 << r.IntN(8)
	}
	return s
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
