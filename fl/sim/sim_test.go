// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

// waves returns rows of two features with a number, and with the class that says
// whether it is above zero, or in a regression without.
func waves(n int, seed uint64, kind dataset.Kind) *dataset.Table {
	t := &dataset.Table{Kind: kind, Columns: []string{"a", "b"}, Target: "y"}
	r := rand.New(rand.NewPCG(seed, 8))
	for range n {
		a, b := 2*r.Float32()-1, 2*r.Float32()-1
		y := float32(a*a) - b
		t.X = append(t.X, a, b)
		if kind == dataset.Classification {
			t.Classes = 2
			t.Labels = append(t.Labels, int32(math.Float32bits(y)>>31))
			y = float32(t.Labels[len(t.Labels)-1])
		}
		t.Y = append(t.Y, y)
	}
	return t
}

// tiny is a simulation that takes no time.
func tiny(kind dataset.Kind) Settings {
	return Settings{
		Train: waves(120, 1, kind), Test: waves(40, 2, kind), Spec: model.Spec{Kind: model.MLP, Hidden: []int{4}}, Nodes: 6,
		Topology: topology.Topology{Kind: topology.Ring}, Rounds: 6, Seed: 3,
		SGD: model.SGD{Rate: 0.1, Decay: 1e-4, Batch: 5, Epochs: 1},
	}
}

// compression reads a compression.
func compression(name string) update.Compression {
	c, err := update.ParseCompression(name)
	if err != nil {
		panic(err)
	}
	return c
}

