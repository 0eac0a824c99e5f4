// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

// countMissing counts the features that are missing in x, a row of the table.
func (t *Table) countMissing(x []float32) {
	for i, v := range x {
		if v == v {
			continue
		}
		if t.Missing == nil {
			t.Missing = make([]int32, len(x))
		}
		t.Missing[i]++
	}
}

// countAllMissing counts anew what is missing and not filled yet.
func (t *Table) countAllMissing() {
	t.Missing = nil
	for i := range t.Rows() {
		t.countMissing(t.Row(i))
	}
}

// setFill sets what missing features are filled with to the means of the table.
func (t *Table) setFill() {
	if t.Missing != nil {
		t.Fill = columnMeans(t)
	}
}

// columnMeans returns the mean of each feature over the rows that have it, and 0
// where none has.
func columnMeans(t *Table) []float32 {
	mean, _ := moments(t.X, t.Features())
	return mean
}

// fill puts into a row what stands for its missing features.
func fill(x, by []float32) {
	for i, v := range x {
		if v != v {
			x[i] = by[i]
		}
	}
}
