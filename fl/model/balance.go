// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package model

import "github.com/vecino-edge/vecino/fl/dataset"

// CountClasses returns how many of the rows of t, nil for all, have each class,
// (Classes).
func CountClasses(t *dataset.Table, rows []int32) []int {
	counts := make([]int, t.Classes)
	if rows == nil {
		for _, label := range t.Labels {
			counts[label]++
		}
		return counts
	}
	for _, row := range rows {
		counts[t.Labels[row]]++
	}
	return counts
}

// BalancedWeights returns class weights with which every class that occurs
// counts as much as any other: all rows by the classes that occur and by the
// rows of the class, so that their mean over the rows is 1. A class without
// rows has the weight 1.
func BalancedWeights(counts []int) []float32 {
	rows, classes := 0, 0
	for _, n := range counts {
		if rows += n; n > 0 {
			classes++
		}
	}
	weights := make([]float32, len(counts))
	for i, n := range counts {
		if weights[i] = 1; n > 0 {
			weights[i] = float32(float64(rows) / (float64(classes) * float64(n)))
		}
	}
	return weights
}
