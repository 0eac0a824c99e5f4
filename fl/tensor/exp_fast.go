// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !purego && (amd64 || arm64 || riscv64)

package tensor

import "math"

// expTable is what the vectors of Exp32 need, named as there.
type expTable struct {
	log2e, round               float32
	ln2High, ln2Low            float32
	c7, c6, c5, c4, c3, c2, c0 float32 // coefficients of r, that of r is 1
	underflow, overflow, inf   float32
	bias, lowest, raise        int32 // exponents below lowest are raised by so much
	highest                    int32 // exponents above it are lowered by 1
}

var expConstants = expTable{
	log2e: log2e, round: expBias + 0.5,
	ln2High: ln2High, ln2Low: ln2Low,
	c7: exp7, c6: exp6, c5: exp5, c4: exp4, c3: exp3, c2: exp2, c0: 1,
	underflow: expUnderflow, overflow: expOverflow, inf: float32(math.Inf(1)),
	bias: expBias, lowest: -126, raise: 64, highest: 127,
}

// fastExp replaces elements of x by their exponentials and returns how many.
func fastExp(x []float32) int {
	n := whole(len(x))
	if n > 0 {
		exp(&x[0], n, &expConstants)
	}
	return n
}

//go:noescape
func exp(x *float32, n int, t *expTable)
