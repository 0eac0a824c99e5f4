// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// points returns rows of two features: their class is whether the first is the
// larger, their number is 3 times the first less the second.
func points(n int, kind dataset.Kind) *dataset.Table {
	r := rand.New(rand.NewPCG(8, 8))
	t := &dataset.Table{Kind: kind, Columns: []string{"a", "b"}}
	for range n {
		a, b := 2*r.Float32()-1, 2*r.Float32()-1
		t.X = append(t.X, a, b)
		if kind == dataset.Regression {
			t.Y = append(t.Y, float32(3*a)-b)
			continue
		}
		label := int32(0)
		if a > b {
			label = 1
		}
		t.Classes = 2
		t.Labels = append(t.Labels, label)
		t.Y = append(t.Y, float32(label))
	}
	return t
}

func train(t testing.TB, name string, data *dataset.Table, s SGD) (*Model, []float32) {
	t.Helper()
	m, err := For(spec(t, name), data)
	if err != nil {
		t.Fatal(err)
	}
	theta := make([]float32, m.Size())
	m.Init(theta, 3)
	if _, _, err := s.Train(m, theta, data, nil, nil, rand.New(rand.NewPCG(1, 2)), m.NewWorkspace(s.Batch)); err != nil {
		t.Fatal(err)
	}
	return m, theta
}

func TestTrainLearns(t *testing.T) {
	for _, name := range []string{"softmax", "mlp:8", "mlp:8:8"} {
		data := points(200, dataset.Classification)
		m, theta := train(t, name, data, SGD{Rate: 0.5, Batch: 10, Epochs: 60})
		score := evaluate(t, m, theta, data, m.NewWorkspace(64))
		if score.Accuracy < 0.97 || score.Rows != 200 || score.R2 != 0 {
			t.Errorf("%s: %+v", name, score)
		}
	}
	for _, name := range []string{"linear", "mlp:8"} {
		data := points(200, dataset.Regression)
		m, theta := train(t, name, data, SGD{Rate: 0.05, Batch: 10, Epochs: 60})
		score := evaluate(t, m, theta, data, m.NewWorkspace(64))
		if score.R2 < 0.98 || score.Accuracy != 0 {
			t.Errorf("%s: %+v", name, score)
		}
	}
}

