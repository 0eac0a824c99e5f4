// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package dataset reads what a device learns from: a folder with training and
// test rows in CSV (RFC 4180), JSON lines or a CBOR sequence (RFC 8742), or a
// ring of samples that sensors fill. It fills what is missing, scales features
// as the training rows tell, notices when live samples leave that scale, and
// splits rows among simulated nodes, by label after Hsu, Qi and Brown
// (Measuring the effects of non-identical data distribution, 2019). Files are
// not trusted: limits hold before memory is taken, and errors name file, line
// and column.
//
// The zero Table is empty and usable, and so are the zero Schema, which means
// what a folder without schema.toml means, and the zero Limits. A [Ring] and a
// [Drift] come from their functions and are safe for concurrent use; a [Table]
// and a [Scaler] are for many readers.
package dataset

// Table holds rows of features with their targets. Its numbers are finite, but
// for the NaN of a missing feature before [Scaler.Apply] fills it.
type Table struct {
	Kind    Kind      // Classification, Regression or Anomaly
	Columns []string  // (features), their names
	Target  string    // name of the target
	GroupBy string    // name of the group column, empty for none
	Classes int       // number of classes; 2 in an anomaly table, 0 in a regression
	X       []float32 // (rows, features), row-major
	Y       []float32 // (rows), the targets as numbers
	Labels  []int32   // (rows), 0..Classes-1; nil in a regression
	Group   []string  // (rows), the owner of each row; nil without a group

	Missing  []int32   // (features), rows in which the feature was missing; nil for none
	Fill     []float32 // (features), what to fill in, not scaled; nil for the columns' own means
	Dropped  int       // rows that were left out since their target was missing
	Abnormal int       // rows that were left out since they are not normal; Anomaly only
	Clipped  int       // features that the scaler clipped
}

// Rows returns the number of rows.
func (t *Table) Rows() int { return len(t.Y) }

// Features returns the number of features in a row.
func (t *Table) Features() int { return len(t.Columns) }

// Row returns the features of row i. It is a part of X, not a copy.
func (t *Table) Row(i int) []float32 {
	n := len(t.Columns)
	return t.X[i*n : (i+1)*n : (i+1)*n]
}

// join appends the rows of more, which was read with the same columns.
func (t *Table) join(more *Table) {
	t.X = append(t.X, more.X...)
	t.Y = append(t.Y, more.Y...)
	t.Labels = append(t.Labels, more.Labels...)
	t.Group = append(t.Group, more.Group...)
	t.Classes = max(t.Classes, more.Classes)
	t.Dropped += more.Dropped
	t.Abnormal += more.Abnormal
	if t.Missing == nil {
		t.Missing = more.Missing
		return
	}
	for i, n := range more.Missing {
		t.Missing[i] += n
	}
}

// anomalyClasses are normal, 0, and not, 1.
const anomalyClasses = 2

// label sets labels and the number of classes by the targets, which are classes.
func (t *Table) label() {
	t.Labels = make([]int32, len(t.Y))
	for i, y := range t.Y {
		t.Labels[i] = int32(y)
		t.Classes = max(t.Classes, int(y)+1)
	}
	if t.Kind == Anomaly {
		t.Classes = anomalyClasses
	}
}

// ClassCounts returns how many rows each class has, nil in a regression.
func (t *Table) ClassCounts() []int {
	if t.Labels == nil {
		return nil
	}
	counts := make([]int, t.Classes)
	for _, label := range t.Labels {
		counts[label]++
	}
	return counts
}
