// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain lets the test's own binary answer like `vecino learn sim --json` does,
// with numbers that the arguments decide.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "learn" && os.Args[2] == "sim" {
		answer(os.Args[3:])
		return
	}
	os.Exit(m.Run())
}

// answer prints an object, draws a picture where one is asked for, and notes that it
// was run.
func answer(args []string) {
	value := func(flag string) string {
		if i := slices.Index(args, flag); i >= 0 {
			return args[i+1]
		}
		return ""
	}
	if log := os.Getenv("BENCH_LOG"); log != "" {
		f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(f, args)
		f.Close()
	}
	if path := value("--plot"); path != "" {
		if err := os.WriteFile(path, []byte("<svg/>"), 0o644); err != nil {
			panic(err)
		}
	}
	score := map[string]string{"1": "0.95", "2": "0.96", "3": "0.97"}[value("--seed")]
	if value("--rate") == "1000" {
		score = "null"
	}
	fmt.Printf(`{"nodes":10,"accuracy_mean":%s,"accuracy_worst":%s,"aggregate":"mean","bytes_per_link_round":1000,`+
		`"wire":{"headers":1200,"envelope":1500,"cover":4169},"epsilon":null,"seconds":1.5,"peak_rss_bytes":2000000}`+"\n", score, score)
}

