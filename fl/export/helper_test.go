// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// made is an artifact of a test and what its golden files are called.
type made struct {
	name string
	*Artifact
}

// newArtifact returns an artifact whose numbers are random but always the same.
func newArtifact(t testing.TB, spec string, kind dataset.Kind, features, classes int, scale string) *Artifact {
	t.Helper()
	s, err := model.ParseSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	a := &Artifact{Spec: s, Kind: kind, Target: "état", Classes: classes}
	for i := range features {
		a.Columns = append(a.Columns, fmt.Sprintf("sensor %d", i))
	}
	m, err := a.Model()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(uint64(m.Size()), 2))
	a.Theta = make([]float32, m.Size())
	for i := range a.Theta {
		a.Theta[i] = float32(0.7 * (2*r.Float32() - 1))
	}
	if a.Scaler.Scale, err = dataset.ParseScale(scale); err != nil {
		t.Fatal(err)
	}
	if scale == "zscore" {
		for range features {
			a.Scaler.Mean = append(a.Scaler.Mean, 20*(r.Float32()-0.5))
			a.Scaler.Deviation = append(a.Scaler.Deviation, 0.5+4*r.Float32())
		}
	}
	a.Scaler.TargetDeviation = 1
	if kind == dataset.Regression {
		a.Scaler.TargetMean, a.Scaler.TargetDeviation = -3.25, 7.5
	}
	if kind == dataset.Anomaly {
		a.Threshold = 0.75
	}
	return a
}

// everyKind returns small artifacts of all kinds of models, with golden files.
func everyKind(t testing.TB) []made {
	softmax := newArtifact(t, "softmax", dataset.Classification, 3, 2, "zscore")
	softmax.Task, softmax.TaskID = "street noise", [16]byte{0xab, 15: 1}
	softmax.Rounds, softmax.Rows, softmax.Created = 40, 1200, time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	measure := 0.9375
	softmax.Measure = &measure
	linear := newArtifact(t, "linear", dataset.Regression, 4, 0, "divide:255")
	linear.Fill = []float32{1, -2.5, 0, 1e-3}
	r2 := -0.5
	linear.Measure = &r2
	return []made{
		{"softmax", softmax},
		{"linear", linear},
		{"mlp", newArtifact(t, "mlp:5:3", dataset.Classification, 4, 3, "none")},
		{"conv", newArtifact(t, "conv:3x4:2x3:4@2", dataset.Classification, 14, 3, "zscore")},
		{"gru", newArtifact(t, "gru:3@2", dataset.Regression, 8, 0, "zscore")},
		{"autoencoder", newArtifact(t, "autoencoder:3:2", dataset.Anomaly, 5, 0, "zscore")},
	}
}

// find returns one of the artifacts above or below by its name.
func find(t testing.TB, name string) made {
	t.Helper()
	all := append(everyKind(t), larger(t)...)
	return all[slices.IndexFunc(all, func(a made) bool { return a.name == name })]
}

func encode(t testing.TB, a *Artifact) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteSafetensors(&b, a); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// golden holds bytes against a file of testdata, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *updateGolden {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: other bytes than the committed ones", path)
	}
}