func run(t testing.TB, s Settings) *Result {
	t.Helper()
	r, err := Run(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// models runs a simulation and returns the model of every node.
func models(t *testing.T, s Settings) [][]float32 {
	t.Helper()
	m, err := newSim(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.run(context.Background(), &Result{}); err != nil {
		t.Fatal(err)
	}
	var all [][]float32
	for _, n := range m.nodes {
		all = append(all, n.Model())
	}
	return all
}

func hash(t *testing.T, models [][]float32) string {
	t.Helper()
	h := sha256.New()
	for _, x := range models {
		if err := binary.Write(h, binary.LittleEndian, x); err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// TestGolden holds the bits of all models, which are the same on every machine:
// results of two versions are compared by them.
func TestGolden(t *testing.T) {
	tests := []struct {
		name   string
		kind   dataset.Kind
		change func(s *Settings)
		want   string
	}{
		{"kgt on a ring", dataset.Classification, func(*Settings) {}, "c19951643ea29b64"},
		{"dpsgd, everybody with everybody", dataset.Regression, func(s *Settings) {
			s.Algorithm, s.Topology.Kind = node.DPSGD, topology.Full
		}, "a7148ba532ee2f31"},
		{"kgt in 8 bits with losses", dataset.Classification, func(s *Settings) { s.Compression, s.Links.Loss = compression("q8"), 0.3 }, "c5ab78f3eaefee2e"},
		{"kgt on fresh graphs", dataset.Classification, func(s *Settings) {
			s.Topology = topology.Topology{Kind: topology.Random, Degree: 3}
		}, "676d81148bb66829"},
	}
	for _, tt := range tests {
		s := tiny(tt.kind)
		tt.change(&s)
		if got := hash(t, models(t, s)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestProcessors holds that the number of processors decides nothing.
func TestProcessors(t *testing.T) {
	s := tiny(dataset.Classification)
	s.Links.Loss, s.EvaluateEvery = 0.2, 2
	var first []Point
	var bits string
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range []int{1, 2, 3, 16} {
		runtime.GOMAXPROCS(n)
		var points []Point
		s.Progress = func(p Point) { points = append(points, p) }
		got := hash(t, models(t, s))
		if n == 1 {
			first, bits = points, got
		}
		if got != bits {
			t.Errorf("%d processors: models %s, with one %s", n, got, bits)
		}
		if d := cmp.Diff(first, points); d != "" {
			t.Errorf("%d processors: -one +now:\n%s", n, d)
		}
	}
}

// TestBytes holds the counted bytes against what a device sends.
func TestBytes(t *testing.T) {
	for _, a := range []node.Algorithm{node.KGT, node.DPSGD} {
		for _, q := range []update.Quant{update.F32, update.Q8} {
			s := tiny(dataset.Classification)
			s.Algorithm, s.Compression = a, compression(q.String())
			got := run(t, s)
			v := make([][]float32, a.Vectors())
			for i := range v {
				v[i] = make([]float32, got.Params)
			}
			packed, err := update.Pack(rand.NewChaCha8([32]byte{}), update.Spec{Quant: q}, v)
			if err != nil {
				t.Fatal(err)
			}
			if got.BytesLinkRound != float64(packed.Payload) {
				t.Errorf("%v, %v: %v bytes over a link, an update has %d", a, q, got.BytesLinkRound, packed.Payload)
			}
			if want := float64(2 * s.Rounds * packed.Payload); got.BytesNode != want {
				t.Errorf("%v, %v: %v bytes a node, want %v", a, q, got.BytesNode, want)
			}
		}
	}
	s := tiny(dataset.Classification)
	s.Nodes = 1
	if got := run(t, s); got.BytesLinkRound != 0 || got.BytesNode != 0 || got.Consensus > 1e-9 {
		t.Errorf("alone: %+v", got)
	}
}

// TestErrorIsNoDivergence holds that only training that runs away is reported as
// such.
func TestErrorIsNoDivergence(t *testing.T) {
	m, err := newSim(tiny(dataset.Classification))
	if err != nil {
		t.Fatal(err)
	}
	m.Topology = topology.Topology{Kind: topology.Regular, Degree: 99}
	if err := m.run(context.Background(), &Result{}); err == nil || errors.Is(err, model.ErrDiverged) {
		t.Errorf("a graph that cannot be: %v", err)
	}
}

func TestProgress(t *testing.T) {
	for every, want := range map[int][]int{0: {6}, 1: {1, 2, 3, 4, 5, 6}, 4: {4, 6}} {
		s := tiny(dataset.Classification)
		s.EvaluateEvery = every
		var got []int
		s.Progress = func(p Point) { got = append(got, p.Round) }
		if r := run(t, s); r.Round != 6 {
			t.Errorf("the last evaluation is of round %d", r.Round)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("every %d: -want +got:\n%s", every, d)
		}
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := tiny(dataset.Classification)
	s.Rounds, s.EvaluateEvery = node.MaxRounds, 1
	s.Progress = func(p Point) {
		if p.Round == 3 {
			cancel()
		}
	}
	if r, err := Run(ctx, s); !errors.Is(err, context.Canceled) || r != nil {
		t.Errorf("%v, %v", r, err)
	}
}

func TestSettings(t *testing.T) {
	tests := []struct {
		change func(s *Settings)
		want   string
	}{
		{func(s *Settings) { s.Train = nil }, "rows to train on"},
		{func(s *Settings) { s.Test = nil }, "rows to test on"},
		{func(s *Settings) { s.Nodes = 0 }, "0 nodes; 1 to 131072 are possible"},
		{func(s *Settings) { s.Nodes = MaxNodes + 1 }, "131073 nodes"},
		{func(s *Settings) { s.Nodes, s.Partition = 100, dataset.Partition{Way: dataset.Dirichlet, Alpha: 1} }, "100"}, // of 120 rows
		{func(s *Settings) { s.Rounds = 0 }, "0 rounds; 1 to 1048576 are possible"},
		{func(s *Settings) { s.Rounds = node.MaxRounds + 1 }, "rounds"},
		{func(s *Settings) { s.Links.Loss = -0.1 }, "a loss of -0.1; it is a share from 0 to 1"},
		{func(s *Settings) { s.Links.Loss = 1.1 }, "a loss of 1.1"},
		{func(s *Settings) { s.Links.Loss = math.NaN() }, "a loss of NaN"},
		{func(s *Settings) { s.Links.OneWay = 1.1 }, "a one-way loss of 1.1"},
		{func(s *Settings) { s.Links.Churn = -1 }, "a churn of -1"},
		{func(s *Settings) { s.Links.Delay = math.Inf(1) }, "a delay of +Inf rounds"},
		{func(s *Settings) { s.Links.Split = Split{5, 3} }, "a split begins at a round"},
		{func(s *Settings) { *s = tinySums(node.Private, node.KGT); s.Links.Churn = 0.1 }, "mode private is simulated with loss only"},
		{func(s *Settings) { s.Topology = topology.Topology{Kind: topology.Regular, Degree: 6} }, "topology regular:6"},
		{func(s *Settings) { s.Spec = model.Spec{Kind: model.Linear} }, "model linear predicts numbers"},
		{func(s *Settings) { s.SGD.Rate = 0 }, "learning rate 0"},
		{func(s *Settings) { s.Mode, s.Compression = node.Private, compression("q8") }, "mode private adds over all nodes; it wants topology full"},
		{func(s *Settings) { s.Mode, s.Topology = node.Mask, topology.Topology{} }, "mode mask adds in 8 bits; it wants compression q8"},
		{func(s *Settings) { *s = tinySums(node.Private, node.KGT); s.Nodes = 33 }, "at most 32 nodes; use hybrid"},
		{func(s *Settings) { s.Partition = dataset.Partition{Way: dataset.Column, Column: "house"} }, "house"},
		{func(s *Settings) { s.Test.Columns = []string{"a"} }, "test rows: "},
		{func(s *Settings) { s.Test.Kind = dataset.Regression }, "test rows: "},
	}
	for _, tt := range tests {
		s := tiny(dataset.Classification)
		tt.change(&s)
		if r, err := Run(context.Background(), s); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, %v, want %s", r, err, tt.want)
		}
	}
	s := tiny(dataset.Classification)
	s.Nodes, s.Topology = 1, topology.Topology{Kind: topology.Regular, Degree: 4}
	if _, err := Run(context.Background(), s); err != nil {
		t.Errorf("one node needs no topology: %v", err)
	}
}
