// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

func TestSchemaGolden(t *testing.T) { golden(t, "config.schema.json", Schema()) }

// parsedSchema returns the schema as any validator would see it.
func parsedSchema(t *testing.T) map[string]any {
	t.Helper()
	var s map[string]any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchemaStructure(t *testing.T) {
	root := parsedSchema(t)
	if root["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema is %v", root["$schema"])
	}
	leaves := map[string]map[string]any{}
	walk(t, root, "", leaves)
	for _, s := range Settings() {
		n := leaves[s.Path]
		if n == nil {
			t.Errorf("%s is not in the schema", s.Path)
			continue
		}
		delete(leaves, s.Path)
		if n["type"] != "string" || n["description"] != s.Doc || n["x-vecino-env"] != s.Env {
			t.Errorf("%s: %v", s.Path, n)
		}
		if d, ok := n["default"]; ok == s.Computed || ok && d != s.Default {
			t.Errorf("%s: default %v, want %q", s.Path, d, s.Default)
		}
		var choices []any
		for _, c := range s.Choices {
			choices = append(choices, c)
		}
		if enum, _ := n["enum"].([]any); !cmp.Equal(enum, choices) {
			t.Errorf("%s: enum %v, want %v", s.Path, enum, choices)
		}
		if soft, _ := n["x-vecino-soft"].(bool); soft != s.Soft {
			t.Errorf("%s: soft %v", s.Path, soft)
		}
	}
	for path := range leaves {
		t.Errorf("%s is in the schema and is no setting", path)
	}
}

// walk gathers the leaves below an object, and checks the object itself.
func walk(t *testing.T, n map[string]any, path string, leaves map[string]map[string]any) {
	t.Helper()
	properties, ok := n["properties"].(map[string]any)
	if !ok {
		leaves[path] = n
		return
	}
	if n["type"] != "object" || n["additionalProperties"] != false {
		t.Errorf("%q: an object that takes anything", path)
	}
	for name, p := range properties {
		walk(t, p.(map[string]any), strings.TrimPrefix(path+"."+name, "."), leaves)
	}
}

// refuses is as much of a validator as the schema needs. It returns the first
// complaint.
func refuses(n map[string]any, v any) string {
	switch v := v.(type) {
	case map[string]any:
		properties, ok := n["properties"].(map[string]any)
		if !ok {
			return "a table where there is none"
		}
		for name, inner := range v {
			p, ok := properties[name].(map[string]any)
			if !ok {
				return "unknown " + name
			}
			if why := refuses(p, inner); why != "" {
				return name + ": " + why
			}
		}
		return ""
	case string:
		return refusesText(n, v)
	}
	return fmt.Sprintf("a %T", v)
}

func refusesText(n map[string]any, text string) string {
	if n["type"] != "string" {
		return "a text where there is none"
	}
	if enum, ok := n["enum"].([]any); ok && !slices.Contains(enum, any(text)) {
		return "not in enum"
	}
	if pattern, ok := n["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(text) {
		return "against the pattern"
	}
	if most, ok := n["maxLength"].(float64); ok && utf8.RuneCountInString(text) > int(most) {
		return "too long"
	}
	return ""
}

// TestSchemaTakesGoodFiles holds that the schema is never stricter than Check.
func TestSchemaTakesGoodFiles(t *testing.T) {
	schema := parsedSchema(t)
	paths := []string{"testdata/default.toml", "testdata/all.toml", "testdata/some.toml"}
	for _, v := range vectors(t, "good") {
		paths = append(paths, v.path)
	}
	for _, path := range paths {
		if why := refuses(schema, decode(t, path)); why != "" {
			t.Errorf("%s: %s", path, why)
		}
	}
	for path, texts := range samples {
		n := leaf(t, schema, path)
		for _, text := range texts {
			if why := refuses(n, text); why != "" {
				t.Errorf("%s = %q: %s", path, text, why)
			}
		}
	}
}

// TestSchemaRefusesBadFiles holds that an editor with the schema finds what can
// be found so.
func TestSchemaRefusesBadFiles(t *testing.T) {
	schema := parsedSchema(t)
	for _, name := range []string{"unknown-key", "unknown-table", "wrong-place", "password", "letter-case",
		"wrong-type", "table-as-text", "values", "account-in-url"} {
		path := filepath.Join("testdata", "bad", name+".toml")
		if refuses(schema, decode(t, path)) == "" {
			t.Errorf("%s is taken", path)
		}
	}
}

func decode(t *testing.T, path string) map[string]any {
	t.Helper()
	var v map[string]any
	if _, err := toml.DecodeFile(path, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func leaf(t *testing.T, n map[string]any, path string) map[string]any {
	t.Helper()
	for part := range strings.SplitSeq(path, ".") {
		n = n["properties"].(map[string]any)[part].(map[string]any)
	}
	return n
}
