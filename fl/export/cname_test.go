// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vecino-edge/vecino/fl/dataset"
)

func ExampleCName() {
	fmt.Println(CName("Street Noise!"), CName("42 __doors__"), CName("*/"))
	// Output: street_noise doors model
}

func TestCName(t *testing.T) {
	for in, want := range map[string]string{
		"": "model", "_": "model", "int": "int", "_Bool": "bool", "a__b": "a_b", "a-b.c": "a_b_c", "x\x00y": "x_y", "7up": "up", "日本 2": "model",
		strings.Repeat("ab", 40): strings.Repeat("ab", 16), strings.Repeat("a", 31) + "_b": strings.Repeat("a", 31),
		"a_" + strings.Repeat("_", 50) + "b": "a_b",
	} {
		if got := CName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestCFloat reads literals back to the same bits.
func TestCFloat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Custom(func(t *rapid.T) float32 { return math.Float32frombits(rapid.Uint32().Draw(t, "bits")) }).
			Filter(func(v float32) bool { return v-v == 0 }).Draw(t, "number")
		s := cFloat(v)
		got, err := strconv.ParseFloat(strings.TrimSuffix(s, "f"), 32)
		if err != nil || math.Float32bits(float32(got)) != math.Float32bits(v) || !strings.ContainsAny(s, ".e") {
			t.Errorf("%v is written as %s and read as %v", v, s, got)
		}
	})
}

// hostile are names that try to be more than a comment.
var hostile = []string{
	"*/ #error out /*", "*/", "/*", "/*/", "*/*", "//", `*\`, "\\\n*/", "a\nb", "??/", "*??/\n/", "???/", "??", "\u202e evil \u2066",
	"\x00", "%s%d%n", "\"; system(\"x\"); \"", "NAME_READ", "name_predict", "\r\n*/\n#include <x.h>\n/*", "日本", "*\u200b/", `\u0041`, "'", "DIVIDE",
}

// stripC is what a C compiler sees: trigraphs replaced, lines joined, comments
// away (C99, 5.1.1.2). What it is given holds no string with a comment in it.
func stripC(src []byte) string {
	s := strings.ReplaceAll(strings.ReplaceAll(string(src), "??/", "\\"), "\\\n", "")
	var b strings.Builder
	for {
		begin := strings.Index(s, "/*")
		if line := strings.Index(s, "//"); line >= 0 && (begin < 0 || line < begin) {
			begin = line
			b.WriteString(s[:begin])
			_, s, _ = strings.Cut(s[begin:], "\n")
			continue
		}
		if begin < 0 {
			return b.String() + s
		}
		b.WriteString(s[:begin] + " ")
		_, s, _ = strings.Cut(s[begin+2:], "*/")
	}
}

// named returns a small artifact with names from outside.
func namedArtifact(t testing.TB, column, task, target string) *Artifact {
	a := newArtifact(t, "softmax", dataset.Classification, 2, 2, "none")
	a.Columns[0], a.Task, a.Target = column, task, target
	return a
}

// TestHostileNames holds that names change nothing but comments, and that what
// comes of them compiles without a warning.
func TestHostileNames(t *testing.T) {
	harmless := stripC(writeC(t, namedArtifact(t, "a", "b", "c"), "m"))
	if !strings.Contains(harmless, "m_predict") || strings.Contains(harmless, "Vecino trained") {
		t.Fatalf("stripC leaves %s", harmless)
	}
	var all []made
	for i, name := range hostile {
		a := namedArtifact(t, name, name, "to "+name)
		if diff := cmp.Diff(harmless, stripC(writeC(t, a, "m"))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", name, diff)
		}
		all = append(all, made{fmt.Sprintf("a%d %s", i, name), a})
	}
	flags := append(strict, "-Wbidi-chars=any")
	path := compile(t, program(t, all), flags...)
	for _, a := range all {
		compareC(t, path, a, 5, 0)
	}
}

func FuzzWriteC(f *testing.F) {
	for i, name := range hostile {
		f.Add(name, hostile[len(hostile)-1-i], "target", name)
	}
	harmless := stripC(writeC(f, namedArtifact(f, "a", "b", "c"), "m"))
	form := regexp.MustCompile(`^[a-z](_?[a-z0-9])*$`)
	f.Fuzz(func(t *testing.T, column, task, target, name string) {
		if cname := CName(name); !form.MatchString(cname) || len(cname) > MaxCName {
			t.Errorf("%q is named %q", name, cname)
		}
		var b bytes.Buffer
		if WriteC(&b, namedArtifact(t, column, task, target), "m") != nil {
			return // no name of a column
		}
		if stripC(b.Bytes()) != harmless {
			t.Errorf("names are more than comments:\n%s", b.Bytes())
		}
		if trigraphs.Match(b.Bytes()) {
			t.Errorf("trigraph in:\n%s", b.Bytes())
		}
	})
}

var trigraphs = regexp.MustCompile(`\?\?[=/'()!<>-]`)
