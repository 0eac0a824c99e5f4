// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"
	"io"
)

// secretSize is the length of what is shared over GF(256): a seed of a mask.
const secretSize = 32

// multiply returns the product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1, in a
// time that does not depend on the operands.
func multiply(a, b byte) (p byte) {
	for range 8 {
		p ^= a & -(b & 1)
		a = a<<1 ^ 0x1b&-(a>>7)
		b >>= 1
	}
	return p
}

// invert returns 1/a in GF(2^8), a^254, or 0 for 0.
func invert(a byte) byte {
	p := byte(1)
	for range 7 {
		a = multiply(a, a)
		p = multiply(p, a)
	}
	return p
}

// split shares a secret among n members, so that any t find it again and fewer
// learn nothing (Shamir, How to share a secret, 1979), each byte by a polynomial
// of its own. Member i has the value at i + 1.
func split(secret *[secretSize]byte, n, t int, rand io.Reader) ([][]byte, error) {
	coefficients := make([]byte, (t-1)*secretSize)
	defer clear(coefficients)
	if _, err := io.ReadFull(rand, coefficients); err != nil {
		return nil, fmt.Errorf("homomorphic: read randomness: %w", err)
	}
	shares := make([][]byte, n)
	for i := range shares {
		y := make([]byte, secretSize)
		for k := range coefficients { // Horner's rule, highest power first
			at := k % secretSize
			y[at] = multiply(y[at]^coefficients[k], byte(i+1))
		}
		for k, s := range secret {
			y[k] ^= s
		}
		shares[i] = y
	}
	return shares, nil
}

// combine returns the secret of the shares of some members, t at least.
func combine(members set, shares [][]byte) (secret [secretSize]byte) {
	n := 0
	for i := range members.each() {
		weight := byte(1) // of the share, for the value at 0
		for j := range members.each() {
			if j != i {
				weight = multiply(weight, multiply(byte(j+1), invert(byte(j+1)^byte(i+1))))
			}
		}
		for k := range secret {
			secret[k] ^= multiply(weight, shares[n][k])
		}
		n++
	}
	return secret
}
