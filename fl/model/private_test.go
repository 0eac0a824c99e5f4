// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/privacy"
	"github.com/vecino-edge/vecino/fl/tensor"
)

// script is a mechanism whose samples are given and whose noise is its sigma.
type script struct{ samples [][]int32 }

func (s *script) Sample(dst []int32, _ int, _ float64) []int32 {
	dst = append(dst, s.samples[0]...)
	s.samples = s.samples[1:]
	return dst
}

func (s *script) Noise(dst []float32, sigma float64) {
	for i := range dst {
		dst[i] += float32(sigma)
	}
}

// privateModels are the kinds of model with data for them.
var privateModels = []struct {
	name string
	kind dataset.Kind
}{
	{"softmax", dataset.Classification}, {"linear", dataset.Regression},
	{"mlp:5", dataset.Classification}, {"mlp:4:3", dataset.Regression},
}

// clipped returns the gradient of one row as the definition has it.
func clipped(m *Model, theta []float32, data *dataset.Table, row int32, clip float32) []float32 {
	grad := make([]float32, m.Size())
	b := Batch{X: data.Row(int(row)), Y: data.Y[row : row+1]}
	if data.Labels != nil {
		b.Labels = data.Labels[row : row+1]
	}
	m.Gradient(grad, theta, b, 0, m.NewWorkspace(1))
	if norm := tensor.Norm(grad); norm > float64(clip)*clipMargin {
		tensor.Scale(float32(float64(clip)*clipMargin/norm), grad)
	}
	return grad
}

// start returns a model for data, and parameters to begin with.
func start(t testing.TB, name string, data *dataset.Table, seed uint64) (*Model, []float32) {
	t.Helper()
	m, err := For(spec(t, name), data)
	if err != nil {
		t.Fatal(err)
	}
	theta, r := make([]float32, m.Size()), rand.New(rand.NewPCG(seed, 1))
	for i := range theta {
		theta[i] = 2*r.Float32() - 1
	}
	return m, theta
}

// TestPrivateSteps follows the definition step by step: samples of rows, the
// second of them empty; what noise adds; the decay and the correction outside.
func TestPrivateSteps(t *testing.T) {
	rows := []int32{3, 9, 4, 27, 11, 0, 19, 8}
	samples := [][]int32{{0, 2, 3, 5, 6, 7}, {}, {1}, {0, 1, 2, 3, 4, 5, 6, 7}}
	p := Private{Rate: 0.25, Decay: 0.01, Clip: 0.5, Sigma: 0.125, Q: 0.5, Steps: len(samples)}
	for _, k := range privateModels {
		data := points(30, k.kind)
		m, want := start(t, k.name, data, 5)
		got, correction := slices.Clone(want), make([]float32, m.Size())
		for i := range correction {
			correction[i] = float32(i%5)/8 - 0.25
		}
		steps, _, err := p.Train(m, got, data, rows, correction, &script{samples}, m.NewWorkspace(4))
		if err != nil || steps != len(samples) {
			t.Fatalf("%s: %d steps, %v", k.name, steps, err)
		}
		for _, sample := range samples {
			sum := make([]float64, m.Size())
			for _, r := range sample {
				for i, g := range clipped(m, want, data, rows[r], p.Clip) {
					sum[i] += float64(g)
				}
			}
			for i, v := range want {
				g := (sum[i]+0.125*0.5)/4 + 0.01*float64(v) + float64(correction[i])
				want[i] -= float32(0.25 * g)
			}
		}
		if d := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-5)); d != "" {
			t.Errorf("%s: parameters (-want +got):\n%s", k.name, d)
		}
	}
}

// TestPrivateWithoutClipping holds that without noise and with a norm that clips
// nothing a step on all rows is a step of SGD on all rows.
func TestPrivateWithoutClipping(t *testing.T) {
	for _, k := range privateModels {
		data := points(40, k.kind)
		m, a := start(t, k.name, data, 7)
		b, ws := slices.Clone(a), m.NewWorkspace(40)
		private := Private{Rate: 0.1, Decay: 0.01, Clip: 1e6, Q: 1, Steps: 5}
		_, lossA, err := private.Train(m, a, data, nil, nil, privacy.NewSource([32]byte{}), ws)
		if err != nil {
			t.Fatal(err)
		}
		_, lossB, err := SGD{Rate: 0.1, Decay: 0.01, Batch: 40, Epochs: 5}.Train(m, b, data, nil, nil, rand.New(rand.NewPCG(1, 1)), ws)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(b, a, cmpopts.EquateApprox(0, 1e-5)); d != "" || math.Abs(lossA-lossB) > 1e-6 {
			t.Errorf("%s: loss %v, not %v; parameters (-sgd +private):\n%s", k.name, lossA, lossB, d)
		}
	}
}

