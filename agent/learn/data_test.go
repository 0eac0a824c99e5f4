// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// shaky returns rows as dataOf does with a third column, which is odd.
func shaky(rows int, third func(i int) float32) *Data {
	d := &Data{Train: halves(rows, 1), Test: halves(40, 99)}
	for _, t := range []*dataset.Table{d.Train, d.Test} {
		x := []float32{}
		for i := range t.Rows() {
			x = append(x, t.X[2*i], t.X[2*i+1], third(i))
		}
		t.X, t.Columns = x, []string{"a", "b", "c"}
	}
	return d
}

func noise(i int) float32 { return float32(math.Sin(float64(i))) }

// TestDataStatus holds what a device says of its data.
func TestDataStatus(t *testing.T) {
	for name, tt := range map[string]struct {
		data func() *Data
		want DataStatus
	}{
		"nothing to say": {func() *Data { return shaky(30, noise) }, DataStatus{Rows: 30, Test: 40, Classes: []int{11, 19}}},
		"constant":       {func() *Data { return shaky(30, func(int) float32 { return 1 }) }, DataStatus{Rows: 30, Test: 40, Classes: []int{11, 19}, Constant: []string{"c"}, Notes: []string{"no row differs from another in c"}}},
		"held out": {func() *Data {
			d := shaky(30, noise)
			d.HeldOut = true
			return d
		}, DataStatus{Rows: 30, Test: 40, HeldOut: true, Classes: []int{11, 19}, Notes: []string{"there is no test file: 40 of 70 rows of the training file are held out, and never learned from"}}},
		"a class less": {func() *Data {
			d := shaky(30, noise)
			d.Train.Classes, d.Test.Classes = 3, 3
			return d
		}, DataStatus{Rows: 30, Test: 40, Classes: []int{11, 19, 0}, Notes: []string{"1 of 3 classes have no row here"}}},
		"gaps": {func() *Data {
			d := shaky(30, noise)
			d.Train.X[2], d.Train.X[5] = float32(math.NaN()), float32(math.NaN())
			d.Train.Missing = []int32{0, 0, 2}
			return d
		}, DataStatus{Rows: 30, Test: 40, Classes: []int{11, 19}, Missing: []GapStatus{{"c", 2}}, Notes: []string{"column c is missing in 2 rows of 30, filled with its mean"}}},
		"test rows that are others": {func() *Data {
			d := shaky(30, noise)
			for i := range d.Test.Rows() {
				d.Test.X[3*i+2] += 9
			}
			return d
		}, DataStatus{Rows: 30, Test: 40, Classes: []int{11, 19}, Drift: []string{
			"test rows: column c is outside its range of training in 100 % of the last 40 samples",
			"test rows: the mean of column c has moved by +6.0 deviations over the last 40 samples",
		}}},
	} {
		bubble(t, func(t *testing.T, s *square, settle settler) {
			r := settle(0, func(r *resident, _ *Options) { r.load = func() (*Data, error) { return tt.data(), nil } })
			p := plan()
			r.start(p)
			sleep(time.Second)
			want := tt.want
			if want.Missing == nil {
				want.Missing = []GapStatus{}
			}
			for _, list := range []*[]string{&want.Constant, &want.Drift, &want.Notes} {
				*list = append([]string{}, *list...)
			}
			want.Notes = append(want.Notes, want.Drift...)
			if d := cmp.Diff(&want, r.Status().Data); d != "" {
				t.Errorf("%s: -want +status:\n%s", name, d)
			}
		})
	}
}

// TestReloaded holds that rows which are read anew are compared with those of the time
// before: the new ones, where there are more.
func TestReloaded(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		rows, shift := 64, float32(0)
		r := settle(0, func(r *resident, _ *Options) {
			r.load = func() (*Data, error) {
				return shaky(rows, func(i int) float32 {
					if i >= 64 {
						return noise(i) + shift
					}
					return noise(i)
				}), nil
			}
		})
		again := func(seed uint64) *DataStatus {
			p := plan()
			p.Seed = seed
			task := r.start(p)
			sleepUntil(task, 1, 0)
			if _, err := r.Stop("halves"); err != nil {
				t.Error(err)
			}
			sleep(time.Second) // it rests
			return r.Status().Data
		}
		if d := again(1); len(d.Drift) > 0 {
			t.Errorf("the first time: %v", d.Drift)
		}
		if rows = 128; len(again(2).Drift) > 0 {
			t.Errorf("rows like those before: %v", r.Status().Data.Drift)
		}
		rows, shift = 64, 0
		again(3)
		rows, shift = 128, 9
		if d := again(4); len(d.Drift) == 0 || !strings.Contains(d.Drift[0], "column c is outside its range of training in 100 %") {
			t.Errorf("other rows are added: %v", d.Drift)
		}
		if !r.log.has("the data drift") {
			t.Error("it is not logged")
		}
	})
}

// TestDataBound holds that a table with many odd columns does not fill the status.
func TestDataBound(t *testing.T) {
	var changes []string
	for i := range 100 {
		changes = append(changes, fmt.Sprint("change ", i))
	}
	d := &Data{Train: halves(30, 1), Test: halves(40, 99)}
	st := newDataStatus(d, changes)
	if len(st.Drift) != maxColumnsTold || len(st.Notes) != maxNotes+1 || st.Notes[maxNotes] != "and 68 more" {
		t.Errorf("%d changes, %d notes, the last %q", len(st.Drift), len(st.Notes), st.Notes[len(st.Notes)-1])
	}
}
