// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/tensor"
)

func writeC(t testing.TB, a *Artifact, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteC(&b, a, name); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// strict is how a header has to compile.
var strict = []string{"-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Wtrigraphs", "-Wcomment"}

// compile builds files by name, of which the one that ends in .c or .cpp
// includes the others, and returns the program.
func compile(t testing.TB, files map[string][]byte, flags ...string) string {
	t.Helper()
	dir, source, compiler := t.TempDir(), "", "gcc"
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
		switch filepath.Ext(name) {
		case ".c":
			source = name
		case ".cpp":
			source, compiler = name, "g++"
		}
	}
	if _, err := exec.LookPath(compiler); err != nil {
		t.Skipf("there is no %s to compile what was exported", compiler)
	}
	cmd := exec.Command(compiler, append(flags, "-o", "program", source)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", compiler, err, out)
	}
	return filepath.Join(dir, "program")
}

// run gives a program numbers and returns those that it writes.
func run(t *testing.T, x []float32, program string, args ...string) []float32 {
	t.Helper()
	var in, out bytes.Buffer
	if err := binary.Write(&in, binary.LittleEndian, x); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout = &in, &out
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	numbers := make([]float32, out.Len()/4)
	if err := binary.Read(&out, binary.LittleEndian, numbers); err != nil {
		t.Fatal(err)
	}
	return numbers
}

// program is one file that includes all headers, which therefore have to live
// side by side, and runs the model that its argument names.
func program(t testing.TB, all []made) map[string][]byte {
	var b, calls strings.Builder
	files := map[string][]byte{}
	for _, a := range all {
		name := CName(a.name)
		files[name+".h"] = writeC(t, a.Artifact, a.name)
		fmt.Fprintf(&b, "#include \"%s.h\"\n", name)
		fmt.Fprintf(&calls, "\tif (!strcmp(argv[1], \"%s\")) RUN(%s, %s)\n", name, name, strings.ToUpper(name))
	}
	fmt.Fprintf(&b, `#include <stdio.h>
#define RUN(name, NAME) { \
	float x[NAME##_FEATURES], out[1 + NAME##_OUTPUTS]; \
	while (fread(x, sizeof x, 1, stdin) == 1) { \
		out[0] = (float)name##_predict(x, out + 1); \
		fwrite(out, sizeof out, 1, stdout); \
	} }
int main(int argc, char **argv)
{
	if (argc != 2)
		return 1;
%s	return 0;
}
`, &calls)
	files["main.c"] = []byte(b.String())
	return files
}

// predict is what a device makes of a row: the class and the outputs.
func predict(t *testing.T, a *Artifact, row []float32) []float32 {
	t.Helper()
	m, err := a.Model()
	if err != nil {
		t.Fatal(err)
	}
	x := slices.Clone(row)
	for i, v := range x {
		if v != v && a.Fill != nil {
			x[i] = a.Fill[i]
		}
	}
	a.Scaler.ApplyRow(x)
	ws := m.NewWorkspace(1)
	if a.Kind == dataset.Anomaly {
		score := []float32{0}
		m.AnomalyScores(score, a.Theta, x, ws)
		class := float32(0)
		if score[0] > a.Threshold {
			class = 1
		}
		return []float32{class, score[0], a.Threshold}
	}
	z := m.Predict(a.Theta, x, ws)
	if a.Kind == dataset.Regression {
		return []float32{0, float32(z[0]*a.Scaler.TargetDeviation) + a.Scaler.TargetMean}
	}
	class := tensor.ArgMax(z)
	tensor.Softmax(z, a.Classes)
	return append([]float32{float32(class)}, z...)
}

// rowsFor returns rows about the means, some far from them, some with gaps.
func rowsFor(a *Artifact, rows int) []float32 {
	r := rand.New(rand.NewPCG(uint64(len(a.Columns)), 2))
	x := make([]float32, 0, rows*len(a.Columns))
	for i := range rows {
		for j := range a.Columns {
			v := float32(r.NormFloat64())
			if a.Scaler.Mean != nil {
				v = float32(v*a.Scaler.Deviation[j]) + a.Scaler.Mean[j]
			}
			switch {
			case i%7 == 3:
				v *= 1e3 // clipped
			case i%5 == 2 && r.IntN(3) == 0:
				v = float32(math.NaN())
			case i%11 == 4 && a.Scaler.Mean != nil:
				v = float32(math.Inf(1 - 2*r.IntN(2)))
			}
			x = append(x, v)
		}
	}
	return x
}

// compareC runs rows through a program and through the model, whose outputs are
// at most so far apart, relative to them or to 1. With 0 the bits are the same, but for
// the sign of 0.
func compareC(t *testing.T, program string, a made, rows int, apart float64) {
	t.Helper()
	x, n := rowsFor(a.Artifact, rows), len(a.Columns)
	got, classes := run(t, x, program, CName(a.name)), map[float32]int{}
	for i := range rows {
		want := predict(t, a.Artifact, x[i*n:(i+1)*n])
		if len(got) < len(want) || got[0] != want[0] {
			t.Fatalf("row %d: class %v, want %v of %v", i, got[:min(1, len(got))], want[0], want[1:])
		}
		classes[got[0]]++
		for j, v := range want {
			if d := math.Abs(float64(got[j]) - float64(v)); !(d <= apart*max(1, math.Abs(float64(v)))) {
				t.Errorf("row %d, number %d: %v, want %v", i, j, got[j], v)
			}
		}
		got = got[len(want):]
	}
	if len(got) > 0 {
		t.Errorf("%d numbers too many", len(got))
	}
	if a.Kind != dataset.Regression && a.Classes != 1 && len(classes) < 2 {
		t.Errorf("all rows are of one class: %v", classes)
	}
}

