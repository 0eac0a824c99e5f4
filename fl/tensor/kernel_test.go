// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// kernels lists the kernels of this processor. Older emulators have the vectors
// of riscv64 but do not tell: VECINO_RVV=1 says so instead.
func kernels() []kernel {
	list := available()
	if os.Getenv("VECINO_RVV") != "" && runtime.GOARCH == "riscv64" && !slices.Contains(list, rvv) {
		list = append([]kernel{rvv}, list...)
	}
	return list
}

// eachKernel calls f with each kernel of this processor as the active one.
func eachKernel(f func(name string)) {
	before := active
	defer func() { active = before }()
	for _, active = range kernels() {
		f(active.String())
	}
}

func TestKernel(t *testing.T) {
	list := kernels()
	if list[len(list)-1] != generic {
		t.Errorf("kernels %v: the last is not generic", list)
	}
	if Kernel() != available()[0].String() {
		t.Errorf("kernel %s, want the first of %v", Kernel(), available())
	}
	t.Logf("kernels %v", list)
}

// special are numbers at which arithmetic has its edges.
var special = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, nan, inf, -inf, math.MaxFloat32, -math.MaxFloat32,
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, -0x1.fffffcp-127, 0x1.8p-70, 0x1.000002p-64,
}

// mixed returns n numbers, of which one in eight is special on average.
func mixed(r *rand.Rand, n int) []float32 {
	x := uniform(r, n)
	for i := range x {
		if r.IntN(8) == 0 {
			x[i] = special[r.IntN(len(special))]
		}
	}
	return x
}

// tiny returns n numbers whose products are subnormal or nearly so.
func tiny(r *rand.Rand, n int) []float32 {
	x := uniform(r, n)
	for i := range x {
		x[i] *= 0x1p-65
	}
	return x
}

// draws are the kinds of vectors that kernels are tried on.
var draws = []func(*rand.Rand, int) []float32{uniform, mixed, tiny}

// differ returns the first index at which the bits differ, or -1. All NaN are
// alike: their bits differ by architecture.
func differ(got, want []float32) int {
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) && (w == w || got[i] == got[i]) {
			return i
		}
	}
	return -1
}

// framed returns a copy of x in the midst of a longer slice, and a function that
// reports whether what surrounds it is as it was.
func framed(x []float32) (inner []float32, intact func() bool) {
	const margin = 20
	whole := make([]float32, len(x)+2*margin)
	Fill(whole, 77)
	inner = whole[margin : margin+len(x)]
	copy(inner, x)
	return inner, func() bool {
		outside := append(slices.Clone(whole[:margin]), whole[margin+len(x):]...)
		return !slices.ContainsFunc(outside, func(v float32) bool { return v != 77 })
	}
}

// vectorCase is a function on vectors and what it does to one element.
type vectorCase struct {
	name string
	fast func(dst []float32, w float32, a, b []float32)
	one  func(dst, w, a, b float32) float32
}

var vectorCases = []vectorCase{
	{
		"AddScaledDifference", AddScaledDifference,
		func(dst, w, a, b float32) float32 { return dst + float32(w*float32(a-b)) },
	},
	{
		"Axpy", func(dst []float32, w float32, a, _ []float32) { Axpy(w, a, dst) },
		func(dst, w, a, _ float32) float32 { return dst + float32(w*a) },
	},
	{
		"Scale", func(dst []float32, w float32, _, _ []float32) { Scale(w, dst) },
		func(dst, w, _, _ float32) float32 { return float32(dst * w) },
	},
	{
		"ScaleTo", func(dst []float32, w float32, a, _ []float32) { ScaleTo(dst, w, a) },
		func(_, w, a, _ float32) float32 { return float32(a * w) },
	},
	{
		"Sub", func(dst []float32, _ float32, a, b []float32) { Sub(dst, a, b) },
		func(_, _, a, b float32) float32 { return a - b },
	},
	{
		"Sub in place", func(dst []float32, _ float32, _, b []float32) { Sub(dst, dst, b) },
		func(dst, _, _, b float32) float32 { return dst - b },
	},
	{
		"ReLU", func(dst []float32, _ float32, _, _ []float32) { ReLU(dst) },
		func(dst, _, _, _ float32) float32 { return max(dst, 0) },
	},
	{
		"ReLUGrad", func(dst []float32, _ float32, a, _ []float32) { ReLUGrad(dst, a) },
		func(dst, _, a, _ float32) float32 {
			if int32(math.Float32bits(a)) > 0 { // NaN included
				return dst
			}
			return 0
		},
	},
}

func TestVectorsOfEveryLength(t *testing.T) {
	for n := range 140 {
		for kind, draw := range draws {
			for _, c := range vectorCases {
				eachKernel(func(kernel string) {
					if at := c.check(draw, n, uint64(n)); at != "" {
						t.Errorf("%s, length %d, kind %d, %s: %s", kernel, n, kind, c.name, at)
					}
				})
			}
		}
	}
}

func TestVectorsAreExactlyElementwise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, seed := rapid.IntRange(0, 1500).Draw(t, "n"), rapid.Uint64().Draw(t, "seed")
		draw, c := rapid.SampledFrom(draws).Draw(t, "draw"), rapid.SampledFrom(vectorCases).Draw(t, "function")
		eachKernel(func(kernel string) {
			if at := c.check(draw, n, seed); at != "" {
				t.Errorf("%s, %s: %s", kernel, c.name, at)
			}
		})
	})
}

// check compares with one element after the other and returns what is wrong.
func (c vectorCase) check(draw func(*rand.Rand, int) []float32, n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 3))
	a, b, want, w := draw(r, n), draw(r, n), draw(r, n), draw(r, 1)[0]
	got, intact := framed(want)
	c.fast(got, w, a, b)
	for i := range want {
		want[i] = c.one(want[i], w, a[i], b[i])
	}
	return compared(got, want, intact)
}
