// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

import "math"

// group is how many rows are taken together, so that their exponentials fill
// whole vectors although a row is short.
const group = 16

// Softmax replaces each row of z, (rows, classes), by its softmax.
func Softmax(z []float32, classes int) {
	wholeRows("Softmax", len(z), classes)
	for len(z) > 0 {
		part := z[:min(len(z), group*classes)]
		subtractTop(part, classes)
		Exp(part)
		for ; len(part) > 0; part = part[classes:] {
			Scale(1/sum(part[:classes]), part[:classes])
		}
		z = z[min(len(z), group*classes):]
	}
}

// CrossEntropy returns the sum over all rows of the cross entropy between the
// softmax of z, (rows, classes), and the labels, each 0..classes-1 and one for
// each row. It overwrites z.
func CrossEntropy(z []float32, labels []int32, classes int) float64 {
	sameLength("CrossEntropy", len(z), len(labels)*classes)
	loss := 0.0
	for i := 0; i < len(labels); i += group {
		end := min(i+group, len(labels))
		own := expRows(z, labels, classes, i, end)
		for j := range end - i {
			loss += float64(Log32(sum(row(z, i+j, classes))) - own[j])
		}
	}
	return loss
}

// CrossEntropyGrad returns the same sum as [CrossEntropy] and replaces z by the
// gradient of the mean over the rows.
func CrossEntropyGrad(z []float32, labels []int32, classes int) float64 {
	sameLength("CrossEntropyGrad", len(z), len(labels)*classes)
	loss, share := 0.0, 1/float32(len(labels))
	for i := 0; i < len(labels); i += group {
		end := min(i+group, len(labels))
		own := expRows(z, labels, classes, i, end)
		for j, label := range labels[i:end] {
			r := row(z, i+j, classes)
			s := sum(r)
			loss += float64(Log32(s) - own[j])
			Scale(1/s, r)
			r[label]--
			Scale(share, r)
		}
	}
	return loss
}

// expRows replaces the rows i to end of z, at most group of them, by what softmax
// divides by their sums: exp(row - top), where top is the largest element. It
// returns how much the element of the label was above top.
func expRows(z []float32, labels []int32, classes, i, end int) (own [group]float32) {
	part := z[i*classes : end*classes]
	subtractTop(part, classes)
	for j, label := range labels[i:end] {
		own[j] = row(part, j, classes)[label]
	}
	Exp(part)
	return own
}

// subtractTop subtracts from each row of z its largest element.
func subtractTop(z []float32, classes int) {
	for ; len(z) > 0; z = z[classes:] {
		r, top := z[:classes], float32(math.Inf(-1))
		for _, v := range r {
			if v > top {
				top = v
			}
		}
		for j := range r {
			r[j] -= top
		}
	}
}

// sum returns the sum of x in its order.
func sum(x []float32) (s float32) {
	for _, v := range x {
		s += v
	}
	return s
}

// ArgMax returns the index of the first largest element of x, which is not
// empty.
func ArgMax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

func wholeRows(name string, size, columns int) {
	if columns < 1 || size%columns != 0 {
		panic("tensor: " + name + " of a matrix without whole rows")
	}
}
