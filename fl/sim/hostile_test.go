// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/topology"
)

// attacked is ten nodes on a full mesh, of which two are hostile.
func attacked(tb testing.TB, attack string, rule aggregate.Rule) Settings {
	s := digitsOf(tb)
	s.Spec = model.Spec{Kind: model.Softmax}
	s.Partition.Alpha, s.Topology, s.Rounds, s.SGD.Rate, s.Aggregate = 0.5, topology.Topology{}, 25, 0.5, rule
	if attack == "" {
		return s
	}
	var err error
	if s.Attack, err = ParseAttack(attack); err != nil {
		tb.Fatal(err)
	}
	s.Malicious = 2
	return s
}

var attacks = []string{"signflip:4", "noise:0.5", "labelflip", "alie:1.5", "alie:4", "ipm:0.5", "ipm:5", "dissensus"}

// TestAttacks holds that each attack changes what a plain mean comes to, and that the
// rule which knows neither attack nor number bears it.
func TestAttacks(t *testing.T) {
	calm := run(t, attacked(t, "", aggregate.Auto)).Mean
	if calm < 0.9 {
		t.Errorf("nobody is hostile: %.3f", calm)
	}
	harmless := models(t, attacked(t, "none", aggregate.Mean))
	for _, attack := range attacks {
		t.Run(attack, func(t *testing.T) {
			hurt := models(t, attacked(t, attack, aggregate.Mean))
			if same := slices.Equal(hurt[9], harmless[9]); same {
				t.Error("it changes nothing under the mean")
			}
			r := run(t, attacked(t, attack, aggregate.Auto))
			if r.Mean < calm-0.03 || r.Worst < calm-0.05 {
				t.Errorf("auto: mean %.3f, worst %.3f; without hostile nodes %.3f", r.Mean, r.Worst, calm)
			}
			if r.Aggregate == aggregate.Mean || r.Aggregate == aggregate.Auto {
				t.Errorf("the rule used is said to be %v", r.Aggregate)
			}
		})
	}
}

// TestMeanFalls holds that the coarse attacks ruin a plain mean: what the rules are
// measured against.
func TestMeanFalls(t *testing.T) {
	for _, attack := range []string{"signflip:4", "ipm:5"} {
		if r := run(t, attacked(t, attack, aggregate.Mean)); r.Mean > 0.5 {
			t.Errorf("%s: %.3f under the mean", attack, r.Mean)
		}
	}
}

// TestHostileGolden holds the bits of models under attack, which are the same on
// every machine.
func TestHostileGolden(t *testing.T) {
	tests := []struct {
		name   string
		change func(s *Settings)
		want   string
	}{
		{"a rule, nobody hostile", func(s *Settings) { s.Malicious, s.Attack = 0, Attack{} }, "e54ec974863b69cf"},
		{"noise", func(s *Settings) { s.Attack = Attack{Noise, 0.5} }, "51a6ffc06dbc8b97"},
		{"a little is enough", func(s *Settings) { s.Attack = Attack{ALIE, 1.5} }, "6e71ecb08daeae5f"},
		{"dissensus on a ring", func(s *Settings) { s.Attack, s.Topology.Kind = Attack{Kind: Dissensus}, topology.Ring }, "d16ee5bf71aa1e6f"},
		{"private", func(s *Settings) {
			s.Malicious, s.Attack, s.Aggregate = 0, Attack{}, aggregate.Mean
			s.Privacy = &node.Privacy{Sigma: 1, Clip: 1, Q: 0.3, Delta: 1e-5}
		}, "a57726950e7bd8d4"},
		{"heads of their own", func(s *Settings) { s.Malicious, s.Attack, s.Aggregate, s.KeepHead = 0, Attack{}, aggregate.Mean, true }, "24a2be51e96f54e0"},
	}
	for _, tt := range tests {
		s := tiny(dataset.Classification)
		s.Topology, s.Malicious, s.Aggregate = topology.Topology{}, 1, aggregate.Auto
		tt.change(&s)
		got := hash(t, models(t, s))
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if again := hash(t, models(t, s)); again != got {
			t.Errorf("%s: %s, and with the same seed %s", tt.name, got, again)
		}
		s.Seed++
		if other := hash(t, models(t, s)); other == got {
			t.Errorf("%s: another seed comes to the same", tt.name)
		}
	}
}

// TestPlace holds where hostile nodes sit: around no honest node more than there have
// to be, and accuracies do not speak of them.
func TestPlace(t *testing.T) {
	s := tiny(dataset.Classification)
	s.Train, s.Nodes, s.Topology = waves(400, 1, dataset.Classification), 20, topology.Topology{Kind: topology.Regular, Degree: 8}
	s.Malicious, s.Attack, s.Aggregate = 2, Attack{SignFlip, 4}, aggregate.Auto
	m, err := newSim(s)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.villains.all) != 2 {
		t.Fatalf("hostile nodes: %v", m.villains.all)
	}
	for i, is := range m.villains.is {
		if is != slices.Contains(m.villains.all, i) || is == m.honest(i) {
			t.Errorf("node %d: hostile %v, of %v", i, is, m.villains.all)
		}
	}
	if r := run(t, s); math.IsNaN(r.Mean) || r.Worst > r.Mean {
		t.Errorf("%+v", r.Point)
	}
}

func TestParseAttack(t *testing.T) {
	for _, text := range append([]string{"none", "alie:0", "ipm:1e+06"}, attacks...) {
		if a, err := ParseAttack(text); err != nil || a.String() != text {
			t.Errorf("%q is read as %v, %v", text, a, err)
		}
	}
	for _, text := range []string{
		"", "signflip", "signflip:", "signflip:-1", "signflip:NaN", "signflip:Inf", "signflip:1e7", "labelflip:1", "none:0", "dissensus:2", "noise:x", "ALIE:1",
	} {
		if a, err := ParseAttack(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q is read as %v, %v", text, a, err)
		}
	}
}

func TestHostileSettings(t *testing.T) {
	tests := []struct {
		change func(s *Settings)
		want   string
	}{
		{func(s *Settings) { s.Malicious = -1 }, "-1 hostile nodes of 6; at least one is honest"},
		{func(s *Settings) { s.Malicious = 6 }, "6 hostile nodes of 6"},
		{func(s *Settings) { s.Attack = Attack{Kind: Dissensus} }, "attack dissensus, and no node is hostile"},
		{func(s *Settings) { s.Malicious, s.Compression = 1, compression("topk:0.1:1bit") }, "use compression none, q8 or q4, not topk:0.1:1bit"},
		{func(s *Settings) { *s = tinySums(node.Private, node.KGT); s.Aggregate = aggregate.Median }, "mode private adds what nobody can look at"},
		{func(s *Settings) {
			s.Train, s.Test = waves(60, 1, dataset.Regression), waves(20, 2, dataset.Regression)
			s.Malicious, s.Attack = 1, Attack{Kind: LabelFlip}
		},
			"attack labelflip needs classes"},
		{func(s *Settings) { s.Personalize = -1 }, "-1 epochs of personalizing"},
		{func(s *Settings) { s.Personalize, s.Nodes, s.Partition = 1, 60, dataset.Partition{} }, "has no rows of its own to be measured by"},
	}
	for _, tt := range tests {
		s := tiny(dataset.Classification)
		tt.change(&s)
		if r, err := Run(context.Background(), s); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, %v, want %s", r, err, tt.want)
		}
	}
}
