// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
)

func float(v float64) *float64 { return &v }

// TestValidate has changes to valid artifacts, by name.
func TestValidate(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		name, of string
		change   func(a *Artifact)
		want     string
	}{
		{"kind", "softmax", func(a *Artifact) { a.Kind = dataset.Automatic }, "kind automatic"},
		{"kind", "softmax", func(a *Artifact) { a.Kind = 9 }, "kind kind(9)"},
		{"classes", "softmax", func(a *Artifact) { a.Classes = 0 }, "0 classes"},
		{"classes", "softmax", func(a *Artifact) { a.Classes = dataset.MaxClasses + 1 }, "1001 classes"},
		{"classes of numbers", "linear", func(a *Artifact) { a.Classes = 1 }, "1 classes, of which a model for regression has none"},
		{"no columns", "softmax", func(a *Artifact) { a.Columns = nil }, "0 columns"},
		{"many columns", "softmax", func(a *Artifact) { a.Columns = make([]string, dataset.MaxColumns+1) }, "4097 columns"},
		{"empty name", "softmax", func(a *Artifact) { a.Columns[1] = "" }, `column ""`},
		{"long name", "softmax", func(a *Artifact) { a.Columns[1] = strings.Repeat("x", dataset.MaxField+1) }, `column "xxx`},
		{"name not UTF-8", "softmax", func(a *Artifact) { a.Columns[1] = "\xff" }, `column "\xff"`},
		{"name twice", "softmax", func(a *Artifact) { a.Columns[1] = a.Columns[0] }, "two columns are named"},
		{"name of the target", "softmax", func(a *Artifact) { a.Columns[1] = a.Target }, "cannot be a feature and the target"},
		{"long target", "softmax", func(a *Artifact) { a.Target = strings.Repeat("x", dataset.MaxField+1) }, "target"},
		{"task not UTF-8", "softmax", func(a *Artifact) { a.Task = "\xff" }, "task"},
		{"means", "softmax", func(a *Artifact) { a.Scaler.Mean = a.Scaler.Mean[1:] }, "2 means"},
		{"divisor", "softmax", func(a *Artifact) { a.Scaler.Scale.Divisor = 2 }, "divisor 2, where nothing is divided"},
		{"target fit", "softmax", func(a *Artifact) { a.Scaler.TargetMean = 1 }, "a target of mean 1 and deviation 1"},
		{"target fit", "autoencoder", func(a *Artifact) { a.Scaler.TargetDeviation = 2 }, "a target of mean 0 and deviation 2"},
		{"fill", "softmax", func(a *Artifact) { a.Fill = a.Scaler.Mean }, "scale zscore, which fills in the means"},
		{"short fill", "linear", func(a *Artifact) { a.Fill = a.Fill[1:] }, "3 numbers to fill in"},
		{"infinite fill", "linear", func(a *Artifact) { a.Fill[2] = inf }, "a number to fill in is not finite"},
		{"threshold", "softmax", func(a *Artifact) { a.Threshold = 1 }, "threshold 1 of a model for classification"},
		{"threshold", "autoencoder", func(a *Artifact) { a.Threshold = -1 }, "threshold -1"},
		{"threshold", "autoencoder", func(a *Artifact) { a.Threshold = nan }, "threshold NaN"},
		{"threshold", "autoencoder", func(a *Artifact) { a.Threshold = inf }, "threshold +Inf"},
		{"accuracy", "softmax", func(a *Artifact) { a.Measure = float(-0.1) }, "accuracy -0.1 is not possible"},
		{"auc", "autoencoder", func(a *Artifact) { a.Measure = float(math.NaN()) }, "auc NaN is not possible"},
		{"r2", "linear", func(a *Artifact) { a.Measure = float(math.Inf(-1)) }, "r2 -Inf is not possible"},
		{"rows", "softmax", func(a *Artifact) { a.Rows = 1 << 63 }, "rows are not possible"},
		{"year", "softmax", func(a *Artifact) { a.Created = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "created in the year 10000"},
		{"model", "softmax", func(a *Artifact) { a.Spec = model.Spec{Kind: model.Linear} }, "model linear predicts numbers"},
		{"model", "mlp", func(a *Artifact) { a.Spec.Hidden[0] = 0 }, "a hidden layer of 0 units"},
		{"size", "softmax", func(a *Artifact) { a.Theta = a.Theta[1:] }, "7 parameters, and model softmax of 3 features has 8"},
		{"no parameters", "softmax", func(a *Artifact) { a.Theta = nil }, "0 parameters"},
		{"NaN", "mlp", func(a *Artifact) { a.Theta[len(a.Theta)-1] = nan }, "tensor dense3.bias: a number is not finite"},
	} {
		a := find(t, tt.of)
		if err := a.Validate(); err != nil {
			t.Fatal(err)
		}
		tt.change(a.Artifact)
		if err := a.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
	if err := new(Artifact).Validate(); err == nil {
		t.Error("the zero artifact is valid")
	}
}

// TestFits holds tasks against an artifact of conv@2 and one of numbers.
func TestFits(t *testing.T) {
	for _, tt := range []struct {
		name, of string
		change   func(w *Want)
		want     string // empty where it fits
	}{
		{"the same", "conv", func(*Want) {}, ""},
		{"a scaler of its own, but the same", "linear", func(*Want) {}, ""},
		{"no scaler", "conv", func(w *Want) { w.Scaler = nil }, ""},
		{"spelt in full", "conv of an image", func(w *Want) { w.Spec.Filters, w.Spec.Channels = []model.Filter{{Count: 16, Width: 5}}, 1 }, ""},
		{"kind", "mlp", func(w *Want) { w.Kind, w.Classes = dataset.Regression, 0 }, "the file holds a model for classification, and the task is a regression"},
		{"classes", "mlp", func(w *Want) { w.Classes = 4 }, "the file holds a model of 3 classes, and the task has 4"},
		{"target", "mlp", func(w *Want) { w.Target = "rain" }, `the file predicts "état", and the task "rain"`},
		{"columns", "mlp", func(w *Want) { w.Columns = w.Columns[1:] }, "the file has 4 columns, and the task 3"},
		{"order", "mlp", func(w *Want) { slices.Reverse(w.Columns) }, `column 1 of the file is "sensor 0", and that of the task "sensor 3"`},
		{"size", "mlp", func(w *Want) { w.Spec.Hidden = []int{5, 4} }, "the file holds model mlp:5:3, and the task learns mlp:5:4"},
		{"layers", "mlp", func(w *Want) { w.Spec.Hidden = []int{5} }, "the file holds model mlp:5:3, and the task learns mlp:5"},
		{"channels", "conv", func(w *Want) { w.Spec.Channels = 1 }, "and the task learns conv:3x4:2x3:4@1"},
		{"no model", "mlp", func(w *Want) { w.Spec.Hidden = nil }, "0 hidden layers"},
		{"scale", "mlp", func(w *Want) { w.Scaler.Scale.Method, w.Scaler.Scale.Divisor = dataset.Divide, 2 }, "the file scales by none, and the task by divide:2; let the task"},
		{"mean", "conv", func(w *Want) { w.Scaler.Mean[3]++ }, `the file scales column "sensor 3" in another way than the task; let the task`},
		{"deviation", "conv", func(w *Want) { w.Scaler.Deviation[13]++ }, `the file scales column "sensor 13"`},
		{"means", "conv", func(w *Want) { w.Scaler.Mean = nil }, "the task scales 0 columns"},
		{"target fit", "linear", func(w *Want) { w.Scaler.TargetMean++ }, "the file scales the target in another way"},
	} {
		a := find(t, tt.of)
		scaler := a.Scaler
		scaler.Mean, scaler.Deviation = slices.Clone(a.Scaler.Mean), slices.Clone(a.Scaler.Deviation)
		w := Want{Spec: a.Spec, Kind: a.Kind, Columns: slices.Clone(a.Columns), Target: a.Target, Classes: a.Classes, Scaler: &scaler}
		tt.change(&w)
		err := a.Fits(w)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
