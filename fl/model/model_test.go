// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/dataset"
)

func newModel(t testing.TB, s string, features, outputs int, loss Loss) *Model {
	t.Helper()
	m, err := New(spec(t, s), features, outputs, loss)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNew(t *testing.T) {
	tests := []struct {
		spec              string
		features, outputs int
		loss              Loss
		size              int
	}{
		{"softmax", 64, 10, CrossEntropy, 650},
		{"linear", 10, 1, MeanSquare, 11},
		{"mlp:64", 64, 10, CrossEntropy, 4810},
		{"mlp:8:4", 3, 2, MeanSquare, 32 + 36 + 10},
		{"mlp:4095", 4095, 1, MeanSquare, 4095*4096 + 4096},
		{"conv", 64, 10, CrossEntropy, 6*16 + 10*(32*16+1)},
		{"conv@8", 64, 10, CrossEntropy, 41*16 + 10*(4*16+1)},
		{"conv:7", 5, 1, MeanSquare, 6*16 + 7*(3*16+1) + 8},
		{"conv:4x3:6x2:5@2", 14, 2, CrossEntropy, 7*4 + 9*6 + 5*(2*6+1) + 6*2},
		{"conv:16x5", 4096, 2, CrossEntropy, 6*16 + 2*(2048*16+1)},
		{"gru", 64, 10, CrossEntropy, 3*32*(8+32+2) + 33*10},
		{"gru:5@3", 12, 1, MeanSquare, 3*5*(3+5+2) + 6},
		{"gru:2@1", MaxSteps, 2, CrossEntropy, 3*2*(1+2+2) + 3*2},
		{"autoencoder", 64, 64, Reconstruction, 65*16 + 17*64},
		{"autoencoder", 7, 7, Reconstruction, 8*1 + 2*7},
		{"autoencoder:8:4:2", 10, 10, Reconstruction, 11*8 + 9*4 + 5*2 + 3*4 + 5*8 + 9*10},
		{"autoencoder:8:3", 10, 10, Reconstruction, 11*8 + 9*3 + 4*8 + 9*10},
	}
	for _, tt := range tests {
		m := newModel(t, tt.spec, tt.features, tt.outputs, tt.loss)
		if m.Size() != tt.size || m.Features() != tt.features || m.Outputs() != tt.outputs || m.Loss() != tt.loss || m.Spec().String() != tt.spec {
			t.Errorf("%s: size %d, %d features, %d outputs, loss %d", m.Spec(), m.Size(), m.Features(), m.Outputs(), m.Loss())
		}
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		spec              Spec
		features, outputs int
		loss              Loss
		want              string
	}{
		{Spec{}, 0, 10, CrossEntropy, "0 features"},
		{Spec{}, 4, 0, CrossEntropy, "0 outputs"},
		{Spec{}, MaxWidth + 1, 1, CrossEntropy, "it takes 1 to"},
		{Spec{}, math.MaxInt, math.MaxInt, CrossEntropy, "it takes 1 to"},
		{Spec{}, MaxWidth, MaxWidth, CrossEntropy, "more than 16777216 parameters"},
		{Spec{Kind: MLP, Hidden: []int{MaxWidth, MaxWidth}}, 4, 2, CrossEntropy, "more than 16777216 parameters"},
		{Spec{Kind: MLP, Hidden: []int{4096}}, 4096, 2, CrossEntropy, "more than 16777216 parameters"},
		{Spec{}, 4, 2, MeanSquare, "use linear or mlp:H"},
		{Spec{Kind: Linear}, 4, 2, CrossEntropy, "use softmax or mlp:H"},
		{Spec{Kind: MLP, Hidden: []int{4}}, 4, 2, 7, "loss 7 is unknown"},
		{Spec{Kind: 9}, 4, 2, CrossEntropy, "kind 9 is unknown"},
		{Spec{Kind: 9, Hidden: make([]int, 17)}, 4, 2, CrossEntropy, "kind 9 is unknown"},
		{Spec{Filters: defaultFilters}, 4, 2, CrossEntropy, "no filters"},
		{Spec{Channels: 2}, 4, 2, CrossEntropy, "no channels"},
		{Spec{Kind: Conv, Channels: 3}, 64, 2, CrossEntropy, "64 features are no whole number of steps of 3 channels"},
		{Spec{Kind: GRU, Channels: 65}, 64, 2, CrossEntropy, "64 features are no whole number of steps of 65 channels"},
		{Spec{Kind: GRU, Channels: 1}, MaxSteps + 1, 2, CrossEntropy, "it takes up to 256 steps"},
		{Spec{Kind: Conv}, 4097, 2, CrossEntropy, "filters 16x5 are too large for 4097 steps"},
		{Spec{Kind: Conv, Filters: []Filter{{2, 256}}, Channels: 257}, 257, 2, CrossEntropy, "filters 2x256 are too large"},
		{Spec{Kind: GRU, Hidden: []int{2400}}, 4, 2, CrossEntropy, "more than 16777216 parameters"},
		{Spec{Kind: GRU, Hidden: []int{MaxWidth}}, 4, 2, CrossEntropy, "more than 16777216 parameters"},
		{Spec{Kind: Autoencoder}, 4, 4, MeanSquare, "finds anomalies"},
		{Spec{Kind: Autoencoder}, 4, 2, CrossEntropy, "finds anomalies"},
		{Spec{Kind: Autoencoder}, 4, 3, Reconstruction, "4 features and 3 outputs; they are as many"},
		{Spec{Kind: GRU}, 4, 4, Reconstruction, "use autoencoder"},
		{Spec{}, 4, 4, Reconstruction, "use autoencoder"},
		{Spec{Hidden: []int{4}}, 4, 2, CrossEntropy, "no hidden layers"},
	}
	for _, tt := range tests {
		if _, err := New(tt.spec, tt.features, tt.outputs, tt.loss); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New(%v, %d, %d, %d) = %v, want an error with %q", tt.spec, tt.features, tt.outputs, tt.loss, err, tt.want)
		}
	}
}

