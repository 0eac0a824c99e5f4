// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package aggregate

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// Input is what a node combines. Vectors are of one length and stay as they are.
type Input struct {
	Base    []float32   // the node's model before its local training, (params), finite; directions are judged from it
	Own     []float32   // its own vector, (params), finite
	Others  [][]float32 // its neighbours', (params) each, at most MaxVectors-1
	Weights []float32   // of each neighbour in Mean and Clip, 0..1, together at most 1; nil: 1/n each
	Trust   []float32   // in each neighbour, 0..1: 0 leaves it out, and below 1 it has that part of its weight; nil: 1 each
}

// Verdict is what became of a neighbour's vector.
type Verdict uint8

// The verdicts.
const (
	Counted   Verdict = iota // it is in the result, as far as the rule takes it
	NotFinite                // it holds a NaN or an infinity
	Untrusted                // its trust is 0
	Opposed                  // NNMTrimmed: it leads away from where the others go
	Far                      // NNA: it is one of the b farthest, as some always are
)

var verdictNames = [...]string{
	Counted: "counted", NotFinite: "not finite", Untrusted: "untrusted", Opposed: "opposed", Far: "far",
}

// String names the verdict for a log.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("verdict(%d)", uint8(v))
}

// Result tells how a vector came about.
type Result struct {
	Rule     Rule      // the rule used, never Auto
	Verdicts []Verdict // of each neighbour, valid until the next Combine
}

// Left returns how many neighbours were left out.
func (r Result) Left() (left int) {
	for _, v := range r.Verdicts {
		if v != Counted {
			left++
		}
	}
	return left
}

// Aggregator holds the memory that combining takes, O(n²) and a tile, which it
// keeps from round to round.
type Aggregator struct {
	rows     []row // that count, in canonical order
	own      int   // place of the own vector among them
	even     bool  // all rows have the same weight
	verdicts []Verdict

	squares []float64  // squared distances, (n, n)
	nearby  []float64  // distances of the neighbours, ascending
	sets    []set      // which rows are mixed, of each
	network []exchange // sorts a column
	table   []float64  // sums of the subsets of a group, (1<<group, tileWidth)
	sums    []float64  // (n, tileWidth)
	keys    []int64    // (n, tileWidth), likewise
	narrow  []int32    // (n, tileWidth), of single vectors
	column  [tileWidth]float64
}

// row is a vector that counts.
type row struct {
	v      []float32
	weight float64
	from   int // index of the neighbour, -1 for the own
}

// self is where the own vector is from.
const self = -1

// Combine sets dst, (params), to what the rule makes of the input. Vectors that
// are not finite, and those without trust, are left out first; n counts the rest.
// Without neighbours the result is the own vector. Dst is none of the vectors of
// the input, which must have the shapes and ranges that [Input] gives; all else is
// a mistake in the program and panics.
func (a *Aggregator) Combine(dst []float32, r Rule, in *Input) Result {
	if !r.Valid() {
		panic("aggregate: " + r.String())
	}
	in.check(dst)
	a.gather(in)
	defer a.forget()
	n := len(a.rows)
	r = r.For(n)
	if n == 1 {
		copy(dst, in.Own)
		return Result{r, a.verdicts}
	}
	switch r {
	case Mean:
		a.mean(dst)
	case Trimmed:
		a.middle(dst, Tolerated(n))
	case Median:
		a.middle(dst, (n-1)/2)
	case NNMTrimmed:
		a.nnmTrimmed(dst, in.Base)
	case NNA:
		a.nna(dst)
	case Clip:
		a.clip(dst, in.Base)
	}
	return Result{r, a.verdicts}
}

func (in *Input) check(dst []float32) {
	n := len(in.Others)
	switch {
	case n >= MaxVectors:
		panic(fmt.Sprintf("aggregate: %d neighbours, at most %d are possible", n, MaxVectors-1))
	case len(in.Base) != len(in.Own) || len(dst) != len(in.Own):
		panic("aggregate: base, own vector and result of different length")
	case in.Weights != nil && len(in.Weights) != n, in.Trust != nil && len(in.Trust) != n:
		panic("aggregate: weights or trust for another number of neighbours")
	case !tensor.Finite(in.Own) || !tensor.Finite(in.Base):
		panic("aggregate: the own vector or its base is not finite")
	}
	in.eachVector(func(v []float32) {
		if len(v) != len(dst) {
			panic("aggregate: a neighbour's vector of different length")
		}
		if len(v) > 0 && &v[0] == &dst[0] {
			panic("aggregate: the result would overwrite the input")
		}
	})
	for _, numbers := range [...][]float32{in.Weights, in.Trust} {
		for _, x := range numbers {
			if !(x >= 0 && x <= 1) {
				panic(fmt.Sprintf("aggregate: weight or trust of %v, it is 0 to 1", x))
			}
		}
	}
}

func (in *Input) eachVector(f func(v []float32)) {
	f(in.Base)
	f(in.Own)
	for _, v := range in.Others {
		f(v)
	}
}

// gather takes the vectors that count and puts them into canonical order.
func (a *Aggregator) gather(in *Input) {
	a.rows = append(a.rows[:0], row{v: in.Own, weight: 1, from: self})
	a.verdicts = append(a.verdicts[:0], make([]Verdict, len(in.Others))...)
	a.even = in.Weights == nil
	for j, v := range in.Others {
		weight := 1.0
		if in.Weights != nil {
			weight = float64(in.Weights[j])
		}
		if in.Trust != nil {
			weight *= float64(in.Trust[j])
		}
		switch {
		case !tensor.Finite(v):
			a.verdicts[j] = NotFinite
		case in.Trust != nil && in.Trust[j] == 0:
			a.verdicts[j] = Untrusted
		default:
			a.even = a.even && (in.Trust == nil || in.Trust[j] == 1)
			a.rows = append(a.rows, row{v, weight, j})
		}
	}
	if in.Weights == nil {
		for k := range a.rows {
			a.rows[k].weight /= float64(len(a.rows))
		}
	}
	slices.SortFunc(a.rows, row.compare)
	a.own = slices.IndexFunc(a.rows, func(r row) bool { return r.from == self })
}

// compare orders rows by their bits, and equal ones by weight. Those equal in
// both may stand either way: swapping them changes no result.
func (r row) compare(o row) int {
	v := o.v[:len(r.v)]
	for i, x := range r.v {
		if p, q := math.Float32bits(x), math.Float32bits(v[i]); p != q {
			return cmp.Compare(p, q)
		}
	}
	return cmp.Or(cmp.Compare(r.weight, o.weight), cmp.Compare(r.from, o.from))
}

// forget lets go of the input.
func (a *Aggregator) forget() { clear(a.rows) }

// judge notes the verdict on a set of rows, of which the own is none.
func (a *Aggregator) judge(s set, v Verdict) {
	for k := range s.all() {
		a.verdicts[a.rows[k].from] = v
	}
}
