// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import "fmt"

// Message is what a ciphertext hides: N coefficients below T, each with the
// lanes of its width, the first value lowest. Value v stands in coefficient
// v / lanes, lane v mod lanes.
type Message struct {
	width        Width // 0 until it is filled
	coefficients [N]uint64
}

// Pack fills m with values, [Width.Values] at most; lanes behind them are 0. It
// returns an error that wraps [ErrSize] for more. As a lane has room for 32 times
// the greatest value, no sum of 32 messages carries into the next lane.
func Pack[V uint8 | uint16](m *Message, values []V) error {
	w := Width8
	if ^V(0) > 0xff {
		w = Width16
	}
	if len(values) > w.Values() {
		return fmt.Errorf("%w: %d values, at most %d", ErrSize, len(values), w.Values())
	}
	*m = Message{width: w}
	lanes, shift := w.Lanes(), w.laneBits()
	for k := 0; len(values) > 0; k++ {
		n := min(lanes, len(values))
		for i, v := range values[:n] {
			m.coefficients[k] |= uint64(v) << (i * shift)
		}
		values = values[n:]
	}
	return nil
}

// Width returns the width of the values in m, or 0 if it is empty.
func (m *Message) Width() Width { return m.width }

// Unpack writes the first len(sums) sums of m, a sum of so many parties'
// messages. It returns an error that wraps [ErrSize] if m holds fewer, and one
// that wraps [ErrLane] for a sum over parties times the greatest value, which no
// honest parties reach.
func (m *Message) Unpack(sums []uint32, parties int) error {
	w := m.width
	if !w.Valid() {
		return ErrWidth
	}
	if len(sums) > w.Values() {
		return fmt.Errorf("%w: %d sums, at most %d", ErrSize, len(sums), w.Values())
	}
	lanes, shift := w.Lanes(), w.laneBits()
	greatest := uint32(parties) * (1<<w - 1)
	for k := 0; len(sums) > 0; k++ {
		c, n := m.coefficients[k], min(lanes, len(sums))
		for i := range sums[:n] {
			sums[i] = uint32(c>>(i*shift)) & (1<<shift - 1)
			if sums[i] > greatest {
				return fmt.Errorf("%w: %d in value %d", ErrLane, sums[i], k*lanes+i)
			}
		}
		sums = sums[n:]
	}
	return nil
}
