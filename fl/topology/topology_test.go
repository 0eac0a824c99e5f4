// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package topology

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for _, s := range []string{"full", "ring", "star", "regular:4", "random:1", "random:256"} {
		topo, err := Parse(s)
		if err != nil {
			t.Errorf("Parse(%q): %v", s, err)
		}
		if topo.String() != s {
			t.Errorf("Parse(%q).String() = %q", s, topo)
		}
		if fixed := !strings.HasPrefix(s, "random"); topo.Fixed() != fixed {
			t.Errorf("%s: Fixed() = %v", s, topo.Fixed())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "is unknown"},
		{"mesh", "possible: full, ring, star, regular:K, random:K"},
		{"Full", "is unknown"},
		{"regular", "is unknown"},
		{"ring:2", "is unknown"},
		{"regular:", "whole number"},
		{"regular:0", "whole number"},
		{"regular:-2", "whole number"},
		{"regular:+2", "whole number"},
		{"regular:02", "whole number"},
		{"regular:4.5", "whole number"},
		{"random:257", "from 1 to 256"},
		{"random:99999999999999999999", "whole number"},
	}
	for _, tt := range tests {
		if _, err := Parse(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%q) = %v, want an error with %q", tt.in, err, tt.want)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	tests := []struct {
		topo Topology
		n    int
		want string
	}{
		{Topology{}, 0, "it takes 1 to"},
		{Topology{}, -1, "it takes 1 to"},
		{Topology{}, MaxNodes + 1, "it takes 1 to"},
		{Topology{Kind: Regular, Degree: 4}, 4, "at most 3 neighbours"},
		{Topology{Kind: Regular, Degree: 3}, 5, "must be even"},
		{Topology{Kind: Regular, Degree: 1}, 4, "use random:1"},
		{Topology{Kind: Random, Degree: 0}, 4, "degree must be"},
		{Topology{Kind: Random, Degree: MaxDegree + 1}, 1000, "degree must be"},
		{Topology{Kind: 9}, 4, "is unknown"},
	}
	for _, tt := range tests {
		if _, err := tt.topo.Build(tt.n, 1, 0); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v of %d nodes: %v, want an error with %q", tt.topo, tt.n, err, tt.want)
		}
	}
}

func lists(g *Graph) [][]int32 {
	out := make([][]int32, g.Size())
	for i := range out {
		out[i] = g.Neighbours([]int32{}, i)
	}
	return out
}

func TestSmallGraphs(t *testing.T) {
	tests := []struct {
		topo string
		n    int
		want [][]int32
	}{
		{"full", 1, [][]int32{{}}},
		{"full", 3, [][]int32{{1, 2}, {0, 2}, {0, 1}}},
		{"ring", 1, [][]int32{{}}},
		{"ring", 2, [][]int32{{1}, {0}}},
		{"ring", 3, [][]int32{{1, 2}, {0, 2}, {0, 1}}},
		{"ring", 5, [][]int32{{1, 4}, {0, 2}, {1, 3}, {2, 4}, {0, 3}}},
		{"star", 1, [][]int32{{}}},
		{"star", 2, [][]int32{{1}, {0}}},
		{"star", 4, [][]int32{{1, 2, 3}, {0}, {0}, {0}}},
		{"regular:1", 2, [][]int32{{1}, {0}}},
		{"regular:3", 4, [][]int32{{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1, 2}}},
	}
	for _, tt := range tests {
		topo, err := Parse(tt.topo)
		if err != nil {
			t.Fatal(err)
		}
		g, err := topo.Build(tt.n, 7, 0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, lists(g)); diff != "" {
			t.Errorf("%s of %d (-want +got):\n%s", tt.topo, tt.n, diff)
		}
	}
}

// drawTopology draws a topology with a number of nodes that it allows.
func drawTopology(t *rapid.T) (Topology, int) {
	topo := Topology{Kind: Kind(rapid.IntRange(0, int(Random)).Draw(t, "kind"))}
	n := rapid.IntRange(1, 60).Draw(t, "nodes")
	if topo.hasDegree() {
		n = max(n, 2)
		topo.Degree = rapid.IntRange(1, n-1).Draw(t, "degree")
	}
	if topo.Validate(n) != nil {
		t.Skip("no such graph")
	}
	return topo, n
}

func TestGraphProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topo, n := drawTopology(t)
		g, err := topo.Build(n, rapid.Uint64().Draw(t, "seed"), rapid.Uint32().Draw(t, "round"))
		if err != nil {
			t.Fatal(err)
		}
		edges := make(map[[2]int32]bool)
		for i, l := range lists(g) {
			if len(l) != g.Degree(i) {
				t.Fatalf("node %d: %d neighbours, degree %d", i, len(l), g.Degree(i))
			}
			if topo.hasDegree() && len(l) != topo.Degree {
				t.Fatalf("node %d: %d neighbours in %v", i, len(l), topo)
			}
			for k, j := range l {
				if int(j) == i || j < 0 || int(j) >= n || k > 0 && l[k-1] >= j {
					t.Fatalf("node %d: neighbours %v", i, l)
				}
				edges[[2]int32{int32(i), j}] = true
			}
		}
		for e := range edges {
			if !edges[[2]int32{e[1], e[0]}] {
				t.Fatalf("edge %v has no way back", e)
			}
		}
		if topo.Fixed() && !g.Connected() {
			t.Fatalf("%v of %d nodes is not connected", topo, n)
		}
	})
}

func TestWeightsAreDoublyStochastic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topo, n := drawTopology(t)
		g, err := topo.Build(n, rapid.Uint64().Draw(t, "seed"), 0)
		if err != nil {
			t.Fatal(err)
		}
		matrix := make([][]float32, n)
		for i := range matrix {
			matrix[i] = make([]float32, n)
			self, w := g.Weights(nil, i)
			matrix[i][i] = self
			for k, j := range g.Neighbours(nil, i) {
				matrix[i][j] = w[k]
			}
		}
		for i := range matrix {
			row, column := 0.0, 0.0
			for j := range matrix {
				row += float64(matrix[i][j])
				column += float64(matrix[j][i])
				if matrix[i][j] < 0 || matrix[i][j] != matrix[j][i] {
					t.Fatalf("weights %d, %d: %v and %v", i, j, matrix[i][j], matrix[j][i])
				}
			}
			if math.Abs(row-1) > 1e-6 || math.Abs(column-1) > 1e-6 {
				t.Fatalf("node %d: row sum %v, column sum %v", i, row, column)
			}
		}
	})
}

func TestWeightValues(t *testing.T) {
	tests := []struct {
		topo     Topology
		n, node  int
		self     float32
		weighted []float32
	}{
		{Topology{Kind: Full}, 4, 2, 0.25, []float32{0.25, 0.25, 0.25}},
		{Topology{Kind: Star}, 4, 0, 0.25, []float32{0.25, 0.25, 0.25}},
		{Topology{Kind: Star}, 4, 3, 0.75, []float32{0.25}},
		{Topology{Kind: Ring}, 8, 0, 1.0 / 3, []float32{1.0 / 3, 1.0 / 3}},
		{Topology{Kind: Ring}, 1, 0, 1, []float32{}},
	}
	for _, tt := range tests {
		g, err := tt.topo.Build(tt.n, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		self, w := g.Weights([]float32{}, tt.node)
		if self != tt.self {
			t.Errorf("%v of %d, node %d: own weight %v, want %v", tt.topo, tt.n, tt.node, self, tt.self)
		}
		if diff := cmp.Diff(tt.weighted, w); diff != "" {
			t.Errorf("%v of %d, node %d (-want +got):\n%s", tt.topo, tt.n, tt.node, diff)
		}
	}
}

func TestConnectedIsNotAlwaysTrue(t *testing.T) {
	g := newGraph([][]int32{{1}, {0}, {3}, {2}})
	if g.Connected() {
		t.Error("two pairs are taken for connected")
	}
}

// TestRegularIsConnected tries a size at which one random graph in five hundred
// is two halves.
func TestRegularIsConnected(t *testing.T) {
	halves := 0
	for seed := range uint64(3000) {
		if !newGraph(regular(8, 3, newRand(seed, fixedStream))).Connected() {
			halves++
		}
		if !newGraph(connectedRegular(8, 3, newRand(seed, fixedStream))).Connected() {
			t.Errorf("seed %d: the graph is not connected", seed)
		}
	}
	if halves == 0 {
		t.Error("no random graph was in two halves, so this tests nothing")
	}
}
