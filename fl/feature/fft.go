// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import "math/bits"

// fft is a fast Fourier transform of n real numbers, n a power of two from 8,
// as one of n/2 complex numbers (Cooley and Tukey, 1965).
type fft struct {
	n        int
	cos, sin []float64 // (n/2), of k/n of a turn
	reverse  []uint16  // (n/2), the bits of each index in reverse
	re, im   []float64 // (n/2)
}

func newFFT(n int) *fft {
	half := n / 2
	f := &fft{
		n:   n,
		cos: make([]float64, half), sin: make([]float64, half), reverse: make([]uint16, half),
		re: make([]float64, half), im: make([]float64, half),
	}
	shift := 16 - bits.TrailingZeros(uint(half))
	for k := range half {
		f.sin[k], f.cos[k] = turn(k, n)
		f.reverse[k] = bits.Reverse16(uint16(k)) >> shift
	}
	return f
}

// power sets p[k] to the square of the size of the k-th coefficient of x, whose
// n numbers are left as they are; p has n/2+1.
func (f *fft) power(p, x []float64) {
	half := f.n / 2
	for k, at := range f.reverse {
		f.re[at], f.im[at] = x[2*k], x[2*k+1]
	}
	for size := 2; size <= half; size *= 2 {
		f.butterflies(size)
	}
	// Z is the transform of the even numbers plus i times that of the odd ones.
	p[0] = square(f.re[0]+f.im[0], 0)
	p[half] = square(f.re[0]-f.im[0], 0)
	for k := 1; k < half; k++ {
		ar, ai, br, bi := f.re[k], f.im[k], f.re[half-k], -f.im[half-k]
		evenR, evenI := (ar+br)/2, (ai+bi)/2
		oddR, oddI := (ai-bi)/2, (br-ar)/2
		p[k] = square(
			evenR+(float64(f.cos[k]*oddR)+float64(f.sin[k]*oddI)),
			evenI+(float64(f.cos[k]*oddI)-float64(f.sin[k]*oddR)),
		)
	}
}

// butterflies joins transforms of size/2 to ones of that size.
func (f *fft) butterflies(size int) {
	half, step := size/2, f.n/size
	for start := 0; start < len(f.re); start += size {
		ar, ai := f.re[start:start+half], f.im[start:start+half]
		br, bi := f.re[start+half:start+size], f.im[start+half:start+size]
		for j := range ar {
			c, s := f.cos[j*step], f.sin[j*step]
			tr := float64(c*br[j]) + float64(s*bi[j])
			ti := float64(c*bi[j]) - float64(s*br[j])
			br[j], bi[j] = ar[j]-tr, ai[j]-ti
			ar[j], ai[j] = ar[j]+tr, ai[j]+ti
		}
	}
}

func square(re, im float64) float64 { return float64(re*re) + float64(im*im) }

// padded returns the smallest power of two from n on.
func padded(n int) int { return 1 << bits.Len(uint(n-1)) }

// spectrum measures the energy of a window in bands.
type spectrum struct {
	*fft
	hann []float64 // (length)
	x    []float64 // (n), zeros behind the window
	p    []float64 // (n/2+1)
	norm float64   // turns sums of powers into mean squares of the window
}

func newSpectrum(length int) *spectrum {
	n := padded(length)
	s := &spectrum{
		fft: newFFT(n), hann: make([]float64, length), x: make([]float64, n), p: make([]float64, n/2+1),
	}
	var sum float64
	for i := range s.hann {
		_, cos := turn(i, length)
		w := 0.5 - float64(0.5*cos)
		s.hann[i] = w
		sum += float64(w * w)
	}
	s.norm = 1 / float64(float64(n)*sum)
	return s
}

// bands sets the energies of a window, from which its mean is taken, in bands
// of equal width from the lowest frequency above 0. A window whose length is no
// power of two is filled up with zeros, which makes the bins of the transform
// narrower and leaves the energies as they are.
func (s *spectrum) bands(out []float32, window []float64, mean float64) {
	for i, v := range window {
		s.x[i] = float64(s.hann[i] * (v - mean))
	}
	s.power(s.p, s.x)
	bins := len(s.p) - 1
	for b := range out {
		var sum float64
		for k := b*bins/len(out) + 1; k <= (b+1)*bins/len(out); k++ {
			sum += float64(2 * s.p[k])
			if k == bins {
				sum -= s.p[k] // the highest frequency has no twin
			}
		}
		out[b] = bounded(sum * s.norm)
	}
}
