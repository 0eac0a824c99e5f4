// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// ErrDelta is the reason for which the bytes of a delta are refused, beside
// [ErrNotFinite] and [ErrVector].
var ErrDelta = errors.New("update: malformed delta")

// Delta is what is added to a replica: some numbers of a vector of params, or all
// of them. Its memory is used again by those who fill it.
type Delta struct {
	Index []int32   // where, ascending; nil for all numbers in their order
	Value []float32 // (len(Index)), or (params) where Index is nil; finite
}

// AppendDelta appends the encoding of u, (params), 1 to [MaxSize] finite numbers,
// to dst and sets d to what a receiver decodes, to the bit. D and u must not share
// memory. With top-k, of numbers that are equally large those with the lower index
// are sent, and none that is zero. It panics on numbers that are not finite.
func (c Compression) AppendDelta(dst []byte, u []float32, d *Delta) []byte {
	if len(u) < 1 || len(u) > MaxSize || !tensor.Finite(u) {
		panic("update: a delta takes finite numbers, 1 to MaxSize of them")
	}
	if c.sparse() {
		return c.appendTop(dst, u, d)
	}
	n := len(dst)
	if c.coding == codeSign {
		dst = appendSign(dst, u)
	} else {
		dst = appendVector(dst, c.dense(), u)
	}
	if err := c.decodeDense(dst[n:], len(u), d); err != nil {
		panic("update: a delta that was encoded cannot be decoded: " + err.Error())
	}
	return dst
}

// DecodeDelta sets d to the delta of so many params that AppendDelta encoded. It
// refuses all that AppendDelta does not write, so that a delta has one encoding,
// with an error that wraps [ErrDelta], [ErrVector] or [ErrNotFinite]; d means
// nothing then. It takes memory for no more numbers than data has bits.
func (c Compression) DecodeDelta(data []byte, params int, d *Delta) error {
	if params < 1 || params > MaxSize {
		return fmt.Errorf("%w: of %d numbers, which are 1 to %d", ErrDelta, params, MaxSize)
	}
	if most := c.DeltaBound(params); len(data) > most || !c.sparse() && len(data) != most || len(data) < scaleSize {
		return fmt.Errorf("%w: %d bytes of %v for %d numbers, at most %d", ErrDelta, len(data), c, params, most)
	}
	if c.sparse() {
		return c.decodeTop(data, params, d)
	}
	return c.decodeDense(data, params, d)
}

// DeltaBound returns the most bytes that a delta of so many params takes, 1 to
// [MaxSize]. Where all numbers are sent it takes exactly as many; with top-k,
// where the chosen ones lie at random, some percent less.
func (c Compression) DeltaBound(params int) int {
	switch {
	case c.sparse():
		return c.topBound(params)
	case c.coding == codeSign:
		return signSize(params)
	}
	return VectorSize(c.dense(), params)
}

// dense returns the encoding of a vector that deltas of all numbers have.
func (c Compression) dense() Quant {
	q, ok := c.Quant()
	if !ok {
		panic("update: " + c.String() + " has no encoding of a vector")
	}
	return q
}

// decodeDense sets d to all numbers of data, which is as long as they take.
func (c Compression) decodeDense(data []byte, params int, d *Delta) error {
	d.Index = nil
	d.Value = slices.Grow(d.Value[:0], params)[:params]
	if c.coding == codeSign {
		return decodeSign(d.Value, data)
	}
	return decodeStrict(d.Value, c.dense(), data)
}

// decodeStrict is decodeVector that refuses blocks of Q8 with another scale than
// the sender takes, too.
func decodeStrict(v []float32, q Quant, data []byte) error {
	if err := decodeVector(v, q, data); err != nil || q != Q8 {
		return err
	}
	for b := range slices.Chunk(v, block) {
		if err := gridQ8.checkBlock(b, readScaleQ8(data)); err != nil {
			return err
		}
		data = data[scaleSizeQ8+len(b):]
	}
	return nil
}
