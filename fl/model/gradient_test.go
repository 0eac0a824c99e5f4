// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// randomBatch returns a batch and parameters that are all away from zero.
func randomBatch(m *Model, rows int, r *rand.Rand) (theta []float32, b Batch) {
	theta = make([]float32, m.Size())
	for i := range theta {
		theta[i] = r.Float32() - 0.5
	}
	for range rows * m.Features() {
		b.X = append(b.X, 2*r.Float32()-1)
	}
	for range rows {
		b.Labels = append(b.Labels, int32(r.IntN(m.Outputs())))
		for range m.Outputs() {
			b.Y = append(b.Y, 2*r.Float32()-1)
		}
	}
	return theta, b
}

func TestGradient(t *testing.T) {
	tests := []struct {
		spec              string
		features, outputs int
		loss              Loss
		rows              int
		decay             float32
	}{
		{"softmax", 7, 5, CrossEntropy, 6, 0},
		{"softmax", 1, 2, CrossEntropy, 1, 0.1},
		{"linear", 7, 1, MeanSquare, 6, 0.01},
		{"linear", 5, 3, MeanSquare, 4, 0},
		{"mlp:9", 6, 4, CrossEntropy, 5, 0.01},
		{"mlp:9", 6, 1, MeanSquare, 5, 0.01},
		{"mlp:1", 2, 2, CrossEntropy, 3, 0},
		{"mlp:8:5", 6, 3, CrossEntropy, 7, 0.001},
		{"mlp:8:7:6:5", 4, 3, CrossEntropy, 6, 0},
		{"mlp:8:7:6", 4, 2, MeanSquare, 6, 0.1},
		{"conv", 13, 3, CrossEntropy, 5, 0.01},
		{"conv:3x1", 5, 2, CrossEntropy, 4, 0},
		{"conv:4x2:3x3@2", 14, 2, MeanSquare, 3, 0},
		{"conv:4x3:3x2:2x5:6@3", 27, 3, CrossEntropy, 4, 0.01},
		{"conv:2x9:2x4:3", 3, 1, MeanSquare, 4, 0},
		{"conv:3x2:2x3@5", 5, 2, CrossEntropy, 4, 0},
		{"conv:3x3:2x2", 13, 2, CrossEntropy, 45, 0}, // more rows than are unfolded at a time
		{"gru", 4, 3, CrossEntropy, 5, 0.01},
		{"gru:5@3", 12, 2, MeanSquare, 4, 0},
		{"gru:1@1", 7, 2, CrossEntropy, 3, 0},
		{"gru:4@6", 6, 1, MeanSquare, 2, 0.1},
		{"autoencoder", 9, 9, Reconstruction, 5, 0.01},
		{"autoencoder:7:3", 5, 5, Reconstruction, 4, 0},
		{"autoencoder:6:5:2", 1, 1, Reconstruction, 3, 0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s/%d", tt.spec, tt.loss), func(t *testing.T) {
			m := newModel(t, tt.spec, tt.features, tt.outputs, tt.loss)
			theta, b := randomBatch(m, tt.rows, rand.New(rand.NewPCG(1, 2)))
			checkGradient(t, m, theta, b, tt.decay)
		})
	}
}

// TestGradientInFront puts layers behind others that no Spec puts there, and
// those first that no Spec puts first.
func TestGradientInFront(t *testing.T) {
	for name, layers := range map[string][]layer{
		"a gru behind a dense layer":  {dense{in: 6, out: 8, relu: true}, gru{steps: 4, channels: 2, units: 3}, dense{in: 3, out: 2}},
		"a gru behind a gru":          {gru{steps: 3, channels: 2, units: 4}, gru{steps: 2, channels: 2, units: 3}, dense{in: 3, out: 2}},
		"a conv behind a dense layer": {dense{in: 6, out: 10}, conv{steps: 5, channels: 2, filters: 3, width: 4}, dense{in: 15, out: 2}},
		"a pool in front":             {pool{steps: 3, channels: 2}, dense{in: 4, out: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			m := &Model{loss: CrossEntropy, features: 6, outputs: 2}
			if err := m.place(layers); err != nil {
				t.Fatal(err)
			}
			theta, b := randomBatch(m, 5, rand.New(rand.NewPCG(1, 2)))
			checkGradient(t, m, theta, b, 0.01)
		})
	}
}

