// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var pins = []string{strings.Repeat("1", 64), strings.Repeat("2", 64), strings.Repeat("3", 64)}

// samples are values that each setting may have, none of them the default.
var samples = map[string][]string{
	"name":                  {"one", "two", "three"},
	"site":                  {"one", "two", "three"},
	"policy":                {"open", "strict"},
	"broker.url":            {"mqtt://one", "mqtts://two:8883", "ssl://three"},
	"broker.username":       {"one", "two", "three"},
	"broker.password_file":  {"one", "two", "three"},
	"broker.ca_file":        {"one", "two", "three"},
	"broker.cert_file":      {"one", "two", "three"},
	"broker.key_file":       {"one", "two", "three"},
	"broker.pin":            pins,
	"broker.listen":         {":1", ":2", ":3"},
	"broker.keep_alive":     {"11s", "12s", "13s"},
	"neighbours.cover":      {"off"},
	"neighbours.unlinkable": {"neighbours"},
	"fl.data":               {"one", "two", "three"},
	"fl.tasks":              {"signed", "refuse"},
	"fl.task_keys":          {anOwner, anOwner + "," + anOwner},
	"fl.checkpoint_every":   {"0s", "1h", "24h"},
	"fl.epsilon":            {"3", "0.5", "1000"},
	"power.max_temperature": {"", "30", "70.5"},
	"power.min_battery":     {"1", "40", "100"},
	"power.only_mains":      {"yes"},
	"power.window":          {"22:00-06:00", "12:30-13:30,22:00-24:00", "00:00-06:00"},
	"power.max_load":        {"1", "50", "100"},
	"live.source":           {"board", "mqtt:a/+/b/#", "exec:cat /dev/null"},
	"live.period":           {"1s", "1m", "24h"},
	"live.learn":            {"classes:4"},
	"live.target":           {"one", "two", "three"},
	"live.name":             {"one", "two", "three"},
	"live.discovery":        {"", "ha/x"},
	"http.listen":           {"", "[::1]:80", "localhost:1"},
	"log.level":             {"debug", "warn", "error"},
	"log.format":            {"json"},
}

// companions are settings without which another may not be set.
var companions = map[string]string{
	"broker.password_file": "broker.username",
	"broker.cert_file":     "broker.key_file",
	"broker.key_file":      "broker.cert_file",
	"live.learn":           "live.target",
}

// rank is a source, from the lowest.
type rank struct {
	origin string // FILE stands for the file's path
	put    func(t *testing.T, src *Source, path, text string) (file string)
}

var ranks = []rank{
	{"kernel command line", func(_ *testing.T, src *Source, path, text string) string {
		src.KernelCmdline = fmt.Sprintf("quiet vecino.%s=\"%s\" ro", path, text)
		return ""
	}},
	{"FILE:2", func(t *testing.T, src *Source, path, text string) string {
		src.EtcFile = writeFile(t, fmt.Sprintf("\n%s = %q\n", path, text))
		return src.EtcFile
	}},
	{"FILE:3", func(t *testing.T, src *Source, path, text string) string {
		in, key, _ := strings.Cut("."+path, ".")
		if section, rest, ok := strings.Cut(path, "."); ok {
			in, key = "["+section+"]", rest
		}
		src.StateFile = writeFile(t, fmt.Sprintf("\n%s\n%s = '%s'\n", in, key, text))
		return src.StateFile
	}},
	{"ENV", func(_ *testing.T, src *Source, path, text string) string {
		src.Environ = []string{"HOME=/", envName(path) + "=" + text, EnvState + "=/x", EnvRuntime + "=/y"}
		return ""
	}},
	{"flag", func(_ *testing.T, src *Source, path, text string) string {
		src.Flags = map[string]string{path: text}
		return ""
	}},
}

// TestPrecedence sets every setting from every set of sources, and wants the
// value and the origin of the highest.
func TestPrecedence(t *testing.T) {
	if len(samples) != len(Settings()) {
		t.Fatalf("%d samples for %d settings", len(samples), len(Settings()))
	}
	for path, texts := range samples {
		for set := range 1 << len(ranks) {
			checkPrecedence(t, path, texts, set)
		}
	}
}

