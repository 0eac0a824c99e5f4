// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package rlwe

import (
	"sync"

	"github.com/tuneinsight/lattigo/v5/ring"
)

// poly is a polynomial of N coefficients by its residues modulo the primes,
// each below its prime. The transform of one has the same type: which of the
// two it is stands where it is used.
type poly [2][N]uint64

// rings returns lattigo's tables of the number-theoretic transform, one for
// each prime. Making them takes some milliseconds. Of lattigo only transforms
// and products of coefficients are used here: its inverses and interpolation
// are wrong where an int has 32 bits, and its Gaussian noise is too coarse.
var rings = sync.OnceValue(func() [2]*ring.SubRing {
	r, err := ring.NewRing(N, primes[:])
	if err != nil {
		panic("rlwe: " + err.Error()) // only for other constants
	}
	return [2]*ring.SubRing(r.SubRings)
})

// transform replaces p by its number-theoretic transform.
func (p *poly) transform() {
	for i, r := range rings() {
		r.NTT(p[i][:], p[i][:])
	}
}

// transformFactor replaces p by its transform times 2^64, the form in which
// one operand of a product is kept.
func (p *poly) transformFactor() {
	p.transform()
	for i, r := range rings() {
		r.MForm(p[i][:], p[i][:])
	}
}

// multiply sets p to the product of a, a transform, and f, a transform in the
// form of transformFactor. The product is no transform.
func (p *poly) multiply(a, f *poly) {
	for i, r := range rings() {
		r.MulCoeffsMontgomery(a[i][:], f[i][:], p[i][:])
		r.INTT(p[i][:], p[i][:])
	}
}

// add adds x to p.
func (p *poly) add(x *poly) {
	for i, q := range primes {
		to, from := &p[i], &x[i]
		for k := range to {
			to[k] = reduce(to[k]+from[k], q)
		}
	}
}

// addScaled adds c x to p, c by its residues.
func (p *poly) addScaled(x *poly, c [2]uint64) {
	for i, q := range primes {
		to, from, f := &p[i], &x[i], newFactor(c[i], q)
		for k := range to {
			to[k] = reduce(to[k]+f.mul(from[k]), q)
		}
	}
}

// scale multiplies p by c, given by its residues.
func (p *poly) scale(c [2]uint64) {
	for i, q := range primes {
		to, f := &p[i], newFactor(c[i], q)
		for k := range to {
			to[k] = f.mul(to[k])
		}
	}
}

// addSigned adds x to p, coefficients from k on.
func (p *poly) addSigned(k int, x []int64) {
	for i, q := range primes {
		to := p[i][k : k+len(x)]
		for j, v := range x {
			to[j] = reduce(to[j]+fromSigned(v, q), q)
		}
	}
}
