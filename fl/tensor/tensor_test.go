// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

// uniform returns n numbers from -1 to 1.
func uniform(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 2*r.Float32() - 1
	}
	return x
}

func TestVectors(t *testing.T) {
	x, y := []float32{1, -2, 3, 0.5, 8}, []float32{4, 1, -1, 2, 0.25}
	if got := Dot(x, y); got != 2 {
		t.Errorf("Dot = %v, want 2", got)
	}
	if got := Norm([]float32{3, 0, 0, 0, 0, 4}); got != 5 {
		t.Errorf("Norm = %v, want 5", got)
	}
	Axpy(2, x, y)
	if diff := cmp.Diff([]float32{6, -3, 5, 3, 16.25}, y); diff != "" {
		t.Errorf("Axpy (-want +got):\n%s", diff)
	}
	Sub(y, y, x)
	if diff := cmp.Diff([]float32{5, -1, 2, 2.5, 8.25}, y); diff != "" {
		t.Errorf("Sub (-want +got):\n%s", diff)
	}
	Scale(-2, y)
	if diff := cmp.Diff([]float32{-10, 2, -4, -5, -16.5}, y); diff != "" {
		t.Errorf("Scale (-want +got):\n%s", diff)
	}
	Fill(y, 7)
	if diff := cmp.Diff([]float32{7, 7, 7, 7, 7}, y); diff != "" {
		t.Errorf("Fill (-want +got):\n%s", diff)
	}
}

func TestDotOfEveryLength(t *testing.T) {
	for n := range 19 {
		x, y := make([]float32, n), make([]float32, n)
		want := 0.0
		for i := range x {
			x[i], y[i] = float32(i+1), float32(2*i+1)
			want += float64(x[i]) * float64(y[i])
		}
		if got := Dot(x, y); got != want {
			t.Errorf("length %d: %v, want %v", n, got, want)
		}
	}
}

// TestNormDoesNotOverflow uses elements whose squares are beyond float32.
func TestNormDoesNotOverflow(t *testing.T) {
	if got := Norm([]float32{3e38, 0}); math.Abs(got-3e38) > 1e31 {
		t.Errorf("Norm = %v", got)
	}
	if got := Norm([]float32{1e-45}); got == 0 {
		t.Error("Norm of a subnormal is zero")
	}
}

func TestFinite(t *testing.T) {
	tests := []struct {
		x    []float32
		want bool
	}{
		{nil, true},
		{[]float32{0, 1, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32}, true},
		{[]float32{0, nan}, false},
		{[]float32{-nan, 0}, false},
		{[]float32{0, inf, 0}, false},
		{[]float32{-inf}, false},
	}
	for _, tt := range tests {
		if got := Finite(tt.x); got != tt.want {
			t.Errorf("Finite(%v) = %v", tt.x, got)
		}
	}
}

func TestReLU(t *testing.T) {
	x := []float32{-1, 0, 2, -0.5, inf, -inf, 1e-45}
	ReLU(x)
	if diff := cmp.Diff([]float32{0, 0, 2, 0, inf, 0, 1e-45}, x); diff != "" {
		t.Errorf("ReLU (-want +got):\n%s", diff)
	}
	d := []float32{1, -2, 3, 4, 5, 6, -7}
	ReLUGrad(d, x)
	if diff := cmp.Diff([]float32{0, 0, 3, 0, 5, 0, -7}, d); diff != "" {
		t.Errorf("ReLUGrad (-want +got):\n%s", diff)
	}
	bad := []float32{nan, -nan}
	ReLU(bad)
	if bad[0] == bad[0] || bad[1] == bad[1] {
		t.Errorf("ReLU hides NaN: %v", bad)
	}
}

func TestArgMax(t *testing.T) {
	tests := []struct {
		x    []float32
		want int
	}{
		{[]float32{5}, 0},
		{[]float32{1, 3, 2}, 1},
		{[]float32{2, 7, 7, 1}, 1},
		{[]float32{-3, -2, -2}, 1},
	}
	for _, tt := range tests {
		if got := ArgMax(tt.x); got != tt.want {
			t.Errorf("ArgMax(%v) = %d, want %d", tt.x, got, tt.want)
		}
	}
}

