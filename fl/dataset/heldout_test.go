// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// numbered returns rows that have their number as feature.
func numbered(labels []int32, classes int, group []string) *Table {
	t := &Table{Kind: Classification, Columns: []string{"n"}, Classes: classes, Labels: labels, Group: group}
	for i, label := range labels {
		t.X, t.Y = append(t.X, float32(i)), append(t.Y, float32(label))
	}
	if group != nil {
		t.GroupBy = "who"
	}
	return t
}

func TestSplitHeldOut(t *testing.T) {
	table := numbered([]int32{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3}, 4, nil)
	train, test, err := SplitHeldOut(table, 0.2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 1, 1, 0}, test.ClassCounts()); diff != "" {
		t.Errorf("test classes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{8, 4, 1, 1}, train.ClassCounts()); diff != "" {
		t.Errorf("training classes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float32{2, 6, 10, 15}, test.X); diff != "" {
		t.Errorf("the rows held out, which are the same everywhere (-want +got):\n%s", diff)
	}
	other, _, err := SplitHeldOut(table, 0.2, 4)
	if err != nil || cmp.Equal(other.X, train.X) {
		t.Errorf("another seed gives the same rows, %v", err)
	}
	numbers := &Table{Kind: Regression, Columns: []string{"n"}, X: table.X, Y: table.Y}
	if train, test, err = SplitHeldOut(numbers, 0.5, 3); err != nil || train.Rows() != 9 || test.Rows() != 9 {
		t.Errorf("a regression: %v, %v, %v", train, test, err)
	}
}

func TestSplitHeldOutByOwner(t *testing.T) {
	var labels []int32
	var group []string
	for i := range 100 {
		labels = append(labels, int32(i%3))
		group = append(group, fmt.Sprint(i/10))
	}
	train, test, err := SplitHeldOut(numbered(labels, 3, group), 0.3, 1)
	if err != nil || train.Rows() != 70 || test.Rows() != 30 {
		t.Fatalf("%d and %d rows, %v", train.Rows(), test.Rows(), err)
	}
	for _, owner := range test.Group {
		if slices.Contains(train.Group, owner) {
			t.Fatalf("the rows of %s are on both sides", owner)
		}
	}
	one := numbered(labels, 3, slices.Repeat([]string{"a"}, 100))
	if _, test, err = SplitHeldOut(one, 0.3, 1); err != nil || test.Rows() != 30 {
		t.Errorf("one owner: %v", err)
	}
}

func TestSplitHeldOutGaps(t *testing.T) {
	table, err := readText("f.csv", "a,b,y\n"+strings.Repeat("1,,0\n,2,1\n3,4,0\n", 4)+"1,1,\n100,7,0\n7,100,1\n", Schema{})
	if err != nil {
		t.Fatal(err)
	}
	train, test, err := SplitHeldOut(table, 0.3, 1)
	if err != nil {
		t.Fatal(err)
	}
	checkTable(t, train)
	checkTable(t, test)
	if cmp.Equal(table.Fill, test.Fill) {
		t.Error("the rows held out tell what is filled in")
	}
	if diff := cmp.Diff(columnMeans(train), test.Fill); diff != "" || train.Dropped != 1 {
		t.Errorf("%d dropped, fill (-want +got):\n%s", train.Dropped, diff)
	}
}

func TestSplitHeldOutRefuses(t *testing.T) {
	table := numbered([]int32{0, 1, 2}, 3, nil)
	for _, share := range []float64{0, 1, -1, math.NaN(), 2} {
		if _, _, err := SplitHeldOut(table, share, 1); err == nil {
			t.Errorf("a share of %v was accepted", share)
		}
	}
	for _, rows := range []*Table{table, {}, numbered([]int32{0}, 1, nil)} {
		if _, _, err := SplitHeldOut(rows, 0.5, 1); err == nil {
			t.Errorf("%d rows were split", rows.Rows())
		}
	}
}

// TestSplitHeldOutProperties holds that each row is on one side, and that no
// class with two rows and no owner is on the wrong ones.
func TestSplitHeldOutProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SliceOfN(rapid.Int32Range(0, 4), 12, 80).Draw(t, "labels")
		var group []string
		if rapid.Bool().Draw(t, "grouped") {
			group = rapid.SliceOfN(rapid.StringMatching("[a-d]"), len(labels), len(labels)).Draw(t, "group")
		}
		share := rapid.Float64Range(0.01, 0.99).Draw(t, "share")
		train, test, err := SplitHeldOut(numbered(labels, 5, group), share, rapid.Uint64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		all := append(slices.Clone(train.X), test.X...)
		slices.Sort(all)
		for i, v := range all {
			if v != float32(i) {
				t.Fatalf("row %d is not there once", i)
			}
		}
		if len(all) != len(labels) || !slices.IsSorted(train.X) || !slices.IsSorted(test.X) {
			t.Fatalf("%d rows of %d, or not in their order", len(all), len(labels))
		}
		if group == nil {
			for class, n := range train.ClassCounts() {
				if m := test.ClassCounts()[class]; n+m > 1 && (n == 0 || m == 0) || n+m == 1 && m == 1 {
					t.Fatalf("class %d: %d and %d rows", class, n, m)
				}
			}
		}
	})
}
