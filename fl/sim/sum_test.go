// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"math"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/rlwe"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/topology"
)

// tinySums is a simulation by sums that takes no time.
func tinySums(m node.Mode, a node.Algorithm) Settings {
	s := tiny(dataset.Classification)
	s.Topology, s.Compression, s.Mode, s.Algorithm, s.Nodes = topology.Topology{}, compression("q8"), m, a, 10
	return s
}

// TestSumsGolden holds the bits of all models by sums.
func TestSumsGolden(t *testing.T) {
	for _, tt := range []struct {
		name string
		mode node.Mode
		alg  node.Algorithm
		loss float64
		want string
	}{
		{"kgt", node.Private, node.KGT, 0, "11456c7f4ffa2d9b"},
		{"kgt, masked", node.Mask, node.KGT, 0, "11456c7f4ffa2d9b"},
		{"kgt in groups", node.Hybrid, node.KGT, 0, "ea559352d40c6e72"},
		{"kgt with losses", node.Private, node.KGT, 0.3, "ae7e774c742440bf"},
		{"dpsgd", node.Private, node.DPSGD, 0, "59502901b7f1df65"},
	} {
		s := tinySums(tt.mode, tt.alg)
		s.Links.Loss = tt.loss
		all := models(t, s)
		if got := hash(t, all); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if tt.loss == 0 && slices.ContainsFunc(all, func(x []float32) bool { return !slices.Equal(x, all[0]) }) {
			t.Errorf("%s: not all models are the same", tt.name)
		}
	}
}

// TestSumsLoss holds how many rounds are missed, and that nodes which miss all of
// them are alone.
func TestSumsLoss(t *testing.T) {
	s := tinySums(node.Private, node.KGT)
	s.Rounds, s.Links.Loss = 100, 0.2
	if r := run(t, s); math.Abs(float64(r.Skipped)-200) > 60 {
		t.Errorf("%d of 1000 rounds are missed", r.Skipped)
	}
	s.Rounds, s.Links.Loss = 12, 1
	if r := run(t, s); r.Skipped != 120 || r.BytesNode != 0 || r.Consensus == 0 {
		t.Errorf("%+v", r)
	}
	s.Links.Loss, s.Nodes = 0, 2
	if r := run(t, s); r.Skipped != 24 {
		t.Errorf("two nodes have a sum in %d of 24 rounds", 24-r.Skipped)
	}
}

// TestSumsBytes holds the counted bytes against those of the encryption.
func TestSumsBytes(t *testing.T) {
	if latticeValues != rlwe.Width8.Values() || latticeSize != rlwe.PolySize {
		t.Errorf("a polynomial has %d bytes and %d values", rlwe.PolySize, rlwe.Width8.Values())
	}
	for _, tt := range []struct {
		mode node.Mode
		want int
	}{{node.Private, 55296}, {node.Hybrid, 55296}, {node.Mask, 2 * (22 + 3)}} {
		s := tinySums(tt.mode, node.KGT)
		r := run(t, s)
		told := node.ToldSize(r.Params, node.KGT)
		tells := 2 * 3 * 9 // rounds 2 and 4, three of them to nine
		if want := float64(6*9*tt.want) + float64(tells*told)/10; r.BytesLinkRound != float64(tt.want) || math.Abs(r.BytesNode-want) > 1e-6 {
			t.Errorf("%v: %v bytes over a link, %v a node, want %d and %v", tt.mode, r.BytesLinkRound, r.BytesNode, tt.want, want)
		}
	}
}

func TestGroups(t *testing.T) {
	for _, tt := range []struct {
		mode  node.Mode
		there int
		want  []int
	}{
		{node.Private, 2, nil}, {node.Private, 3, []int{3}}, {node.Private, 11, []int{11}},
		{node.Hybrid, 4, nil}, {node.Hybrid, 9, []int{9}}, {node.Hybrid, 10, []int{5, 5}}, {node.Hybrid, 17, []int{6, 6, 5}},
	} {
		m := &sim{Settings: Settings{Mode: tt.mode}}
		var got []int
		for _, g := range m.groups(make([]int, tt.there)) {
			got = append(got, len(g))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v of %d: %v, want %v", tt.mode, tt.there, got, tt.want)
		}
	}
}

// TestSumsAsUpdates holds that sums in 8 bits learn what updates in float32 do.
func TestSumsAsUpdates(t *testing.T) {
	if testing.Short() {
		t.Skip("30 rounds of ten nodes, twice")
	}
	s := digitsOf(t)
	s.Rounds, s.Topology, s.Partition.Alpha = 30, topology.Topology{}, 0.5
	plain := run(t, s)
	s.Mode, s.Compression = node.Private, compression("q8")
	if sums := run(t, s); sums.Mean < plain.Mean-0.01 || sums.Consensus > 1e-9 || sums.Skipped > 0 {
		t.Errorf("by sums %.4f, %+v; by updates %.4f", sums.Mean, sums, plain.Mean)
	}
}

// BenchmarkSums is a round of ten nodes that add, as BenchmarkRing.
func BenchmarkSums(b *testing.B) {
	s := digitsOf(b)
	s.Topology, s.Mode, s.Compression = topology.Topology{}, node.Private, compression("q8")
	m, err := newSim(s)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for round := uint32(0); b.Loop(); round++ {
		if err := m.round(round); err != nil {
			b.Fatal(err)
		}
	}
}
