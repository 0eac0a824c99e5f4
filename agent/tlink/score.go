// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"fmt"
	"math"
	"slices"
)

// Score says how many links an attacker got right.
type Score struct {
	Right, Trials int // devices that were there on both sides of an edge, over all edges
}

// Add returns the sum of two scores.
func (s Score) Add(t Score) Score { return Score{s.Right + t.Right, s.Trials + t.Trials} }

// Rate returns the share of links that are right, 0 without trials.
func (s Score) Rate() float64 {
	if s.Trials == 0 {
		return 0
	}
	return float64(s.Right) / float64(s.Trials)
}

// Upper returns the 95 % upper bound of the rate, one-sided (Clopper and Pearson
// 1934): with a greater one, so few right links had a chance below 5 %. Links at
// one edge are not independent, so that it is a guide only.
func (s Score) Upper() float64 {
	if s.Right >= s.Trials {
		return 1
	}
	low, high := 0.0, 1.0
	for range 60 {
		p := (low + high) / 2
		if atMost(s.Right, s.Trials, p) > 0.05 {
			low = p
		} else {
			high = p
		}
	}
	return high
}

// String returns the score for a table.
func (s Score) String() string {
	return fmt.Sprintf("%4d / %4d  %5.1f %%  (< %5.1f %%)", s.Right, s.Trials, 100*s.Rate(), 100*s.Upper())
}

// atMost returns the chance of k successes or fewer in n trials of chance p.
func atMost(k, n int, p float64) (sum float64) {
	choose := func(n, k int) float64 {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(k + 1))
		c, _ := math.Lgamma(float64(n - k + 1))
		return a - b - c
	}
	for i := range k + 1 {
		sum += math.Exp(choose(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

// moments returns mean and standard deviation, zeros of nothing.
func moments(v []float64) (mean, deviation float64) {
	if len(v) == 0 {
		return 0, 0
	}
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		deviation += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(v)))
}

// quantile returns the value below which a share of v lies, 0 of nothing.
func quantile(v []float64, share float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(v))
	return sorted[int(share*float64(len(sorted)-1)+0.5)]
}
