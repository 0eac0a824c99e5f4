// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/fl/topology"
	"pgregory.net/rapid"
)

func TestFit(t *testing.T) {
	tests := []struct {
		topology string
		n        int
		want     string
	}{
		{"full", 2, "full"}, {"ring", 2, "ring"}, {"star", 3, "star"},
		{"regular:4", 10, "regular:4"}, {"regular:4", 5, "regular:4"}, {"regular:4", 4, "regular:3"},
		{"regular:4", 3, "regular:2"}, {"regular:4", 2, "full"},
		{"regular:3", 10, "regular:3"}, {"regular:3", 9, "regular:2"}, {"regular:3", 4, "regular:3"}, {"regular:3", 3, "regular:2"},
		{"regular:1", 2, "full"}, {"regular:1", 3, "regular:2"}, {"regular:1", 4, "regular:2"},
		{"random:1", 4, "random:1"}, {"random:1", 5, "random:2"}, {"random:5", 7, "random:4"}, {"random:256", 32, "random:31"},
	}
	for _, tt := range tests {
		got := fit(must(topology.Parse(tt.topology))(t), tt.n)
		if got.String() != tt.want {
			t.Errorf("%s for %d: %v, want %s", tt.topology, tt.n, got, tt.want)
		}
		if err := got.Validate(tt.n); err != nil {
			t.Errorf("%s for %d: %v", tt.topology, tt.n, err)
		}
	}
}

func drawTopology(t *rapid.T) topology.Topology {
	top := topology.Topology{Kind: topology.Kind(rapid.IntRange(0, int(topology.Random)).Draw(t, "kind"))}
	if top.Kind == topology.Regular || top.Kind == topology.Random {
		top.Degree = rapid.IntRange(1, topology.MaxDegree).Draw(t, "degree")
	}
	return top
}

// TestEdgesAgree holds that all devices see one graph: every edge from both its
// ends and with one weight, and weights that leave something for oneself.
func TestEdgesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top, n := drawTopology(t), rapid.IntRange(2, 32).Draw(t, "devices")
		seed, round := rapid.Uint64().Draw(t, "seed"), rapid.Uint32().Draw(t, "round")
		all := make([]PeerID, n)
		for i := range all {
			all[i] = PeerID{byte(i / 4), byte(i)}
		}
		weights := map[[2]PeerID]float32{}
		for self := range all {
			var sum float32
			for _, e := range must(Edges(top, all, self, seed, round))(t) {
				if e.Peer == all[self] || e.Weight <= 0 {
					t.Fatalf("device %d has the edge %+v", self, e)
				}
				weights[[2]PeerID{all[self], e.Peer}] = e.Weight
				sum += e.Weight
			}
			if sum == 0 || sum > 0.99 {
				t.Fatalf("%v of %d: the weights of device %d sum to %v", top, n, self, sum)
			}
		}
		for ends, w := range weights {
			if back := weights[[2]PeerID{ends[1], ends[0]}]; back != w {
				t.Fatalf("%v of %d: weight %v one way and %v the other", top, n, w, back)
			}
		}
	})
}

func TestEdgesOfOne(t *testing.T) {
	for _, all := range [][]PeerID{nil, {peer(1)}} {
		if edges, err := Edges(topology.Topology{}, all, 0, 1, 1); err != nil || len(edges) > 0 {
			t.Errorf("%d present: %v, %v", len(all), edges, err)
		}
	}
}

// TestEdges holds the order of the edges, and that another round has the same
// ones unless the topology says otherwise.
func TestEdges(t *testing.T) {
	all := []PeerID{peer(1), peer(2), peer(3), peer(4), peer(5)}
	edges := must(Edges(topology.Topology{Kind: topology.Ring}, all, 0, 1, 1))(t)
	if d := cmp.Diff([]Edge{{peer(2), 1. / 3}, {peer(5), 1. / 3}}, edges); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for _, top := range []topology.Topology{{Kind: topology.Regular, Degree: 2}, {Kind: topology.Random, Degree: 2}} {
		differ := false
		for round := range uint32(20) {
			differ = differ || !cmp.Equal(must(Edges(top, all, 0, 1, 0))(t), must(Edges(top, all, 0, 1, round))(t))
		}
		if differ == top.Fixed() {
			t.Errorf("%v: the edges of rounds differ: %v", top, differ)
		}
	}
}