// swap measures another table for the time of a test, in a folder of its own.
func swap(t *testing.T, rows ...row) (args []string, folder string) {
	t.Helper()
	old := table
	table = group("loss", rows...)
	t.Cleanup(func() { table = old })
	folder = t.TempDir()
	t.Setenv("BENCH_LOG", filepath.Join(folder, "log"))
	return []string{
		"-vecino", os.Args[0], "-out", filepath.Join(folder, "README.md"),
		"-curves", filepath.Join(folder, "curves"), "-journal", filepath.Join(folder, "build", "journal"),
	}, folder
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCommand(t *testing.T) {
	args, folder := swap(t,
		row{name: "first", what: "one", args: "--nodes 10", plot: true, bars: []bar{atLeast(mean, 95.9), timesFewer(payload, 2, "first")}},
		row{name: "second", what: "two", args: "--nodes 10 --rate 1000", bars: []bar{neverDiverges(), belowRow(1, "first")}},
		row{name: "third", what: "three", args: "--data DATA/none --nodes 10", bars: []bar{atLeast(mean, 1)}},
	)
	const around = "# Learning\n\n" + beginMark + "\nold\n" + endMark + "\nbehind\n"
	if err := os.WriteFile(filepath.Join(folder, "README.md"), []byte(around), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := command(args, &out)
	if err == nil || err.Error() != "missed: first: payload ≥ 2 times fewer than `first`; second: never diverges; second: mean ≤ 1 points below `first`" {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "third                  left out: its data, none, are not") {
		t.Errorf("it prints %s", out.String())
	}
	got := read(t, folder, "README.md")
	for _, want := range []string{
		"# Learning\n\n" + beginMark + "\nMeasured last on ", "\n" + endMark + "\nbehind\n",
		"| [`first`](curves/first.svg) | one | mean ≥ 95.9 %: held; **missed: payload ≥ 2 times fewer than `first`** (1.0 x) | 96.00 %, worst 96.00 % (95.00 %) | `--nodes 10 --seed 1, 2, 3` | 1,000 / 1,200 / 1,500 / 4,169 | 1.5 (",
		"| `second` | two | **missed: never diverges**; **missed: mean ≤ 1 points below `first`** | diverged | ",
		"| `third` | three | mean ≥ 1 % | not measured | `--data $DATA/none --nodes 10 --seed 1, 2, 3` | | |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "old") || read(t, folder, "curves", "first.svg") != "<svg/>" {
		t.Errorf("what was there is kept, or there is no curve:\n%s", got)
	}
}

// TestGoesOn holds that what was measured is not measured again, and that a row that
// was not chosen keeps its line as long as its command is the same.
func TestGoesOn(t *testing.T) {
	args, folder := swap(t,
		row{name: "first", what: "one", args: "--nodes 10"},
		row{name: "second", what: "two", args: "--nodes 11", bars: []bar{belowRow(1, "first")}},
		row{name: "third", what: "three", args: "--nodes 12"},
	)
	runs := func() int { return strings.Count(read(t, folder, "log"), "\n") }
	for _, step := range []struct {
		rows string
		runs int
	}{{"third", 3}, {"second", 9}, {"second", 9}, {"", 9}} {
		if err := command(append(args, "-rows", step.rows), &bytes.Buffer{}); err != nil || runs() != step.runs {
			t.Errorf("rows %q: %d runs, want %d; %v", step.rows, runs(), step.runs, err)
		}
	}
	journal := filepath.Join(folder, "build", "journal")
	text := read(t, journal)
	if err := os.WriteFile(journal, []byte(text[:len(text)-20]), 0o644); err != nil { // the last line is cut
		t.Fatal(err)
	}
	table[2].args = "--nodes 13"
	if err := command(append(args, "-rows", "first"), &bytes.Buffer{}); err != nil {
		t.Error(err)
	}
	got := read(t, folder, "README.md")
	if !strings.Contains(got, "| `second` | two | mean ≤ 1 points below `first` (+0.00): held | 96.00 %") || !strings.Contains(got, "| `third` | three |  | not measured |") {
		t.Errorf("%s", got)
	}
}

func TestRefused(t *testing.T) {
	args, folder := swap(t, row{name: "first", args: "--nodes 10"})
	for _, tt := range []struct{ flag, value, want string }{
		{"-rows", "fourth", `there is no row or group "fourth"; groups: loss`},
		{"-vecino", filepath.Join(folder, "none"), "make build makes it"},
		{"-vecino", "/bin/false", "vecino learn sim --nodes 10 --seed 1: "},
		{"-vecino", "/bin/echo", "it printed no JSON"},
	} {
		if err := command(append(args, tt.flag, tt.value), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s: %v, want %s", tt.flag, tt.value, err, tt.want)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "README.md"), []byte("# No marks\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := command(args, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "between which the table goes") {
		t.Errorf("no marks: %v", err)
	}
}

func TestBars(t *testing.T) {
	all := map[string]*result{"base": {mean: 96, payload: 1000}}
	nan := math.NaN()
	for _, tt := range []struct {
		bar  bar
		got  result
		want verdict
	}{
		{atLeast(mean, 95), result{mean: 95}, heldBar},
		{atLeast(mean, 95), result{mean: 94.99}, missedBar},
		{atLeast(mean, 95), result{mean: nan}, missedBar},
		{atMost(epsilon, 2.59), result{epsilon: 2.59}, heldBar},
		{atMost(epsilon, 2.59), result{epsilon: nan}, missedBar},
		{aboveRow(4, "base"), result{mean: 100}, heldBar},
		{aboveRow(4, "base"), result{mean: 99.9}, missedBar},
		{belowRow(1, "base"), result{mean: 95}, heldBar},
		{belowRow(1, "base"), result{mean: 94.9}, missedBar},
		{belowRow(1, "base"), result{mean: nan, diverged: true}, missedBar},
		{belowRow(1, "none"), result{mean: 95}, notCompared},
		{timesFewer(payload, 50, "base"), result{payload: 20}, heldBar},
		{timesFewer(payload, 50, "base"), result{payload: 21}, missedBar},
		{neverDiverges(), result{}, heldBar},
		{neverDiverges(), result{diverged: true}, missedBar},
		{above0(onAlone), result{alone: 90, tuned: 91}, heldBar},
		{above0(onShared), result{shared: 91, tuned: 91}, missedBar},
	} {
		if got := tt.bar.judge(&tt.got, all); got != tt.want {
			t.Errorf("%v: %+v is judged %d, want %d", tt.bar, tt.got, got, tt.want)
		}
	}
}

// TestTable holds that rows have names of their own, groups a text, and comparisons
// a row that there is.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range table {
		if seen[r.name] || r.name == "" || r.what == "" || groups[r.group] == "" {
			t.Errorf("row %+v", r)
		}
		for _, b := range r.bars {
			if b.than != "" && !slices.ContainsFunc(table, func(r row) bool { return r.name == b.than }) {
				t.Errorf("%s is compared with %s, which there is not", r.name, b.than)
			}
		}
		seen[r.name] = true
	}
}
