// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/privacy"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

// TestSameResult holds that a seed decides all that a result says, however many
// processors there are.
func TestSameResult(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for name, change := range map[string]func(s *Settings){
		"attack": func(s *Settings) { s.Malicious, s.Attack, s.Aggregate = 1, Attack{ALIE, 1.5}, aggregate.Auto },
		"privacy": func(s *Settings) {
			s.Privacy = &node.Privacy{Sigma: 1, Clip: 1, Q: 0.3, Delta: 1e-5}
		},
		"personal":   func(s *Settings) { s.Personalize = 2 },
		"compressed": func(s *Settings) { s.Compression, s.Links.Loss, s.Links.Churn = compression("topk:0.2:4bit"), 0.2, 0.1 },
	} {
		s := tiny(dataset.Classification)
		change(&s)
		runtime.GOMAXPROCS(1)
		first := run(t, s)
		runtime.GOMAXPROCS(3)
		if d := cmp.Diff(first, run(t, s)); d != "" {
			t.Errorf("%s: -first +second:\n%s", name, d)
		}
		s.Seed++
		if other := run(t, s); other.Point == first.Point {
			t.Errorf("%s: another seed comes to the same", name)
		}
	}
}

// TestEpsilon holds the epsilon that is told against the accountant: one step for each
// local epoch of each round.
func TestEpsilon(t *testing.T) {
	s := tiny(dataset.Classification)
	s.Rounds, s.SGD.Epochs = 4, 3
	if r := run(t, s); r.Epsilon != 0 {
		t.Errorf("epsilon %v without privacy", r.Epsilon)
	}
	s.Privacy = &node.Privacy{Sigma: 2, Clip: 1, Q: 0.25, Delta: 0.0009765625}
	if got, want := run(t, s).Epsilon, privacy.Epsilon(0.25, 2, 12, 0.0009765625); got != want || !(got > 0) {
		t.Errorf("epsilon %v, want %v", got, want)
	}
}

// owned lets owners take turns at the rows.
func owned(t *dataset.Table, owners int) *dataset.Table {
	t.GroupBy = "house"
	for i := range t.Rows() {
		t.Group = append(t.Group, strconv.Itoa(i%owners))
	}
	return t
}

// TestPersonal holds that what all learned, tuned on the own rows, is better than
// either where nodes have laws of their own, and not measured on rows it learned from.
func TestPersonal(t *testing.T) {
	const houses = 6
	own := func(n int, seed uint64) *dataset.Table { // each house reads another zero
		table := owned(waves(n, seed, dataset.Regression), houses)
		for i := range table.Y {
			table.Y[i] += float32(i%houses) / 10
		}
		return table
	}
	s := tiny(dataset.Regression)
	s.Train, s.Test, s.Nodes, s.Rounds, s.Personalize = own(90, 1), own(240, 2), houses, 40, 10
	s.Partition = dataset.Partition{Way: dataset.Column, Column: "house"}
	p := run(t, s).Personal
	if p == nil || !(p.Tuned > p.Alone && p.Tuned > p.Shared && p.Tuned <= 1) {
		t.Fatalf("%+v", p)
	}
	s.Personalize = 0
	if r := run(t, s); r.Personal != nil {
		t.Errorf("not asked for, and there is %+v", r.Personal)
	}
}