// TestTrainSteps follows the definition of an epoch step by step: a shuffled
// order, whose beginning fills up the last batch.
func TestTrainSteps(t *testing.T) {
	data := points(30, dataset.Classification)
	rows := []int32{3, 9, 4, 27, 11, 0, 19}
	s := SGD{Rate: 0.25, Decay: 0.01, Batch: 3, Epochs: 2}
	m := newModel(t, "softmax", 2, 2, CrossEntropy)
	correction := []float32{0.5, -0.25, 0, 1, -1, 0.125}
	got, want := make([]float32, m.Size()), make([]float32, m.Size())
	steps, loss, err := s.Train(m, got, data, rows, &Step{Correction: correction}, rand.New(rand.NewPCG(5, 6)), m.NewWorkspace(3))
	if err != nil || steps != 6 || s.Steps(len(rows)) != 6 {
		t.Fatalf("%d steps, %v", steps, err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	order := append([]int32{}, rows...)
	grad, ws, sum := make([]float32, m.Size()), m.NewWorkspace(3), 0.0
	for range 2 {
		r.Shuffle(7, func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, batch := range [][]int32{order[:3], order[3:6], {order[6], order[0], order[1]}} {
			var b Batch
			for _, row := range batch {
				b.X = append(b.X, data.Row(int(row))...)
				b.Labels = append(b.Labels, data.Labels[row])
			}
			sum += m.Gradient(grad, want, b, s.Decay, ws)
			for i := range want {
				want[i] -= float32(s.Rate * (grad[i] + correction[i]))
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if loss != sum/6 {
		t.Errorf("loss %v, want %v", loss, sum/6)
	}
	if diff := cmp.Diff([]int32{3, 9, 4, 27, 11, 0, 19}, rows); diff != "" {
		t.Errorf("the caller's rows changed (-want +got):\n%s", diff)
	}
}

// TestTrainOnFewRows repeats two rows to fill a batch of seven.
func TestTrainOnFewRows(t *testing.T) {
	data := points(30, dataset.Regression)
	m := newModel(t, "linear", 2, 1, MeanSquare)
	theta := make([]float32, m.Size())
	s := SGD{Rate: 0.1, Batch: 7, Epochs: 3}
	steps, _, err := s.Train(m, theta, data, []int32{4, 5}, nil, rand.New(rand.NewPCG(1, 1)), m.NewWorkspace(7))
	if err != nil || steps != 3 {
		t.Errorf("%d steps, %v", steps, err)
	}
}

// TestTrainDefaults holds that nil rows are all rows, and no correction is one
// of zeros.
func TestTrainDefaults(t *testing.T) {
	data := points(20, dataset.Classification)
	all := make([]int32, 20)
	for i := range all {
		all[i] = int32(i)
	}
	m := newModel(t, "mlp:4", 2, 2, CrossEntropy)
	var results [2][]float32
	for i, args := range []struct {
		rows       []int32
		correction []float32
	}{{nil, nil}, {all, make([]float32, m.Size())}} {
		theta := make([]float32, m.Size())
		m.Init(theta, 1)
		if _, _, err := (SGD{Rate: 0.1, Batch: 8, Epochs: 2}).Train(m, theta, data, args.rows, &Step{Correction: args.correction}, rand.New(rand.NewPCG(1, 1)), m.NewWorkspace(8)); err != nil {
			t.Fatal(err)
		}
		results[i] = theta
	}
	if diff := cmp.Diff(results[0], results[1]); diff != "" {
		t.Errorf("(-nil +all rows and no correction):\n%s", diff)
	}
}

func TestTrainDiverges(t *testing.T) {
	data := points(40, dataset.Regression)
	tests := map[string]func(s *SGD, theta, correction []float32){
		"rate":       func(s *SGD, _, _ []float32) { s.Rate = 1e6 },
		"parameters": func(_ *SGD, theta, _ []float32) { theta[0] = float32(math.NaN()) },
		"last step":  func(s *SGD, _, correction []float32) { s.Epochs, s.Batch = 1, 40; correction[1] = float32(math.Inf(1)) },
	}
	for name, change := range tests {
		m := newModel(t, "mlp:4", 2, 1, MeanSquare)
		theta, correction := make([]float32, m.Size()), make([]float32, m.Size())
		m.Init(theta, 1)
		s := SGD{Rate: 0.01, Batch: 4, Epochs: 20}
		change(&s, theta, correction)
		if _, _, err := s.Train(m, theta, data, nil, &Step{Correction: correction}, rand.New(rand.NewPCG(1, 1)), m.NewWorkspace(40)); !errors.Is(err, ErrDiverged) {
			t.Errorf("%s: %v, want ErrDiverged", name, err)
		}
	}
}

func TestTrainRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	good := SGD{Rate: 0.1, Batch: 4, Epochs: 1}
	data, numbers := points(8, dataset.Classification), points(8, dataset.Regression)
	wide := &dataset.Table{Kind: dataset.Classification, Columns: []string{"a"}, Classes: 2}
	many := &dataset.Table{Kind: dataset.Classification, Columns: []string{"a", "b"}, Classes: 3}
	empty := &dataset.Table{Kind: dataset.Classification, Columns: []string{"a", "b"}, Classes: 2}
	tests := []struct {
		sgd  SGD
		data *dataset.Table
		rows []int32
		want string
	}{
		{SGD{Rate: 0, Batch: 4, Epochs: 1}, data, nil, "learning rate 0"},
		{SGD{Rate: nan, Batch: 4, Epochs: 1}, data, nil, "learning rate NaN"},
		{SGD{Rate: inf, Batch: 4, Epochs: 1}, data, nil, "learning rate +Inf"},
		{SGD{Rate: 1, Decay: -1, Batch: 4, Epochs: 1}, data, nil, "weight decay -1"},
		{SGD{Rate: 1, Decay: nan, Batch: 4, Epochs: 1}, data, nil, "weight decay NaN"},
		{SGD{Rate: 1, Batch: 0, Epochs: 1}, data, nil, "batch of 0 rows"},
		{SGD{Rate: 1, Batch: MaxBatch + 1, Epochs: 1}, data, nil, "batch of 4097 rows"},
		{SGD{Rate: 1, Batch: 1, Epochs: 0}, data, nil, "0 epochs"},
		{SGD{Rate: 1, Batch: 1, Epochs: MaxEpochs + 1}, data, nil, "100001 epochs"},
		{good, numbers, nil, "the data are a regression"},
		{good, wide, nil, "2 features: the data have 1"},
		{good, many, nil, "of 3 classes"},
		{good, empty, nil, "no rows"},
		{good, data, []int32{}, "no rows"},
	}
	m := newModel(t, "softmax", 2, 2, CrossEntropy)
	theta, ws := make([]float32, m.Size()), m.NewWorkspace(4)
	for _, tt := range tests {
		_, _, err := tt.sgd.Train(m, theta, tt.data, tt.rows, nil, rand.New(rand.NewPCG(1, 1)), ws)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want an error with %q", tt.sgd, err, tt.want)
		}
	}
	regression := newModel(t, "linear", 2, 1, MeanSquare)
	if err := regression.Accepts(data); err == nil {
		t.Error("a linear model accepts classes")
	}
	defer func() {
		if recover() == nil {
			t.Error("a batch beyond the workspace did not panic")
		}
	}()
	_, _, _ = SGD{Rate: 1, Batch: 5, Epochs: 1}.Train(m, theta, data, nil, nil, rand.New(rand.NewPCG(1, 1)), ws)
}
