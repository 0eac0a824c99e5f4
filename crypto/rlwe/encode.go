// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"encoding/binary"
	"fmt"
)

// Four coefficients of 54 bits fill 27 bytes.
const (
	groupValues = 4
	groupSize   = groupValues * primeBits / 8
)

// append appends the encoding of p: the N coefficients modulo the first prime,
// then those modulo the second, lowest power of X first, each as 54 bits from
// the most significant on, with nothing in between.
func (p *poly) append(b []byte) []byte {
	for i := range p {
		for k := 0; k < N; k += groupValues {
			c := p[i][k : k+groupValues]
			b = binary.BigEndian.AppendUint64(b, c[0]<<10|c[1]>>44)
			b = binary.BigEndian.AppendUint64(b, c[1]<<20|c[2]>>34)
			b = binary.BigEndian.AppendUint64(b, c[2]<<30|c[3]>>24)
			b = append(b, byte(c[3]>>16), byte(c[3]>>8), byte(c[3]))
		}
	}
	return b
}

// decode sets p to what b encodes. It refuses a wrong length and coefficients
// that are not below their prime, and then leaves p as it may be.
func (p *poly) decode(b []byte) error {
	if len(b) != PolySize {
		return fmt.Errorf("%w: polynomial of %d bytes, not %d", ErrSize, len(b), PolySize)
	}
	const mask = 1<<primeBits - 1
	for i, q := range primes {
		over := uint64(0) // the sign bit tells of a coefficient too large
		for k := 0; k < N; k += groupValues {
			x := binary.BigEndian.Uint64(b)
			y := binary.BigEndian.Uint64(b[8:])
			z := binary.BigEndian.Uint64(b[16:])
			c := p[i][k : k+groupValues]
			c[0] = x >> 10
			c[1] = (x<<44 | y>>20) & mask
			c[2] = (y<<34 | z>>30) & mask
			c[3] = (z<<24 | uint64(b[24])<<16 | uint64(b[25])<<8 | uint64(b[26])) & mask
			over |= (q - 1 - c[0]) | (q - 1 - c[1]) | (q - 1 - c[2]) | (q - 1 - c[3])
			b = b[groupSize:]
		}
		if over>>63 != 0 {
			return fmt.Errorf("%w: residue %d", ErrRange, i)
		}
	}
	return nil
}
