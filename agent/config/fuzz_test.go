// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// seed adds the files of testdata/folder.
func seed(f *testing.F, folder string) {
	f.Helper()
	dir, err := os.ReadDir("testdata/" + folder)
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range dir {
		b, err := os.ReadFile("testdata/" + folder + "/" + e.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// checkMessage holds that an error can be shown to people, line by line.
func checkMessage(t *testing.T, err error) {
	t.Helper()
	lines := strings.Split(err.Error(), "\n")
	if len(lines) > MaxErrors {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if line == "" || len(line) > 1000 || strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("a line of %d bytes: %q", len(line), line)
		}
	}
}

// FuzzParse holds that no file brings the parser down, that what it takes reads
// the same after it was encoded, and that scan sees every key that the library sees.
func FuzzParse(f *testing.F) {
	seed(f, "good")
	seed(f, "bad")
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > MaxFile {
			return
		}
		l := newLoader()
		l.toml("FILE", data)
		loaded, err := l.finish()
		if err != nil {
			checkMessage(t, err)
		} else {
			checkReencoded(t, loaded.Config)
		}
		things, _, reason := scan(data)
		if reason != "" {
			return
		}
		var v map[string]toml.Primitive
		if meta, err := toml.Decode(string(data), &v); err == nil && len(meta.Keys()) > things {
			t.Errorf("%d keys, scan sees %d", len(meta.Keys()), things)
		}
	})
}

func checkReencoded(t *testing.T, c *Config) {
	t.Helper()
	for _, encode := range []func() ([]byte, error){c.Encode, c.EncodeAll} {
		b, err := encode()
		if err != nil {
			t.Fatal(err)
		}
		l := newLoader()
		l.toml("FILE", b)
		again, err := l.finish()
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if d := cmp.Diff(c, again.Config); d != "" {
			t.Fatalf("%s\n%s", d, b)
		}
	}
}

// FuzzDataSchema does the same for schema.toml.
func FuzzDataSchema(f *testing.F) {
	seed(f, "badschema")
	f.Add([]byte("kind = 'regression'\ntarget = 'y'\ngroup = 'g'\nscale = 'divide:16'"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > MaxFile {
			return
		}
		schema, err := parseDataSchema("FILE", data)
		if err != nil {
			checkMessage(t, err)
		} else if err := schema.Validate(); err != nil {
			t.Error(err)
		}
	})
}

// FuzzSources does the same for the environment and the kernel command line.
func FuzzSources(f *testing.F) {
	f.Add("quiet vecino.policy=strict vecino.fl.data=\"/a b\" vecino.x -- y", "POLICY", "open")
	f.Add("\"vecino.name=a\" vecino.name vecino.broker.keep-alive=1m", "FL_TASKS", "maybe")
	f.Fuzz(func(t *testing.T, line, name, value string) {
		l := newLoader()
		l.kernel(line)
		l.environ([]string{envPrefix + name + "=" + value})
		loaded, err := l.finish()
		if err != nil {
			checkMessage(t, err)
			return
		}
		for _, w := range loaded.Warnings {
			if len(w) > 1000 || strings.ContainsFunc(w, unicode.IsControl) {
				t.Errorf("warning %q", w)
			}
		}
		checkReencoded(t, loaded.Config)
	})
}
