// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"math/rand/v2"
	"testing"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/tensor"
)

var benchmarked = []string{"softmax", "mlp:64", "mlp:64:32", "conv", "conv@8", "conv:16x3:32x3@8", "gru", "autoencoder", "autoencoder:32:8"}

// benchModel returns a model for the digits, as anomalies for an autoencoder.
func benchModel(b *testing.B, name string, data *dataset.Table) (*Model, *dataset.Table, []float32) {
	b.Helper()
	if spec(b, name).Kind == Autoencoder {
		data, _ = anomalies(data, func(int32) bool { return true })
	}
	m, err := For(spec(b, name), data)
	if err != nil {
		b.Fatal(err)
	}
	theta := make([]float32, m.Size())
	m.Init(theta, 1)
	return m, data, theta
}

func BenchmarkEpochDigits(b *testing.B) {
	digits, _ := scaledDigits(b)
	for _, name := range benchmarked {
		b.Run(name, func(b *testing.B) {
			m, data, theta := benchModel(b, name, digits)
			correction := make([]float32, m.Size())
			tensor.Fill(correction, 1e-6)
			r, ws := rand.New(rand.NewPCG(1, 1)), m.NewWorkspace(16)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := (SGD{Rate: 0.01, Decay: 1e-4, Batch: 16, Epochs: 1}).Train(m, theta, data, nil, &Step{Correction: correction}, r, ws); err != nil {
					b.Fatal(err)
				}
			}
			rowsPerSecond(b, data.Rows())
		})
	}
}

func BenchmarkPredictDigits(b *testing.B) {
	digits, _ := scaledDigits(b)
	for _, name := range benchmarked {
		b.Run(name, func(b *testing.B) {
			m, data, theta := benchModel(b, name, digits)
			const rows = 128
			ws := m.NewWorkspace(rows)
			b.ReportAllocs()
			for b.Loop() {
				m.Predict(theta, data.X[:rows*m.Features()], ws)
			}
			rowsPerSecond(b, rows)
		})
	}
}

func rowsPerSecond(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
