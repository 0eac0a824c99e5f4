// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with the file of that name in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, d)
	}
}

// vector is a file of testdata whose head says what is wanted of it.
type vector struct {
	path string
	want []string
}

func vectors(t *testing.T, folder string) []vector {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.toml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in testdata/%s: %v", folder, err)
	}
	var out []vector
	for _, path := range paths {
		v := vector{path: path}
		for line := range strings.Lines(readString(t, path)) {
			if want, ok := strings.CutPrefix(line, "# want: "); ok {
				v.want = append(v.want, strings.TrimSuffix(want, "\n"))
			}
		}
		if len(v.want) == 0 {
			t.Fatalf("%s does not say what is wanted", path)
		}
		out = append(out, v)
	}
	return out
}

func readString(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// writeFile puts text into a new file and returns its path.
func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// message returns what err says, with the path of the file as FILE.
func message(err error, path string) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), path, "FILE")
}

// sharedData returns the folders of data beside the module, or skips the test.
func sharedData(t *testing.T) []string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("no go.mod above the test: the data folders cannot be found")
		}
	}
	folders, err := filepath.Glob(filepath.Join(dir, "..", "shared", "data", "*", "schema.toml"))
	if err != nil || len(folders) == 0 {
		t.Skip("no data folders in ../shared/data beside the module")
	}
	return folders
}
