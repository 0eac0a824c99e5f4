// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"crypto/sha3"
	"io"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// Public is the public polynomial a of one sum, as its transform.
type Public struct{ p poly }

// NewPublic returns the polynomial of a seed. Its coefficients are uniform and
// the same for all who have the seed.
func NewPublic(seed *[SeedSize]byte) *Public {
	a := new(Public)
	a.p.expand(seed[:])
	a.p.transform()
	return a
}

// expand sets p to the polynomial of a seed. The coefficients modulo prime i are
// read from SHAKE128(lv("vecino/expand/1", seed, i as one byte)), FIPS 202, seven
// bytes at a time: a big-endian integer modulo 2^54, passed over unless it is
// below the prime. The first that remains is the coefficient of X^0.
func (p *poly) expand(seed []byte) {
	for i, q := range primes {
		xof := sha3.NewSHAKE128()
		xof.Write(wire.LV([]byte(wire.LabelExpand), seed, wire.U8(uint8(i))))
		uniform(p[i][:], q, xof)
	}
}

// uniform fills dst with values below q from a stream that has no end.
func uniform(dst []uint64, q uint64, stream io.Reader) {
	const width = 7
	var buf [168 * width]byte // whole blocks of SHAKE128
	for len(dst) > 0 {
		if _, err := io.ReadFull(stream, buf[:]); err != nil {
			panic("rlwe: " + err.Error())
		}
		for b := buf[:]; len(b) > 0 && len(dst) > 0; b = b[width:] {
			v := uint64(b[0])<<48 | uint64(b[1])<<40 | uint64(b[2])<<32 |
				uint64(b[3])<<24 | uint64(b[4])<<16 | uint64(b[5])<<8 | uint64(b[6])
			if v &= 1<<primeBits - 1; v < q {
				dst[0] = v
				dst = dst[1:]
			}
		}
	}
	clear(buf[:])
}
