// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package shard_test

import (
	"math"
	"testing"

	"github.com/vecino-edge/vecino/crypto/shard"
	"pgregory.net/rapid"
)

func TestPlan(t *testing.T) {
	tests := []struct {
		size, chunk int
		want        shard.Code
	}{
		{28_000, 4096, code10x4},
		{28_960, 4096, code10x4},
		{28_961, 4096, shard.Code{K: 11, M: 5}},
		{1, 4096, shard.Code{K: 1, M: 1}},
		{2896, 4096, shard.Code{K: 1, M: 1}},
		{2897, 4096, shard.Code{K: 2, M: 1}},
		{130_320, 4096, shard.Code{K: 45, M: 18}},
		{130_321, 4096, shard.Code{K: 45, M: 18}},
		{shard.MaxSize, 4096, shard.Code{K: 45, M: 18}},
		{shard.MaxSize, 1 << 16, shard.Code{K: 17, M: 7}},
		{100, 1200, shard.Code{K: 45, M: 18}},
		{100, 1201, shard.Code{K: 45, M: 18}},
		{100, 1210, shard.Code{K: 10, M: 4}},
		{0, 4096, shard.Code{K: 1, M: 1}},
		{-5000, 4096, shard.Code{K: 1, M: 1}},
		{math.MinInt, math.MinInt, shard.Code{K: 45, M: 18}},
		{math.MaxInt, math.MaxInt, shard.Code{K: 2, M: 1}},
	}
	for _, tt := range tests {
		if got := shard.Plan(tt.size, tt.chunk); got != tt.want {
			t.Errorf("Plan(%d, %d) = %+v, want %+v", tt.size, tt.chunk, got, tt.want)
		}
	}
}

// TestPlanFits holds Plan to its promise: the code is valid, its shards can be
// split and sent, at least two fifths are parity, and a shard leaves room for
// the header wherever MaxData shards are enough.
func TestPlanFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, shard.MaxSize).Draw(t, "size")
		chunk := rapid.IntRange(shard.Room+1, 1<<15).Draw(t, "chunk")
		c := shard.Plan(size, chunk)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if c.K > shard.MaxData || 5*c.M < 2*c.K || 5*(c.M-1) >= 2*c.K {
			t.Fatalf("code %+v", c)
		}
		s := c.ShardSize(size)
		if s > shard.MaxShardSize {
			t.Fatalf("shards of %d bytes cannot be sent", s)
		}
		if fits := s <= chunk-shard.Room; fits != (size <= shard.MaxData*(chunk-shard.Room)) {
			t.Fatalf("code %+v: shards of %d bytes", c, s)
		}
	})
}
