// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// maxError is the relative error that Exp32 and Log32 promise.
const maxError = 2e-7

// everyFloat calls f for floats, NaN included, whose bit patterns are a prime
// number apart, so that all mantissas come up. VECINO_LONG=1 tries every float,
// in some minutes.
func everyFloat(f func(x float32)) {
	stride := uint64(7919)
	if os.Getenv("VECINO_LONG") != "" {
		stride = 1
	}
	for bits := uint64(0); bits < 1<<32; bits += stride {
		f(math.Float32frombits(uint32(bits)))
	}
}

func TestExp32(t *testing.T) {
	const smallestNormal = 0x1p-126
	worst := 0.0
	everyFloat(func(x float32) {
		got, want := float64(Exp32(x)), math.Exp(float64(x))
		switch {
		case x != x:
			if got == got {
				t.Errorf("Exp32(NaN) = %v", got)
			}
		case want > math.MaxFloat32:
			if !math.IsInf(got, 1) {
				t.Errorf("Exp32(%v) = %v, want +Inf", x, got)
			}
		case want < smallestNormal:
			if math.Abs(got-want) > math.SmallestNonzeroFloat32 {
				t.Errorf("Exp32(%v) = %v, want %v", x, got, want)
			}
		default:
			worst = max(worst, math.Abs(got-want)/want)
		}
	})
	if worst > maxError {
		t.Errorf("relative error %g, at most %g", worst, maxError)
	}
	t.Logf("relative error of Exp32 %.3g", worst)
}

// TestExpOfVectors compares with one element after the other, by every kernel.
func TestExpOfVectors(t *testing.T) {
	var x, want []float32
	for _, v := range special {
		x = append(x, v, v*88.7228, v*103.972)
	}
	r := rand.New(rand.NewPCG(3, 3))
	for range 100_000 {
		x = append(x, math.Float32frombits(r.Uint32()), 250*r.Float32()-125)
	}
	for _, v := range []float32{88.72284, -103.9721, 87.33, -87.34} {
		x = append(x, v, math.Nextafter32(v, 0), math.Nextafter32(v, 2*v))
	}
	for len(x)%8 != 7 {
		x = append(x, 0.5)
	}
	for _, v := range x {
		want = append(want, Exp32(v))
	}
	eachKernel(func(kernel string) {
		got := slices.Clone(x)
		Exp(got)
		if i := differ(got, want); i >= 0 {
			t.Errorf("%s: exp %v is %v, want %v", kernel, x[i], got[i], want[i])
		}
	})
}

func TestLog32(t *testing.T) {
	worst := 0.0
	everyFloat(func(x float32) {
		got, want := float64(Log32(x)), math.Log(float64(x))
		switch {
		case math.IsNaN(want) || math.IsInf(want, 0):
			if math.IsNaN(got) != math.IsNaN(want) || !math.IsNaN(want) && got != want {
				t.Errorf("Log32(%v) = %v, want %v", x, got, want)
			}
		case want == 0:
			if got != 0 {
				t.Errorf("Log32(%v) = %v, want 0", x, got)
			}
		default:
			worst = max(worst, math.Abs(got-want)/math.Abs(want))
		}
	})
	if worst > maxError {
		t.Errorf("relative error %g, at most %g", worst, maxError)
	}
	t.Logf("relative error of Log32 %.3g", worst)
}

func TestExpLogAtTheEdges(t *testing.T) {
	if Exp32(0) != 1 || Exp32(-inf) != 0 || Exp32(inf) != inf || Log32(1) != 0 {
		t.Errorf("exp 0, -Inf, +Inf, log 1: %v %v %v %v", Exp32(0), Exp32(-inf), Exp32(inf), Log32(1))
	}
	const top = 88.72284 // just above the logarithm of the largest float32
	if got := Exp32(math.Nextafter32(top, 0)); got == inf || got < 3.4e38 {
		t.Errorf("Exp32 just below its overflow: %v", got)
	}
	if got := Exp32(-103.97); got != math.SmallestNonzeroFloat32 {
		t.Errorf("Exp32 just above its underflow: %v", got)
	}
}

// TestExpLogGolden holds the bits of exp and log, subnormal ones included.
func TestExpLogGolden(t *testing.T) {
	h := sha256.New()
	var b [8]byte
	for bits := uint64(0); bits < 1<<32; bits += 99991 {
		x := math.Float32frombits(uint32(bits))
		if x != x || x < 0 && Log32(x) == Log32(x) {
			continue // the bits of NaN differ by architecture
		}
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(Exp32(x)))
		if x >= 0 {
			binary.LittleEndian.PutUint32(b[4:], math.Float32bits(Log32(x)))
		}
		h.Write(b[:])
	}
	if got, want := hex.EncodeToString(h.Sum(nil)), "418e622ad5e15060dc352c29c2d0a07f527edfb24a80bc224bfb6166ea797dca"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func BenchmarkExp32(b *testing.B) {
	sum := float32(0)
	for x := float32(0); b.Loop(); x -= 1e-3 {
		sum += Exp32(x)
	}
}
