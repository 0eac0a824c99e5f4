// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

var kinds = []struct {
	name      string
	algorithm Algorithm
	quant     update.Quant
}{
	{"kgt", KGT, update.F32}, {"kgt q8", KGT, update.Q8}, {"dpsgd", DPSGD, update.F32}, {"dpsgd q8", DPSGD, update.Q8},
}

// TestAlone holds that a round in which nobody is heard, whoever the neighbours
// are, leaves what local training gave, bit for bit.
func TestAlone(t *testing.T) {
	for _, k := range kinds {
		set := settings(t, k.algorithm, k.quant)
		ws := set.NewWorkspace()
		deaf, alone := New(set, uneven(0), nil, 1), New(set, uneven(0), nil, 1)
		trained := slices.Clone(alone.Model())
		for round := range uint32(5) {
			for _, n := range []*Node{deaf, alone} {
				if _, err := n.Begin(round, nil, ws); err != nil {
					t.Fatal(err)
				}
			}
			if n := deaf.End(round, []Edge{{peer(1), 0.5}, {peer(2), 0.25}}, ws); n != 0 {
				t.Errorf("%s: heard %d", k.name, n)
			}
			alone.End(round, nil, ws)
			if !sameBits(deaf.Model(), alone.Model()) {
				t.Fatalf("%s: round %d: a deaf node and one that is alone differ", k.name, round)
			}
		}
		rng := New(set, uneven(0), nil, 1).rng
		for range 5 {
			if _, _, err := set.SGD.Train(set.Model, trained, uneven(0), nil, nil, rng, ws); err != nil {
				t.Fatal(err)
			}
		}
		if !sameBits(deaf.Model(), trained) {
			t.Errorf("%s: five rounds alone are not five trainings", k.name)
		}
	}
}

