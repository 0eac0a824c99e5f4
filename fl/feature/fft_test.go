// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestTurn(t *testing.T) {
	for _, d := range []int{1, 2, 3, 4, 7, 8, 9, 50, 96, 1000, 4095, 4096} {
		for n := range d {
			s, c := turn(n, d)
			wantS, wantC := math.Sincos(2 * math.Pi * float64(n) / float64(d))
			if math.Abs(s-wantS) > 2e-15 || math.Abs(c-wantC) > 2e-15 { // the argument of theirs is rounded
				t.Errorf("%d/%d: sine %v and cosine %v, want %v and %v", n, d, s, c, wantS, wantC)
			}
			if one := s*s + c*c; math.Abs(one-1) > 5e-16 {
				t.Errorf("%d/%d: the squares add up to %v", n, d, one)
			}
		}
	}
	for n, want := range [][2]float64{{0, 1}, {1, 0}, {0, -1}, {-1, 0}} {
		if s, c := turn(n, 4); s != want[0] || c != want[1] {
			t.Errorf("%d/4: %v and %v", n, s, c)
		}
	}
}

// dft is the transform as the books define it.
func dft(x []float64) (p []float64) {
	n := len(x)
	for k := range n/2 + 1 {
		var re, im float64
		for i, v := range x {
			s, c := turn(i*k%n, n)
			re += v * c
			im -= v * s
		}
		p = append(p, re*re+im*im)
	}
	return p
}

func TestFFT(t *testing.T) {
	for n := MinLength; n <= 512; n *= 2 {
		f, p := newFFT(n), make([]float64, n/2+1)
		rapid.Check(t, func(t *rapid.T) {
			x := rapid.SliceOfN(rapid.Float64Range(-1, 1), n, n).Draw(t, "x")
			f.power(p, x)
			for k, want := range dft(x) {
				if math.Abs(p[k]-want) > 1e-12*float64(n*n) {
					t.Fatalf("%d numbers: power %d is %v, want %v", n, k, p[k], want)
				}
			}
		})
	}
}

// TestParseval has the largest size and compares sums.
func TestParseval(t *testing.T) {
	x, p := make([]float64, MaxLength), make([]float64, MaxLength/2+1)
	v := uint32(1)
	var energy float64
	for i := range x {
		v = v*1664525 + 1013904223
		x[i] = float64(v)/(1<<31) - 1
		energy += x[i] * x[i]
	}
	newFFT(MaxLength).power(p, x)
	sum := -p[0] - p[MaxLength/2]
	for _, v := range p {
		sum += 2 * v
	}
	if got := sum / MaxLength; math.Abs(got-energy) > 1e-9*energy {
		t.Errorf("energy %v of the spectrum, %v of the numbers", got, energy)
	}
}

func TestBands(t *testing.T) {
	const amplitude, offset = 3.0, 100
	for _, length := range []int{64, 100, 256, 1000, 4096} {
		s := newSpectrum(length)
		window, out := make([]float64, length), make([]float32, 8)
		for band := range out {
			// In the middle of the band: so many periods in the window.
			periods := float64(length) / 2 * (float64(band) + 0.5) / 8
			for i := range window {
				window[i] = offset + amplitude*math.Sin(2*math.Pi*periods*float64(i)/float64(length))
			}
			s.bands(out, window, offset)
			var others float32
			for b, e := range out {
				if b != band {
					others += e
				}
			}
			// The mean square of a sine is half the square of its amplitude.
			if e := out[band]; math.Abs(float64(e)-4.5) > 1e-3 || others > 1e-3 {
				t.Errorf("%d samples: a sine in band %d has %v there and %v elsewhere", length, band+1, e, others)
			}
		}
	}
}

func TestBandsOfNothing(t *testing.T) {
	s := newSpectrum(16)
	out, window := []float32{9, 9, 9}, make([]float64, 16)
	for i := range window {
		window[i] = 7
	}
	if s.bands(out, window, 7); out[0] != 0 || out[1] != 0 || out[2] != 0 {
		t.Errorf("a constant has the energies %v", out)
	}
}

func BenchmarkBands(b *testing.B) {
	for _, n := range []int{128, 1024, 4096} {
		b.Run(map[int]string{128: "128", 1024: "1024", 4096: "4096"}[n], func(b *testing.B) {
			s, window, out := newSpectrum(n), make([]float64, n), make([]float32, 8)
			for i := range window {
				window[i] = float64(i % 17)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.bands(out, window, 8)
			}
		})
	}
}
