// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// Quant is the encoding of a vector's numbers.
type Quant uint8

// The encodings.
const (
	F32 Quant = iota // float32, little-endian
	Q8               // blocks of 256: a float32 scale, then an int8 for each number
)

// Q4 is blocks of 256: a scale in the upper half of a float32, then 4 bits for
// each number.
const Q4 Quant = 3

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
	case Q4:
		return "q4"
	case Bytes:
		return "bytes"
	case Framed:
		return "exchange"
	}
	return fmt.Sprintf("quant(%d)", uint8(q))
}

// valid reports whether it is an encoding of numbers.
func (q Quant) valid() bool { return q <= Q8 || q == Q4 }

// VectorSize returns the bytes of n encoded numbers, or of n bytes.
func VectorSize(q Quant, n int) int {
	switch q {
	case Q8:
		return n + scaleSizeQ8*blocks(n)
	case Q4:
		return (n+1)/2 + scaleSize*blocks(n)
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
	switch q {
	case Q8:
		return appendQ8(out, v)
	case Q4:
		return appendQ4(out, v)
	}
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// Quantize replaces the numbers of v by those that a neighbour decodes from
// EncodeVector(q, v). Doing so twice changes nothing more.
func Quantize(q Quant, v []float32) {
	switch q {
	case Q8:
		gridQ8.quantize(v)
	case Q4:
		gridQ4.quantize(v)
	}
}

// DecodeVector returns the n numbers of a vector. It checks the length before it
// allocates, and refuses with ErrNotFinite what is not a number and with
// ErrVector what EncodeVector does not write, but for the scale of a block in Q8,
// which may be any that is finite.
func DecodeVector(q Quant, data []byte, n int) ([]float32, error) {
	if !q.valid() || n < 0 || n > MaxSize || len(data) != VectorSize(q, n) {
		return nil, fmt.Errorf("%w: %d bytes of encoding %v for %d numbers", ErrVector, len(data), q, n)
	}
	v := make([]float32, n)
	if err := decodeVector(v, q, data); err != nil {
		return nil, err
	}
	return v, nil
}

// decodeVector sets v to the numbers of data, which is as long as they take.
func decodeVector(v []float32, q Quant, data []byte) (err error) {
	switch q {
	case Q8:
		err = decodeQ8(v, data)
	case Q4:
		err = decodeQ4(v, data)
	default:
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	}
	if err == nil && !tensor.Finite(v) {
		err = ErrNotFinite
	}
	return err
}
