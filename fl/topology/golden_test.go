// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoundsDiffer(t *testing.T) {
	build := func(topo Topology, seed uint64, round uint32) [][]int32 {
		g, err := topo.Build(40, seed, round)
		if err != nil {
			t.Fatal(err)
		}
		return lists(g)
	}
	regular, random := Topology{Regular, 4}, Topology{Random, 4}
	if !cmp.Equal(build(regular, 3, 1), build(regular, 3, 2)) {
		t.Error("a regular graph changed with the round")
	}
	if cmp.Equal(build(regular, 3, 1), build(regular, 4, 1)) {
		t.Error("a regular graph did not change with the seed")
	}
	if cmp.Equal(build(random, 3, 1), build(random, 3, 2)) {
		t.Error("a random graph did not change with the round")
	}
}

// TestGolden holds the graphs that a seed gives: simulations of two versions or
// on two architectures are compared by them.
func TestGolden(t *testing.T) {
	tests := []struct {
		topo Topology
		n    int
		want string
	}{
		{Topology{Regular, 2}, 20, "a11498908e7206f0"},
		{Topology{Regular, 4}, 20, "2b51411e6e9cd790"},
		{Topology{Regular, 17}, 20, "3651b9946c2ce187"},
		{Topology{Random, 3}, 1000, "8e79614d31b14e3b"},
	}
	for _, tt := range tests {
		g, err := tt.topo.Build(tt.n, 42, 9)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		for _, l := range lists(g) {
			if err := binary.Write(h, binary.LittleEndian, l); err != nil {
				t.Fatal(err)
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)[:8]); got != tt.want {
			t.Errorf("%v of %d: %s, want %s", tt.topo, tt.n, got, tt.want)
		}
	}
}

func BenchmarkBuildRandom(b *testing.B) {
	topo := Topology{Random, 4}
	for round := uint32(0); b.Loop(); round++ {
		if _, err := topo.Build(10_000, 1, round); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuildRegular(b *testing.B) {
	topo := Topology{Regular, 4}
	for seed := uint64(0); b.Loop(); seed++ {
		if _, err := topo.Build(10_000, seed, 0); err != nil {
			b.Fatal(err)
		}
	}
}
