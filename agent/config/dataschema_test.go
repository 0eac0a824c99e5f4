// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/dataset"
)

func TestReadDataSchema(t *testing.T) {
	for text, want := range map[string]dataset.Schema{
		"":                        {},
		"kind = 'classification'": {Kind: dataset.Classification},
		"# all\nkind = 'regression'\ntarget = 'target_co'\ngroup = 'day'\nscale = 'divide:2.5'\n": {
			Kind: dataset.Regression, Target: "target_co", Group: "day",
			Scale: dataset.Scale{Method: dataset.Divide, Divisor: 2.5},
		},
		"target = 'una columna'\nscale = 'none'": {Target: "una columna", Scale: dataset.Scale{Method: dataset.None}},
	} {
		got, err := ReadDataSchema(writeFile(t, text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if d := cmp.Diff(&want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
}

// TestBadDataSchemas holds that the files in testdata/badschema give the messages
// at their head.
func TestBadDataSchemas(t *testing.T) {
	for _, v := range vectors(t, "badschema") {
		_, err := ReadDataSchema(v.path)
		if got, want := message(err, v.path), strings.Join(v.want, "\n"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", v.path, got, want)
		}
	}
}

func TestOddDataSchemas(t *testing.T) {
	for text, want := range map[string]string{
		"target = '" + strings.Repeat("c", 257) + "'": "FILE:1: target: is longer than a column's name may be, 256 bytes; shorten it",
		`group = "a\tb"`:               `FILE:1: group: "a\tb" holds a control character; remove it`,
		"kind = 1979":                  `FILE:1: kind: is the number 1979; write it in quotes`,
		"= 1":                          `FILE:1: not TOML: unexpected '=': key name appears blank`,
		strings.Repeat("#", MaxFile+1): "FILE: is larger than 65536 bytes; settings need few of them",
	} {
		path := writeFile(t, text)
		_, err := ReadDataSchema(path)
		if got := message(err, path); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
}

func TestMissingDataSchema(t *testing.T) {
	got, err := ReadDataSchema(filepath.Join(t.TempDir(), "schema.toml"))
	if got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ReadDataSchema(t.TempDir()); err == nil {
		t.Error("a folder is taken for a file")
	}
}

// TestSharedDataSchemas reads the schemas of the data folders beside the module.
func TestSharedDataSchemas(t *testing.T) {
	for _, path := range sharedData(t) {
		got, err := ReadDataSchema(path)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"kind = \"" + got.Kind.String(), "target = \"" + got.Target, "scale = \"" + got.Scale.String()} {
			if !strings.Contains(string(text), want+"\"") {
				t.Errorf("%s holds no %s\"", path, want)
			}
		}
		if strings.Contains(string(text), "\ngroup") != (got.Group != "") {
			t.Errorf("%s: group %q", path, got.Group)
		}
	}
}