// TestHoldOut holds which rows a node is measured by: the test rows of its owners;
// else whole owners of its own where it has many; else single rows.
func TestHoldOut(t *testing.T) {
	byHouse := dataset.Partition{Way: dataset.Column, Column: "house"}
	for _, tt := range []struct {
		name        string
		partition   dataset.Partition
		train, test int // owners
		kept, held  []int
	}{
		{"test rows of its owner", byHouse, 6, 6, []int{20, 20, 20, 20, 20, 20}, []int{7, 7, 7, 7, 6, 6}},
		{"whole owners", byHouse, 30, 2, []int{16, 16, 16, 16, 16, 16}, []int{4, 4, 4, 4, 4, 4}},
		{"single rows", byHouse, 6, 3, []int{16, 16, 16, 16, 16, 16}, []int{4, 4, 4, 4, 4, 4}},
		{"rows of nobody", dataset.Partition{}, 0, 0, []int{16, 16, 16, 16, 16, 16}, []int{4, 4, 4, 4, 4, 4}},
	} {
		s := tiny(dataset.Regression)
		s.Partition, s.Personalize = tt.partition, 1
		if tt.train > 0 {
			s.Train, s.Test = owned(s.Train, tt.train), owned(s.Test, tt.test)
		}
		m, err := newSim(s)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var kept, held []int
		for i := range m.rows {
			kept, held = append(kept, len(m.rows[i])), append(held, m.held[i].Rows())
			owners := map[string]bool{}
			for _, r := range m.rows[i] {
				if s.Train.Group != nil {
					owners[s.Train.Group[r]] = true
				}
			}
			for _, owner := range m.held[i].Group {
				if tt.name == "whole owners" && owners[owner] {
					t.Errorf("%s: node %d learns from owner %s, by which it is measured", tt.name, i, owner)
				}
			}
		}
		if d := cmp.Diff([][]int{tt.kept, tt.held}, [][]int{kept, held}); d != "" {
			t.Errorf("%s: -want +got, kept and held out:\n%s", tt.name, d)
		}
	}
}

// TestExchangeBytes holds the bytes that are counted for compressed updates against
// those that a device packs.
func TestExchangeBytes(t *testing.T) {
	for _, name := range []string{"sign", "topk:0.1:1bit", "topk:0.2:4bit"} {
		s := tiny(dataset.Classification)
		s.Compression, s.Rounds = compression(name), 3
		m, err := newSim(s)
		if err != nil {
			t.Fatal(err)
		}
		want, messages := 0, 0
		for round := range uint32(3) {
			if err := m.round(round); err != nil {
				t.Fatal(err)
			}
			for i, u := range m.sent {
				if u.Exchange == nil {
					t.Fatalf("%s: node %d sends no exchange", name, i)
				}
				packed, err := update.PackExchange(rand.NewChaCha8([32]byte{}), update.Spec{}, m.set.Model.Size(), u.Exchange)
				if err != nil {
					t.Fatal(err)
				}
				want, messages = want+packed.Payload*len(m.edges[i]), messages+len(m.edges[i])
			}
		}
		var r Result
		m.count(&r)
		if r.BytesLinkRound != float64(want)/float64(messages) || r.BytesNode != float64(want)/float64(s.Nodes) {
			t.Errorf("%s: %v bytes over a link and %v a node; packed are %d in %d messages", name, r.BytesLinkRound, r.BytesNode, want, messages)
		}
		if r.Wire.Header == 0 || m.compress() != name {
			t.Errorf("%s: compressed by %s, %+v", name, m.compress(), r.Wire)
		}
	}
}

// TestMemory holds that a thousand nodes of 650 parameters stay far below what a
// workspace each would take.
func TestMemory(t *testing.T) {
	s := digitsOf(t)
	s.Spec, s.Nodes, s.Rounds, s.Links.Loss = model.Spec{Kind: model.Softmax}, 1000, 3, 0.3
	s.Partition = dataset.Partition{Way: dataset.Draw, Rows: 20, Classes: 2}
	s.Topology = topology.Topology{Kind: topology.Random, Degree: 4}
	s.SGD.Batch, s.SGD.Rate = 20, 1
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m, err := newSim(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.run(context.Background(), &Result{}); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := float64(after.HeapAlloc) - float64(before.HeapAlloc)
	const vectors = 10 // of a node: model, what training made of it, directions and what is on its way
	if most := float64(vectors * 4 * m.set.Model.Size() * s.Nodes); held > most || math.IsNaN(held) {
		t.Errorf("%.1f MB for a thousand nodes, want %.1f at most", held/1e6, most/1e6)
	}
	t.Logf("%.1f kB a node", held/1e3/float64(s.Nodes))
	runtime.KeepAlive(m)
}
