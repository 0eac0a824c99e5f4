// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
)

// snap learns a task over 300 rows and takes a snapshot by 200 others.
func snap(t *testing.T, spec string, scale dataset.Scale, all *dataset.Table, epochs int) *snapshot {
	t.Helper()
	task, scaled := taskOf("task", spec, scale, all)
	var train, held []int32
	for i := range int32(all.Rows()) {
		if i < 300 {
			train = append(train, i)
		} else {
			held = append(held, i)
		}
	}
	task.Rate = 0.1
	s, err := newSnapshot(task, learn(task, scaled.Subset(train), epochs), scaled.Subset(held))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestClassify(t *testing.T) {
	for name, scale := range map[string]dataset.Scale{"zscore": {}, "none": {Method: dataset.None}, "divide": {Method: dataset.Divide, Divisor: 2}} {
		t.Run(name, func(t *testing.T) {
			s := snap(t, "mlp:8", scale, table(dataset.Classification, 2, 500, larger), 60)
			for _, c := range []struct {
				x       []float32
				class   int
				sure    bool
				missing int
			}{
				{[]float32{0.9, 0.1}, 1, true, 0},
				{[]float32{0.1, 0.9}, 0, true, 0},
				{[]float32{0.5, 0.5}, -1, false, 0},
				{[]float32{0.95, missing}, 1, true, 1}, // the mean stands for it
				{[]float32{missing, 0.95}, 0, true, 1},
				{[]float32{0.2, missing}, 0, true, 1},
				{[]float32{missing, 0.2}, 1, true, 1},
			} {
				got, err := s.score(append([]float32{}, c.x...))
				if err != nil || got.Missing != c.missing || got.Class == nil || got.Confidence == nil {
					t.Fatalf("%v: %+v, %v", c.x, got, err)
				}
				if c.class >= 0 && *got.Class != c.class || (*got.Confidence > 0.8) != c.sure || *got.Confidence < 0.5 || *got.Confidence > 1 {
					t.Errorf("%v: class %d with %v", c.x, *got.Class, *got.Confidence)
				}
			}
		})
	}
}

// TestEstimate holds that values come in the unit of the target, and that their
// intervals hold as many targets as they say, of rows never seen.
func TestEstimate(t *testing.T) {
	noise := rand.New(rand.NewPCG(3, 4))
	truth := func(a, b float32) float32 { return 100 + 30*a - 10*b + float32(noise.NormFloat64()) }
	s := snap(t, "linear", dataset.Scale{}, table(dataset.Regression, 0, 500, truth), 60)
	fresh, inside, off := rand.New(rand.NewPCG(5, 6)), 0, 0.0
	const rows = 2000
	for range rows {
		a, b := fresh.Float32(), fresh.Float32()
		y := float64(truth(a, b))
		got, err := s.score([]float32{a, b})
		if err != nil || got.Value == nil || got.Low == nil || got.High == nil || *got.Confidence != Coverage {
			t.Fatalf("%+v, %v", got, err)
		}
		if off += math.Abs(*got.Value - y); *got.Low <= y && y <= *got.High {
			inside++
		}
	}
	if share := float64(inside) / rows; share < Coverage-0.05 || share > Coverage+0.05 || off/rows > 1 {
		t.Errorf("%.3f of the targets inside, mean error %.3f", share, off/rows)
	}
}

func TestFewHeldRowsTellNoInterval(t *testing.T) {
	all := table(dataset.Regression, 0, 300+8, func(a, b float32) float32 { return a })
	s := snap(t, "linear", dataset.Scale{}, all, 5)
	got, err := s.score([]float32{0.5, 0.5})
	if err != nil || got.Value == nil || got.Low != nil || got.Confidence != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSuspect(t *testing.T) {
	s := snap(t, "autoencoder:1", dataset.Scale{}, table(dataset.Anomaly, 2, 500, func(_, _ float32) float32 { return 0 }), 60)
	for _, c := range []struct {
		x         []float32
		anomalous bool
	}{{[]float32{0.5, 0.5}, false}, {[]float32{0.2, 0.2}, false}, {[]float32{0.1, 0.9}, true}, {[]float32{1, 0}, true}} {
		got, err := s.score(append([]float32{}, c.x...))
		if err != nil || got.Anomalous == nil || *got.Anomalous != c.anomalous || *got.Confidence < 0.5 || *got.Confidence > 1 {
			t.Errorf("%v: %+v, %v", c.x, got, err)
		}
		if (*got.Anomaly > *got.Threshold) != c.anomalous {
			t.Errorf("%v: score %v, threshold %v", c.x, *got.Anomaly, *got.Threshold)
		}
	}
}

// TestSnapshotIsACopy holds that training goes on without changing what is scored.
func TestSnapshotIsACopy(t *testing.T) {
	task, scaled := taskOf("task", "softmax", dataset.Scale{}, table(dataset.Classification, 2, 100, larger))
	theta := learn(task, scaled, 20)
	s, err := newSnapshot(task, theta, scaled)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := s.score([]float32{0.9, 0.1})
	clear(theta)
	after, _ := s.score([]float32{0.9, 0.1})
	if *before.Confidence != *after.Confidence {
		t.Errorf("%v, then %v", *before.Confidence, *after.Confidence)
	}
}

func TestSnapshotRefused(t *testing.T) {
	task, scaled := taskOf("task", "softmax", dataset.Scale{Method: dataset.Divide, Divisor: 1e-30}, table(dataset.Classification, 2, 100, func(_, _ float32) float32 { return 0 }))
	theta := make([]float32, 6)
	if _, err := newSnapshot(task, theta[:5], nil); err == nil {
		t.Error("a model of another size is taken")
	}
	if _, err := newSnapshot(task, []float32{0, 0, 0, 0, 0, nan}, nil); !errors.Is(err, model.ErrDiverged) {
		t.Error("a model that is not finite is taken:", err)
	}
	other := *scaled
	other.Columns, other.X = []string{"a"}, scaled.X[:100]
	if _, err := newSnapshot(task, theta, &other); err == nil {
		t.Error("held-out rows of another task are taken")
	}
	s, err := newSnapshot(task, theta, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.score([]float32{1e30, 0}); err == nil {
		t.Errorf("a value that grows beyond 32 bits gives %+v", got)
	}
}
