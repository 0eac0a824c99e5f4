// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"slices"
	"strings"
)

// Report says what is noteworthy about the rows of a table.
type Report struct {
	Rows     int      // that the table has
	Dropped  int      // rows left out since their target was missing
	Abnormal int      // rows left out since they are not normal
	Missing  []Gap    // columns with gaps, in the order of the table
	Constant []string // columns that say nothing: all rows have the same number there
	Clipped  float64  // share of the features that the scaler clipped, 0 to 1
}

// Gap is a column in which features are missing.
type Gap struct {
	Column string
	Rows   int // that lacked the feature
}

// Report looks through the table, before or after it was scaled.
func (t *Table) Report() Report {
	r := Report{Rows: t.Rows(), Dropped: t.Dropped, Abnormal: t.Abnormal}
	for i, n := range t.Missing {
		if n > 0 {
			r.Missing = append(r.Missing, Gap{t.Columns[i], int(n)})
		}
	}
	if len(t.X) == 0 {
		return r
	}
	r.Clipped = float64(t.Clipped) / float64(len(t.X))
	for i, constant := range t.constant() {
		if constant {
			r.Constant = append(r.Constant, t.Columns[i])
		}
	}
	return r
}

// constant tells of each feature whether all rows that have it agree.
func (t *Table) constant() []bool {
	first := slices.Repeat([]float32{nan}, t.Features())
	constant := slices.Repeat([]bool{true}, t.Features())
	for i := range t.Rows() {
		for j, v := range t.Row(i) {
			if first[j] != first[j] {
				first[j] = v
			}
			if v == v && v != first[j] {
				constant[j] = false
			}
		}
	}
	return constant
}

// Sentences returns the report in words, one sentence for each thing to know,
// and nothing where all is well.
func (r *Report) Sentences() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if r.Dropped > 0 {
		say("%s left out, since the target is missing", rows(r.Dropped))
	}
	if r.Abnormal > 0 {
		say("%s left out of training, since they are not normal", rows(r.Abnormal))
	}
	for _, gaps := range r.Missing {
		if gaps.Rows >= r.Rows {
			say("column %s is missing in all rows and stands as 0", gaps.Column)
			continue
		}
		say("column %s is missing in %s of %d, filled with its mean", gaps.Column, rows(gaps.Rows), r.Rows)
	}
	if len(r.Constant) > 0 {
		say("no row differs from another in %s", strings.Join(r.Constant, ", "))
	}
	if r.Clipped > 0 {
		say("%.2g %% of the numbers were clipped, since they lie far out", 100*r.Clipped)
	}
	return out
}

func rows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}
