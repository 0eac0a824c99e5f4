// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math/bits"

	"github.com/vecino-edge/vecino/fl/update"
)

// bitmap is a set of numbers.
type bitmap []uint64

func newBitmap(n int) bitmap { return make(bitmap, (n+63)/64) }

func (b bitmap) set(k int) { b[k/64] |= 1 << (k % 64) }

// fill puts all numbers in, and some behind the last.
func (b bitmap) fill() {
	for i := range b {
		b[i] = ^uint64(0)
	}
}

// full reports whether the first n numbers are all in.
func (b bitmap) full(n int) bool {
	for i := range n / 64 {
		if b[i] != ^uint64(0) {
			return false
		}
	}
	rest := n % 64
	return rest == 0 || bits.TrailingZeros64(^b[n/64]) >= rest
}

// join puts in what is in another of the same numbers.
func (b bitmap) join(other bitmap) {
	for i := range b {
		b[i] |= other[i]
	}
}

// mark puts in the numbers that a frame says.
func (b bitmap) mark(d *update.Delta, from int, slice []float32) {
	if d.Index == nil && len(d.Value) > 0 {
		b.fill()
		return
	}
	for _, k := range d.Index {
		b.set(int(k))
	}
	for k := range slice {
		b.set(from + k)
	}
}
