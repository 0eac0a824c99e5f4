// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestLayers(t *testing.T) {
	tests := []struct {
		model *Model
		want  []Tensor
	}{
		{newModel(t, "softmax", 4, 3, CrossEntropy), []Tensor{
			{"dense1.weight", []int{4, 3}, 0, 12}, {"dense1.bias", []int{3}, 12, 15},
		}},
		{newModel(t, "conv:4x3:5x2:6@2", 8, 3, CrossEntropy), []Tensor{
			{"conv1.weight", []int{3, 2, 4}, 0, 24}, {"conv1.bias", []int{4}, 24, 28},
			{"conv2.weight", []int{2, 4, 5}, 28, 68}, {"conv2.bias", []int{5}, 68, 73},
			{"dense1.weight", []int{5, 6}, 73, 103}, {"dense1.bias", []int{6}, 103, 109},
			{"dense2.weight", []int{6, 3}, 109, 127}, {"dense2.bias", []int{3}, 127, 130},
		}},
		{newModel(t, "gru:2@4", 8, 3, CrossEntropy), []Tensor{
			{"gru1.weight_input", []int{4, 6}, 0, 24}, {"gru1.weight_state", []int{2, 6}, 24, 36},
			{"gru1.bias_input", []int{6}, 36, 42}, {"gru1.bias_state", []int{6}, 42, 48},
			{"dense1.weight", []int{2, 3}, 48, 54}, {"dense1.bias", []int{3}, 54, 57},
		}},
		{newModel(t, "autoencoder:3", 4, 4, Reconstruction), []Tensor{
			{"dense1.weight", []int{4, 3}, 0, 12}, {"dense1.bias", []int{3}, 12, 15},
			{"dense2.weight", []int{3, 4}, 15, 27}, {"dense2.bias", []int{4}, 27, 31},
		}},
	}
	for _, tt := range tests {
		got := tt.model.Layers()
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.model.Spec(), diff)
		}
		last := len(tt.want) - 1
		if want := (Range{tt.want[last-1].From, tt.want[last].To}); tt.model.Head() != want || want.To != tt.model.Size() {
			t.Errorf("%v: head %v, want %v of %d", tt.model.Spec(), tt.model.Head(), want, tt.model.Size())
		}
		if got, want := tt.model.layerAt(tt.model.Head().From), len(tt.model.layers)-1; got != want {
			t.Errorf("%v: the head is layer %d, want %d", tt.model.Spec(), got, want)
		}
	}
}

func TestSquareChannels(t *testing.T) {
	for features, want := range map[int]int{
		1: 1, 2: 1, 4: 2, 5: 1, 12: 3, 13: 1, 64: 8, 784: 28, 251: 1, 509: 509, 514: 257, 1024: 32, MaxWidth: 256, MaxWidth - 1: 257,
	} {
		if got := squareChannels(features); got != want {
			t.Errorf("%d features: %d channels, want %d", features, got, want)
		}
	}
}

// TestShapesFit holds for models of every kind that what one layer puts out is
// what the next one takes, and that no number of features is refused by a
// model that does not name its channels.
func TestShapesFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"mlp:3", "conv", "conv:2x3:3x2:4", "conv:2x3:2x3:2x3", "gru", "gru:3", "autoencoder", "autoencoder:5:3"}).Draw(t, "spec")
		features, outputs, loss := rapid.IntRange(1, 4096).Draw(t, "features"), 3, CrossEntropy
		spec, err := ParseSpec(name)
		if err != nil {
			t.Fatal(err)
		}
		if spec.Kind == Autoencoder {
			outputs, loss = features, Reconstruction
		}
		m, err := New(spec, features, outputs, loss)
		if err != nil {
			t.Fatal(err)
		}
		width := features
		for i, l := range m.layers {
			in, out := l.shape()
			if in != width {
				t.Fatalf("layer %d takes %d numbers, and there are %d", i, in, width)
			}
			width = out
		}
		if width != outputs {
			t.Fatalf("%d outputs, want %d", width, outputs)
		}
	})
}

// TestActivations holds the bound against what a workspace has after training.
func TestActivations(t *testing.T) {
	for _, name := range everyKind {
		for _, rows := range []int{1, 7, 600} {
			m := newSmall(t, name)
			ws := m.NewWorkspace(rows)
			ws.prepare(m, rows, blobs(9, m.Loss()), nil)
			n := len(ws.batch.X) + len(ws.batch.Y) + len(ws.batch.Labels) - len(ws.delta[len(ws.delta)-1])
			for i := range m.layers {
				n += len(ws.out[i]) + len(ws.delta[i]) + len(ws.scratch[i])
			}
			if got := m.Activations(rows); got != int64(n) {
				t.Errorf("%s: %d activations for %d rows, want %d", name, got, rows, n)
			}
		}
	}
}

// TestProducts counts for 12 features and 3 outputs by hand.
func TestProducts(t *testing.T) {
	for name, want := range map[string]int64{
		"softmax":          36,
		"mlp:5:4":          60 + 20 + 12,
		"conv:4x3:5x2:6@2": 6*6*4 + 3*8*5 + 10*6 + 18,
		"gru:5@4":          3*(4+5)*15 + 15,
	} {
		if got := newModel(t, name, 12, 3, CrossEntropy).Products(); got != want {
			t.Errorf("%s: %d products, want %d", name, got, want)
		}
	}
}
