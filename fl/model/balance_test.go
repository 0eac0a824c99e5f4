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

func TestCountClasses(t *testing.T) {
	data := &dataset.Table{Kind: dataset.Classification, Classes: 4, Labels: []int32{0, 2, 2, 1, 2}}
	if diff := cmp.Diff([]int{1, 1, 3, 0}, CountClasses(data, nil)); diff != "" {
		t.Errorf("all rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, 0, 2, 0}, CountClasses(data, []int32{4, 0, 1})); diff != "" {
		t.Errorf("some rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 0, 0, 0}, CountClasses(data, []int32{})); diff != "" {
		t.Errorf("no rows (-want +got):\n%s", diff)
	}
}

func TestBalancedWeights(t *testing.T) {
	for _, tt := range []struct {
		counts []int
		want   []float32
	}{
		{[]int{5, 5, 5}, []float32{1, 1, 1}},
		{[]int{90, 10}, []float32{100.0 / 180, 5}},
		{[]int{6, 0, 2}, []float32{8.0 / 12, 1, 2}},
		{[]int{0, 0}, []float32{1, 1}},
		{nil, []float32{}},
	} {
		if diff := cmp.Diff(tt.want, BalancedWeights(tt.counts)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.counts, diff)
		}
	}
}

// TestWeightsOfOne holds that weights of 1 change no bit.
func TestWeightsOfOne(t *testing.T) {
	data := points(30, dataset.Classification)
	_, want := train(t, "mlp:4", data, SGD{Rate: 0.5, Batch: 8, Epochs: 3})
	_, got := train(t, "mlp:4", data, SGD{Rate: 0.5, Batch: 8, Epochs: 3, ClassWeight: []float32{1, 1}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-without +with weights of 1):\n%s", diff)
	}
}

// TestWeightsEnd holds that weights do not stay in the workspace.
func TestWeightsEnd(t *testing.T) {
	data := points(8, dataset.Classification)
	m := newModel(t, "softmax", 2, 2, CrossEntropy)
	theta, ws := make([]float32, m.Size()), m.NewWorkspace(4)
	s := SGD{Rate: 0.1, Batch: 4, Epochs: 1, ClassWeight: []float32{1, 2}}
	if _, _, err := s.Train(m, theta, data, nil, nil, rand.New(rand.NewPCG(1, 1)), ws); err != nil {
		t.Fatal(err)
	}
	if ws.prepare(m, 4, data, nil); ws.batch.Weight != nil {
		t.Errorf("weights %v", ws.batch.Weight)
	}
}

// TestWeightsFindTheRare trains where one row in twenty has class 1 and the
// classes overlap, so that without weights nearly all of it is missed.
func TestWeightsFindTheRare(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	data := &dataset.Table{Kind: dataset.Classification, Columns: []string{"x"}, Classes: 2}
	for i := range 2000 {
		label := int32(0)
		if i%20 == 0 {
			label = 1
		}
		data.X = append(data.X, float32(r.NormFloat64())+1.5*float32(label))
		data.Labels, data.Y = append(data.Labels, label), append(data.Y, float32(label))
	}
	found := func(weights []float32) (share float64) {
		m, theta := train(t, "softmax", data, SGD{Rate: 0.1, Batch: 20, Epochs: 5, ClassWeight: weights})
		ws := m.NewWorkspace(1)
		for i, label := range data.Labels {
			if z := m.Predict(theta, data.Row(i), ws); label == 1 && z[1] > z[0] {
				share += 1.0 / 100
			}
		}
		return share
	}
	if without, with := found(nil), found(BalancedWeights(CountClasses(data, nil))); without > 0.3 || with < 0.6 {
		t.Errorf("of the rare class %.2f are found without weights and %.2f with them", without, with)
	}
}

func TestWeightsRefuse(t *testing.T) {
	data, numbers := points(8, dataset.Classification), points(8, dataset.Regression)
	for _, tt := range []struct {
		data    *dataset.Table
		weights []float32
		want    string
	}{
		{data, []float32{1, 2, 3}, "3 class weights for 2 classes"},
		{data, []float32{}, "0 class weights for 2 classes"},
		{data, []float32{1, -1}, "weight -1 of class 1"},
		{numbers, []float32{1}, "has no classes"},
	} {
		m, err := For(spec(t, "mlp:2"), tt.data)
		if err != nil {
			t.Fatal(err)
		}
		s := SGD{Rate: 1, Batch: 2, Epochs: 1, ClassWeight: tt.weights}
		_, _, err = s.Train(m, make([]float32, m.Size()), tt.data, nil, nil, rand.New(rand.NewPCG(1, 1)), m.NewWorkspace(2))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want an error with %q", tt.weights, err, tt.want)
		}
	}
}
