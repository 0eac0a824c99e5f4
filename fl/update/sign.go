// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"fmt"
	"math"
	"slices"
)

// signSize returns the bytes of the signs of n numbers.
func signSize(n int) int { return (n+7)/8 + scaleSize*blocks(n) }

// meanMagnitude returns the mean of |x|, summed in float64 in the order of v.
func meanMagnitude(v []float32) float32 {
	sum := 0.0
	for _, x := range v {
		sum += float64(max(x, -x))
	}
	return float32(sum / float64(len(v)))
}

// appendSign appends the mean magnitude of each block, which as its scale leaves
// the least error, and the sign bit of each number.
func appendSign(out []byte, u []float32) []byte {
	for b := range slices.Chunk(u, block) {
		scale := scaleNearest(meanMagnitude(b))
		out = appendScale(out, scale)
		for eight := range slices.Chunk(b, 8) {
			signs := byte(0)
			for i, x := range eight {
				signs |= byte(math.Float32bits(x)>>31) << i
			}
			if scale == 0 {
				signs = 0
			}
			out = append(out, signs)
		}
	}
	return out
}

// decodeSign sets v to the numbers of data, which is as long as they take.
func decodeSign(v []float32, data []byte) error {
	for b := range slices.Chunk(v, block) {
		scale := readScale(data)
		if err := checkDeltaScale(scale); err != nil {
			return err
		}
		values := [2]float32{scale, -scale}
		signs := data[scaleSize : scaleSize+(len(b)+7)/8]
		some := byte(0)
		for i := range b {
			some |= signs[i/8]
			b[i] = values[signs[i/8]>>(i%8)&1]
		}
		if rest := len(b) % 8; rest != 0 && signs[len(signs)-1]>>rest != 0 {
			return fmt.Errorf("%w: padding is not zero", ErrDelta)
		}
		if scale == 0 && some != 0 {
			return fmt.Errorf("%w: signs of scale 0", ErrDelta)
		}
		data = data[scaleSize+len(signs):]
	}
	return nil
}
