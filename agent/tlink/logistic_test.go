// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"math"
	"math/rand/v2"
	"testing"
)

// toy makes rows of three inputs: the first tells the classes apart, the second
// is noise on a large scale, the third a constant.
func toy(rng *rand.Rand, n int, gap float64) (rows [][]float64, same []bool) {
	for i := range n {
		in := i%4 == 0
		x := rng.NormFloat64()
		if in {
			x += gap
		}
		rows, same = append(rows, []float64{x, 1000 + 500*rng.NormFloat64(), 7}), append(same, in)
	}
	return rows, same
}

func accuracy(l *Logistic, rows [][]float64, same []bool) float64 {
	right := 0.0
	for i, r := range rows {
		if (l.Odds(r) > 0) == same[i] {
			right++
		}
	}
	return right / float64(len(rows))
}

func TestLogistic(t *testing.T) {
	for _, c := range []struct {
		name        string
		gap         float64
		least, most float64 // accuracy on rows that it has not seen
	}{
		{"separable", 12, 0.999, 1},
		{"overlapping", 2, 0.8, 0.88}, // 84 % is what can be had: the normal distribution at 1
		{"alike", 0, 0.35, 0.65},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			l := Train(toy(rng, 4000, c.gap))
			rows, same := toy(rng, 4000, c.gap)
			if got := accuracy(l, rows, same); got < c.least || got > c.most {
				t.Errorf("accuracy %v, want %v to %v", got, c.least, c.most)
			}
			for k, w := range append(l.weight, l.bias) {
				if math.IsNaN(w) || math.IsInf(w, 0) {
					t.Errorf("weight %d is %v", k, w)
				}
			}
			if l.weight[2] != 0 {
				t.Errorf("a constant has the weight %v", l.weight[2])
			}
		})
	}
}

// TestLogisticOfOneClass holds that training ends where there is nothing to learn.
func TestLogisticOfOneClass(t *testing.T) {
	l := Train([][]float64{{1, 2}, {2, 1}}, []bool{false, false})
	if o := l.Odds([]float64{1, 2}); math.IsNaN(o) || o >= 0 {
		t.Errorf("odds %v, want less than 0", o)
	}
}
