// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
)

// heldOutStream tells the numbers of SplitHeldOut from those of a partition
// with the same seed.
const heldOutStream = 1 << 32

// SplitHeldOut splits the rows of t, which are not scaled yet, into those to
// learn from and about that share of them, above 0 and below 1, to test with.
// Where rows have owners, of whom there are two or more, all rows of an owner
// stay together; otherwise each class gives its share, if it has more than one
// row. Rows keep their order. The same seed gives the same rows on every
// architecture.
//
// Rows in the order of time that are much like the ones before them should be
// grouped, by day or so, since else what is learned from tells what is held out.
func SplitHeldOut(t *Table, share float64, seed uint64) (train, test *Table, err error) {
	if !(share > 0 && share < 1) {
		return nil, nil, fmt.Errorf("dataset: hold out a share of %g; it must be above 0 and below 1", share)
	}
	r := rand.New(rand.NewPCG(seed, heldOutStream))
	held := make([]bool, t.Rows())
	if !holdOwners(t, share, r, held) {
		holdRows(t, share, r, held)
	}
	var rows [2][]int32
	for i, out := range held {
		at := 0
		if out {
			at = 1
		}
		rows[at] = append(rows[at], int32(i))
	}
	if len(rows[0]) == 0 || len(rows[1]) == 0 {
		return nil, nil, errors.New("dataset: there are too few rows to hold some out")
	}
	train, test = t.Subset(rows[0]), t.Subset(rows[1])
	train.Dropped, train.Abnormal = t.Dropped, t.Abnormal
	if t.Missing != nil { // the test rows must not tell what the training rows are filled with
		train.Fill = columnMeans(train)
		test.Fill = train.Fill
	}
	return train, test, nil
}

// part of n that is held out: the nearest whole number, but one at least, and
// one is left.
func heldOut(n int, share float64) int {
	return min(max(int(float64(share*float64(n))+0.5), 1), n-1)
}

// holdOwners holds out all rows of some owners. It reports whether there are two
// owners or more.
func holdOwners(t *Table, share float64, r *rand.Rand, held []bool) bool {
	rows := make(map[string]int)
	for _, owner := range t.Group {
		rows[owner]++
	}
	if len(rows) < 2 {
		return false
	}
	owners := make([]string, 0, len(rows))
	for owner := range rows {
		owners = append(owners, owner)
	}
	slices.SortFunc(owners, compareNames)
	r.Shuffle(len(owners), func(i, j int) { owners[i], owners[j] = owners[j], owners[i] })
	out := make(map[string]bool)
	want, have := heldOut(t.Rows(), share), 0
	for _, owner := range owners[1:] { // one is left at least
		// Taken if that comes nearer to the share, and the first in any case.
		if n := rows[owner]; len(out) == 0 || have+n-want <= want-have {
			out[owner] = true
			have += n
		}
	}
	for i, owner := range t.Group {
		held[i] = out[owner]
	}
	return true
}

// holdRows holds out rows at random, of each class its share. A class of one row
// is learned from.
func holdRows(t *Table, share float64, r *rand.Rand, held []bool) {
	classes := make([][]int32, max(t.Classes, 1))
	for i := range t.Rows() {
		label := int32(0)
		if t.Labels != nil {
			label = t.Labels[i]
		}
		classes[label] = append(classes[label], int32(i))
	}
	for _, rows := range classes {
		if len(rows) < 2 {
			continue
		}
		shuffle(rows, r)
		for _, i := range rows[:heldOut(len(rows), share)] {
			held[i] = true
		}
	}
}
