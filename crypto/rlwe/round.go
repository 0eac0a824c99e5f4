// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import "math/bits"

// uint128 is an integer below 2^128.
type uint128 struct{ hi, lo uint64 }

func (x uint128) add(y uint128) uint128 {
	lo, carry := bits.Add64(x.lo, y.lo, 0)
	hi, _ := bits.Add64(x.hi, y.hi, carry)
	return uint128{hi, lo}
}

// sub returns x - y, and whether that is negative (then 2^128 too great).
func (x uint128) sub(y uint128) (uint128, bool) {
	lo, borrow := bits.Sub64(x.lo, y.lo, 0)
	hi, borrow := bits.Sub64(x.hi, y.hi, borrow)
	return uint128{hi, lo}, borrow != 0
}

func (x uint128) shift(n int) uint128 {
	return uint128{x.hi<<n | x.lo>>(64-n), x.lo << n}
}

func product(x, y uint64) uint128 {
	hi, lo := bits.Mul64(x, y)
	return uint128{hi, lo}
}

// delta returns floor(Q/T) by its residues.
func (w Width) delta() [2]uint64 {
	q := product(q0, q1)
	d := uint128{q.hi >> w.logT(), q.hi<<(64-w.logT()) | q.lo>>w.logT()}
	return [2]uint64{bits.Rem64(d.hi, d.lo, q0), bits.Rem64(d.hi, d.lo, q1)}
}

// opener rounds coefficients, T c / Q to the next integer. With y0 = c / q1 mod
// q0 and y1 = c / q0 mod q1, c / Q is y0 / q0 + y1 / q1 but for an integer, so
// T c / Q is floor(T y0 / q0) + floor(T y1 / q1) + d / Q modulo T, where d, below
// 2Q, is made of the remainders; no division by Q is needed.
type opener struct {
	logT   int
	others [2]factor // 1/q1 mod q0, 1/q0 mod q1
	ratios [2]uint64 // floor(2^64 T / q)
	q      uint128
	half   uint128 // floor(Q/2)
	bound  uint128 // of T times the noise, below Q/2
}

func newOpener(w Width, noise uint128) *opener {
	q := product(q0, q1)
	o := &opener{
		logT:   w.logT(),
		others: [2]factor{newFactor(inverse(q1, q0), q0), newFactor(inverse(q0%q1, q1), q1)},
		q:      q,
		half:   uint128{q.hi >> 1, q.hi<<63 | q.lo>>1},
		bound:  noise.shift(w.logT()),
	}
	for i, p := range primes {
		o.ratios[i], _ = bits.Div64(1<<o.logT, 0, p)
	}
	return o
}

// quotient returns floor(T y / q) and the remainder, for y = c over the other
// prime, modulo q = primes[i]. As y is below q, the estimate is right or one
// too small.
func (o *opener) quotient(i int, c uint64) (quotient, remainder uint64) {
	q, y := primes[i], o.others[i].mul(c)
	quotient, _ = bits.Mul64(y, o.ratios[i])
	remainder = y<<o.logT - quotient*q - q
	negative := remainder >> 63
	return quotient + 1 - negative, remainder + q&-negative
}

// round returns the message in a coefficient with the residues c0 and c1, and
// whether its noise is within the bound.
func (o *opener) round(c0, c1 uint64) (m uint64, ok bool) {
	u0, r0 := o.quotient(0, c0)
	u1, r1 := o.quotient(1, c1)
	d := product(r0, q1).add(product(r1, q0))
	m = u0 + u1
	for range 2 { // d/Q below 2 rounds to 0, 1 or 2
		if _, below := o.half.sub(d); below {
			d, _ = d.sub(o.q) // negative if it was less than Q
			m++
			if d.hi>>63 != 0 {
				break
			}
		}
	}
	if d.hi>>63 != 0 {
		d, _ = uint128{}.sub(d)
	}
	_, over := o.bound.sub(d)
	return m & (1<<o.logT - 1), !over
}
