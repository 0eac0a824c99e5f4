// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// Quant is the encoding of a vector's numbers.
type Quant uint8

// The encodings.
const (
	F32 Quant = iota // float32, little-endian
	Q8               // blocks of 256: a float32 scale, then an int8 for each number
)

const (
	block  = 256 // numbers that share a scale
	levels = 127 // largest int8 of a block
)

// Reasons for which the bytes of a vector are refused.
var (
	ErrNotFinite = errors.New("update: a number is not finite")
	ErrVector    = errors.New("update: malformed vector")
)

// ParseQuant reads an encoding as the command line spells it: none or q8.
func ParseQuant(s string) (Quant, error) {
	switch s {
	case "none":
		return F32, nil
	case "q8":
		return Q8, nil
	}
	return F32, fmt.Errorf("compression %q is unknown; possible: none, q8", s)
}

// String returns the encoding as [ParseQuant] reads it.
func (q Quant) String() string {
	switch q {
	case F32:
		return "none"
	case Q8:
		return "q8"
	case Bytes:
		return "bytes"
	}
	return fmt.Sprintf("quant(%d)", uint8(q))
}

func (q Quant) valid() bool { return q <= Q8 }

// VectorSize returns the bytes of n encoded numbers, or of n bytes.
func VectorSize(q Quant, n int) int {
	switch q {
	case Q8:
		return n + 4*((n+block-1)/block)
	case Bytes:
		return n
	}
	return 4 * n
}

// EncodeVector returns the bytes of v, whose numbers are finite.
func EncodeVector(q Quant, v []float32) []byte {
	return appendVector(make([]byte, 0, VectorSize(q, len(v))), q, v)
}

func appendVector(out []byte, q Quant, v []float32) []byte {
	if q == F32 {
		for _, x := range v {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
		}
		return out
	}
	for len(v) > 0 {
		b := v[:min(block, len(v))]
		scale := blockScale(b)
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(scale))
		n := len(out)
		out = slices.Grow(out, len(b))[:n+len(b)]
		for i, x := range b {
			out[n+i] = byte(level(x, scale))
		}
		v = v[len(b):]
	}
	return out
}

// Quantize replaces the numbers of v by those that a neighbour decodes from
// EncodeVector(q, v). Doing so twice changes nothing more.
func Quantize(q Quant, v []float32) {
	if q == F32 {
		return
	}
	for len(v) > 0 {
		b := v[:min(block, len(v))]
		scale := blockScale(b)
		for i, x := range b {
			b[i] = float32(scale * float32(level(x, scale)))
		}
		v = v[len(b):]
	}
}

// Bounds of a scale. A block whose largest number is below tiny is zeros, so
// that no scale is subnormal, and maxScale times levels is still finite.
const (
	tiny     = 0x1p-100
	maxScale = 0x1.0204p+121
)

// blockScale returns what one level of a block stands for: its largest number
// over 127, rounded up to 17 significant bits. Every multiple up to 127 then
// fits the 24 bits of a float32, which makes [Quantize] exact the second time:
// else a sender and its neighbours would hold different numbers.
func blockScale(b []float32) float32 {
	top := uint32(0) // without their sign, floats are ordered as their bits are
	for _, x := range b {
		top = max(top, math.Float32bits(x)&^(1<<31))
	}
	most := math.Float32frombits(top)
	if most < tiny {
		return 0
	}
	const dropped = 1<<7 - 1 // mask of the bits below the 17
	bits := math.Float32bits(most/levels) + dropped
	return min(math.Float32frombits(bits&^dropped), maxScale)
}

// level returns x in steps of scale, rounded to the nearest whole number, halves
// away from zero. The sum is taken in float64, where it is exact.
func level(x, scale float32) int32 {
	if scale == 0 {
		return 0
	}
	r := float64(x / scale)
	return min(max(int32(r+math.Copysign(0.5, r)), -levels), levels)
}

// DecodeVector returns the n numbers of a vector. It checks the length before it
// allocates, and refuses with ErrNotFinite what is not a number and with
// ErrVector what EncodeVector does not write. A scale may be any that is finite.
func DecodeVector(q Quant, data []byte, n int) ([]float32, error) {
	if !q.valid() || n < 0 || n > MaxSize || len(data) != VectorSize(q, n) {
		return nil, fmt.Errorf("%w: %d bytes of encoding %v for %d numbers", ErrVector, len(data), q, n)
	}
	v := make([]float32, n)
	if q == F32 {
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	} else if err := decodeBlocks(v, data); err != nil {
		return nil, err
	}
	if !tensor.Finite(v) {
		return nil, ErrNotFinite
	}
	return v, nil
}

func decodeBlocks(v []float32, data []byte) error {
	for len(v) > 0 {
		b := v[:min(block, len(v))]
		scale := math.Float32frombits(binary.LittleEndian.Uint32(data))
		if scale-scale != 0 {
			return ErrNotFinite
		}
		if math.Signbit(float64(scale)) {
			return fmt.Errorf("%w: scale %v", ErrVector, scale)
		}
		for i, c := range data[4 : 4+len(b)] {
			l := int8(c)
			if l < -levels || scale == 0 && l != 0 {
				return fmt.Errorf("%w: level %d of scale %v", ErrVector, l, scale)
			}
			b[i] = float32(scale * float32(l))
		}
		v, data = v[len(b):], data[4+len(b):]
	}
	return nil
}
