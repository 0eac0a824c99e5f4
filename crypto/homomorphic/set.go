// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"iter"
	"math/bits"
)

// set is a set of members of a roster, bit i for index i.
type set uint32

func only(i int) set             { return 1 << i }
func (s set) has(i int) bool     { return s>>i&1 == 1 }
func (s set) len() int           { return bits.OnesCount32(uint32(s)) }
func (s set) holds(all set) bool { return all&^s == 0 }

// each yields the indices, ascending.
func (s set) each() iter.Seq[int] {
	return func(yield func(int) bool) {
		for rest := uint32(s); rest != 0; rest &= rest - 1 {
			if !yield(bits.TrailingZeros32(rest)) {
				return
			}
		}
	}
}
