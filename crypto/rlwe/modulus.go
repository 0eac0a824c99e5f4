// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import "math/bits"

// The primes of the modulus Q: the two greatest below 2^54 that are 1 modulo
// 2N, so that X^N + 1 splits and the number-theoretic transform exists.
const (
	q0 = 1<<54 - 172031 // 0x3ffffffffd6001
	q1 = 1<<54 - 188415 // 0x3ffffffffd2001
)

const primeBits = 54

// primes lists the moduli of a polynomial's two residues.
var primes = [2]uint64{q0, q1}

// reduce returns x mod q for x below 2q, without a branch on x.
func reduce(x, q uint64) uint64 {
	x -= q
	return x + q&-(x>>63)
}

// reduceWord returns x mod q for any x below 2^63. As q = 2^54 - d with a small
// d, x / 2^54 is the quotient or one less.
func reduceWord(x, q uint64) uint64 {
	return reduce(x-x>>primeBits*q, q)
}

// fromSigned returns x mod q for x in (-q, q), without a branch on x.
func fromSigned(x int64, q uint64) uint64 {
	return uint64(x) + q&uint64(x>>63)
}

// factor is a constant c below q with floor(2^64 c / q), by which a product
// modulo q needs no division (Shoup; Harvey, Faster arithmetic for
// number-theoretic transforms, 2014).
type factor struct{ c, ratio, q uint64 }

func newFactor(c, q uint64) factor {
	ratio, _ := bits.Div64(c, 0, q)
	return factor{c, ratio, q}
}

// mul returns c x mod q for any x.
func (f factor) mul(x uint64) uint64 {
	quotient, _ := bits.Mul64(f.ratio, x)
	return reduce(f.c*x-quotient*f.q, f.q)
}

// mulMod returns x y mod q for x and y below q. It divides, which may take a
// time that depends on the operands: they are public wherever it is used.
func mulMod(x, y, q uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return bits.Rem64(hi, lo, q)
}

// inverse returns 1/x mod q by Fermat's little theorem, for x that is not 0.
func inverse(x, q uint64) uint64 {
	result := uint64(1)
	for e := q - 2; e > 0; e >>= 1 {
		if e&1 == 1 {
			result = mulMod(result, x, q)
		}
		x = mulMod(x, x, q)
	}
	return result
}

// lagrange returns the value at x of the polynomial that is 1 at nodes[k] and 0
// at the other nodes, modulo q. The nodes are distinct and below q, as is x.
func lagrange(nodes []uint64, k int, x, q uint64) uint64 {
	above, below := uint64(1), uint64(1)
	for m, node := range nodes {
		if m == k {
			continue
		}
		above = mulMod(above, reduce(x+q-node, q), q)
		below = mulMod(below, reduce(nodes[k]+q-node, q), q)
	}
	return mulMod(above, inverse(below, q), q)
}
