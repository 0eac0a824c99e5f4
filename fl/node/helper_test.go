// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/update"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

const classes = 3

// tb is what the helpers need of a testing.TB or a rapid.T.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// points returns rows of two features around the origin; their class is the
// third of the circle that they lie in. With only one class there is nothing
// else in the table.
func points(n int, seed uint64, only ...int32) *dataset.Table {
	t := &dataset.Table{Kind: dataset.Classification, Columns: []string{"a", "b"}, Target: "third", Classes: classes}
	r := rand.New(rand.NewPCG(seed, 8))
	for len(t.Y) < n {
		a, b := 2*r.Float32()-1, 2*r.Float32()-1
		label := int32(0)
		switch {
		case b > 0 && b > -2*a:
			label = 1
		case b > 2*a:
			label = 2
		}
		if len(only) > 0 && !slices.Contains(only, label) {
			continue
		}
		t.X, t.Y, t.Labels = append(t.X, a, b), append(t.Y, float32(label)), append(t.Labels, label)
	}
	return t
}

// uneven returns the rows of node i: two classes of three, and not equally many
// on all nodes.
func uneven(i int) *dataset.Table {
	return points(24+8*(i%3), uint64(100+i), int32(i%classes), int32((i+1)%classes))
}

func must[T any](v T, err error) func(tb) T {
	return func(t tb) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func settings(t tb, a Algorithm, q update.Quant) Settings {
	t.Helper()
	m := must(model.New(must(model.ParseSpec("mlp:6"))(t), 2, classes, model.CrossEntropy))(t)
	return Settings{
		Model: m, Algorithm: a, Compression: plain(t, q), FixedGraph: true, Seed: 5,
		SGD: model.SGD{Rate: 0.2, Decay: 1e-4, Batch: 4, Epochs: 1},
	}
}

// plain returns the compression that encodes all numbers so.
func plain(t tb, q update.Quant) update.Compression {
	t.Helper()
	return must(update.ParseCompression(q.String()))(t)
}

// summed are settings of a task that learns by sums.
func summed(t tb, a Algorithm) Settings {
	set := settings(t, a, update.Q8)
	set.Mode = Private
	return set
}

// wide is K-GT with a model of 48,003 parameters.
func wide(t tb) Settings {
	set := settings(t, KGT, update.F32)
	set.Model = must(model.New(must(model.ParseSpec("mlp:8000"))(t), 2, classes, model.CrossEntropy))(t)
	return set
}

// golden compares v with a file of testdata, or writes it with -update.
func golden(t *testing.T, name string, v, want any) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *updateGolden {
		b := must(json.MarshalIndent(v, "", "  "))(t)
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(must(os.ReadFile(path))(t), want); err != nil {
		t.Fatal(err)
	}
}
