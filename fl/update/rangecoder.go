// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"encoding/binary"
	"math/bits"
)

// A range coder writes a sequence of choices as one number from 0 to below 1: each
// choice narrows an interval in proportion to its probability, so that the number
// takes about as many bits as the choices have (Martin, Range encoding: an
// algorithm for removing redundancy from a digitised message, 1979). Both sides
// compute in integers alone, and the end is chosen such that each sequence has
// one encoding.

const (
	// certainty is the probability 1 of a choice. Chances lie between 0 and it.
	certainty = 1 << 16
	// leastWidth of the interval: below it, its upper byte is settled and leaves.
	leastWidth = 1 << 24
)

// rangeEncoder appends a number to bytes. Its interval is [low, low+width) in the
// unit of the last byte of out over 2^32.
type rangeEncoder struct {
	out        []byte
	low, width uint32
}

func newRangeEncoder(out []byte) rangeEncoder {
	return rangeEncoder{out: out, width: 1<<32 - 1}
}

// choice codes yes or no, where yes has the given chance of certainty.
func (e *rangeEncoder) choice(yes bool, chance uint32) {
	part := e.width >> 16 * chance
	if yes {
		e.width = part
	} else {
		e.add(part)
		e.width -= part
	}
	e.settle()
}

// uniform codes one of n values of equal chance, n up to 2^21.
func (e *rangeEncoder) uniform(value, n uint32) {
	e.width /= n
	e.add(value * e.width)
	e.settle()
}

func (e *rangeEncoder) add(x uint32) {
	var carry uint32
	if e.low, carry = bits.Add32(e.low, x, 0); carry != 0 {
		e.carry()
	}
}

// carry adds one to what has left. It never leaves the first byte, since the
// number is below 1. Bytes that it turns over are 0 then, so that on average it
// goes no further than a byte.
func (e *rangeEncoder) carry() {
	i := len(e.out) - 1
	for e.out[i]++; e.out[i] == 0; e.out[i]++ {
		i--
	}
}

func (e *rangeEncoder) settle() {
	for e.width < leastWidth {
		e.out = append(e.out, byte(e.low>>24))
		e.low <<= 8
		e.width <<= 8
	}
}

// finish appends what names a number of the interval and returns all bytes.
func (e *rangeEncoder) finish() []byte {
	end := rangeEnd(e.low, e.width)
	if end < e.low {
		e.carry()
	}
	if end != 0 {
		e.out = append(e.out, byte(end>>24))
	}
	return e.out
}

// rangeEnd returns the number of [low, low+width), modulo 2^32, that ends a
// sequence: the multiple of 2^32 if there is one, else the least multiple of 2^24.
func rangeEnd(low, width uint32) uint32 {
	if low+(width-1) < low {
		return 0
	}
	return (low + (leastWidth - 1)) &^ (leastWidth - 1)
}

// rangeDecoder reads what a rangeEncoder wrote. Zeros stand behind the data, of
// which it reads four at most: where there should be more, or a choice cannot be,
// bad is true from then on and the choices mean nothing.
type rangeDecoder struct {
	data        []byte
	read        int
	code, width uint32 // code is the number less the interval's low end, below width
	bad         bool
}

func newRangeDecoder(data []byte) rangeDecoder {
	d := rangeDecoder{data: data, width: 1<<32 - 1}
	for range 4 {
		d.code = d.code<<8 | d.next()
	}
	d.bad = d.code >= d.width
	return d
}

func (d *rangeDecoder) next() uint32 {
	i := d.read
	d.read++
	if i < len(d.data) {
		return uint32(d.data[i])
	}
	d.bad = d.bad || i >= len(d.data)+4
	return 0
}

func (d *rangeDecoder) choice(chance uint32) (yes bool) {
	part := d.width >> 16 * chance
	if yes = d.code < part; yes {
		d.width = part
	} else {
		d.code -= part
		d.width -= part
	}
	d.settle()
	return yes
}

func (d *rangeDecoder) uniform(n uint32) (value uint32) {
	d.width /= n
	value = d.code / d.width
	if value >= n { // in what the division leaves over
		d.bad, d.code, value = true, 0, 0
	}
	d.code -= value * d.width
	d.settle()
	return value
}

func (d *rangeDecoder) settle() {
	for d.width < leastWidth {
		d.code = d.code<<8 | d.next()
		d.width <<= 8
	}
}

// finished reports whether the data are what finish writes behind the choices
// that were read.
func (d *rangeDecoder) finished() bool {
	settled := d.read - 4
	if d.bad || len(d.data) > settled+1 {
		return false
	}
	var last [4]byte
	copy(last[:], d.data[settled:])
	number := binary.BigEndian.Uint32(last[:])
	end := rangeEnd(number-d.code, d.width)
	return number == end && (end != 0) == (settled < len(d.data))
}
