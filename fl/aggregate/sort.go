// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import "math"

// tileWidth is how many coordinates are sorted at a time: 64 rows of it as keys
// fill the first cache of a small processor.
const tileWidth = 64

// exchange puts the smaller of two wires' numbers on the first.
type exchange struct{ low, high int }

// sorter makes the network that sorts n wires, Batcher's merge exchange (Knuth,
// The art of computer programming, volume 3, algorithm 5.2.2 M), as far as it
// takes to tell the cut smallest and the cut largest from the rest: these three
// stay in no order. A network does the same for every column, so that there is
// no branch to mispredict.
func (a *Aggregator) sorter(n, cut int) []exchange {
	a.network = a.network[:0]
	top := 1
	for 2*top < n {
		top *= 2
	}
	for p := top; p > 0; p /= 2 {
		for q, r, d := top, 0, p; ; q, r, d = q/2, p, q-p {
			for i := range n - d {
				if i&p == r {
					a.network = append(a.network, exchange{i, i + d})
				}
			}
			if q == p {
				break
			}
		}
	}
	return prune(a.network, n, cut)
}

// prune leaves out the exchanges that only order what needs no order. It goes
// backwards: wires of one class may be swapped without harm to what follows,
// which is true of the two of an exchange before it.
func prune(network []exchange, n, cut int) []exchange {
	var class [MaxVectors]int
	for w := range n {
		switch {
		case w < cut:
			class[w] = 0
		case w < n-cut:
			class[w] = 1
		default:
			class[w] = 2
		}
	}
	kept := len(network)
	for i := len(network) - 1; i >= 0; i-- {
		e := network[i]
		if class[e.low] != class[e.high] {
			kept--
			network[kept] = e
			class[e.low], class[e.high] = 3+i, 3+i
		}
	}
	return network[kept:]
}

// exchangeAll sorts the columns of a tile, (wires, tileWidth), of which so many are
// in use.
func exchangeAll[K int32 | int64](network []exchange, tile []K, width int) {
	for _, e := range network {
		low, high := tile[e.low*tileWidth:][:width], tile[e.high*tileWidth:][:width]
		for i, x := range low {
			y := high[i]
			low[i], high[i] = min(x, y), max(x, y)
		}
	}
}

// middle sets each coordinate of dst to the mean of what is left of the rows
// without the cut smallest and the cut largest.
func (a *Aggregator) middle(dst []float32, cut int) {
	n := len(a.rows)
	a.narrow = grow(a.narrow, n*tileWidth)
	network, count := a.sorter(n, cut), float64(n-2*cut)
	for from := 0; from < len(dst); from += tileWidth {
		out := dst[from:min(from+tileWidth, len(dst))]
		for k, r := range a.rows {
			keys := a.narrow[k*tileWidth:][:len(out)]
			for i, x := range r.v[from:][:len(out)] {
				keys[i] = key32(x)
			}
		}
		exchangeAll(network, a.narrow, len(out))
		sum := a.column[:len(out)]
		clear(sum)
		for w := cut; w < n-cut; w++ {
			for i, k := range a.narrow[w*tileWidth:][:len(sum)] {
				sum[i] += float64(value32(k))
			}
		}
		for i, s := range sum {
			out[i] = float32(s / count)
		}
	}
}

// The keys of numbers are integers in the same order, whose minimum takes a
// processor one comparison and no branch.

func key32(x float32) int32 {
	k := int32(math.Float32bits(x))
	return k ^ int32(uint32(k>>31)>>1)
}

func value32(k int32) float32 { return math.Float32frombits(uint32(k ^ int32(uint32(k>>31)>>1))) }

func key64(x float64) int64 {
	k := int64(math.Float64bits(x))
	return k ^ int64(uint64(k>>63)>>1)
}

func value64(k int64) float64 { return math.Float64frombits(uint64(k ^ int64(uint64(k>>63)>>1))) }