// TestSpecIsCopied changes what New and Spec were given and gave.
func TestSpecIsCopied(t *testing.T) {
	s := Spec{Kind: Conv, Filters: []Filter{{4, 3}}, Hidden: []int{8}}
	m, err := New(s, 4, 2, CrossEntropy)
	if err != nil {
		t.Fatal(err)
	}
	s.Hidden[0], s.Filters[0].Count = 99, 99
	m.Spec().Hidden[0], m.Spec().Filters[0].Count = 98, 98
	if m.Spec().String() != "conv:4x3:8" {
		t.Errorf("the spec of the model changed to %v", m.Spec())
	}
}

func TestFor(t *testing.T) {
	numbers := &dataset.Table{Kind: dataset.Regression, Columns: []string{"a", "b"}}
	classes := &dataset.Table{Kind: dataset.Classification, Columns: []string{"a"}, Classes: 7}
	for _, tt := range []struct {
		table *dataset.Table
		size  int
	}{{numbers, 4*3 + 5}, {classes, 4*2 + 7*5}} {
		m, err := For(spec(t, "mlp:4"), tt.table)
		if err != nil || m.Size() != tt.size {
			t.Errorf("%v: size %d, want %d, %v", tt.table.Kind, m.Size(), tt.size, err)
		}
	}
	if _, err := For(spec(t, "softmax"), numbers); err == nil {
		t.Error("softmax accepts numbers")
	}
	odd := &dataset.Table{Kind: dataset.Anomaly, Columns: []string{"a", "b", "c"}, Classes: 2}
	m, err := For(spec(t, "autoencoder:2"), odd)
	if err != nil || m.Outputs() != 3 || m.Loss() != Reconstruction {
		t.Errorf("autoencoder: %v, %v", m, err)
	}
	for _, name := range []string{"softmax", "linear", "mlp:4", "conv", "gru"} {
		if _, err := For(spec(t, name), odd); err == nil {
			t.Errorf("%s finds anomalies", name)
		}
	}
	if _, err := For(spec(t, "autoencoder"), classes); err == nil {
		t.Error("an autoencoder accepts classes")
	}
}