// checkGradient compares every element of the gradient with central differences
// of the slow loss.
func checkGradient(t *testing.T, m *Model, theta []float32, b Batch, decay float32) {
	t.Helper()
	grad := make([]float32, m.Size())
	loss := m.Gradient(grad, theta, b, decay, m.NewWorkspace(len(b.X)/m.Features()+2))
	exact := doubles(theta)
	if want := slowLoss(m, exact, b, 0); math.Abs(loss-want) > 1e-5 {
		t.Errorf("loss %v, want %v", loss, want)
	}
	const step = 1e-6
	for i, v := range exact {
		exact[i] = v + step
		up := slowLoss(m, exact, b, float64(decay))
		exact[i] = v - step
		down := slowLoss(m, exact, b, float64(decay))
		exact[i] = v
		if want := (up - down) / (2 * step); math.Abs(float64(grad[i])-want) > 1e-5 {
			t.Errorf("parameter %d: %v, want %v", i, grad[i], want)
		}
	}
}

// TestWeightedGradient weighs the classes.
func TestWeightedGradient(t *testing.T) {
	for _, name := range []string{"softmax", "mlp:5", "gru:3@2"} {
		m := newModel(t, name, 6, 3, CrossEntropy)
		theta, b := randomBatch(m, 8, rand.New(rand.NewPCG(1, 2)))
		b.Weight = []float32{0, 3, 0.25}
		checkGradient(t, m, theta, b, 0.01)
	}
}

func TestPredict(t *testing.T) {
	for _, name := range []string{"mlp:5:4", "conv:5x3:4x2:3@2", "gru:4@4"} {
		m := newModel(t, name, 12, 2, CrossEntropy)
		theta, b := randomBatch(m, 3, rand.New(rand.NewPCG(1, 2)))
		exact := doubles(theta)
		z := m.Predict(theta, b.X, m.NewWorkspace(3))
		for r := range 3 {
			for j, want := range slowOutputs(m, exact, doubles(b.X[12*r:12*r+12])) {
				if got := float64(z[2*r+j]); math.Abs(got-want) > 2e-6 {
					t.Errorf("%s: row %d, output %d: %v, want %v", name, r, j, got, want)
				}
			}
		}
	}
}

// everyKind are small models of every kind for six features.
var everyKind = []string{"softmax", "mlp:8:4", "conv:4x3:3x3:5", "gru:4@2", "autoencoder:4:2"}

// newSmall returns one of everyKind for three classes, or anomalies.
func newSmall(t testing.TB, name string) *Model {
	t.Helper()
	if spec(t, name).Kind == Autoencoder {
		return newModel(t, name, 6, 6, Reconstruction)
	}
	return newModel(t, name, 6, 3, CrossEntropy)
}

// TestGradientIsOfTheBatchAlone uses one workspace for two batches, the second
// one smaller.
func TestGradientIsOfTheBatchAlone(t *testing.T) {
	for _, name := range everyKind {
		m := newSmall(t, name)
		theta, b := randomBatch(m, 4, rand.New(rand.NewPCG(1, 2)))
		small := Batch{X: b.X[:12], Labels: b.Labels[:2]}
		used, fresh := m.NewWorkspace(4), m.NewWorkspace(4)
		got, want := make([]float32, m.Size()), make([]float32, m.Size())
		tensor.Fill(got, 7)
		m.Gradient(got, theta, b, 0, used)
		m.Gradient(got, theta, small, 0, used)
		m.Gradient(want, theta, small, 0, fresh)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%s: parameter %d: %v, want %v", name, i, got[i], want[i])
			}
		}
	}
}

func TestGradientDoesNotAllocate(t *testing.T) {
	for _, name := range everyKind {
		m := newSmall(t, name)
		theta, b := randomBatch(m, 4, rand.New(rand.NewPCG(1, 2)))
		grad, ws := make([]float32, m.Size()), m.NewWorkspace(4)
		if n := testing.AllocsPerRun(10, func() { m.Gradient(grad, theta, b, 0.1, ws) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