func checkPrecedence(t *testing.T, path string, texts []string, set int) {
	t.Helper()
	var src Source
	wantText, _ := Default().Get(path)
	wantOrigin := "default"
	for i, r := range ranks {
		if set&(1<<i) == 0 {
			continue
		}
		wantText = texts[i%len(texts)]
		file := r.put(t, &src, path, wantText)
		wantOrigin = strings.ReplaceAll(strings.ReplaceAll(r.origin, "FILE", file), "ENV", envName(path))
	}
	if other := companions[path]; other != "" && set != 0 {
		src.Flags = maps.Clone(src.Flags)
		if src.Flags == nil {
			src.Flags = map[string]string{}
		}
		src.Flags[other] = "companion"
	}
	l, err := Load(src)
	if err != nil {
		t.Fatalf("%s, sources %05b: %v", path, set, err)
	}
	if got, _ := l.Config.Get(path); got != wantText {
		t.Errorf("%s, sources %05b: %q, want %q", path, set, got, wantText)
	}
	if got := l.Origin(path); got != wantOrigin {
		t.Errorf("%s, sources %05b: from %q, want %q", path, set, got, wantOrigin)
	}
	if len(l.Warnings) > 0 {
		t.Errorf("%s: warnings %q", path, l.Warnings)
	}
}

// TestNothingElseChanges holds that a setting touches its own field alone.
func TestNothingElseChanges(t *testing.T) {
	for path, texts := range samples {
		l := newLoader()
		l.set(table().find(path), texts[0], "", "")
		for _, s := range Settings() {
			got, _ := l.loaded.Config.Get(s.Path)
			byDefault, _ := Default().Get(s.Path)
			if s.Path != path && got != byDefault {
				t.Errorf("setting %s changes %s to %q", path, s.Path, got)
			}
		}
	}
}

func TestLoadNothing(t *testing.T) {
	l, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Default(), l.Config); d != "" {
		t.Error(d)
	}
	if got := l.Origin("broker.nothing"); got != "" {
		t.Errorf("origin of what is no setting: %q", got)
	}
}

// TestLoadProblems tries what files do not have. The files' own are in testdata/bad.
func TestLoadProblems(t *testing.T) {
	for name, c := range map[string]struct {
		src  Source
		want string
	}{
		"value in environment":        {Source{Environ: []string{"VECINO_FL_TASKS=maybe"}}, `VECINO_FL_TASKS: "maybe" is not one of accept, signed, refuse`},
		"unknown in environment":      {Source{Environ: []string{"VECINO_BROKER_URI=x"}}, "VECINO_BROKER_URI: unknown setting; did you mean VECINO_BROKER_URL?"},
		"far from all in environment": {Source{Environ: []string{"VECINO_ABCDEFGHIJKLM=x"}}, "VECINO_ABCDEFGHIJKLM: unknown setting; unset it"},
		"odd in environment":          {Source{Environ: []string{"VECINO_ABCDEFGHIJ\nKLM=x"}}, `"VECINO_ABCDEFGHIJ\nKLM": unknown setting; unset it`},
		"lower case in environment":   {Source{Environ: []string{"VECINO_name=x"}}, "VECINO_name: unknown setting; did you mean VECINO_NAME?"},
		"not ours in environment":     {Source{Environ: []string{"VECINO=x", "vecino_name=x", "=", ""}}, ""},
		"last in environment counts":  {Source{Environ: []string{"VECINO_POLICY=lax", "VECINO_POLICY=open"}}, ""},
		"last in environment is bad":  {Source{Environ: []string{"VECINO_POLICY=open", "VECINO_POLICY=lax"}}, `VECINO_POLICY: "lax" is not one of open, balanced, strict`},
		"empty in environment":        {Source{Environ: []string{"VECINO_NAME="}}, `VECINO_NAME: "" is not a name; use 1 to 32 of a-z, 0-9 and -`},
		"value on kernel line":        {Source{KernelCmdline: "vecino.policy=lax"}, `kernel command line: vecino.policy: "lax" is not one of open, balanced, strict`},
		"no value on kernel line":     {Source{KernelCmdline: "vecino.fl.data"}, "kernel command line: vecino.fl.data: has no value; write vecino.fl.data=VALUE"},
		"after the kernel's":          {Source{KernelCmdline: "ro -- vecino.policy=lax"}, ""},
		"flag":                        {Source{Flags: map[string]string{"fl.data": "a\x00"}}, `flag for fl.data: "a\x00" holds a control character; remove it`},
		"unknown flag":                {Source{Flags: map[string]string{"fl.dato": "x"}}, "flag for fl.dato: unknown key; did you mean fl.data?"},
		"outranked all the same": {Source{Environ: []string{"VECINO_POLICY=lax"}, Flags: map[string]string{"policy": "open"}},
			`VECINO_POLICY: "lax" is not one of open, balanced, strict`},
		"between sources": {Source{KernelCmdline: "vecino.broker.url=mqtt://host", Environ: []string{"VECINO_BROKER_PIN=" + pins[0]}},
			"VECINO_BROKER_PIN: is of no use without TLS; write broker.url with mqtts://, or remove it"},
		"from lowest to highest": {Source{KernelCmdline: "vecino.name=A", Environ: []string{"VECINO_NAME=B"}, Flags: map[string]string{"policy": "C", "name": "D"}},
			`kernel command line: vecino.name: "A" is not a name; use 1 to 32 of a-z, 0-9 and -` + "\n" +
				`VECINO_NAME: "B" is not a name; use 1 to 32 of a-z, 0-9 and -` + "\n" +
				`flag for name: "D" is not a name; use 1 to 32 of a-z, 0-9 and -` + "\n" +
				`flag for policy: "C" is not one of open, balanced, strict`},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := Load(c.src)
			if got := message(err, "\x00"); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
			if (err == nil) != (l != nil) {
				t.Errorf("settings %v with error %v", l, err)
			}
		})
	}
}