// TestPrivateAnyWorkspace holds that the size of the workspace does not matter.
func TestPrivateAnyWorkspace(t *testing.T) {
	for _, k := range privateModels {
		data := points(60, k.kind)
		m, first := start(t, k.name, data, 3)
		var want []float32
		for _, rows := range []int{1, 7, 60} {
			theta := slices.Clone(first)
			p := Private{Rate: 0.1, Clip: 1, Sigma: 1, Q: 0.5, Steps: 4}
			if _, _, err := p.Train(m, theta, data, nil, nil, privacy.NewSource([32]byte{1}), m.NewWorkspace(rows)); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = theta
			}
			if d := cmp.Diff(want, theta); d != "" {
				t.Errorf("%s, %d rows (-1 row +more):\n%s", k.name, rows, d)
			}
		}
	}
}

// clipperOf returns a clipper of data that differ widely, and how to sum up.
func clipperOf(t *rapid.T) (m *Model, sum func(rows []int32) []float32, clip float64) {
	k := rapid.SampledFrom(privateModels).Draw(t, "model")
	data := points(40, k.kind)
	scale := rapid.Float32Range(1e-3, 1e3).Draw(t, "scale")
	tensor.Scale(scale, data.X)
	spec, err := ParseSpec(k.name)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = For(spec, data); err != nil {
		t.Fatal(err)
	}
	theta := rapid.SliceOfN(rapid.Float32Range(-3, 3), m.Size(), m.Size()).Draw(t, "theta")
	c, ws := rapid.Float32Range(1e-3, 50).Draw(t, "clip"), m.NewWorkspace(16)
	return m, func(rows []int32) []float32 {
		ws.prepare(m, 1, data, rows)
		clipper := newClipper(m, data, c, ws)
		if l := clipper.sumUp(theta); math.IsNaN(l) || math.IsInf(l, 0) {
			t.Fatalf("loss %v", l)
		}
		return slices.Clone(clipper.sum)
	}, float64(c)
}

// TestClipBounds holds that no row adds more than Clip to a sum, and that what
// is clipped comes near to it.
func TestClipBounds(t *testing.T) {
	large := 0
	rapid.Check(t, func(t *rapid.T) {
		_, sum, clip := clipperOf(t)
		for row := range int32(40) {
			norm := tensor.Norm(sum([]int32{row}))
			if norm > clip {
				t.Fatalf("row %d has the norm %v, beyond %v", row, norm, clip)
			}
			if norm > 0.999*clip {
				large++
			}
		}
	})
	if large == 0 {
		t.Error("no gradient was clipped")
	}
}

// TestSensitivity holds that a record more or less changes the sum by Clip at
// most, whatever else is in it.
func TestSensitivity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, sum, clip := clipperOf(t)
		n := rapid.IntRange(1, 39).Draw(t, "rows")
		rows := make([]int32, n+1)
		for i := range rows {
			rows[i] = int32(i)
		}
		with := sum(rows)
		at := rapid.IntRange(0, n).Draw(t, "without")
		without := sum(slices.Delete(rows, at, at+1))
		tensor.Sub(with, with, without)
		if norm := tensor.Norm(with); norm > clip {
			t.Fatalf("row %d of %d changes the sum by %v, beyond %v", at, n+1, norm, clip)
		}
	})
}

