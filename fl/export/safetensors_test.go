// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/tensor"
)

// TestSafetensorsGolden holds the bytes, and that they read back to the same.
func TestSafetensorsGolden(t *testing.T) {
	for _, a := range everyKind(t) {
		b := encode(t, a.Artifact)
		golden(t, a.name+".safetensors", b)
		got, err := ReadSafetensors(bytes.NewReader(b), Limits{})
		if err != nil {
			t.Errorf("%s: %v", a.name, err)
			continue
		}
		if diff := cmp.Diff(a.Artifact, got); diff != "" {
			t.Errorf("%s (-written +read):\n%s", a.name, diff)
		}
	}
}

// TestRoundTrip writes and reads artifacts of random names and numbers, bit for bit.
func TestRoundTrip(t *testing.T) {
	text := rapid.StringN(0, -1, dataset.MaxField)
	finite := rapid.Float32().Filter(func(v float32) bool { return v-v == 0 })
	above := rapid.Float32Range(1e-45, math.MaxFloat32)
	rapid.Check(t, func(t *rapid.T) {
		a := &Artifact{Kind: rapid.SampledFrom([]dataset.Kind{dataset.Classification, dataset.Regression, dataset.Anomaly}).Draw(t, "kind")}
		a.Columns = rapid.SliceOfNDistinct(rapid.StringN(1, -1, dataset.MaxField), 1, 9, rapid.ID).Draw(t, "columns")
		a.Target, a.Task = "\x00"+text.Filter(func(s string) bool { return len(s) < dataset.MaxField }).Draw(t, "target"), text.Draw(t, "task")
		if slices.Contains(a.Columns, a.Target) {
			t.Skip("a column is the target")
		}
		n := len(a.Columns)
		a.Spec, a.Scaler.TargetDeviation = model.Spec{Kind: model.MLP, Hidden: []int{2}}, 1
		unit := rapid.Float64Range(0, 1).Draw(t, "measure")
		switch a.Measure = &unit; a.Kind {
		case dataset.Classification:
			a.Classes = rapid.IntRange(1, dataset.MaxClasses).Draw(t, "classes")
		case dataset.Regression:
			a.Scaler.TargetMean, a.Scaler.TargetDeviation = finite.Draw(t, "mean"), above.Draw(t, "deviation")
		case dataset.Anomaly:
			a.Spec.Kind, a.Threshold = model.Autoencoder, rapid.Float32Range(0, math.MaxFloat32).Draw(t, "threshold")
		}
		switch a.Scaler.Scale.Method = rapid.SampledFrom([]dataset.Method{dataset.ZScore, dataset.Divide, dataset.None}).Draw(t, "method"); a.Scaler.Scale.Method {
		case dataset.ZScore:
			a.Scaler.Mean, a.Scaler.Deviation = rapid.SliceOfN(finite, n, n).Draw(t, "means"), rapid.SliceOfN(above, n, n).Draw(t, "deviations")
		case dataset.Divide:
			a.Scaler.Scale.Divisor = above.Draw(t, "divisor")
			a.Fill = rapid.SliceOfN(finite, n, n).Draw(t, "fill")
		}
		a.Rounds, a.Rows = rapid.Uint32().Draw(t, "rounds"), rapid.Uint64Max(math.MaxInt64).Draw(t, "rows")
		a.Created = time.Unix(rapid.Int64Range(0, 253402300799).Draw(t, "created"), 0).UTC()
		copy(a.TaskID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		m, err := a.Model()
		if err != nil {
			t.Fatal(err)
		}
		a.Theta = make([]float32, m.Size())
		for i := range a.Theta {
			a.Theta[i] = finite.Draw(t, "parameter")
		}
		var b bytes.Buffer
		if err := WriteSafetensors(&b, a); err != nil {
			t.Fatal(err)
		}
		first := slices.Clone(b.Bytes())
		got, err := ReadSafetensors(&b, Limits{})
		if err != nil {
			t.Fatalf("%v\n%q", err, first)
		}
		if diff := cmp.Diff(bitsOf(a), bitsOf(got)); diff != "" {
			t.Errorf("(-written +read):\n%s", diff)
		}
		var second bytes.Buffer
		if err := WriteSafetensors(&second, got); err != nil || !bytes.Equal(first, second.Bytes()) {
			t.Errorf("written again it has other bytes: %v", err)
		}
	})
}

// bitsOf is an artifact with the bits of its numbers, so that 0 and -0 differ.
func bitsOf(a *Artifact) any {
	bits := func(x []float32) (b []uint32) {
		for _, v := range x {
			b = append(b, math.Float32bits(v))
		}
		return b
	}
	s := a.Scaler
	rest := *a
	rest.Theta, rest.Fill, rest.Scaler.Mean, rest.Scaler.Deviation = nil, nil, nil, nil
	return []any{rest, bits(a.Theta), bits(a.Fill), bits(s.Mean), bits(s.Deviation), bits([]float32{s.TargetMean, a.Threshold})}
}

func TestWriteSafetensorsRefuses(t *testing.T) {
	a := everyKind(t)[0].Artifact
	full := errors.New("disk full")
	if err := WriteSafetensors(failing{full}, a); !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
	size := len(encode(t, a)) - 4*len(a.Theta)
	for _, room := range []int{size, size - 1} { // the header, or nothing
		if err := WriteSafetensors(&narrow{room, full}, a); !errors.Is(err, full) {
			t.Errorf("%v, want %v", err, full)
		}
	}
	a.Theta[1] = float32(math.NaN())
	var b bytes.Buffer
	if err := WriteSafetensors(&b, a); err == nil || b.Len() > 0 {
		t.Errorf("%d bytes of a model that has diverged: %v", b.Len(), err)
	}
}

// narrow takes so many bytes.
type narrow struct {
	room int
	err  error
}

func (n *narrow) Write(b []byte) (int, error) {
	if n.room -= len(b); n.room < 0 {
		return 0, n.err
	}
	return len(b), nil
}

// TestMaxHeader writes the longest names.
func TestMaxHeader(t *testing.T) {
	a := newArtifact(t, "softmax", dataset.Classification, dataset.MaxColumns, 1, "zscore")
	for i := range a.Columns {
		name := bytes.Repeat([]byte{1}, dataset.MaxField) // each byte becomes seven
		for j := range 12 {
			name[j] += byte(i >> j & 1)
		}
		a.Columns[i] = string(name)
		a.Scaler.Mean[i], a.Scaler.Deviation[i] = -1.2345678e-30, 1.2345678e-30
	}
	a.Task, a.Target = strings.Repeat("\x01", dataset.MaxField), strings.Repeat("\x02", dataset.MaxField)
	b := encode(t, a)
	if n := len(b) - 4*len(a.Theta) - lengthSize; n > MaxHeader || n < MaxHeader*8/10 {
		t.Errorf("a header of %d bytes; at most %d are expected, and not far below", n, MaxHeader)
	}
	got, err := ReadSafetensors(bytes.NewReader(b), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, got); diff != "" {
		t.Error("read differs from written")
	}
}

// TestPython holds files against a reader that shares nothing with this one.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 to read what was written")
	}
	all, args := everyKind(t), []string{filepath.Join("testdata", "read.py")}
	for _, a := range all {
		args = append(args, filepath.Join("testdata", a.name+".safetensors"))
	}
	out, err := exec.Command(python, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var read []pythonFile
	if err := json.Unmarshal(out, &read); err != nil {
		t.Fatal(err)
	}
	for i, a := range all {
		a.checkPython(t, read[i])
	}
}

