// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package shard_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/vecino-edge/vecino/crypto/shard"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		code shard.Code
		ok   bool
	}{
		{shard.Code{K: 1}, true},
		{shard.Code{K: 64}, true},
		{shard.Code{K: 1, M: 63}, true},
		{shard.Code{K: 10, M: 4}, true},
		{shard.Code{}, false},
		{shard.Code{M: 4}, false},
		{shard.Code{K: -1, M: 4}, false},
		{shard.Code{K: 4, M: -1}, false},
		{shard.Code{K: 65}, false},
		{shard.Code{K: 60, M: 5}, false},
		{shard.Code{K: math.MaxInt, M: math.MaxInt}, false},
		{shard.Code{K: 2, M: math.MaxInt}, false},
	}
	for _, tt := range tests {
		err := tt.code.Validate()
		if tt.ok && err != nil || !tt.ok && !errors.Is(err, shard.ErrCode) {
			t.Errorf("%+v: error %v, valid %t", tt.code, err, tt.ok)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	tests := []struct {
		name string
		code shard.Code
		size int
		want error
	}{
		{"no data", shard.Code{K: 2, M: 1}, 0, shard.ErrSize},
		{"data at the limit", shard.Code{K: 16}, shard.MaxSize, nil},
		{"data over the limit", shard.Code{K: 64}, shard.MaxSize + 1, shard.ErrSize},
		{"shard at the limit", shard.Code{K: 1}, shard.MaxShardSize, nil},
		{"shard over the limit", shard.Code{K: 1}, shard.MaxShardSize + 1, shard.ErrSize},
		{"bad code", shard.Code{K: 65}, 100, shard.ErrCode},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, hashes, err := shard.Split(tt.code, make([]byte, tt.size))
			if !errors.Is(err, tt.want) || (err == nil) != (len(hashes) == tt.code.K+tt.code.M) {
				t.Errorf("%d hashes, error %v, want %v", len(hashes), err, tt.want)
			}
			hashes = make([]shard.Hash, max(0, tt.code.K+tt.code.M))
			if _, err := shard.NewJoiner(tt.code, tt.size, hashes); !errors.Is(err, tt.want) {
				t.Errorf("NewJoiner: error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestSplitShards(t *testing.T) {
	data := counterBytes(95)
	shards, _ := split(t, shard.Code{K: 10, M: 4}, data)
	if got := bytes.Join(shards[:10], nil); !bytes.Equal(got, append(bytes.Clone(data), 0, 0, 0, 0, 0)) {
		t.Errorf("data shards hold %x", got)
	}
	next := bytes.Clone(shards[1])
	_ = append(shards[0], 0xff)
	if !bytes.Equal(shards[1], next) {
		t.Error("appending to a shard writes into the next")
	}
	shards[0][0] ^= 0xff
	if !bytes.Equal(data, counterBytes(95)) {
		t.Error("a shard shares memory with the data")
	}
}

// TestGolden reproduces the shards that an implementation of its own computed,
// parity included, so that every architecture's kernels agree.
func TestGolden(t *testing.T) {
	for _, c := range readCodes(t) {
		t.Run(fmt.Sprintf("%d+%d of %d", c.K, c.M, c.Size), func(t *testing.T) {
			shards, hashes := split(t, shard.Code{K: c.K, M: c.M}, counterBytes(c.Size))
			if len(shards) != len(c.Hashes) || len(hashes) != len(c.Hashes) {
				t.Fatalf("%d shards and %d hashes, want %d", len(shards), len(hashes), len(c.Hashes))
			}
			for i := range shards {
				if len(c.Shards) > 0 && hex.EncodeToString(shards[i]) != c.Shards[i] {
					t.Errorf("shard %d = %x, want %s", i, shards[i], c.Shards[i])
				}
				if hex.EncodeToString(hashes[i][:]) != c.Hashes[i] {
					t.Errorf("hash %d = %x, want %s", i, hashes[i], c.Hashes[i])
				}
			}
		})
	}
}

type golden struct {
	K, M, Size     int
	Shards, Hashes []string // hex
}

func readCodes(t *testing.T) []golden {
	t.Helper()
	var file struct{ Cases []golden }
	readJSON(t, "testdata/codes.json", &file)
	if len(file.Cases) < 10 {
		t.Fatalf("only %d cases", len(file.Cases))
	}
	return file.Cases
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
}

// counterBytes returns the first size bytes of SHA-256 of 0, 1, 2, …
func counterBytes(size int) []byte {
	var out []byte
	for i := uint32(0); len(out) < size; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(nil, i))
		out = append(out, sum[:]...)
	}
	return out[:size]
}

func split(t testing.TB, c shard.Code, data []byte) ([][]byte, []shard.Hash) {
	t.Helper()
	shards, hashes, err := shard.Split(c, data)
	if err != nil {
		t.Fatal(err)
	}
	return shards, hashes
}

func newJoiner(t testing.TB, c shard.Code, size int, hashes []shard.Hash) *shard.Joiner {
	t.Helper()
	j, err := shard.NewJoiner(c, size, hashes)
	if err != nil {
		t.Fatal(err)
	}
	return j
}
