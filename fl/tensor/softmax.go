// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tensor

import "math"

// Softmax replaces each row of z, (rows, classes), by its softmax.
func Softmax(z []float32, classes int) {
	wholeRows("Softmax", len(z), classes)
	for ; len(z) > 0; z = z[classes:] {
		_, sum := expRow(z[:classes])
		Scale(1/sum, z[:classes])
	}
}

// CrossEntropy returns the sum over all rows of the cross entropy between the
// softmax of z, (rows, classes), and the labels, each 0..classes-1 and one for
// each row. It overwrites z.
func CrossEntropy(z []float32, labels []int32, classes int) float64 {
	sameLength("CrossEntropy", len(z), len(labels)*classes)
	loss := 0.0
	for i, label := range labels {
		l, _ := lossRow(row(z, i, classes), label)
		loss += l
	}
	return loss
}

// CrossEntropyGrad returns the same sum as [CrossEntropy] and replaces z by the
// gradient of the mean over the rows.
func CrossEntropyGrad(z []float32, labels []int32, classes int) float64 {
	sameLength("CrossEntropyGrad", len(z), len(labels)*classes)
	loss, share := 0.0, 1/float32(len(labels))
	for i, label := range labels {
		r := row(z, i, classes)
		l, sum := lossRow(r, label)
		loss += l
		Scale(1/sum, r)
		r[label]--
		Scale(share, r)
	}
	return loss
}

// lossRow replaces r by what softmax divides by sum, and returns the cross
// entropy with the label.
func lossRow(r []float32, label int32) (loss float64, sum float32) {
	own := r[label]
	top, sum := expRow(r)
	return float64(Log32(sum) - (own - top)), sum
}

// expRow replaces r by exp(r - top), where top is its largest element, and
// returns top and the sum of the new elements in their order.
func expRow(r []float32) (top, sum float32) {
	top = float32(math.Inf(-1))
	for _, v := range r {
		if v > top {
			top = v
		}
	}
	for j, v := range r {
		e := Exp32(v - top)
		r[j] = e
		sum += e
	}
	return top, sum
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