// pythonFile is what read.py tells of a file.
type pythonFile struct {
	Metadata map[string]string
	Tensors  map[string][]float32
	First    []float32
}

func (a made) checkPython(t *testing.T, got pythonFile) {
	if diff := cmp.Diff(a.metadata(), got.Metadata); diff != "" {
		t.Errorf("%s: metadata (-want +got):\n%s", a.name, diff)
	}
	m, err := a.Model()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers() {
		if !slices.Equal(a.Theta[l.From:l.To], got.Tensors[l.Name]) {
			t.Errorf("%s: %s is %v, want %v", a.name, l.Name, got.Tensors[l.Name], a.Theta[l.From:l.To])
		}
	}
	if strings.HasPrefix(m.Layers()[0].Name, "dense") {
		a.checkFirst(t, got.First)
	}
}

// checkFirst computes what comes out of the first layer where 1, 2, 3 and so on go in.
func (a made) checkFirst(t *testing.T, got []float32) {
	m, err := a.Model()
	if err != nil {
		t.Fatal(err)
	}
	w, x := m.Layers()[0], make([]float32, len(a.Columns))
	for i := range x {
		x[i] = float32(i + 1)
	}
	want := slices.Clone(a.Theta[w.To : w.To+w.Shape[1]])
	tensor.MatMul(want, x, a.Theta[w.From:w.To], 1, w.Shape[0], w.Shape[1])
	for i, v := range want {
		if i >= len(got) || math.Abs(float64(v-got[i])) > 1e-5 {
			t.Errorf("%s: the first layer gives %v, want %v", a.name, got, want)
			return
		}
	}
}

func BenchmarkReadSafetensors(b *testing.B) {
	data := encode(b, newArtifact(b, "mlp:1000", dataset.Classification, 1000, 10, "zscore"))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := ReadSafetensors(bytes.NewReader(data), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