// checkVariance holds that w is uniform with a variance, 0 for zeros.
func checkVariance(t *testing.T, name string, w []float32, want float64) {
	t.Helper()
	sum, squares, most := 0.0, 0.0, 0.0
	for _, v := range w {
		sum += float64(v)
		squares += float64(v) * float64(v)
		most = max(most, math.Abs(float64(v)))
	}
	n := float64(len(w))
	if math.Abs(squares/n-want) > 0.15*want || math.Abs(sum/n) > 5*math.Sqrt(want/n) || most > math.Sqrt(3*want) {
		t.Errorf("%s: variance %.5f, want %.5f, mean %.5f, largest %.5f", name, squares/n, want, sum/n, most)
	}
}

func TestInitVariances(t *testing.T) {
	tests := map[string]map[string]float64{ // of 100 features and 10 classes; all other tensors are zero
		"softmax":              {},
		"mlp:200:50":           {"dense1.weight": 2.0 / 100, "dense2.weight": 2.0 / 200, "dense3.weight": 1.0 / 50},
		"conv:40x5:30x3:20@10": {"conv1.weight": 2.0 / 50, "conv2.weight": 2.0 / 120, "dense1.weight": 2.0 / 90, "dense2.weight": 1.0 / 20},
		"gru:40@20":            {"gru1.weight_input": 1.0 / 120, "gru1.weight_state": 1.0 / 120, "dense1.weight": 1.0 / 40},
	}
	for name, variances := range tests {
		m := newModel(t, name, 100, 10, CrossEntropy)
		theta := make([]float32, m.Size())
		for i := range theta {
			theta[i] = 9
		}
		m.Init(theta, 1)
		for _, tensor := range m.Layers() {
			checkVariance(t, name+": "+tensor.Name, theta[tensor.From:tensor.To], variances[tensor.Name])
		}
	}
}

func TestInitSeeds(t *testing.T) {
	m := newModel(t, "mlp:20", 10, 2, CrossEntropy)
	theta := make([]float32, m.Size())
	m.Init(theta, 1)
	other := make([]float32, m.Size())
	m.Init(other, 2)
	if cmp.Equal(theta, other) {
		t.Error("two seeds give the same parameters")
	}
	m.Init(other, 1)
	if !cmp.Equal(theta, other) {
		t.Error("one seed gives different parameters")
	}
}

func TestAccepts(t *testing.T) {
	classes, numbers, odd := blobs(3, CrossEntropy), blobs(3, MeanSquare), blobs(3, Reconstruction)
	for _, tt := range []struct {
		model *Model
		data  *dataset.Table
		want  string // of the error
	}{
		{newModel(t, "gru", 6, 3, CrossEntropy), classes, ""},
		{newModel(t, "conv", 6, 5, CrossEntropy), classes, ""},
		{newModel(t, "gru", 6, 1, MeanSquare), numbers, ""},
		{newModel(t, "autoencoder", 6, 6, Reconstruction), odd, ""},
		{newModel(t, "gru", 6, 2, CrossEntropy), classes, "of 2 classes: the data are a classification of 3"},
		{newModel(t, "gru", 6, 3, CrossEntropy), odd, "the data are to find anomalies"},
		{newModel(t, "gru", 6, 3, CrossEntropy), numbers, "the data are a regression"},
		{newModel(t, "gru", 6, 2, MeanSquare), numbers, "model gru of 2 numbers"},
		{newModel(t, "linear", 6, 1, MeanSquare), odd, "the data are to find anomalies"},
		{newModel(t, "autoencoder", 6, 6, Reconstruction), classes, "finds anomalies: the data are a classification"},
		{newModel(t, "autoencoder", 7, 7, Reconstruction), odd, "of 7 features: the data have 6"},
	} {
		err := tt.model.Accepts(tt.data)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want an error with %q", tt.model.Spec(), err, tt.want)
		}
	}
}
