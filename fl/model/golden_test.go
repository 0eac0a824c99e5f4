// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/vecino-edge/vecino/fl/dataset"
)

func bits(t *testing.T, x []float32) string {
	t.Helper()
	h := sha256.New()
	if err := binary.Write(h, binary.LittleEndian, x); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// TestTrainGolden holds the parameters after twenty steps. They are the same on
// every architecture: a device and its neighbours, and two versions, agree.
func TestTrainGolden(t *testing.T) {
	tests := []struct {
		spec string
		kind dataset.Kind
		want string
	}{
		{"softmax", dataset.Classification, "11d98e40149310bbd482e33c46803e34aa43769d00253aa26570a2704719adce"},
		{"linear", dataset.Regression, "34ad54b09ccac12acafe5d27341670a345278254272ed9267120f5f86269e07c"},
		{"mlp:16", dataset.Classification, "82613ba1df9c328234d6b1576dce8ee8f89249ca7d5975578bfdf942bfb36fa2"},
		{"mlp:13:7", dataset.Regression, "dffafd9b290299b7e4777302d9ffa68aeec2e73fecedf39fb24668d034570762"},
	}
	for _, tt := range tests {
		data := points(50, tt.kind)
		_, theta := train(t, tt.spec, data, SGD{Rate: 0.1, Decay: 1e-3, Batch: 10, Epochs: 4})
		if got := bits(t, theta); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.spec, got, tt.want)
		}
	}
}

// TestTrainGoldenWindows does the same for windows and anomalies, with momentum
// and, for classes, with weights.
func TestTrainGoldenWindows(t *testing.T) {
	tests := []struct {
		spec string
		loss Loss
		want string
	}{
		{"conv", CrossEntropy, "1b007fa585c980886231e43a57884f2ecff337b84174ad750df46abddd635e4c"},
		{"conv:5x3:6x2:7@2", MeanSquare, "65fb424ad36ca10a9cf30ab2b18f2020c28b9ea32bf46ca6df2d1b9f8121158f"},
		{"gru", CrossEntropy, "3df6e34b4472c096f91eb832f0e0b0736e28c3106a6a3660acf40389d6f7f584"},
		{"gru:7@1", MeanSquare, "13550b8527baa01cd022049e1c4536042fe261b234995cd99e2187ab81658d88"},
		{"autoencoder", Reconstruction, "a2779c5b81afa652e83031612a6fbb4dfb1e9de187e073e920211680c4fcb78b"},
		{"autoencoder:5:3", Reconstruction, "19545e6086519bc1458742929039720727ed8dc73ef93eb35c6dc68faa0a4882"},
	}
	for _, tt := range tests {
		s := SGD{Rate: 0.1, Momentum: 0.5, Decay: 1e-3, Batch: 10, Epochs: 4}
		if tt.loss == CrossEntropy {
			s.ClassWeight = []float32{1, 0.5, 1.75}
		}
		data := blobs(50, tt.loss)
		m, theta := trainFrom(t, tt.spec, data, s, 3)
		ws := m.NewWorkspace(50)
		all := append(theta, m.Predict(theta, data.X, ws)...)
		if tt.loss == Reconstruction {
			threshold, err := m.Threshold(theta, data, nil, ws)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, threshold)
		}
		if got := bits(t, all); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.spec, got, tt.want)
		}
	}
}
