// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import "slices"

// selectLargest sets d to the k numbers of u of the largest magnitude, in the
// order of u: of equal ones those with the lower index, and none that is zero, so
// that there may be fewer.
func selectLargest(d *Delta, u []float32, k int) {
	least, equal := threshold(u, k)
	d.clear(k)
	for i, x := range u {
		m := magnitude(x)
		if m < least {
			continue
		}
		if m == least {
			if equal == 0 {
				continue
			}
			equal--
		}
		d.Index = append(d.Index, int32(i))
		d.Value = append(d.Value, x)
	}
}

// clear empties d, which is not of all numbers then, and makes room for k.
func (d *Delta) clear(k int) {
	if d.Index == nil {
		d.Index = make([]int32, 0, k)
	}
	d.Index = slices.Grow(d.Index[:0], k)
	d.Value = slices.Grow(d.Value[:0], k)
}

// Digits by which threshold sorts magnitudes, which have 31 bits: the exponent and
// three bits, then ten, then ten.
const (
	lowBits  = 10
	topDigit = 31 - 2*lowBits
)

// threshold returns the magnitude of the k-th largest number of u, k from 1 to
// its length, and how many of those that are just as large are among the k; 0 of
// those that are zero. It counts the numbers by their first digit, then those with
// the right one by their second, and so on: unlike quicksort's selection it is
// linear whatever the numbers are.
func threshold(u []float32, k int) (magnitudeOfK uint32, equal int) {
	var count [1 << topDigit]uint32
	for _, x := range u {
		count[magnitude(x)>>(2*lowBits)]++
	}
	prefix, rest := pick(count[:], k)
	for shift := lowBits; shift >= 0; shift -= lowBits {
		digits := count[:1<<lowBits]
		clear(digits)
		for _, x := range u {
			if m := magnitude(x) >> shift; m>>lowBits == prefix {
				digits[m%(1<<lowBits)]++
			}
		}
		var digit uint32
		digit, rest = pick(digits, rest)
		prefix = prefix<<lowBits | digit
	}
	if prefix == 0 {
		rest = 0
	}
	return prefix, rest
}

// pick returns the digit of the k-th largest number and its rank, from 1, among
// those with that digit.
func pick(count []uint32, k int) (digit uint32, rank int) {
	i := len(count) - 1
	for ; k > int(count[i]); i-- {
		k -= int(count[i])
	}
	return uint32(i), k
}
