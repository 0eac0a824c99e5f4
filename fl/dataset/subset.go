// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import "slices"

// Subset returns a table of its own with the given rows of t, in that order. Of
// what is missing it counts what has not been filled yet.
func (t *Table) Subset(rows []int32) *Table {
	s := *t
	s.X = make([]float32, 0, len(rows)*t.Features())
	s.Y = make([]float32, 0, len(rows))
	s.Labels, s.Group = nil, nil
	s.Dropped, s.Abnormal, s.Clipped = 0, 0, 0 // these are of rows that the table may not have
	for _, i := range rows {
		s.X = append(s.X, t.Row(int(i))...)
		s.Y = append(s.Y, t.Y[i])
		if t.Labels != nil {
			s.Labels = append(s.Labels, t.Labels[i])
		}
		if t.Group != nil {
			s.Group = append(s.Group, t.Group[i])
		}
	}
	if t.Missing != nil {
		s.countAllMissing()
	}
	return &s
}

// Clone returns a copy of t that shares no numbers with it, so that it can be
// scaled and t can stay as it is.
func (t *Table) Clone() *Table {
	c := *t
	c.X, c.Y = slices.Clone(t.X), slices.Clone(t.Y)
	c.Labels, c.Group = slices.Clone(t.Labels), slices.Clone(t.Group)
	c.Missing, c.Fill = slices.Clone(t.Missing), slices.Clone(t.Fill)
	return &c
}