// larger returns artifacts with what the small ones lack.
func larger(t testing.TB) []made {
	saturated := newArtifact(t, "gru:4@1", dataset.Classification, 6, 3, "none")
	for i := range saturated.Theta {
		saturated.Theta[i] *= 200 // drives sigmoid and tanh to where exp overflows
	}
	extreme := newArtifact(t, "linear", dataset.Regression, 8, 0, "none")
	copy(extreme.Theta, []float32{1e6, -1e-6, math.SmallestNonzeroFloat32, float32(math.Copysign(0, -1)), 1, 1 << 24, 0.1, 1.1754944e-38, -math.MaxFloat32})
	extreme.Scaler.TargetDeviation = 1e-30
	tied := newArtifact(t, "softmax", dataset.Classification, 2, 3, "none")
	for i := range tied.Theta {
		tied.Theta[i] *= 1e-12 // so near to each other that all probabilities are the same
	}
	return []made{
		{"tied", tied},
		{"conv of an image", newArtifact(t, "conv", dataset.Classification, 64, 10, "divide:16")},
		{"conv of one step", newArtifact(t, "conv:4x3@6", dataset.Classification, 6, 2, "none")},
		{"conv of two steps", newArtifact(t, "conv:3x2:2x3@2", dataset.Regression, 4, 0, "none")},
		{"conv wider than the window", newArtifact(t, "conv:4x9:3x6", dataset.Regression, 5, 0, "zscore")},
		{"gru of an image", newArtifact(t, "gru", dataset.Classification, 64, 10, "zscore")},
		{"gru that saturates", saturated},
		{"extreme numbers", extreme},
		{"deep", newArtifact(t, "mlp:9:8:7:6:5", dataset.Regression, 17, 0, "zscore")},
		{"one class", newArtifact(t, "softmax", dataset.Classification, 2, 1, "none")},
		{"default autoencoder", newArtifact(t, "autoencoder", dataset.Anomaly, 33, 0, "divide:4")},
	}
}

// withThresholds sets thresholds that some rows of rowsFor are above.
func withThresholds(t *testing.T, all []made) []made {
	for _, a := range all {
		if a.Kind == dataset.Anomaly {
			a.Threshold = predict(t, a.Artifact, rowsFor(a.Artifact, 1))[1]
		}
	}
	return all
}

// TestC compiles what was exported and holds it against the model.
func TestC(t *testing.T) {
	all := withThresholds(t, append(everyKind(t), larger(t)...))
	path := compile(t, program(t, all), append(strict, "-O1")...)
	for _, a := range all {
		t.Run(a.name, func(t *testing.T) { compareC(t, path, a, 500, 0) })
	}
}

// TestCPlusPlus compiles as C++, and for a processor that fuses products into
// sums where this one can, as compilers for microcontrollers do unless told not to.
func TestCPlusPlus(t *testing.T) {
	all := withThresholds(t, everyKind(t))
	files := program(t, all)
	files["main.cpp"] = files["main.c"]
	delete(files, "main.c")
	flags := []string{"-std=c++11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2"}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil && bytes.Contains(b, []byte(" fma ")) {
		flags = append(flags, "-mfma")
	}
	path := compile(t, files, flags...)
	for _, a := range all {
		t.Run(a.name, func(t *testing.T) { compareC(t, path, a, 200, 1e-5) })
	}
}

func TestCGolden(t *testing.T) {
	for _, a := range everyKind(t) {
		golden(t, a.name+".h", writeC(t, a.Artifact, a.name))
	}
}

// TestNotFinite returns -1 where a result is no number.
func TestNotFinite(t *testing.T) {
	all := []made{
		{"softmax", newArtifact(t, "softmax", dataset.Classification, 2, 2, "none")},
		{"linear", newArtifact(t, "linear", dataset.Regression, 2, 0, "none")},
		{"autoencoder", newArtifact(t, "autoencoder:1", dataset.Anomaly, 2, 0, "none")},
	}
	path, inf := compile(t, program(t, all), strict...), float32(math.Inf(1))
	for _, a := range all {
		got := run(t, []float32{1, 2, inf, -inf, 3, 4}, path, a.name)
		wide := len(got) / 3
		if got[0] < 0 || got[wide] != -1 || got[2*wide] < 0 {
			t.Errorf("%s: %v", a.name, got)
		}
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

func TestWriteCRefuses(t *testing.T) {
	a := newArtifact(t, "softmax", dataset.Classification, 2, 3, "none")
	full := errors.New("disk full")
	if err := WriteC(failing{full}, a, "m"); !errors.Is(err, full) {
		t.Errorf("%v, want %v", err, full)
	}
	a.Theta = a.Theta[1:]
	if err := WriteC(&bytes.Buffer{}, a, "m"); err == nil {
		t.Error("a parameter too few is written")
	}
}
