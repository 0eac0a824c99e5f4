// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vecino-edge/vecino/fl/tensor"
)

// gaps has a gap in each of its columns but the last two, of which one is constant
// and the other missing.
const gaps = `a,b,c,d,y
1,,7,,0
 ,4,7, NA ,1
3,?,7,null,1
NaN,8,7,"",0
5,6,7,nan,
`

func TestMissing(t *testing.T) {
	got, err := readText("f.csv", gaps, Schema{})
	if err != nil {
		t.Fatal(err)
	}
	checkTable(t, got)
	want := &Table{
		Kind: Classification, Columns: []string{"a", "b", "c", "d"}, Target: "y", Classes: 2,
		X:       []float32{1, nan, 7, nan, nan, 4, 7, nan, 3, nan, 7, nan, nan, 8, 7, nan},
		Y:       []float32{0, 1, 1, 0},
		Labels:  []int32{0, 1, 1, 0},
		Missing: []int32{2, 2, 0, 4},
		Fill:    []float32{2, 6, 7, 0},
		Dropped: 1,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		scale Scale
		want  []float32
	}{
		{Scale{}, []float32{-1, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0}},
		{Scale{Method: None}, []float32{1, 6, 7, 0, 2, 4, 7, 0, 3, 6, 7, 0, 2, 8, 7, 0}},
		{Scale{Divide, 2}, []float32{.5, 3, 3.5, 0, 1, 2, 3.5, 0, 1.5, 3, 3.5, 0, 1, 4, 3.5, 0}},
	} {
		s, err := Fit(tt.scale, got)
		if err != nil {
			t.Fatal(err)
		}
		for name, fill := range map[string][]float32{"by its fill": got.Fill, "by its means": nil} {
			scaled := got.Clone()
			scaled.Fill = fill
			if err := s.Apply(scaled); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, scaled.X); diff != "" {
				t.Errorf("%v, filled %s (-want +got):\n%s", tt.scale, name, diff)
			}
			if diff := cmp.Diff(want.Missing, scaled.Missing); diff != "" {
				t.Errorf("%v: missing (-want +got):\n%s", tt.scale, diff)
			}
		}
		row := []float32{nan, 4, nan, nan}
		if s.ApplyRow(row); !tensor.Finite(row) || row[0] != 0 || row[3] != 0 {
			t.Errorf("%v: a row alone becomes %v", tt.scale, row)
		}
	}
}

// TestMissingInTest fills the gaps of the test rows as the training rows tell,
// which have none themselves.
func TestMissingInTest(t *testing.T) {
	dir := folder("train.csv", "a,b,y\n1,2,0\n3,6,1\n", "test.jsonl", `{"y":1,"a":100,"b":9}`, "test2.csv", "b,a,y\n,,1\n7,,0\n")
	train, test, err := Load(dir, Schema{Scale: Scale{Method: None}}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int32{2, 1}, test.Missing); diff != "" || train.Missing != nil {
		t.Errorf("missing in training %v, in test (-want +got):\n%s", train.Missing, diff)
	}
	s, err := Fit(Scale{Method: None}, train)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(test); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{100, 9, 2, 4, 2, 7}, test.X); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	dir = folder("train.csv", "a,b,y\n1,2,0\n", "test.csv", "a,b,y\n,2,0\n", "test2.csv", "b,a,y\n,,1\n")
	if _, test, err = Load(dir, Schema{}, Limits{}); err != nil || !cmp.Equal(test.Missing, []int32{2, 1}) {
		t.Errorf("missing %v, %v", test, err)
	}
}

