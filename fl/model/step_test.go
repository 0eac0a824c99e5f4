// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// blobs returns rows of six features around three centres, with classes,
// numbers or neither.
func blobs(rows int, loss Loss) *dataset.Table {
	r := rand.New(rand.NewPCG(2, 3))
	t := &dataset.Table{Kind: dataset.Classification, Columns: strings.Split("abcdef", ""), Classes: 3}
	for i := range rows {
		label := i % 3
		for j := range 6 {
			x := 0.5 * (2*r.Float32() - 1)
			if j/2 == label {
				x++
			}
			t.X = append(t.X, x)
		}
		t.Labels, t.Y = append(t.Labels, int32(label)), append(t.Y, float32(label))
	}
	switch loss {
	case MeanSquare:
		t.Kind, t.Classes, t.Labels = dataset.Regression, 0, nil
	case Reconstruction:
		t.Kind, t.Classes, t.Labels = dataset.Anomaly, 2, make([]int32, rows)
	}
	return t
}

// TestMomentum follows the definition over two calls, with a correction.
func TestMomentum(t *testing.T) {
	data := blobs(12, CrossEntropy)
	m := newModel(t, "softmax", 6, 3, CrossEntropy)
	s := SGD{Rate: 0.5, Momentum: 0.75, Decay: 0.01, Batch: 12, Epochs: 2}
	step := &Step{Correction: make([]float32, m.Size()), Velocity: make([]float32, m.Size())}
	for i := range step.Correction {
		step.Correction[i] = float32(i) / 64
	}
	got, want, v := make([]float32, m.Size()), make([]float32, m.Size()), make([]float32, m.Size())
	r, again := rand.New(rand.NewPCG(5, 6)), rand.New(rand.NewPCG(5, 6))
	grad, ws := make([]float32, m.Size()), m.NewWorkspace(12)
	for range 2 {
		if _, _, err := s.Train(m, got, data, nil, step, r, m.NewWorkspace(12)); err != nil {
			t.Fatal(err)
		}
		order := make([]int32, 12)
		for i := range order {
			order[i] = int32(i)
		}
		for range s.Epochs {
			again.Shuffle(12, func(i, j int) { order[i], order[j] = order[j], order[i] })
			var b Batch
			for _, row := range order {
				b.X, b.Labels = append(b.X, data.Row(int(row))...), append(b.Labels, data.Labels[row])
			}
			m.Gradient(grad, want, b, s.Decay, ws)
			for i := range want {
				v[i] = float32(0.75*v[i]) + (grad[i] + step.Correction[i])
				want[i] -= float32(0.125 * v[i])
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(v, step.Velocity); diff != "" {
		t.Errorf("velocity (-want +got):\n%s", diff)
	}
}

// TestOnlyTheHead trains the last layer: the rest stays as it was, velocity
// included, and the head moves as it does when everything has the same gradient.
func TestOnlyTheHead(t *testing.T) {
	for _, name := range everyKind {
		m := newSmall(t, name)
		data, head := blobs(12, m.Loss()), m.Head()
		begin := make([]float32, m.Size())
		m.Init(begin, 4)
		s := SGD{Rate: 0.1, Momentum: 0.5, Decay: 0.01, Batch: 12, Epochs: 1}
		run := func(only Range) (theta, velocity []float32) {
			theta, velocity = append(theta, begin...), make([]float32, m.Size())
			if _, _, err := s.Train(m, theta, data, nil, &Step{Velocity: velocity, Only: only}, rand.New(rand.NewPCG(1, 1)), m.NewWorkspace(12)); err != nil {
				t.Fatal(err)
			}
			return theta, velocity
		}
		theta, velocity := run(head)
		all, allVelocity := run(Range{})
		if diff := cmp.Diff(begin[:head.From], theta[:head.From]); diff != "" {
			t.Errorf("%s: what is frozen (-before +after):\n%s", name, diff)
		}
		if diff := cmp.Diff(make([]float32, head.From), velocity[:head.From]); diff != "" {
			t.Errorf("%s: velocity of what is frozen (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(all[head.From:], theta[head.From:]); diff != "" {
			t.Errorf("%s: head (-when all moves +alone):\n%s", name, diff)
		}
		if diff := cmp.Diff(allVelocity[head.From:], velocity[head.From:]); diff != "" {
			t.Errorf("%s: velocity of the head (-when all moves +alone):\n%s", name, diff)
		}
		if head.From > 0 && cmp.Equal(all[:head.From], begin[:head.From]) {
			t.Errorf("%s: nothing in front of the head moves where all should", name)
		}
	}
}

func TestStepMistakesPanic(t *testing.T) {
	m, data := newModel(t, "softmax", 6, 3, CrossEntropy), blobs(6, CrossEntropy)
	n := m.Size()
	for name, tt := range map[string]struct {
		momentum float32
		step     *Step
	}{
		"momentum without a step":     {0.5, nil},
		"momentum without a velocity": {0.5, &Step{}},
		"short velocity":              {0.5, &Step{Velocity: make([]float32, n-1)}},
		"long correction":             {0, &Step{Correction: make([]float32, n+1)}},
		"range beyond the end":        {0, &Step{Only: Range{0, n + 1}}},
		"range before the beginning":  {0, &Step{Only: Range{-1, n}}},
		"empty range":                 {0, &Step{Only: Range{3, 3}}},
	} {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "model: ") {
					t.Errorf("%s: panic %q", name, text)
				}
			}()
			s := SGD{Rate: 0.1, Momentum: tt.momentum, Batch: 2, Epochs: 1}
			_, _, _ = s.Train(m, make([]float32, n), data, nil, tt.step, rand.New(rand.NewPCG(1, 1)), m.NewWorkspace(2))
		}()
	}
}

func TestMomentumRefuses(t *testing.T) {
	for _, momentum := range []float32{-0.1, 1, 2} {
		if err := (SGD{Rate: 1, Momentum: momentum, Batch: 1, Epochs: 1}).Validate(); err == nil || !strings.Contains(err.Error(), "momentum") {
			t.Errorf("momentum %v: %v", momentum, err)
		}
	}
}

// TestTrainAllocatesOnce holds that a training of many steps allocates no more
// than one of few.
func TestTrainAllocatesOnce(t *testing.T) {
	for _, name := range everyKind {
		m := newSmall(t, name)
		data, ws := blobs(30, m.Loss()), m.NewWorkspace(4)
		theta, r := make([]float32, m.Size()), rand.New(rand.NewPCG(1, 1))
		m.Init(theta, 1)
		step := &Step{Correction: make([]float32, m.Size()), Velocity: make([]float32, m.Size())}
		for _, epochs := range []int{1, 20} {
			s := SGD{Rate: 0.01, Momentum: 0.5, Batch: 4, Epochs: epochs}
			n := testing.AllocsPerRun(3, func() {
				if _, _, err := s.Train(m, theta, data, nil, step, r, ws); err != nil {
					t.Fatal(err)
				}
			})
			if n != 0 {
				t.Errorf("%s: %v allocations in %d epochs", name, n, epochs)
			}
		}
	}
}
