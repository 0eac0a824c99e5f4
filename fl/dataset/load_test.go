// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func folder(files ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		m[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return m
}

func TestLoad(t *testing.T) {
	dir := folder(
		"train.csv.gz", pack(t, "a,b,y\n1,2,0\n3,4,1\n"),
		"test.csv", "b,y,a\n6,3,5\n",
		"test2.csv.gz", pack(t, "y,a,b\n0,7,8\n"),
	)
	train, test, err := Load(dir, Schema{}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if train.Classes != 4 || test.Classes != 4 {
		t.Errorf("classes %d and %d, want 4 of both", train.Classes, test.Classes)
	}
	if diff := cmp.Diff([]float32{1, 2, 3, 4}, train.X); diff != "" {
		t.Errorf("training (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float32{5, 6, 7, 8}, test.X); diff != "" {
		t.Errorf("test, joined and in the order of the training columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int32{3, 0}, test.Labels); diff != "" {
		t.Errorf("test labels (-want +got):\n%s", diff)
	}
	checkTable(t, train)
	checkTable(t, test)
}

// TestLoadDecidesByTraining has whole targets in the test file only.
func TestLoadDecidesByTraining(t *testing.T) {
	dir := folder("train.csv", "a,y\n1,0.5\n", "test.csv", "a,y\n1,-7\n")
	_, test, err := Load(dir, Schema{}, Limits{})
	if err != nil || test.Kind != Regression {
		t.Errorf("kind %v, %v", test, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	const train = "a,b,y\n1,2,0\n"
	tests := []struct {
		name string
		dir  fs.FS
		want string
	}{
		{"nothing", folder(), "the folder has no train.csv, and no .jsonl, .ndjson or .cbor in its place, nor one packed as .gz: file does not exist"},
		{"no test", folder("train.csv", train), "the folder has no test.csv, and no .jsonl, .ndjson or .cbor in its place, nor one packed as .gz: file does not exist"},
		{"both", folder("train.csv", train, "train.csv.gz", ""), "there are both train.csv and train.csv.gz: remove one"},
		{"two forms", folder("train.jsonl.gz", "", "train.csv", train), "there are both train.csv and train.jsonl.gz: remove one"},
		{"missing column", folder("train.csv", train, "test.csv", "a,y\n1,2\n"), `test.csv:1: there is no column "b"; the file has a, y`},
		{"extra column", folder("train.csv", train, "test.csv", "a,b,c,y\n1,2,3,4\n"), "test.csv:1: column c is not in the training file; remove it, or add it there"},
		{"other target", folder("train.csv", train, "test.csv", "a,b,z\n1,2,3\n"), `test.csv:1: there is no target column "y"; the file has a, b, z`},
		{"fraction of a class", folder("train.csv", train, "test.csv", "a,b,y\n1,2,0.5\n"), `test.csv:2: column y: 0.5 is not a class; classes are whole numbers from 0 to 999; other numbers need kind = "regression" in schema.toml`},
		{"damaged test2", folder("train.csv", train, "test.csv", train, "test2.csv", "a,b,y\n1,2\n"), "test2.csv:2: the line has 2 fields and the header 3; complete or remove the row"},
		{"a folder for a file", fstest.MapFS{"train.csv/x": {}}, "read train.csv: read train.csv: invalid argument"},
	}
	for _, tt := range tests {
		_, _, err := Load(tt.dir, Schema{}, Limits{})
		if diff := cmp.Diff(tt.want, errorText(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestLoadNamesManyColumns(t *testing.T) {
	dir := folder(
		"train.csv", "a,b,c,d,e,f,g,h,i,j,k,l,m,y\n1,2,3,4,5,6,7,8,9,10,11,12,13,0\n",
		"test.csv", "a,b,c,d,e,f,g,h,i,j,k,l,y\n1,2,3,4,5,6,7,8,9,10,11,12,0\n",
	)
	_, _, err := Load(dir, Schema{}, Limits{})
	want := `test.csv:1: there is no column "m"; the file has a, b, c, d, e, f, g, h, i, j, …`
	if errorText(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// sharedData returns a data folder that lies beside the module, or skips.
func sharedData(t *testing.T, name string) fs.FS {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("the module's root is not among the parents of this folder")
		}
		dir = filepath.Dir(dir)
	}
	data := filepath.Join(dir, "..", "shared", "data", name)
	if _, err := os.Stat(data); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the data folder %s is not here", name)
	}
	return os.DirFS(data)
}

// TestLoadShared reads the data folders that lie beside the module and compares
// with the numerical reference, whose means are less exact than ours.
func TestLoadShared(t *testing.T) {
	type size struct{ Train, Test, Features, Owners, Classes int }
	tests := []struct {
		name   string
		schema Schema
		kind   Kind
		want   size
		first  []float32 // of the first test row, scaled
		target float32   // of the first test row, scaled
	}{
		{"digits", Schema{Scale: Scale{Divide, 16}}, Classification, size{1438, 359, 64, 0, 10}, []float32{0, 0, 0, 0.0625, 0.6875}, 4},
		{"occupancy", Schema{}, Classification, size{8143, 12417, 5, 0, 2}, []float32{3.0294178, 0.09761554, 2.391248, 0.45387354, 1.0579066}, 1},
		{"airquality", Schema{Group: "day"}, Regression, size{5960, 1384, 10, 278, 0}, []float32{1.9400344, 0.24764049, 0.24075127, 0.48086083}, 0.53659636},
		{"synthetic_1_1", Schema{Group: "device", Scale: Scale{Method: None}}, Classification, size{11091, 1245, 60, 30, 10}, []float32{2.5728, 1.4858, 1.956}, 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			train, test, err := Load(sharedData(t, tt.name), tt.schema, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			checkTable(t, train)
			checkTable(t, test)
			owners := map[string]bool{}
			for _, g := range train.Group {
				owners[g] = true
			}
			got := size{train.Rows(), test.Rows(), train.Features(), len(owners), train.Classes}
			if diff := cmp.Diff(tt.want, got); diff != "" || train.Kind != tt.kind {
				t.Errorf("%v (-want +got):\n%s", train.Kind, diff)
			}
			s, err := Fit(tt.schema.Scale, train)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Apply(test); err != nil {
				t.Fatal(err)
			}
			near := cmpopts.EquateApprox(0, 1e-3)
			if diff := cmp.Diff(tt.first, test.X[:len(tt.first)], near); diff != "" {
				t.Errorf("first test row (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.target, test.Y[0], near); diff != "" {
				t.Errorf("first test target (-want +got):\n%s", diff)
			}
		})
	}
}
