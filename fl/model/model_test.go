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

func TestParseSpec(t *testing.T) {
	tests := map[string]Spec{
		"softmax":     {},
		"linear":      {Kind: Linear},
		"mlp:64":      {Kind: MLP, Hidden: []int{64}},
		"mlp:64:32:8": {Kind: MLP, Hidden: []int{64, 32, 8}},
	}
	for s, want := range tests {
		got, err := ParseSpec(s)
		if err != nil || got.String() != s {
			t.Errorf("ParseSpec(%q) = %v, %v", s, got, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s, diff)
		}
	}
	bad := map[string]string{
		"":                                  "possible: softmax, linear, mlp:H",
		"conv":                              "possible: softmax, linear, mlp:H",
		"mlp":                               "possible: softmax, linear, mlp:H",
		"softmax:3":                         "possible: softmax, linear, mlp:H",
		"mlp:":                              `"" is not a number of units`,
		"mlp:x":                             `"x" is not a number of units`,
		"mlp:+4":                            `"+4" is not a number of units`,
		"mlp:64:":                           `"" is not a number of units`,
		"mlp:0":                             "0 units; it takes 1 to 65536",
		"mlp:8:-1":                          "-1 units; it takes 1 to 65536",
		"mlp:65537":                         "65537 units; it takes 1 to 65536",
		"mlp" + strings.Repeat(":4", 17):    "17 hidden layers; it takes 1 to 16",
		"mlp:99999999999999999999999999999": "is not a number of units",
	}
	for s, want := range bad {
		if _, err := ParseSpec(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSpec(%q) = %v, want an error with %q", s, err, want)
		}
	}
}

func spec(t testing.TB, s string) Spec {
	t.Helper()
	got, err := ParseSpec(s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

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
	s := Spec{Kind: MLP, Hidden: []int{8}}
	m, err := New(s, 4, 2, CrossEntropy)
	if err != nil {
		t.Fatal(err)
	}
	s.Hidden[0] = 99
	m.Spec().Hidden[0] = 98
	if m.Spec().String() != "mlp:8" {
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
}

func TestInit(t *testing.T) {
	m := newModel(t, "mlp:200:50", 100, 10, CrossEntropy)
	theta := make([]float32, m.Size())
	for i := range theta {
		theta[i] = 9
	}
	m.Init(theta, 1)
	for i, want := range []float64{2.0 / 100, 2.0 / 200, 1.0 / 50} {
		sum, squares, most := 0.0, 0.0, 0.0
		w := m.layers[i].weights(theta)
		for _, v := range w {
			sum += float64(v)
			squares += float64(v) * float64(v)
			most = max(most, math.Abs(float64(v)))
		}
		n := float64(len(w))
		if variance := squares / n; math.Abs(variance/want-1) > 0.15 || math.Abs(sum/n) > 5*math.Sqrt(want/n) || most > math.Sqrt(3*want) {
			t.Errorf("layer %d: variance %.5f, want %.5f, mean %.5f, largest %.5f", i, variance, want, sum/n, most)
		}
		for _, v := range m.layers[i].biases(theta) {
			if v != 0 {
				t.Errorf("layer %d: bias %v", i, v)
			}
		}
	}
	other := make([]float32, m.Size())
	m.Init(other, 2)
	if cmp.Equal(theta, other) {
		t.Error("two seeds give the same parameters")
	}
	m.Init(other, 1)
	if !cmp.Equal(theta, other) {
		t.Error("one seed gives different parameters")
	}
	flat := newModel(t, "softmax", 4, 3, CrossEntropy)
	theta = []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	flat.Init(theta, 1)
	if diff := cmp.Diff(make([]float32, 15), theta); diff != "" {
		t.Errorf("softmax (-want +got):\n%s", diff)
	}
}

func TestMistakesPanic(t *testing.T) {
	m := newModel(t, "softmax", 2, 2, CrossEntropy)
	other := newModel(t, "softmax", 2, 2, CrossEntropy)
	theta, ws := make([]float32, m.Size()), m.NewWorkspace(2)
	tests := map[string]func(){
		"workspace of no rows":      func() { m.NewWorkspace(0) },
		"workspace of many rows":    func() { m.NewWorkspace(MaxBatch + 1) },
		"short parameters":          func() { m.Predict(theta[1:], make([]float32, 2), ws) },
		"short gradient":            func() { m.Gradient(theta[1:], theta, Batch{}, 0, ws) },
		"no rows":                   func() { m.Predict(theta, nil, ws) },
		"half a row":                func() { m.Predict(theta, make([]float32, 3), ws) },
		"more rows than workspace":  func() { m.Predict(theta, make([]float32, 6), ws) },
		"another model's workspace": func() { other.Predict(theta, make([]float32, 2), ws) },
		"init of a short vector":    func() { m.Init(theta[1:], 1) },
	}
	for name, f := range tests {
		func() {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "model: ") {
					t.Errorf("%s: panic %v", name, text)
				}
			}()
			f()
		}()
	}
}
