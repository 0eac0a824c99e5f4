// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package dataset reads what a device learns from: a folder with train.csv and
// test.csv, or a ring of samples that sensors fill. It
// scales features as the training rows tell and splits rows among simulated
// nodes, by label after Hsu, Qi and Brown (Measuring the effects of
// non-identical data distribution, 2019). Files are not trusted: limits hold
// before memory is taken, and errors name file, line and column.
//
// The zero Table is empty and usable, and so are the zero Schema, which means
// what a folder without schema.toml means, and the zero Limits. A [Ring] is
// safe for concurrent use; a [Table] and a [Scaler] are for many readers.
package dataset

// Table holds rows of features with their targets. Numbers are finite.
type Table struct {
	Kind    Kind      // Classification or Regression
	Columns []string  // (features), their names
	Target  string    // name of the target
	GroupBy string    // name of the group column, empty for none
	Classes int       // number of classes; 0 in regression
	X       []float32 // (rows, features), row-major
	Y       []float32 // (rows), the targets as numbers
	Labels  []int32   // (rows), 0..Classes-1; nil in regression
	Group   []string  // (rows), the owner of each row; nil without a group
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
}
