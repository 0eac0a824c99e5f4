// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUpper(t *testing.T) {
	for _, c := range []struct {
		right, trials int
		want          float64
	}{
		{0, 10, 1 - math.Pow(0.05, 0.1)}, // the bound of no success has a closed form
		{0, 304, 1 - math.Pow(0.05, 1.0/304)},
		{10, 10, 1},
		{0, 0, 1},
		{1, 1, 1},
		{9, 10, math.Pow(0.95, 0.1)},
		{19, 304, 0.0904}, // chance in a run of the protocol's size: "about 9 %"
	} {
		if got := (Score{c.right, c.trials}).Upper(); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("%d of %d: %v, want %v", c.right, c.trials, got, c.want)
		}
	}
}

func TestGrade(t *testing.T) {
	edges := []*Edge{
		{left: []int{0, 1, 2}, right: []int{2, 0, 1}},
		{left: []int{0, 1, 2}, right: []int{0, 2}}, // device 1 has gone: nobody can link it
	}
	got := Grade(edges, [][]int{{1, 2, 2}, {0, -1, 0}})
	if d := cmp.Diff(Score{Right: 3, Trials: 5}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if r := got.Rate(); r != 0.6 {
		t.Errorf("rate %v", r)
	}
	if r := (Score{}).Rate(); r != 0 {
		t.Errorf("rate of nothing %v", r)
	}
}

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		share, want float64
		v           []float64
	}{
		{0.5, 0, nil}, {0.5, 4, []float64{4}}, {0, 1, []float64{3, 1, 2}}, {1, 3, []float64{3, 1, 2}}, {0.5, 2, []float64{3, 1, 2}},
	} {
		if got := quantile(c.v, c.share); got != c.want {
			t.Errorf("%v of %v: %v, want %v", c.share, c.v, got, c.want)
		}
	}
}
