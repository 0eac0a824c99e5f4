// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

// positions tells how likely the next number is one of those that top-k sends. It
// mixes two opinions by their past success, as Bayes would: that of an urn from
// which the chosen are drawn at random, which is as good as can be where they lie
// anywhere (it costs the logarithm of their binomial coefficient), and that of the
// last numbers, which follows rows and layers that change much or little. Its
// probabilities are in parts of 2^16, with 0 < chance < 2^16.
type positions struct {
	left, chosen uint32 // numbers that are still to come, and how many are sent
	local        uint32 // opinion of the last numbers
	weight       uint32 // of local, from leastLocal to mostLocal
}

const (
	localShift = 5 // local moves by 1/32 towards what came
	firstLocal = certainty / 8
	leastLocal = certainty / 32
	mostLocal  = certainty - certainty/8
)

// newPositions begins a sequence of n numbers, 1..MaxSize, of which k are sent.
func newPositions(n, k int) positions {
	p := positions{left: uint32(n), chosen: uint32(k), weight: firstLocal}
	p.local = p.urn()
	return p
}

// certain reports whether nothing is left to be told: all of the rest are sent,
// or none.
func (p *positions) certain() bool { return p.chosen == 0 || p.chosen == p.left }

// urn returns the share of the chosen among those that are to come, rounded down,
// 1/2^16 or more.
func (p *positions) urn() uint32 {
	if p.left < certainty {
		return max(1, min(p.chosen<<16/p.left, certainty-1))
	}
	return max(1, min(uint32(uint64(p.chosen)<<16/uint64(p.left)), certainty-1))
}

// chance returns the probability that the next number is sent, where that is not
// certain.
func (p *positions) chance() uint32 {
	return (p.weight*p.local + (certainty-p.weight)*p.urn()) >> 16
}

// note takes whether the number was sent that had this chance.
func (p *positions) note(sent bool, chance uint32) {
	var weight uint32
	if sent {
		weight = p.weight * p.local / chance
		p.local += (certainty - p.local) >> localShift
		p.chosen--
	} else {
		weight = p.weight * (certainty - p.local) / (certainty - chance)
		p.local -= p.local >> localShift
	}
	p.left--
	p.weight = min(max(weight, leastLocal), mostLocal)
}