// TestPrivateEmpty holds that samples without rows are steps with noise only.
func TestPrivateEmpty(t *testing.T) {
	data := points(10, dataset.Classification)
	m := newModel(t, "softmax", 2, 2, CrossEntropy)
	theta := make([]float32, m.Size())
	p := Private{Rate: 1, Clip: 2, Sigma: 3, Q: 0.1, Steps: 2}
	steps, loss, err := p.Train(m, theta, data, nil, nil, &script{[][]int32{{}, {}}}, m.NewWorkspace(1))
	if steps != 2 || loss != 0 || err != nil {
		t.Errorf("%d steps, loss %v, %v", steps, loss, err)
	}
	if d := cmp.Diff([]float32{-12, -12, -12, -12, -12, -12}, theta); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestPrivateAllocates(t *testing.T) {
	data := points(50, dataset.Classification)
	for _, name := range []string{"softmax", "mlp:4"} {
		m, theta := start(t, name, data, 1)
		ws, source := m.NewWorkspace(8), privacy.NewSource([32]byte{})
		allocations := func(steps int) float64 {
			p := Private{Rate: 0.01, Clip: 1, Sigma: 1, Q: 0.2, Steps: steps}
			return testing.AllocsPerRun(5, func() {
				if _, _, err := p.Train(m, theta, data, nil, nil, source, ws); err != nil {
					t.Fatal(err)
				}
			})
		}
		if one, many := allocations(1), allocations(20); many > one || one > 2 {
			t.Errorf("%s: %v allocations for one step, %v for 20", name, one, many)
		}
	}
}

func TestPrivateDiverges(t *testing.T) {
	data := points(20, dataset.Regression)
	for name, change := range map[string]func(p *Private, theta, correction []float32){
		"parameters": func(_ *Private, theta, _ []float32) { theta[0] = float32(math.NaN()) },
		"last step":  func(p *Private, _, correction []float32) { p.Steps = 1; correction[0] = float32(math.Inf(1)) },
	} {
		for _, model := range []string{"linear", "mlp:3"} {
			m, theta := start(t, model, data, 1)
			p, correction := Private{Rate: 0.1, Clip: 1, Sigma: 1, Q: 1, Steps: 3}, make([]float32, m.Size())
			change(&p, theta, correction)
			if _, _, err := p.Train(m, theta, data, nil, correction, privacy.NewSource([32]byte{}), m.NewWorkspace(5)); !errors.Is(err, ErrDiverged) {
				t.Errorf("%s, %s: %v, want ErrDiverged", model, name, err)
			}
		}
	}
}

func TestPrivateRefuses(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	data := points(8, dataset.Classification)
	tests := []struct {
		change func(p *Private)
		want   string
	}{
		{func(p *Private) { p.Rate = 0 }, "learning rate 0"},
		{func(p *Private) { p.Decay = -1 }, "weight decay -1"},
		{func(p *Private) { p.Clip = 0 }, "clipping norm 0"},
		{func(p *Private) { p.Clip = float32(nan) }, "clipping norm NaN"},
		{func(p *Private) { p.Clip = float32(inf) }, "clipping norm +Inf"},
		{func(p *Private) { p.Sigma = -1 }, "noise multiplier -1"},
		{func(p *Private) { p.Sigma = nan }, "noise multiplier NaN"},
		{func(p *Private) { p.Sigma = 1e39 }, "noise multiplier 1e+39"},
		{func(p *Private) { p.Q = 0 }, "sampling rate 0"},
		{func(p *Private) { p.Q = 1.5 }, "sampling rate 1.5"},
		{func(p *Private) { p.Q = nan }, "sampling rate NaN"},
		{func(p *Private) { p.Steps = 0 }, "0 private steps"},
		{func(p *Private) { p.Steps = MaxPrivateSteps + 1 }, "1048577 private steps"},
	}
	m := newModel(t, "softmax", 2, 2, CrossEntropy)
	theta, ws, source := make([]float32, m.Size()), m.NewWorkspace(4), privacy.NewSource([32]byte{})
	good := Private{Rate: 0.1, Clip: 1, Sigma: 1, Q: 0.5, Steps: 1}
	refuses := func(p Private, data *dataset.Table, rows []int32, want string) {
		t.Helper()
		if _, _, err := p.Train(m, theta, data, rows, nil, source, ws); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error with %q", p, err, want)
		}
	}
	for _, tt := range tests {
		p := good
		tt.change(&p)
		refuses(p, data, nil, tt.want)
	}
	refuses(good, points(8, dataset.Regression), nil, "the data are a regression")
	refuses(good, data, []int32{}, "no rows")
	if _, _, err := good.Train(m, theta, data, nil, nil, source, ws); err != nil {
		t.Errorf("the unchanged one: %v", err)
	}
}
