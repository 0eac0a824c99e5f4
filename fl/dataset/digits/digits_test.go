// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package digits

import (
	"slices"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	train, test, schema := Load()
	if train.Rows() != 1438 || test.Rows() != 359 || train.Features() != 64 || train.Classes != 10 {
		t.Errorf("%d and %d rows, %d features, %d classes", train.Rows(), test.Rows(), train.Features(), train.Classes)
	}
	if slices.Min(train.X) != 0 || slices.Max(train.X) != 16 {
		t.Errorf("pixels from %v to %v", slices.Min(train.X), slices.Max(train.X))
	}
	if schema.Scale.String() != "divide:16" || schema.Target != train.Target {
		t.Errorf("schema %+v", schema)
	}
	// Row 0 of the source is a zero; row 4, the first of the test, a four.
	if train.Labels[0] != 0 || test.Labels[0] != 4 || !slices.Equal(train.X[:6], []float32{0, 0, 5, 13, 9, 1}) {
		t.Errorf("first rows: %d %v, %d", train.Labels[0], train.X[:6], test.Labels[0])
	}
	train.X[0] = 9
	if again, _, _ := Load(); again.X[0] != 0 {
		t.Error("two calls share one table")
	}
}

func TestLicence(t *testing.T) {
	for _, want := range []string{"CC BY 4.0", "BSD 3-Clause", "The scikit-learn developers"} {
		if !strings.Contains(Licence(), want) {
			t.Errorf("the licence note does not mention %s", want)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		Load()
	}
}
