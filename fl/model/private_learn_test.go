// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/privacy"
	"github.com/vecino-edge/vecino/fl/tensor"
)

// TestPrivateGolden holds the parameters after ten steps, which are the same on
// every architecture for a seed.
func TestPrivateGolden(t *testing.T) {
	for i, want := range []string{
		"cd0a269a0f9958bff8e5d50140f7dc071e8ead325ef087c90ac9b1414f1245f7",
		"44c0f3adaa83552179753833b4161cc648cdea6104aeb58f0ce25d2c3c22cc16",
		"29904dc7a533e0fc33487dec79b17b2b364a229a8961d385eb0f0c32c9316f5c",
		"3d3bb9bedce08667105b33a20bfb36ddbaebcbe19378da06c8e5a64413bc27d4",
	} {
		k := privateModels[i]
		data := points(50, k.kind)
		m, theta := start(t, k.name, data, 2)
		p := Private{Rate: 0.1, Decay: 1e-3, Clip: 1, Sigma: 1.5, Q: 0.3, Steps: 10}
		if _, _, err := p.Train(m, theta, data, nil, nil, privacy.NewSource([32]byte{9}), m.NewWorkspace(4)); err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		if err := binary.Write(h, binary.LittleEndian, theta); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("%s: %s, want %s", k.name, got, want)
		}
	}
}

// besideModule returns a data folder that lies beside the module, or skips.
func besideModule(t *testing.T, name string) fs.FS {
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

// TestPrivateLearns trains ten nodes that average after every step, each with
// its own noise and its own tenth of the data, as the numerical reference does
// over a graph: what each tells about a record is epsilon 2.58, and they reach
// 84 of 100.
func TestPrivateLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute in software floating point")
	}
	scale := dataset.Scale{Method: dataset.Divide, Divisor: 255}
	data, test, err := dataset.Load(besideModule(t, "mnist10k"), dataset.Schema{Scale: scale}, dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	scaler, err := dataset.Fit(scale, data)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(scaler.Apply(data), scaler.Apply(test)); err != nil {
		t.Fatal(err)
	}
	const nodes, steps, q, sigma = 10, 100, 0.1, 2
	if got := privacy.Epsilon(q, sigma, steps, 1e-5); got > 2.59 {
		t.Errorf("epsilon %v", got)
	}
	m := newModel(t, "softmax", data.Features(), data.Classes, CrossEntropy)
	mean, own, ws := make([]float32, m.Size()), make([]float32, m.Size()), m.NewWorkspace(128)
	var sources [nodes]*privacy.Source
	var rows [nodes][]int32
	order := rand.New(rand.NewPCG(1, 1)).Perm(data.Rows())
	for i, r := range order {
		rows[i%nodes] = append(rows[i%nodes], int32(r))
	}
	for k := range sources {
		sources[k] = privacy.NewSource([32]byte{byte(k)})
	}
	p := Private{Rate: 1, Clip: 1, Sigma: sigma, Q: q, Steps: 1}
	for range steps {
		next := make([]float32, m.Size())
		for k := range nodes {
			copy(own, mean)
			if _, _, err := p.Train(m, own, data, rows[k], nil, sources[k], ws); err != nil {
				t.Fatal(err)
			}
			tensor.Axpy(1.0/nodes, own, next)
		}
		mean = next
	}
	score := evaluate(t, m, mean, test, ws)
	t.Logf("accuracy %.4f", score.Accuracy)
	if score.Accuracy < 0.84 {
		t.Errorf("accuracy %v", score.Accuracy)
	}
}

func BenchmarkPrivateStep(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	data := &dataset.Table{Kind: dataset.Classification, Columns: make([]string, 784), Classes: 10}
	for i := range 1000 {
		for range 784 {
			data.X = append(data.X, r.Float32())
		}
		data.Labels, data.Y = append(data.Labels, int32(i%10)), append(data.Y, float32(i%10))
	}
	for _, name := range []string{"softmax", "mlp:32"} {
		m, theta := start(b, name, data, 1)
		ws, source := m.NewWorkspace(100), privacy.NewSource([32]byte{})
		b.Run(name+"/private", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := (Private{Rate: 0.001, Clip: 1, Sigma: 1, Q: 0.1, Steps: 10}).Train(m, theta, data, nil, nil, source, ws); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/sgd", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := (SGD{Rate: 0.001, Batch: 100, Epochs: 1}).Train(m, theta, data, nil, nil, r, ws); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
