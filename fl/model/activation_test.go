// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"
)

func TestActivationFunctions(t *testing.T) {
	h := sha256.New()
	for i := -4000; i <= 4000; i++ {
		x := float32(i) / 128
		s, y := sigmoid(x), tanh(x)
		if want := 1 / (1 + math.Exp(-float64(x))); math.Abs(float64(s)-want) > 1e-7 {
			t.Errorf("sigmoid(%v) = %v, want %v", x, s, want)
		}
		if want := math.Tanh(float64(x)); math.Abs(float64(y)-want) > 2e-7 {
			t.Errorf("tanh(%v) = %v, want %v", x, y, want)
		}
		if err := binary.Write(h, binary.LittleEndian, []float32{s, y}); err != nil {
			t.Fatal(err)
		}
	}
	// The same bits on every architecture.
	const want = "393ba2b55d63af0fff83456ece8115df92010bcb1874021479808b51e4c67668"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("bits %s, want %s", got, want)
	}
}

func TestActivationLimits(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, tt := range []struct{ x, sigmoid, tanh float32 }{
		{0, 0.5, 0}, {100, 1, 1}, {-200, 0, -1}, {math.MaxFloat32, 1, 1}, {-math.MaxFloat32, 0, -1}, {inf, 1, 1}, {-inf, 0, -1},
	} {
		if s, y := sigmoid(tt.x), tanh(tt.x); s != tt.sigmoid || y != tt.tanh {
			t.Errorf("of %v: %v and %v, want %v and %v", tt.x, s, y, tt.sigmoid, tt.tanh)
		}
	}
	if s, y := sigmoid(nan), tanh(nan); s == s || y == y {
		t.Errorf("of NaN: %v and %v", s, y)
	}
}