// TestCompanionsOverSources holds that two sources together make a whole.
func TestCompanionsOverSources(t *testing.T) {
	l, err := Load(Source{
		StateFile: writeFile(t, "broker.password_file = 'p'"),
		Environ:   []string{"VECINO_BROKER_USERNAME=u"},
	})
	if err != nil || l.Config.Broker.PasswordFile != "p" {
		t.Errorf("got %+v, %v", l, err)
	}
}

// TestBlind holds that of a file that cannot be read nothing is concluded.
func TestBlind(t *testing.T) {
	for _, file := range []string{t.TempDir(), writeFile(t, "broker.username = u")} {
		_, err := Load(Source{StateFile: file, Environ: []string{"VECINO_BROKER_PASSWORD_FILE=p"}})
		if got := message(err, file); !strings.HasPrefix(got, "FILE") || strings.Contains(got, "\n") {
			t.Errorf("got %s", got)
		}
	}
}

// TestKernelWarnings holds that nothing unknown on the kernel command line is an error.
func TestKernelWarnings(t *testing.T) {
	l, err := Load(Source{KernelCmdline: "vecino.pollicy=open vecino.recover.network=x vecino. vecino.a\"b c\"=d vecino.fl.tasks=refuse\n"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"kernel command line: vecino.pollicy: unknown key; did you mean policy?",
		"kernel command line: vecino.recover.network: unknown key; remove it",
		"kernel command line: vecino.: unknown key; remove it",
		`kernel command line: vecino.a"b c": unknown key; remove it`,
	}
	if d := cmp.Diff(want, l.Warnings); d != "" {
		t.Error(d)
	}
	if l.Config.FL.Tasks != TasksRefuse {
		t.Error("what follows is not read")
	}
	l, err = Load(Source{KernelCmdline: strings.Repeat("vecino.x=1 ", 1000)})
	if err != nil || len(l.Warnings) != MaxErrors {
		t.Errorf("%d warnings, %v; want %d", len(l.Warnings), err, MaxErrors)
	}
}

// TestKernelParameters holds the parser against what lib/cmdline.c does.
func TestKernelParameters(t *testing.T) {
	p := func(name, value string) parameter { return parameter{name, value, true} }
	for line, want := range map[string][]parameter{
		"":                        nil,
		" \n":                     nil,
		"ro":                      {{name: "ro"}},
		"a=b\n":                   {p("a", "b")},
		"a=b=c":                   {p("a", "b=c")},
		"a= b":                    {p("a", ""), {name: "b"}},
		`a="b c" d`:               {p("a", "b c"), {name: "d"}},
		`"a=b c" d`:               {p("a", "b c"), {name: "d"}},
		`a="b c`:                  {p("a", "b c")},
		`a=b" "c`:                 {p("a", `b" "c`)},
		`a=""`:                    {p("a", "")},
		`"`:                       {{name: ""}},
		"a\t\v\fb":                {{name: "a"}, {name: "b"}},
		"a -- b":                  {{name: "a"}},
		"a --b=c":                 {{name: "a"}, p("--b", "c")},
		`vecino.fl.data="/a b/c"`: {p("vecino.fl.data", "/a b/c")},
	} {
		if d := cmp.Diff(want, kernelParameters(line), cmp.AllowUnexported(parameter{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", line, d)
		}
	}
}

func TestDashIsUnderscoreForTheKernel(t *testing.T) {
	l, err := Load(Source{KernelCmdline: "vecino.broker.keep-alive=20s"})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := l.Config.Get("broker.keep_alive"); got != "20s" {
		t.Errorf("got %q", got)
	}
}

func TestSamplesDiffer(t *testing.T) {
	for path, texts := range samples {
		if byDefault, _ := Default().Get(path); slices.Contains(texts, byDefault) {
			t.Errorf("a sample of %s is the default", path)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	src := Source{StateFile: "testdata/good/every.toml", Environ: []string{"HOME=/", "VECINO_POLICY=open"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(src); err != nil {
			b.Fatal(err)
		}
	}
}
