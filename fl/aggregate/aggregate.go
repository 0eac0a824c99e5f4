// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package aggregate makes one model of a node's own and those that its
// neighbours sent, when some of the neighbours may lie. A [Rule] says how: the
// mean, which trusts everybody; the trimmed mean and the median of each
// coordinate (Yin, Chen, Ramchandran and Bartlett, Byzantine-robust distributed
// learning, 2018); the trimmed mean after nearest-neighbour mixing (Allouah,
// Farhadkhani, Guerraoui, Gupta, Pinot and Stephan, Fixing by mixing, 2023), with
// a check of directions; nearest-neighbour averaging around the own vector
// (Farhadkhani, Guerraoui, Gupta, Hoang, Pinot and Stephan, Robust collaborative
// learning with linear gradient overhead, 2023); and clipped gossip (He,
// Karimireddy and Jaggi, Byzantine-robust decentralized learning via
// ClippedGossip, 2022).
//
// Nothing depends on the order in which neighbours come, and where a rule does
// not set the own vector apart, nor on which is the own: honest nodes that hold
// the same vectors come to the same bits. To that end the vectors are first put
// into a canonical order, that of their bits. Sums are of float64 in that order,
// and a result is rounded to float32 once, so that it is the same on every
// architecture.
//
// The zero value of [Rule] is the mean, and that of [Aggregator] is ready for
// use. An Aggregator belongs to one goroutine.
package aggregate

import "fmt"

// MaxVectors is how many vectors may be combined, the own included. Sets of them
// are words of 64 bits.
const MaxVectors = 64

// Rule is how vectors become one. In what follows n is their number, the own
// included, and b is [Tolerated](n). The distances to which a rule is held whatever
// b neighbours send are told in spreads: the root mean square of the distances of
// the honest vectors, the own included, from their mean.
type Rule uint8

// The rules.
const (
	// Mean is own + sum w_j (v_j - own). One liar moves it anywhere.
	Mean Rule = iota
	// Auto is another rule, by the number of vectors: see [Rule.For].
	Auto
	// Trimmed leaves out the b smallest and the b largest of each coordinate and
	// takes the mean of the rest. Each coordinate lies between honest ones, and the
	// whole within 1.5 spreads of the honest mean.
	Trimmed
	// Median takes the median of each coordinate, or the mean of the middle two.
	// Each coordinate lies between honest ones, and the whole within 1.8 spreads of
	// the honest mean.
	Median
	// NNMTrimmed leaves out up to b neighbours who lead away from where the others go,
	// replaces each other vector by the mean of the n-b nearest to it, itself included,
	// and takes the trimmed mean of those. It lies within 3.6 spreads of the honest
	// mean, and within 2 where nobody is left out and n is not 3; in practice it is
	// the nearest to it.
	NNMTrimmed
	// NNA leaves out the b vectors farthest from the own and takes the mean of the
	// rest. It is no farther from the own vector than the farthest honest one.
	NNA
	// Clip is the mean with every difference v_j - own shortened to the distance of
	// the (n-1-b)-th nearest neighbour, and that of a single neighbour to twice the
	// way of the own training. It is no farther from the own vector than the
	// farthest honest one, or than that way.
	Clip
)

var names = [...]string{
	Mean: "mean", Auto: "auto", Trimmed: "trimmed", Median: "median", NNMTrimmed: "nnm-trimmed", NNA: "nna", Clip: "clip",
}

// Parse reads a rule as the command line spells it: mean, auto, trimmed, median,
// nnm-trimmed, nna or clip.
func Parse(s string) (Rule, error) {
	for r, name := range names {
		if s == name {
			return Rule(r), nil
		}
	}
	return Mean, fmt.Errorf("aggregation rule %q is unknown; possible: mean, auto, trimmed, median, nnm-trimmed, nna, clip", s)
}

// String returns the rule as [Parse] reads it.
func (r Rule) String() string {
	if r.Valid() {
		return names[r]
	}
	return fmt.Sprintf("rule(%d)", uint8(r))
}

// Valid reports whether the rule is one of the above.
func (r Rule) Valid() bool { return int(r) < len(names) }

// fewestMixed is the number of vectors from which on Auto mixes: below it, trimming
// keeps one or two vectors, and nothing of what the honest ones average out.
const fewestMixed = 5

// For returns what the rule comes to with n vectors, the own included: Auto is
// NNMTrimmed from 5 on and Clip below, and every other rule is itself.
func (r Rule) For(n int) Rule {
	switch {
	case r != Auto:
		return r
	case n >= fewestMixed:
		return NNMTrimmed
	}
	return Clip
}

// Tolerated returns how many of n vectors, the own included, may be hostile: a
// quarter of the neighbours, rounded down. With three or four vectors, where that
// would be none, it is one, since the honest are more yet. With two it is none:
// nothing tells which of the two is wrong, and only [Clip] holds what the
// neighbour can do.
func Tolerated(n int) int {
	switch {
	case n < 3:
		return 0
	case n < 5:
		return 1
	}
	return (n - 1) / 4
}
