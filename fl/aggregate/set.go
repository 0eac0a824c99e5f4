// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import (
	"iter"
	"math/bits"
)

// set is a set of rows: bit k is row k.
type set uint64

// firstRows returns the set of the first n rows, n up to 64.
func firstRows(n int) set { return 1<<n - 1 }

func (s set) size() int         { return bits.OnesCount64(uint64(s)) }
func (s set) without(k int) set { return s &^ (1 << k) }

// all iterates over the rows of s, ascending.
func (s set) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for ; s != 0; s &= s - 1 {
			if !yield(bits.TrailingZeros64(uint64(s))) {
				return
			}
		}
	}
}