func TestReceiveRefuses(t *testing.T) {
	set := settings(t, KGT, update.F32)
	size := set.Model.Size()
	vector := func(first float32) []float32 {
		v := make([]float32, size)
		v[0] = first
		return v
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	tests := []struct {
		name string
		v    Vectors
		want update.Reason
	}{
		{"no vector", nil, update.ReasonShape},
		{"one vector", Vectors{vector(1)}, update.ReasonShape},
		{"three vectors", Vectors{vector(1), vector(1), vector(1)}, update.ReasonShape},
		{"short model", Vectors{vector(1)[1:], vector(1)}, update.ReasonShape},
		{"long direction", Vectors{vector(1), append(vector(1), 0)}, update.ReasonShape},
		{"NaN in the model", Vectors{vector(nan), vector(1)}, update.ReasonNorm},
		{"NaN in the direction", Vectors{vector(1), vector(nan)}, update.ReasonNorm},
		{"infinite model", Vectors{vector(inf), vector(1)}, update.ReasonNorm},
		{"infinite direction", Vectors{vector(1), vector(-inf)}, update.ReasonNorm},
		{"huge model", Vectors{vector(1e4), vector(1)}, update.ReasonNorm},
		{"huge direction", Vectors{vector(1), vector(1e7)}, update.ReasonNorm},
		{"again", Vectors{vector(2), vector(1)}, update.ReasonDuplicate},
	}
	const friend = 1
	run := func(attack func(n *Node)) *Node {
		n, ws := New(set, uneven(0), nil, 1), set.NewWorkspace()
		for round := range uint32(2) {
			if _, err := n.Begin(round, nil, ws); err != nil {
				t.Fatal(err)
			}
			if err := hear(n, peer(friend), Vectors{vector(1), vector(1)}); err != nil {
				t.Fatal(err)
			}
			attack(n)
			n.End(round, []Edge{{peer(friend), 0.25}, {peer(2), 0.25}}, ws)
		}
		return n
	}
	honest := run(func(*Node) {})
	for _, tt := range tests {
		from := peer(2)
		if tt.want == update.ReasonDuplicate {
			from = peer(friend)
		}
		n := run(func(n *Node) {
			var refused *update.Refused
			if err := hear(n, from, tt.v); !errors.As(err, &refused) || refused.Reason != tt.want {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
		})
		if !sameBits(n.x, honest.x) || !sameBits(n.track.c, honest.track.c) {
			t.Errorf("%s: the node is changed", tt.name)
		}
	}
	large := run(func(n *Node) {
		if err := hear(n, peer(2), Vectors{vector(50), vector(100)}); err != nil {
			t.Errorf("a large update, which training may give: %v", err)
		}
	})
	if sameBits(large.x, honest.x) {
		t.Error("what is not refused has no effect")
	}
}

// TestReceiveStrangers holds that an update from nobody on an edge has no effect.
func TestReceiveStrangers(t *testing.T) {
	set := settings(t, KGT, update.F32)
	c := newCrowd(t, set, 4, "ring")
	with := newCrowd(t, set, 4, "ring")
	c.round(0, nil)
	for _, n := range with.nodes {
		if err := hear(n, PeerID{99}, Vectors{make([]float32, set.Model.Size()), make([]float32, set.Model.Size())}); err != nil {
			t.Fatal(err)
		}
	}
	with.round(0, nil)
	for i := range c.nodes {
		if !sameBits(c.nodes[i].x, with.nodes[i].x) {
			t.Errorf("node %d: a stranger changed it", i)
		}
	}
}

// TestQuantized holds that a node mixes what its neighbours see of it: only then
// does the mean of all models stay where it is. Its own model keeps all bits.
func TestQuantized(t *testing.T) {
	for _, k := range kinds {
		c := newCrowd(t, settings(t, k.algorithm, k.quant), 4, "full")
		for round := range uint32(5) {
			c.round(round, nil)
		}
		sum := func(v [][]float32) []float32 {
			s := make([]float32, len(v[0]))
			for _, x := range v {
				tensor.Axpy(1, x, s)
			}
			return s
		}
		var before, after [][]float32
		for i, n := range c.nodes {
			c.sent[i] = must(n.Begin(5, c.edges(i), c.ws))(t)
			sent := c.sent[i].Vectors
			before = append(before, slices.Clone(n.x))
			for _, v := range sent {
				seen := must(update.DecodeVector(k.quant, update.EncodeVector(k.quant, v), len(v)))(t)
				if !sameBits(seen, v) {
					t.Errorf("%s: a neighbour sees other numbers than were sent", k.name)
				}
			}
			if exact := sameBits(sent[0], n.x); exact != (k.quant == update.F32) {
				t.Errorf("%s: own model rounded: %v", k.name, exact)
			}
		}
		for i, n := range c.nodes {
			for _, e := range c.edges(i) {
				if err := hear(n, e.Peer, c.sent[int(e.Peer[0])-1].Vectors); err != nil {
					t.Fatal(err)
				}
			}
			n.End(5, c.edges(i), c.ws)
			after = append(after, n.x)
		}
		if d := distance(sum(before), sum(after)); d > 1e-5 {
			t.Errorf("%s: mixing moves the sum of all models by %.2g", k.name, d)
		}
	}
}

func TestBeginDiverges(t *testing.T) {
	set := settings(t, KGT, update.F32)
	set.SGD.Rate = 1e30
	n := New(set, uneven(0), nil, 1)
	before := slices.Clone(n.x)
	var err error
	for range 3 {
		if _, err = n.Begin(0, nil, set.NewWorkspace()); err != nil {
			break
		}
		before = slices.Clone(n.x)
	}
	if !errors.Is(err, model.ErrDiverged) {
		t.Fatalf("a rate of 1e30: %v", err)
	}
	if !sameBits(n.x, before) {
		t.Error("the model is changed by training that failed")
	}
}

func TestAlgorithm(t *testing.T) {
	for a, name := range map[Algorithm]string{KGT: "kgt", DPSGD: "dpsgd", 7: "algorithm(7)"} {
		if a.String() != name {
			t.Errorf("%d is called %s", a, a)
		}
		if got, err := ParseAlgorithm(name); (err == nil) != (a <= DPSGD) || err == nil && got != a {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// BenchmarkMix is the end of a round with four neighbours.
func BenchmarkMix(b *testing.B) {
	c := newCrowd(b, wide(b), 5, "full")
	c.round(0, nil)
	n, edges := c.nodes[0], c.edges(0)
	b.ReportAllocs()
	for round := uint32(1); b.Loop(); round++ {
		for _, e := range edges {
			if err := hear(n, e.Peer, c.sent[int(e.Peer[0])-1].Vectors); err != nil {
				b.Fatal(err)
			}
		}
		n.End(round, edges, c.ws)
	}
}
