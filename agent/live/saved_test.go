// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/dataset"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// goldenModel is a model of testdata/saved.json; bytes are in hexadecimal.
type goldenModel struct {
	Task  string    `json:"task"`
	Theta []float32 `json:"theta"`
	Fill  []float32 `json:"fill"`
	Known bool      `json:"known"`
	Reach float64   `json:"reach"`
}

type goldenSaved struct {
	Models []goldenModel `json:"models"`
	Bytes  string        `json:"bytes"`
}

// savedExample is a file with a classification and a regression.
func savedExample() savedModels {
	file := savedModels{Version: savedVersion}
	{
		task, _ := taskOf("numbers", "linear", dataset.Scale{}, table(dataset.Regression, 0, 40, func(a, b float32) float32 { return a + b }))
		file.Models = append(file.Models, savedModel{Task: task.Encode(), Theta: putFloats([]float32{1, -2, 0.5}), Fill: putFloats([]float32{0, 0.25}), Known: true, Reach: 1.5})
	}
	task, _ := taskOf("classes", "softmax", dataset.Scale{Method: dataset.Divide, Divisor: 2}, table(dataset.Classification, 2, 40, larger))
	file.Models = append(file.Models, savedModel{Task: task.Encode(), Theta: putFloats([]float32{1, 2, 3, 4, 5, 6}), Fill: putFloats([]float32{0.1, 0.2})})
	return file
}

func goldenOf(file savedModels) (g goldenSaved) {
	for _, m := range file.Models {
		g.Models = append(g.Models, goldenModel{hex.EncodeToString(m.Task), floats(m.Theta), floats(m.Fill), m.Known, m.Reach})
	}
	g.Bytes = hex.EncodeToString(wire.MustMarshal(file))
	return g
}

func TestSavedGolden(t *testing.T) {
	path := filepath.Join("testdata", "saved.json")
	if *updateGolden {
		b, err := json.MarshalIndent(goldenOf(savedExample()), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want goldenSaved
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	file, err := hex.DecodeString(want.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	snaps, err := decodeModels(file)
	if err != nil {
		t.Fatal(err)
	}
	got := savedModels{Version: savedVersion}
	for _, s := range snaps {
		got.Models = append(got.Models, s.saved())
	}
	if d := cmp.Diff(want, goldenOf(got)); d != "" {
		t.Error("-golden +read:", d)
	}
}

// TestSavedDamaged holds that a file that is cut or does not make sense is refused.
func TestSavedDamaged(t *testing.T) {
	good := wire.MustMarshal(savedExample())
	for n := range good {
		if _, err := decodeModels(good[:n]); err == nil {
			t.Errorf("%d of %d bytes are read", n, len(good))
		}
	}
	change := func(f func(*savedModels)) []byte {
		file := savedExample()
		f(&file)
		return wire.MustMarshal(file)
	}
	for name, b := range map[string][]byte{
		"version":   change(func(f *savedModels) { f.Version = 2 }),
		"too many":  change(func(f *savedModels) { f.Models = slices.Repeat(f.Models, 3) }),
		"theta":     change(func(f *savedModels) { f.Models[0].Theta = f.Models[0].Theta[:11] }),
		"nan":       change(func(f *savedModels) { f.Models[0].Theta = putFloats([]float32{0, 0, nan}) }),
		"odd theta": change(func(f *savedModels) { f.Models[0].Theta = append(f.Models[0].Theta, 0) }),
		"fill":      change(func(f *savedModels) { f.Models[0].Fill = putFloats([]float32{0, nan}) }),
		"few fills": change(func(f *savedModels) { f.Models[0].Fill = nil }),
		"reach":     change(func(f *savedModels) { f.Models[0].Reach = -1 }),
		"infinite":  change(func(f *savedModels) { f.Models[0].Reach = math.Inf(1) }),
		"unknown":   change(func(f *savedModels) { f.Models[0].Known = false }),
		"task":      change(func(f *savedModels) { f.Models[0].Task = []byte("task") }),
		"longer":    append(slices.Clone(good), 0),
	} {
		if _, err := decodeModels(b); err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
}

// FuzzSaved holds that no file brings a service down, and that what is read is
// written as it was.
func FuzzSaved(f *testing.F) {
	good := wire.MustMarshal(savedExample())
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(wire.MustMarshal(savedModels{Version: savedVersion, Models: []savedModel{}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		snaps, err := decodeModels(b)
		if err != nil {
			return
		}
		again := savedModels{Version: savedVersion, Models: []savedModel{}}
		for _, s := range snaps {
			again.Models = append(again.Models, s.saved())
			if _, err := s.score(make([]float32, s.model.Features())); err != nil {
				t.Log(err)
			}
		}
		if !slices.Equal(wire.MustMarshal(again), b) {
			t.Error("what was read is written in another way")
		}
	})
}
