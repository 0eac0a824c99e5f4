// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

// measure sets the squared distances between all rows.
func (a *Aggregator) measure() {
	n := len(a.rows)
	a.squares, a.sums = grow(a.squares, n*n), grow(a.sums, n*tileWidth)
	clear(a.squares)
	params := len(a.rows[0].v)
	for from := 0; from < params; from += tileWidth {
		width := min(tileWidth, params-from)
		for i, r := range a.rows {
			x := a.sums[i*tileWidth:][:width]
			for p, v := range r.v[from:][:width] {
				x[p] = float64(v) // once for all pairs
			}
			for j := range i {
				a.squares[i*n+j] += square(x, a.sums[j*tileWidth:][:width])
			}
		}
	}
	for i := range n {
		for j := range i {
			a.squares[j*n+i] = a.squares[i*n+j]
		}
	}
}

// measureOwn sets the squared distances from the own row only.
func (a *Aggregator) measureOwn() {
	n := len(a.rows)
	a.squares = grow(a.squares, n*n)
	for k, r := range a.rows {
		a.squares[a.own*n+k] = square(a.rows[a.own].v, r.v)
	}
}

// nearest returns the rows of a set but for the so many farthest from row i. Of
// two that are equally far, the later in canonical order is the farther.
func (a *Aggregator) nearest(i int, of set, farthest int) set {
	from := a.squares[i*len(a.rows):][:len(a.rows)]
	for range farthest {
		far := -1
		for k := range of.all() {
			if far < 0 || from[k] >= from[far] {
				far = k
			}
		}
		of = of.without(far)
	}
	return of
}

// square returns the squared distance of x and y. Differences are taken in
// float64, where nothing overflows, and summed in four lanes as in [tensor.Dot].
func square[F float32 | float64](x, y []F) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	for i := 3; i < len(x); i += 4 {
		d0, d1 := float64(x[i-3])-float64(y[i-3]), float64(x[i-2])-float64(y[i-2])
		d2, d3 := float64(x[i-1])-float64(y[i-1]), float64(x[i])-float64(y[i])
		s0 += float64(d0 * d0)
		s1 += float64(d1 * d1)
		s2 += float64(d2 * d2)
		s3 += float64(d3 * d3)
	}
	for i := len(x) &^ 3; i < len(x); i++ {
		d := float64(x[i]) - float64(y[i])
		s0 += float64(d * d)
	}
	return (s0 + s1) + (s2 + s3)
}

// grow returns n elements of any value, those of s where it has room for them.
func grow[E any](s []E, n int) []E {
	if n > cap(s) {
		return make([]E, n)
	}
	return s[:n]
}
