// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"math"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/dataset/digits"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/topology"
)

// digitsOf is ten nodes that see few classes of the digits each.
func digitsOf(tb testing.TB) Settings {
	train, test, schema := digits.Load()
	scaler, err := dataset.Fit(schema.Scale, train)
	if err != nil {
		tb.Fatal(err)
	}
	for _, t := range []*dataset.Table{train, test} {
		if err := scaler.Apply(t); err != nil {
			tb.Fatal(err)
		}
	}
	return Settings{
		Train: train, Test: test, Spec: model.Spec{Kind: model.MLP, Hidden: []int{64}}, Nodes: 10,
		Partition: dataset.Partition{Way: dataset.Dirichlet, Alpha: 0.1}, Topology: topology.Topology{Kind: topology.Ring},
		Rounds: 5, Seed: 1, SGD: model.SGD{Rate: 0.3, Decay: 1e-4, Batch: 16, Epochs: 1},
	}
}

// TestLossOfAll holds that nodes that hear nothing are nodes that are alone.
func TestLossOfAll(t *testing.T) {
	for _, a := range []node.Algorithm{node.KGT, node.DPSGD} {
		for _, top := range []topology.Topology{{}, {Kind: topology.Ring}, {Kind: topology.Random, Degree: 2}} {
			s := tiny(dataset.Classification)
			s.Algorithm, s.Topology, s.Links.Loss = a, top, 1
			deaf := models(t, s)
			m, err := newSim(s)
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range m.nodes {
				for round := range s.Rounds {
					if _, err := n.Begin(uint32(round), nil, m.workers[0]); err != nil {
						t.Fatal(err)
					}
					n.End(uint32(round), nil, nil)
				}
				if !slices.Equal(n.Model(), deaf[i]) {
					t.Errorf("%v on %v: node %d differs from one that is alone", a, top, i)
				}
			}
		}
	}
}

// TestRingBehindFull holds that knowledge takes its time around a ring.
func TestRingBehindFull(t *testing.T) {
	s := digitsOf(t)
	ring := run(t, s)
	s.Topology = topology.Topology{}
	full := run(t, s)
	if full.Mean < ring.Mean+0.01 || full.Worst < ring.Worst+0.05 {
		t.Errorf("after 5 rounds: ring %.3f, worst %.3f; full %.3f, worst %.3f", ring.Mean, ring.Worst, full.Mean, full.Worst)
	}
	if ring.Consensus < 1e-3 || full.Consensus > 1e-9 {
		t.Errorf("distance to the mean model: ring %.2g, full %.2g", ring.Consensus, full.Consensus)
	}
}

// TestTracking holds what K-GT is for: nodes that see few classes each learn all
// of them, and far sooner than by D-PSGD.
func TestTracking(t *testing.T) {
	if testing.Short() {
		t.Skip("30 rounds of ten nodes, twice")
	}
	s := digitsOf(t)
	s.Rounds = 30
	kgt := run(t, s)
	s.Algorithm = node.DPSGD
	dpsgd := run(t, s)
	if kgt.Worst < dpsgd.Worst+0.1 || kgt.Mean < dpsgd.Mean+0.05 {
		t.Errorf("kgt %.3f, worst %.3f; dpsgd %.3f, worst %.3f", kgt.Mean, kgt.Worst, dpsgd.Mean, dpsgd.Worst)
	}
}

func TestDiverges(t *testing.T) {
	s := tiny(dataset.Regression)
	s.SGD.Rate, s.EvaluateEvery = 50, 1
	evaluated := 0
	s.Progress = func(p Point) { evaluated = p.Round }
	r := run(t, s)
	if !r.Diverged || r.Round != evaluated || r.Round == s.Rounds {
		t.Errorf("%+v after %d rounds", r, evaluated)
	}
	for _, v := range []float64{r.Mean, r.Worst, r.AverageModel, r.Consensus, r.TrainLoss} {
		if !math.IsNaN(v) {
			t.Errorf("%+v", r)
		}
	}
}

func TestRegression(t *testing.T) {
	s := tiny(dataset.Regression)
	s.Rounds = 60
	r := run(t, s)
	if r.Measure != R2 || r.Mean < 0.8 || r.Mean > 1 || r.Worst > r.Mean || r.AverageModel < 0.8 {
		t.Errorf("%+v", r)
	}
}

// BenchmarkRing is a round of ten nodes on a ring, 4,810 parameters each, that
// learn 1,438 rows.
func BenchmarkRing(b *testing.B) {
	m, err := newSim(digitsOf(b))
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

func BenchmarkEvaluate(b *testing.B) {
	m, err := newSim(digitsOf(b))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := m.evaluate(1); err != nil {
			b.Fatal(err)
		}
	}
}