func TestWrongLengthsPanic(t *testing.T) {
	x := make([]float32, 6)
	tests := map[string]func(){
		"Dot":              func() { Dot(x, x[:5]) },
		"Axpy longer":      func() { Axpy(1, x, x[:5]) },
		"Axpy shorter":     func() { Axpy(1, x[:5], x) },
		"Sub x":            func() { Sub(x, x[:5], x) },
		"Sub y":            func() { Sub(x, x, x[:5]) },
		"ReLUGrad":         func() { ReLUGrad(x, x[:5]) },
		"difference a":     func() { AddScaledDifference(x, 1, x[:5], x) },
		"ScaleTo":          func() { ScaleTo(x, 1, x[:5]) },
		"difference b":     func() { AddScaledDifference(x, 1, x, x[:5]) },
		"MatMul c":         func() { MatMul(x[:5], x, x[:4], 3, 2, 2) },
		"MatMul a":         func() { MatMul(x, x[:5], x[:4], 3, 2, 2) },
		"MatMulTA b":       func() { MatMulTA(x, x, x[:3], 3, 2, 2) },
		"MatMulTB":         func() { MatMulTB(x, x, x, 3, 2, 2) },
		"MatMul negative":  func() { MatMul(x, x, x, -1, -6, -6) },
		"Softmax":          func() { Softmax(x, 4) },
		"Softmax 0":        func() { Softmax(x, 0) },
		"CrossEntropy":     func() { CrossEntropy(x, make([]int32, 2), 2) },
		"label":            func() { CrossEntropy(x, []int32{2, 0, 0}, 2) },
		"CrossEntropyGrad": func() { CrossEntropyGrad(x, make([]int32, 4), 2) },
	}
	for name, f := range tests {
		if !panics(f) {
			t.Errorf("%s of wrong lengths did not panic", name)
		}
	}
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

func TestSoftmax(t *testing.T) {
	z := []float32{1, 2, 3, 1000, 1000, -1000}
	Softmax(z, 3)
	want := []float64{0.09003057, 0.24472847, 0.66524096, 0.5, 0.5, 0}
	for i := range want {
		if math.Abs(float64(z[i])-want[i]) > 1e-6 {
			t.Errorf("element %d: %v, want %v", i, z[i], want[i])
		}
	}
}

// TestCrossEntropyGrad compares with differences of the loss in float64.
func TestCrossEntropyGrad(t *testing.T) {
	const rows, classes, step = 3, 4, 1e-5
	r := rand.New(rand.NewPCG(5, 5))
	z, labels := uniform(r, rows*classes), []int32{0, 3, 1}
	slow := func(shift int, by float64) float64 {
		loss := 0.0
		for i, label := range labels {
			sum, own := 0.0, 0.0
			for j := range classes {
				v := 4 * float64(z[i*classes+j])
				if i*classes+j == shift {
					v += by
				}
				sum += math.Exp(v)
				if j == int(label) {
					own = v
				}
			}
			loss += math.Log(sum) - own
		}
		return loss
	}
	g, again := append([]float32{}, z...), append([]float32{}, z...)
	Scale(4, g)
	Scale(4, again)
	loss := CrossEntropyGrad(g, labels, classes)
	if want := slow(-1, 0); math.Abs(loss-want) > 1e-5 {
		t.Errorf("loss %v, want %v", loss, want)
	}
	if sum := CrossEntropy(again, labels, classes); sum != loss {
		t.Errorf("CrossEntropy %v differs from CrossEntropyGrad %v", sum, loss)
	}
	for i := range g {
		want := (slow(i, step) - slow(i, -step)) / (2 * step) / rows
		if math.Abs(float64(g[i])-want) > 1e-5 {
			t.Errorf("gradient %d: %v, want %v", i, g[i], want)
		}
	}
}

func TestCrossEntropyShowsDivergence(t *testing.T) {
	for _, z := range [][]float32{{nan, 0}, {0, nan}, {inf, 0}, {-inf, 0}} {
		if loss := CrossEntropy(z, []int32{0}, 2); !math.IsNaN(loss) && !math.IsInf(loss, 0) {
			t.Errorf("loss of %v is %v", z, loss)
		}
	}
}

// TestGolden holds the bits of everything that rounds, by every kernel.
func TestGolden(t *testing.T) {
	eachKernel(func(kernel string) {
		if got, want := golden(t), "bc7457b5c8e38fcd23e2ce2e38449fc379f07e08be71b0ab7efc10177fca252b"; got != want {
			t.Errorf("%s: %s, want %s", kernel, got, want)
		}
	})
}

func golden(t *testing.T) string {
	const m, k, n = 17, 31, 23
	r := rand.New(rand.NewPCG(11, 13))
	a, b, c := uniform(r, m*k), uniform(r, k*n), uniform(r, m*n)
	MatMul(c, a, b, m, k, n)
	MatMulTA(c, a, b, m, k, n)
	MatMulTB(c, a, b, m, k, n)
	labels := make([]int32, m)
	for i := range labels {
		labels[i] = int32(i)
	}
	loss := CrossEntropyGrad(c, labels, n)
	Axpy(0.1, a[:m*n], c)
	h := sha256.New()
	numbers := []any{c, loss, Dot(a, a), Norm(b)}
	for _, v := range numbers {
		if err := binary.Write(h, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestNothingAllocates(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a, b, c := uniform(r, 64), uniform(r, 64), uniform(r, 64)
	labels := make([]int32, 8)
	eachKernel(func(kernel string) {
		allocs := testing.AllocsPerRun(10, func() {
			MatMul(c, a, b, 8, 8, 8)
			MatMulTA(c, a, b, 8, 8, 8)
			MatMulTB(c, a, b, 8, 8, 8)
			CrossEntropyGrad(c, labels, 8)
			Softmax(c, 8)
			Sub(c, a, b)
			AddScaledDifference(c, 2, a, b)
			Axpy(2, a, b)
			ScaleTo(c, 2, a)
			Scale(0.5, b)
			ReLU(a)
			ReLUGrad(b, a)
			Dot(a, b)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", kernel, allocs)
		}
	})
}
