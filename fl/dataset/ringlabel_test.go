// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import "testing"

// TestRingLabels labels samples after they came.
func TestRingLabels(t *testing.T) {
	r := newRing(t, RingSettings{Columns: []string{"a"}, Kind: Classification, Classes: 3, Capacity: 4, HoldOut: 2})
	numbers := map[float32]uint64{}
	for i := range 10 {
		v := float32(i)
		n, err := r.Append([]float32{v}, nan)
		if err != nil {
			t.Fatal(err)
		}
		numbers[v] = n
	}
	train, test := r.Tables()
	if train.Rows()+test.Rows() != 0 || train.Dropped+test.Dropped != 4 {
		t.Errorf("%d labelled and %d unlabelled samples to learn from, %d and %d held out", train.Rows(), train.Dropped, test.Rows(), test.Dropped)
	}
	labelled := 0
	for v, n := range numbers {
		there, err := r.Label(n, float32(int(v)%3))
		if err != nil {
			t.Fatal(err)
		}
		if there {
			labelled++
		}
	}
	if labelled != 4 {
		t.Errorf("%d samples were there to label", labelled)
	}
	train, test = r.Tables()
	for _, table := range []*Table{train, test} {
		if table.Rows() != 2 {
			t.Errorf("%d samples", table.Rows())
		}
		for i, v := range table.X {
			if table.Labels[i] != int32(v)%3 {
				t.Errorf("sample %v has the label %d", v, table.Labels[i])
			}
		}
	}
	if there, err := r.Label(10, 0); there || err != nil {
		t.Errorf("a sample to come was labelled: %v", err)
	}
	if _, err := r.Label(9, 3); err == nil {
		t.Error("a label beyond the classes was accepted")
	}
	if _, err := r.Label(9, nan); err == nil {
		t.Error("a label that is no number was accepted")
	}
}

func TestRingOfAnomalies(t *testing.T) {
	r := newRing(t, RingSettings{Columns: []string{"a", "b"}, Kind: Anomaly, Capacity: 40, HoldOut: 4})
	for i := range 40 {
		y := []float32{0, nan, 1, 0}[i%4]
		if err := r.Add([]float32{float32(i), []float32{1, nan}[i%2]}, y); err != nil {
			t.Fatal(err)
		}
	}
	train, test := r.Tables()
	checkTable(t, train)
	checkTable(t, test)
	if train.Classes != 2 || test.Classes != 2 || train.Abnormal == 0 || train.ClassCounts()[1] != 0 || test.ClassCounts()[1] == 0 || train.Missing[1] == 0 || train.Fill[1] != 1 {
		t.Errorf("training %v and %d, held out %v, missing %v", train.ClassCounts(), train.Abnormal, test.ClassCounts(), train.Missing)
	}
	if err := r.Add([]float32{1, 1}, 2); err == nil {
		t.Error("a target of 2 was accepted")
	}
}
