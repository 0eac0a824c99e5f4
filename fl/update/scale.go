// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"encoding/binary"
	"fmt"
	"math"
)

// scaleSize is the bytes of a scale that is the upper half of a float32: 8
// significant bits, little-endian.
const scaleSize = 2

// maxHalf is the largest such scale that is finite.
const maxHalf = 0x1.fep+127

func appendScale(out []byte, scale float32) []byte {
	return binary.LittleEndian.AppendUint16(out, uint16(math.Float32bits(scale)>>16))
}

func readScale(data []byte) float32 {
	return math.Float32frombits(uint32(binary.LittleEndian.Uint16(data)) << 16)
}

// scaleUp returns the least scale that x, not negative and finite, does not
// exceed, within the bounds of a scale.
func scaleUp(x float32) float32 {
	const low = 1<<16 - 1
	return boundScale(x, math.Float32frombits((math.Float32bits(x)+low)&^low))
}

// scaleNearest returns the scale that is nearest to x, not negative and finite,
// of two the one whose last bit is 0, within the bounds of a scale.
func scaleNearest(x float32) float32 {
	const low, half = 1<<16 - 1, 1<<15 - 1
	bits := math.Float32bits(x)
	return boundScale(x, math.Float32frombits((bits+half+bits>>16&1)&^low))
}

// boundScale returns 0 where x is tiny, and the largest scale at most.
func boundScale(x, scale float32) float32 {
	if x < tiny {
		return 0
	}
	return min(scale, maxHalf)
}

// checkScale refuses a scale that is no finite number from 0.
func checkScale(scale float32) error {
	if scale-scale != 0 {
		return ErrNotFinite
	}
	if math.Signbit(float64(scale)) {
		return fmt.Errorf("%w: scale %v", ErrVector, scale)
	}
	return nil
}

// checkDeltaScale refuses a scale that scaleUp and scaleNearest do not return.
func checkDeltaScale(scale float32) error {
	if err := checkScale(scale); err != nil {
		return err
	}
	if scale != 0 && scale < tiny {
		return fmt.Errorf("%w: scale %v", ErrVector, scale)
	}
	return nil
}