func TestMissingInParts(t *testing.T) {
	table, err := readText("f.csv", gaps, Schema{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rows []int32
		want []int32
	}{
		{[]int32{0, 2, 2}, []int32{0, 3, 0, 3}},
		{[]int32{1}, []int32{1, 0, 0, 1}},
	} {
		part := table.Subset(tt.rows)
		checkTable(t, part)
		if diff := cmp.Diff(tt.want, part.Missing); diff != "" || part.Dropped != 0 {
			t.Errorf("rows %v: missing (-want +got):\n%s", tt.rows, diff)
		}
	}
}

func TestAnomaly(t *testing.T) {
	schema := Schema{Kind: Anomaly, Target: "y"}
	with := "a,b,y\n1,2,0\n3,4,1\n,6,0\n7,8,\n"
	without := "a,b\n1,2\n,6\n"
	for name, train := range map[string]string{"train.csv": with, "train.csv.gz": pack(t, without), "train.jsonl": `{"a":1,"b":2}` + "\n" + `{"b":6}`} {
		train, test, err := Load(folder(name, train, "test.csv", "b,a,y\n1,2,1\n3,4,0\n"), schema, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkTable(t, train)
		checkTable(t, test)
		if diff := cmp.Diff([]float32{1, 2, nan, 6}, train.X, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s: training (-want +got):\n%s", name, diff)
		}
		if train.Classes != 2 || test.Classes != 2 || train.Kind != Anomaly || test.Labels[0] != 1 || train.Labels[1] != 0 {
			t.Errorf("%s: %v, %d and %d classes, labels %v and %v", name, train.Kind, train.Classes, test.Classes, train.Labels, test.Labels)
		}
		if name == "train.csv" && (train.Abnormal != 1 || train.Dropped != 1) {
			t.Errorf("%d rows are not normal, %d dropped", train.Abnormal, train.Dropped)
		}
	}
	const advice = `; with kind = "anomaly" 0 stands for normal and 1 for not; name the column that tells as target in schema.toml`
	for _, tt := range []struct{ train, test, want string }{
		{"a,b,y\n1,2,1\n", with, "train.csv: no row is normal; what is learned from needs rows whose target is 0"},
		{"a,b,y\n1,2,2\n", with, "train.csv:2: column y: 2 is neither 0 nor 1" + advice},
		{with, "a,b,y\n1,2,0.5\n", "test.csv:2: column y: 0.5 is neither 0 nor 1" + advice},
		{without, "a,b\n1,2\n", `test.csv:1: there is no target column "y"; the file has a, b`},
	} {
		_, _, err := Load(folder("train.csv", tt.train, "test.csv", tt.test), schema, Limits{})
		if diff := cmp.Diff(tt.want, errorText(err)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if train, _, err := Load(folder("train.csv", "a\n1\n\"\"\n3\n", "test.csv", "a,y\n1,1\n"), schema, Limits{}); err != nil || train.Rows() != 3 || train.Missing[0] != 1 {
		t.Errorf("one feature: %v, %v", train, err)
	}
	// A file read alone is not for training, so that it keeps all rows.
	if table, err := readText("f.csv", "a,y\n1,1\n2,0\n", schema); err != nil || table.Rows() != 2 {
		t.Errorf("%v, %v", table, err)
	}
	s, err := Fit(Scale{}, &Table{Kind: Anomaly, Columns: []string{"a"}, X: []float32{1, 3}, Y: []float32{0, 0}})
	if err != nil || s.TargetDeviation != 1 || s.TargetMean != 0 {
		t.Errorf("scaler %+v, %v", s, err)
	}
}

func TestReport(t *testing.T) {
	table, err := readText("f.csv", gaps+strings.Repeat("4,6,7,,0\n", 96), Schema{})
	if err != nil {
		t.Fatal(err)
	}
	want := Report{
		Rows: 100, Dropped: 1,
		Missing:  []Gap{{"a", 2}, {"b", 2}, {"d", 100}},
		Constant: []string{"c", "d"},
	}
	if diff := cmp.Diff(want, table.Report()); diff != "" {
		t.Errorf("before scaling (-want +got):\n%s", diff)
	}
	s, err := Fit(Scale{}, table)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(table); err != nil {
		t.Fatal(err)
	}
	want.Clipped = 3.0 / 400 // 4 and 8 among 6, and 1 among 4
	r := table.Report()
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("after it (-want +got):\n%s", diff)
	}
	r.Abnormal = 7
	sentences := []string{
		"1 row left out, since the target is missing",
		"7 rows left out of training, since they are not normal",
		"column a is missing in 2 rows of 100, filled with its mean",
		"column b is missing in 2 rows of 100, filled with its mean",
		"column d is missing in all rows and stands as 0",
		"no row differs from another in c, d",
		"0.75 % of the numbers were clipped, since they lie far out",
	}
	if diff := cmp.Diff(sentences, r.Sentences()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	none := (&Table{}).Report()
	if diff := cmp.Diff(Report{}, none); diff != "" || none.Sentences() != nil {
		t.Errorf("an empty table (-want +got):\n%s", diff)
	}
}

func TestClassCounts(t *testing.T) {
	table := &Table{Kind: Classification, Classes: 4, Y: make([]float32, 5), Labels: []int32{0, 2, 2, 2, 3}}
	if diff := cmp.Diff([]int{1, 0, 3, 1}, table.ClassCounts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := climate().ClassCounts(); got != nil {
		t.Errorf("a regression has %v", got)
	}
}

// TestMomentsWithoutGaps holds the sums to those of rows without gaps, bit for
// bit, which all results so far rest on.
func TestMomentsWithoutGaps(t *testing.T) {
	x := make([]float32, 3*101)
	v := uint32(1)
	for i := range x {
		v = v*1664525 + 1013904223
		x[i] = float32(v) / (1 << 28)
	}
	mean, deviation := moments(x, 3)
	for j := range 3 {
		var sum, squares float64
		for i := j; i < len(x); i += 3 {
			sum += float64(x[i])
		}
		sum /= 101
		for i := j; i < len(x); i += 3 {
			d := float64(x[i]) - sum
			squares += float64(d * d)
		}
		if mean[j] != float32(sum) || deviation[j] != float32(math.Sqrt(squares/101)) {
			t.Errorf("column %d: %v and %v", j, mean[j], deviation[j])
		}
	}
}
