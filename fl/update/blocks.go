// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// block is how many numbers share a scale, but for the last ones of a vector.
const block = 256

// blocks returns the number of blocks of n numbers.
func blocks(n int) int { return (n + block - 1) / block }

// grid is how the numbers of a block become levels: whole numbers of a scale.
type grid struct {
	levels   int32   // largest level; the least is its negative
	rounding uint32  // mask of the bits of a scale that are 0
	maxScale float32 // levels times it is still finite
}

var (
	gridQ8 = grid{levels: 127, rounding: 1<<7 - 1, maxScale: 0x1.0204p+121}
	gridQ4 = grid{levels: 7, rounding: 1<<16 - 1, maxScale: 0x1.24p+125}
)

// tiny is below what is worth a scale: a block whose largest number is smaller is
// zeros, so that no scale is subnormal.
const tiny = 0x1p-100

// scale returns what one level of a block stands for: its largest number over
// the levels, rounded up to 17 significant bits in Q8 and to 8 in Q4. Every
// multiple up to the largest level then fits the 24 bits of a float32, and the
// largest number is nearer to that level than to the one below, since rounding
// up adds to a scale less than one part in twice the levels. That makes
// [Quantize] exact the second time: else a sender and its neighbours would hold
// different numbers.
func (g *grid) scale(b []float32) float32 {
	most := largest(b)
	if most < tiny {
		return 0
	}
	bits := math.Float32bits(most/float32(g.levels)) + g.rounding
	return min(math.Float32frombits(bits&^g.rounding), g.maxScale)
}

// largest returns the largest magnitude.
func largest(v []float32) float32 {
	top := uint32(0) // without their sign, floats are ordered as their bits are
	for _, x := range v {
		top = max(top, magnitude(x))
	}
	return math.Float32frombits(top)
}

// magnitude returns the bits of |x|, which are ordered as the magnitudes are.
func magnitude(x float32) uint32 { return math.Float32bits(x) &^ (1 << 31) }

// level returns x in steps of scale, rounded to the nearest whole number, halves
// away from zero. The sum is taken in float64, where it is exact.
func (g *grid) level(x, scale float32) int32 {
	if scale == 0 {
		return 0
	}
	r := float64(x / scale)
	return min(max(int32(r+math.Copysign(0.5, r)), -g.levels), g.levels)
}

// quantize replaces the numbers of v by those of their levels.
func (g *grid) quantize(v []float32) {
	for b := range slices.Chunk(v, block) {
		scale := g.scale(b)
		for i, x := range b {
			b[i] = float32(scale * float32(g.level(x, scale)))
		}
	}
}

func appendQ8(out []byte, v []float32) []byte {
	for b := range slices.Chunk(v, block) {
		scale := gridQ8.scale(b)
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(scale))
		n := len(out)
		out = slices.Grow(out, len(b))[:n+len(b)]
		for i, x := range b {
			out[n+i] = byte(gridQ8.level(x, scale))
		}
	}
	return out
}

// appendQ4 puts the level of an even number into the lower half of a byte.
func appendQ4(out []byte, v []float32) []byte {
	for b := range slices.Chunk(v, block) {
		scale := gridQ4.scale(b)
		out = appendScale(out, scale)
		for len(b) > 1 {
			out = append(out, byte(gridQ4.level(b[0], scale)&15|gridQ4.level(b[1], scale)<<4))
			b = b[2:]
		}
		if len(b) > 0 {
			out = append(out, byte(gridQ4.level(b[0], scale)&15))
		}
	}
	return out
}

// scaleSizeQ8 is the bytes of a scale in Q8, a float32.
const scaleSizeQ8 = 4

func readScaleQ8(data []byte) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(data))
}

func decodeQ8(v []float32, data []byte) error {
	for b := range slices.Chunk(v, block) {
		scale := readScaleQ8(data)
		if err := checkScale(scale); err != nil {
			return err
		}
		for i, c := range data[scaleSizeQ8 : scaleSizeQ8+len(b)] {
			l := int8(c)
			if int32(l) < -gridQ8.levels || scale == 0 && l != 0 {
				return fmt.Errorf("%w: level %d of scale %v", ErrVector, l, scale)
			}
			b[i] = float32(scale * float32(l))
		}
		data = data[scaleSizeQ8+len(b):]
	}
	return nil
}

func decodeQ4(v []float32, data []byte) error {
	for b := range slices.Chunk(v, block) {
		scale := readScale(data)
		n := scaleSize + (len(b)+1)/2
		if err := decodePairs(b, scale, data[scaleSize:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// decodePairs sets b to the numbers of a block of Q4. A scale is the one that
// the sender takes for these numbers, which leaves them one encoding.
func decodePairs(b []float32, scale float32, pairs []byte) error {
	if err := checkScale(scale); err != nil {
		return err
	}
	if scale > gridQ4.maxScale {
		return ErrNotFinite
	}
	for i := range b {
		l := int8(pairs[i/2]>>(i%2*4)<<4) >> 4
		if int32(l) < -gridQ4.levels || scale == 0 && l != 0 {
			return fmt.Errorf("%w: level %d of scale %v", ErrVector, l, scale)
		}
		b[i] = float32(scale * float32(l))
	}
	if len(b)%2 == 1 && pairs[len(b)/2]>>4 != 0 {
		return fmt.Errorf("%w: padding is not zero", ErrVector)
	}
	return gridQ4.checkBlock(b, scale)
}

// checkBlock refuses a scale that the sender does not take for the numbers that
// it gave.
func (g *grid) checkBlock(b []float32, scale float32) error {
	if g.scale(b) != scale {
		return fmt.Errorf("%w: scale %v of numbers up to %v", ErrVector, scale, largest(b))
	}
	return nil
}
