// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestDirichletIsUnequal compares how much the largest class of a node weighs.
func TestDirichletIsUnequal(t *testing.T) {
	table := labelled(2000, 10, 1, rand.New(rand.NewPCG(7, 7)))
	share := func(alpha float64) float64 {
		parts, err := Partition{Way: Dirichlet, Alpha: alpha}.Split(table, 8, 3)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, part := range parts {
			counts := make([]int, table.Classes)
			for _, row := range part {
				counts[table.Labels[row]]++
			}
			sum += float64(slices.Max(counts)) / float64(len(part))
		}
		return sum / float64(len(parts))
	}
	unequal, middle, equal := share(0.05), share(0.5), share(1000)
	if !(unequal > 0.5 && middle > 0.2 && middle < unequal && equal < 0.2) {
		t.Errorf("largest class of a node: %.2f, %.2f, %.2f for alpha 0.05, 0.5, 1000", unequal, middle, equal)
	}
}

// TestTopUp has so few rows that tries alone cannot satisfy every node.
func TestTopUp(t *testing.T) {
	table := labelled(16*perNode, 2, 1, rand.New(rand.NewPCG(7, 7)))
	parts, err := Partition{Way: Dirichlet, Alpha: 0.01}.Split(table, 16, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range parts {
		if len(part) != perNode {
			t.Errorf("node %d has %d rows, want %d", i, len(part), perNode)
		}
	}
}

// TestLogGamma compares mean and variance of the variates with their theory:
// both are the shape. The logarithm of a variate of shape a has the mean
// digamma(a), which is checked where the variates themselves are too small.
func TestLogGamma(t *testing.T) {
	n := 100_000.0
	if testing.Short() {
		n = 20_000
	}
	for _, shape := range []float64{0.1, 0.5, 1, 3, 100} {
		r := rand.New(rand.NewPCG(3, 4))
		sum, squares := 0.0, 0.0
		for range int(n) {
			g := math.Exp(logGamma(shape, r))
			sum += g
			squares += g * g
		}
		mean := sum / n
		variance := squares/n - mean*mean
		if math.Abs(mean-shape) > 5*math.Sqrt(shape/n) || math.Abs(variance-shape) > 0.06*shape+0.01 {
			t.Errorf("shape %g: mean %.4f, variance %.4f", shape, mean, variance)
		}
	}
	const small, digamma = 0.01, -100.5608854578687
	r, sum := rand.New(rand.NewPCG(3, 4)), 0.0
	for range int(n) {
		sum += logGamma(small, r)
	}
	if mean := sum / n; math.Abs(mean-digamma) > 2 {
		t.Errorf("shape %g: mean of the logarithm %.2f, want %.2f", small, mean, digamma)
	}
}

func BenchmarkDirichlet(b *testing.B) {
	table := labelled(1438, 10, 1, rand.New(rand.NewPCG(2, 2)))
	for _, alpha := range []float64{0.1, 1} {
		b.Run(fmt.Sprint(alpha), func(b *testing.B) {
			for seed := uint64(0); b.Loop(); seed++ {
				if _, err := (Partition{Way: Dirichlet, Alpha: alpha}).Split(table, 20, seed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
