// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// Scaler returns the scaling that all devices share.
func (t *Task) Scaler() *dataset.Scaler {
	return &dataset.Scaler{
		Scale: dataset.Scale{Method: dataset.Method(t.Scale), Divisor: t.Divisor},
		Mean:  t.Mean, Deviation: t.Deviation, TargetMean: t.TargetFit[0], TargetDeviation: t.TargetFit[1],
	}
}

// SetData fills in what the task says of the data, from the publisher's own
// training rows before they are scaled.
func (t *Task) SetData(train *dataset.Table, s *dataset.Scaler) {
	t.Kind, t.Columns, t.Target, t.Classes = uint8(train.Kind), train.Columns, train.Target, 0
	if train.Kind == dataset.Classification { // the two kinds of row of an anomaly are no classes to learn
		t.Classes = uint16(train.Classes)
	}
	t.Scale, t.Divisor, t.Mean, t.Deviation = uint8(s.Scale.Method), s.Scale.Divisor, s.Mean, s.Deviation
	t.TargetFit = [2]float32{s.TargetMean, s.TargetDeviation}
}

// Prepare makes a device's own table one that the task can use: it checks the
// columns, which must be the task's, and scales them as the task says. The
// table has not been scaled before.
func (t *Task) Prepare(table *dataset.Table) error {
	switch {
	case table.Kind != dataset.Kind(t.Kind):
		return fmt.Errorf("the data are for %v, task %q is for %v", table.Kind, t.Name, dataset.Kind(t.Kind))
	case !slices.Equal(table.Columns, t.Columns):
		return fmt.Errorf("the data have other columns than task %q: %s", t.Name, difference(table.Columns, t.Columns))
	case table.Target != t.Target:
		return fmt.Errorf("the data's target is column %q, that of task %q is %q", table.Target, t.Name, t.Target)
	case table.Kind == dataset.Classification && table.Classes > int(t.Classes):
		return fmt.Errorf("the data have %d classes, task %q has %d", table.Classes, t.Name, t.Classes)
	}
	if table.Kind == dataset.Classification {
		table.Classes = int(t.Classes)
	}
	return t.Scaler().Apply(table)
}

func difference(have, want []string) string {
	for i := range min(len(have), len(want)) {
		if have[i] != want[i] {
			return fmt.Sprintf("column %d is %q, wanted is %q", i+1, have[i], want[i])
		}
	}
	return fmt.Sprintf("there are %d, wanted are %d", len(have), len(want))
}
