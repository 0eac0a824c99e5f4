// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSubsetAndClone(t *testing.T) {
	table := &Table{
		Kind: Classification, Columns: []string{"a", "b"}, Classes: 3, GroupBy: "g",
		X: []float32{1, 2, 3, 4, 5, 6}, Y: []float32{0, 1, 2}, Labels: []int32{0, 1, 2}, Group: []string{"x", "y", "z"},
	}
	before := *table.Clone()
	got := table.Subset([]int32{2, 0, 2})
	want := &Table{
		Kind: Classification, Columns: []string{"a", "b"}, Classes: 3, GroupBy: "g",
		X: []float32{5, 6, 1, 2, 5, 6}, Y: []float32{2, 0, 2}, Labels: []int32{2, 0, 2}, Group: []string{"z", "x", "z"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("subset (-want +got):\n%s", d)
	}
	got.X[0], got.Y[0], got.Labels[0], got.Group[0] = 9, 9, 9, "9"
	copied := table.Clone()
	copied.X[0], copied.Y[0], copied.Labels[0], copied.Group[0] = 9, 9, 9, "9"
	if d := cmp.Diff(&before, table); d != "" {
		t.Errorf("a part or a copy shares numbers with its table (-before +after):\n%s", d)
	}
	none := (&Table{Columns: []string{"a"}, X: []float32{1}, Y: []float32{2}}).Subset([]int32{0})
	if none.Labels != nil || none.Group != nil || none.Rows() != 1 {
		t.Errorf("subset of a regression: %+v", none)
	}
}
