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

// slowLoss is the loss in float64, written down as the definition says: the
// mean over the rows, plus decay/2 times the square of the parameters.
func slowLoss(m *Model, theta []float64, b Batch, decay float64) float64 {
	n, rows := m.Features(), len(b.X)/m.Features()
	loss := 0.0
	for r := range rows {
		in := make([]float64, n)
		for j := range in {
			in[j] = float64(b.X[r*n+j])
		}
		out := slowOutputs(m, theta, in)
		if m.Loss() == MeanSquare {
			for j, v := range out {
				d := v - float64(b.Y[r*m.Outputs()+j])
				loss += d * d / 2
			}
			continue
		}
		sum := 0.0
		for _, v := range out {
			sum += math.Exp(v)
		}
		loss += math.Log(sum) - out[b.Labels[r]]
	}
	loss /= float64(rows)
	for _, v := range theta {
		loss += decay / 2 * v * v
	}
	return loss
}

func slowOutputs(m *Model, theta, in []float64) []float64 {
	sizes := append(append([]int{m.Features()}, m.Spec().Hidden...), m.Outputs())
	for l := range len(sizes) - 1 {
		out := make([]float64, sizes[l+1])
		for j := range out {
			out[j] = theta[len(in)*len(out)+j]
			for i, v := range in {
				out[j] += v * theta[i*len(out)+j]
			}
			if l < len(sizes)-2 {
				out[j] = max(out[j], 0)
			}
		}
		theta = theta[(len(in)+1)*len(out):]
		in = out
	}
	return in
}

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

// TestGradient compares every element of the gradient with differences of the
// slow loss.
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
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s/%d", tt.spec, tt.loss), func(t *testing.T) {
			m := newModel(t, tt.spec, tt.features, tt.outputs, tt.loss)
			theta, b := randomBatch(m, tt.rows, rand.New(rand.NewPCG(1, 2)))
			grad := make([]float32, m.Size())
			loss := m.Gradient(grad, theta, b, tt.decay, m.NewWorkspace(tt.rows+2))
			exact := make([]float64, len(theta))
			for i, v := range theta {
				exact[i] = float64(v)
			}
			if want := slowLoss(m, exact, b, 0); math.Abs(loss-want) > 1e-5 {
				t.Errorf("loss %v, want %v", loss, want)
			}
			const step = 1e-6
			for i := range exact {
				v := exact[i]
				exact[i] = v + step
				up := slowLoss(m, exact, b, float64(tt.decay))
				exact[i] = v - step
				down := slowLoss(m, exact, b, float64(tt.decay))
				exact[i] = v
				if want := (up - down) / (2 * step); math.Abs(float64(grad[i])-want) > 1e-5 {
					t.Errorf("parameter %d: %v, want %v", i, grad[i], want)
				}
			}
		})
	}
}

func TestPredict(t *testing.T) {
	m := newModel(t, "mlp:5:4", 3, 2, CrossEntropy)
	theta, b := randomBatch(m, 3, rand.New(rand.NewPCG(1, 2)))
	exact := make([]float64, len(theta))
	for i, v := range theta {
		exact[i] = float64(v)
	}
	z := m.Predict(theta, b.X, m.NewWorkspace(3))
	for r := range 3 {
		in := []float64{float64(b.X[3*r]), float64(b.X[3*r+1]), float64(b.X[3*r+2])}
		for j, want := range slowOutputs(m, exact, in) {
			if got := float64(z[2*r+j]); math.Abs(got-want) > 1e-6 {
				t.Errorf("row %d, output %d: %v, want %v", r, j, got, want)
			}
		}
	}
}

// TestGradientIsOfTheBatchAlone uses one workspace for two batches, the second
// one smaller.
func TestGradientIsOfTheBatchAlone(t *testing.T) {
	m := newModel(t, "mlp:5", 3, 2, CrossEntropy)
	theta, b := randomBatch(m, 4, rand.New(rand.NewPCG(1, 2)))
	small := Batch{X: b.X[:6], Labels: b.Labels[:2]}
	used, fresh := m.NewWorkspace(4), m.NewWorkspace(4)
	got, want := make([]float32, m.Size()), make([]float32, m.Size())
	tensor.Fill(got, 7)
	m.Gradient(got, theta, b, 0, used)
	m.Gradient(got, theta, small, 0, used)
	m.Gradient(want, theta, small, 0, fresh)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("parameter %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestGradientDoesNotAllocate(t *testing.T) {
	m := newModel(t, "mlp:8:4", 6, 3, CrossEntropy)
	theta, b := randomBatch(m, 4, rand.New(rand.NewPCG(1, 2)))
	grad, ws := make([]float32, m.Size()), m.NewWorkspace(4)
	if n := testing.AllocsPerRun(10, func() { m.Gradient(grad, theta, b, 0.1, ws) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
