// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/dataset/digits"
)

// scaled scales both tables as the training rows tell.
func scaled(t testing.TB, scale dataset.Scale, train, test *dataset.Table) {
	t.Helper()
	scaler, err := dataset.Fit(scale, train)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(scaler.Apply(train), scaler.Apply(test)); err != nil {
		t.Fatal(err)
	}
}

func scaledDigits(t testing.TB) (train, test *dataset.Table) {
	train, test, schema := digits.Load()
	scaled(t, schema.Scale, train, test)
	return train, test
}

// TestTrainDigits trains as the numerical reference does, where ten epochs on
// all rows reach 0.950 to 0.958 (softmax) and 0.953 to 0.972 (mlp:64). With
// VECINO_LONG set, it is forty epochs from each of five seeds.
func TestTrainDigits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute in software floating point")
	}
	data, test := scaledDigits(t)
	long := os.Getenv("VECINO_LONG") != ""
	for _, tt := range []struct {
		spec       string
		rate       float32
		want, long float64
	}{
		{"softmax", 0.3, 0.94, 0.95},
		{"mlp:64", 0.3, 0.95, 0.945},
		{"conv", 0.1, 0.95, 0.96},
		{"conv@8", 0.1, 0.95, 0.96},
		{"conv:16x3:32x3:32@8", 0.1, 0.95, 0.965},
		{"gru", 0.5, 0.95, 0.975},
	} {
		s, seeds := SGD{Rate: tt.rate, Decay: 1e-4, Batch: 16, Epochs: 10}, 1
		if long {
			s.Epochs, seeds, tt.want = 40, 5, tt.long
		}
		for seed := range seeds {
			m, theta := trainFrom(t, tt.spec, data, s, uint64(seed+3))
			score := evaluate(t, m, theta, test, m.NewWorkspace(128))
			if score.Accuracy < tt.want {
				t.Errorf("%s: %+v, want an accuracy of %v", tt.spec, score, tt.want)
			}
			if long {
				t.Logf("%s: %.3f", tt.spec, score.Accuracy)
			}
		}
	}
}

// TestAnomaliesOfDigits learns the digits 0 to 4 and has to find the others.
func TestAnomaliesOfDigits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute in software floating point")
	}
	train, test, schema := digits.Load()
	normal := func(label int32) bool { return label < 5 }
	data, _ := anomalies(train, normal)
	both := appendTable(anomalies(test, normal))
	scaled(t, schema.Scale, data, both)
	if got := findAnomalies(t, "autoencoder:32:8", data, both, SGD{Rate: 1, Batch: 16, Epochs: 60}); got.AUC < 0.9 {
		t.Errorf("%+v", got)
	}
}

// TestAnomaliesOfOccupancy learns rooms where nobody is and has to find those
// where somebody is.
func TestAnomaliesOfOccupancy(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute in software floating point")
	}
	train, test, err := dataset.Load(sharedData(t, "occupancy"), dataset.Schema{Kind: dataset.Classification}, dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	empty := func(label int32) bool { return label == 0 }
	data, _ := anomalies(train, empty)
	both := appendTable(anomalies(test, empty))
	scaled(t, dataset.Scale{}, data, both)
	if got := findAnomalies(t, "autoencoder", data, both, SGD{Rate: 0.1, Momentum: 0.9, Batch: 16, Epochs: 10}); got.AUC < 0.94 || got.Accuracy < 0.8 {
		t.Errorf("%+v", got)
	}
}

// findAnomalies learns from normal rows, takes the threshold from them, and
// scores the rows of test.
func findAnomalies(t *testing.T, name string, normal, test *dataset.Table, s SGD) Score {
	t.Helper()
	m, theta := trainFrom(t, name, normal, s, 3)
	ws := m.NewWorkspace(128)
	threshold, err := m.Threshold(theta, normal, nil, ws)
	if err != nil {
		t.Fatal(err)
	}
	score, err := m.EvaluateAnomaly(theta, test, threshold, ws)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %.3f area under the curve, %.3f accuracy", name, score.AUC, score.Accuracy)
	return score
}

// anomalies splits rows of classes into those that are normal and the others.
func anomalies(t *dataset.Table, isNormal func(label int32) bool) (normal, odd *dataset.Table) {
	normal = &dataset.Table{Kind: dataset.Anomaly, Columns: t.Columns, Classes: 2}
	odd = &dataset.Table{Kind: dataset.Anomaly, Columns: t.Columns, Classes: 2}
	for i, label := range t.Labels {
		to, target := normal, int32(0)
		if !isNormal(label) {
			to, target = odd, 1
		}
		to.X = append(to.X, t.Row(i)...)
		to.Labels, to.Y = append(to.Labels, target), append(to.Y, float32(target))
	}
	return normal, odd
}

// appendTable appends the rows of more to t, which it returns.
func appendTable(t, more *dataset.Table) *dataset.Table {
	t.X = append(t.X, more.X...)
	t.Labels, t.Y = append(t.Labels, more.Labels...), append(t.Y, more.Y...)
	return t
}

// trainFrom trains from the parameters of a seed, with momentum where there is
// some.
func trainFrom(t testing.TB, name string, data *dataset.Table, s SGD, seed uint64) (*Model, []float32) {
	t.Helper()
	m, err := For(spec(t, name), data)
	if err != nil {
		t.Fatal(err)
	}
	theta := make([]float32, m.Size())
	m.Init(theta, seed)
	step := &Step{}
	if s.Momentum > 0 {
		step.Velocity = make([]float32, m.Size())
	}
	if _, _, err := s.Train(m, theta, data, nil, step, rand.New(rand.NewPCG(1, seed)), m.NewWorkspace(s.Batch)); err != nil {
		t.Fatal(err)
	}
	return m, theta
}

// sharedData returns a data folder that lies beside the module.
func sharedData(t *testing.T, name string) fs.FS {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("the module's root is not among the parents of this folder")
		}
		dir = filepath.Dir(dir)
	}
	data := filepath.Join(dir, "..", "shared", "data", name)
	if _, err := os.Stat(data); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the data folder %s is not here", name)
	}
	return os.DirFS(data)
}
