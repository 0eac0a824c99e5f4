// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"math"
	"testing"
)

func TestScales(t *testing.T) {
	const step = 0x1p-7 // of the scales from 1 to 2
	tests := []struct{ x, up, nearest float32 }{
		{0, 0, 0},
		{0x1p-149, 0, 0},
		{0x1.fffffep-101, 0, 0}, // the largest number that is tiny
		{tiny, tiny, tiny},
		{0x1.000002p-100, tiny * (1 + step), tiny},
		{1, 1, 1},
		{1 + 0x1p-23, 1 + step, 1},
		{1 + step/2, 1 + step, 1}, // halfway, to the even one
		{1 + step/2 + 0x1p-23, 1 + step, 1 + step},
		{1 + 3*step/2 - 0x1p-23, 1 + 2*step, 1 + step},
		{1 + 3*step/2, 1 + 2*step, 1 + 2*step}, // halfway, to the even one
		{2 - step/2, 2, 2},
		{maxHalf, maxHalf, maxHalf},
		{math.MaxFloat32, maxHalf, maxHalf},
	}
	for _, tt := range tests {
		if up, nearest := scaleUp(tt.x), scaleNearest(tt.x); up != tt.up || nearest != tt.nearest {
			t.Errorf("%x: up %x, nearest %x, want %x and %x", tt.x, up, nearest, tt.up, tt.nearest)
		}
	}
	for bits := uint32(0); bits < 0x7f80; bits++ {
		scale := readScale(appendScale(nil, math.Float32frombits(bits<<16)))
		if math.Float32bits(scale) != bits<<16 {
			t.Fatalf("scale %x becomes %x", bits, scale)
		}
		if scale >= tiny && (scaleUp(scale) != scale || scaleNearest(scale) != scale) {
			t.Fatalf("scale %x is no scale", scale)
		}
		if refused := checkDeltaScale(scale) != nil; refused != (scale != 0 && scale < tiny) {
			t.Fatalf("scale %x: refused %v", scale, refused)
		}
	}
}
