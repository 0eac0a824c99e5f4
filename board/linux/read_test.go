// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/vecino-edge/vecino/board"
)

// files returns a tree of files with these contents.
func files(contents map[string]string) fstest.MapFS {
	root := make(fstest.MapFS)
	for name, data := range contents {
		root[name] = &fstest.MapFile{Data: []byte(data)}
	}
	return root
}

// faulty is a tree some of whose files fail: at opening, at reading, or by having
// no end.
type faulty struct {
	fs.FS
	opening, reading map[string]error
	endless          map[string]bool
}

func (f faulty) Open(name string) (fs.File, error) {
	if err := f.opening[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	file, err := f.FS.Open(name)
	if err == nil && (f.reading[name] != nil || f.endless[name]) {
		return &faultyFile{File: file, name: name, err: f.reading[name]}, nil
	}
	return file, err
}

type faultyFile struct {
	fs.File
	name string
	err  error
	read int
}

func (f *faultyFile) Read(b []byte) (int, error) {
	if f.err != nil {
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: f.err}
	}
	if f.read += len(b); f.read > 2*MaxFile {
		panic("read on and on")
	}
	for i := range b {
		b[i] = '1'
	}
	return len(b), nil
}

func TestRead(t *testing.T) {
	root := faulty{
		FS: files(map[string]string{
			"empty": "", "one": "1", "most": strings.Repeat("a", MaxFile), "more": strings.Repeat("a", MaxFile+1),
			"endless": "", "broken": "", "hidden": "", "dir/file": "",
		}),
		opening: map[string]error{"hidden": fs.ErrPermission},
		reading: map[string]error{"broken": syscall.EIO},
		endless: map[string]bool{"endless": true},
	}
	tests := []struct {
		name string
		want int // bytes
		err  string
	}{
		{"empty", 0, ""},
		{"one", 1, ""},
		{"most", MaxFile, ""},
		{"more", 0, "/more: the file is larger than 65536 bytes"},
		{"endless", 0, "/endless: the file is larger than 65536 bytes"},
		{"broken", 0, "/broken: input/output error"},
		{"hidden", 0, "/hidden: permission denied"},
		{"none", 0, "/none: file does not exist"},
		{"dir", 0, "/dir: invalid argument"},
	}
	for _, tt := range tests {
		b, err := tree{root}.read(tt.name)
		if len(b) != tt.want || errorText(err) != tt.err {
			t.Errorf("%s: %d bytes, error %v, want %d and %s", tt.name, len(b), err, tt.want, tt.err)
		}
	}
	b, more, err := tree{root}.head("endless")
	if len(b) != MaxFile || !more || err != nil {
		t.Errorf("head of an endless file: %d bytes, more %t, error %v", len(b), more, err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseNumber(t *testing.T) {
	for s, want := range map[string]float64{"0": 0, "-1": -1, "+7": 7, "42.5": 42.5, "1e3": 1000, "0.000250": 0.00025, "-0": 0} {
		if x, err := parseNumber(s); err != nil || x != want {
			t.Errorf("%s: %v, error %v", s, x, err)
		}
	}
	for _, s := range []string{"", " 1", "1 ", "1 2", "0x10", "0x1p4", "1_000", "inf", "-Infinity", "NaN", "1e999", "e", "--1", "1,5", "1\x00"} {
		if x, err := parseNumber(s); err == nil {
			t.Errorf("%q: %v", s, x)
		}
	}
}

func TestPrintable(t *testing.T) {
	tests := []struct{ in, want string }{
		{"cpu-thermal\n", "cpu-thermal"},
		{"Raspberry Pi 4\x00", "Raspberry Pi 4"},
		{"  two  \nlines", "two"},
		{"red \x1b[31m\xff\u200f", "red [31m"},
		{strings.Repeat("é", 40), strings.Repeat("é", 32)},
		{"x" + strings.Repeat("é", 40), "x" + strings.Repeat("é", 31)},
		{"\n", ""},
	}
	for _, tt := range tests {
		if got := printable([]byte(tt.in)); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestByNumber(t *testing.T) {
	want := []string{"hwmon0", "hwmon2", "hwmon10", "intel-rapl:0", "intel-rapl:0:1", "intel-rapl:1", "temp", "temp01", "temp1", "temp2_input", "temp10_input", "x"}
	got := slices.Clone(want)
	slices.Sort(got)
	slices.SortFunc(got, byNumber)
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, a := range want {
		for _, b := range want {
			if x, y := byNumber(a, b), byNumber(b, a); (x < 0) != (y > 0) || (x == 0) != (a == b) {
				t.Errorf("%s against %s: %d and %d", a, b, x, y)
			}
		}
	}
}

// TestMany holds directories and what is detected to their limits.
func TestMany(t *testing.T) {
	dir := make(map[string]string)
	for i := range MaxEntries {
		dir[fmt.Sprintf("full/%d", i)], dir[fmt.Sprintf("over/%d", i)] = "", ""
	}
	dir["over/x"] = ""
	names, err := tree{files(dir)}.list("full", "")
	if len(names) != MaxEntries || err != nil {
		t.Errorf("%d entries, error %v", len(names), err)
	}
	if _, err := (tree{files(dir)}).list("over", ""); errorText(err) != "/over: there are more than 1024 entries" {
		t.Errorf("error %v", err)
	}
	if names, err := (tree{files(dir)}).list("none", ""); len(names) != 0 || err != nil {
		t.Errorf("%d entries of nothing, error %v", len(names), err)
	}
	if _, err := (tree{files(dir)}).list("over/x", ""); errorText(err) != "/over/x: it is not a directory" {
		t.Errorf("a file listed: error %v", err)
	}

	many := make(map[string]string)
	for i := range MaxSensors + 10 {
		many[fmt.Sprintf("sys/class/thermal/thermal_zone%d/type", i)] = "zone"
	}
	for i := range MaxChannels + 10 {
		many[fmt.Sprintf("sys/class/hwmon/hwmon0/in%d_input", i)] = "1"
	}
	if n := len(Detect(files(many))); n != MaxSensors {
		t.Errorf("%d sensors", n)
	}
	for i := range MaxSensors {
		delete(many, fmt.Sprintf("sys/class/thermal/thermal_zone%d/type", i))
	}
	if n := len(Detect(files(many))[0].Channels()); n != MaxChannels {
		t.Errorf("%d channels", n)
	}
}

// TestFaults reads a board whose files fail in every way in turn: it costs
// readings and never more.
func TestFaults(t *testing.T) {
	for _, name := range []string{"pi4", "laptop", "router", "solar", "broken"} {
		root, _ := newTree(t, name)
		sound := len(Detect(root))
		for file := range root {
			one := map[string]error{file: syscall.ENODEV}
			for i, f := range []faulty{{FS: root, opening: one}, {FS: root, reading: one}, {FS: root, endless: map[string]bool{file: true}}} {
				sensors := Detect(f)
				if len(sensors) < sound-1 {
					t.Errorf("%s: %d of %d sensors left when %s fails", name, len(sensors), sound, file)
				}
				checkAll(t, sensors)
				c := NewProbe(f).Read()
				checkConditions(t, c)
				if i > 0 && c.Problem != nil && name != "broken" && !strings.Contains(c.Problem.Error(), file) {
					t.Errorf("%s: problem %v when %s fails", name, c.Problem, file)
				}
			}
		}
	}
}

// checkAll reads sensors and holds them to the contract of [board.Sensor].
func checkAll(t *testing.T, sensors []board.Sensor) {
	t.Helper()
	names := make(map[string]bool)
	for i, s := range sensors {
		if i > 0 && sensors[i-1].Name() >= s.Name() {
			t.Errorf("%s before %s", sensors[i-1].Name(), s.Name())
		}
		if strings.Trim(s.Name(), "abcdefghijklmnopqrstuvwxyz0123456789-._/") != "" {
			t.Errorf("name %q", s.Name())
		}
		values, err := s.Read(context.Background())
		channels := s.Channels()
		if len(values) != len(channels) || len(values) == 0 {
			t.Fatalf("%s: %d values of %d channels", s.Name(), len(values), len(channels))
		}
		good := 0
		for j, v := range values {
			if v.Channel != channels[j] || names[v.Name] || !strings.HasPrefix(v.Name, s.Name()) {
				t.Errorf("%s: channel %+v, before %+v", s.Name(), v.Channel, channels[j])
			}
			names[v.Name] = true
			if v.Quality == board.Good {
				good++
			}
			if math.IsInf(v.X, 0) || v.Quality != board.Bad && math.IsNaN(v.X) || v.Time.IsZero() {
				t.Errorf("%s: %v at %v, %v", v.Name, v.X, v.Time, v.Quality)
			}
		}
		if (err == nil) != (good == len(values)) {
			t.Errorf("%s: %d of %d values good, error %v", s.Name(), good, len(values), err)
		}
	}
}

// checkConditions holds conditions to their ranges.
func checkConditions(t *testing.T, c board.Conditions) {
	t.Helper()
	for name, q := range map[string]struct {
		board.Quantity
		low, high float64
	}{
		"temperature": {c.Temperature, coldest, hottest},
		"level":       {c.Power.Level, 0, 1},
		"load":        {c.Load, 0, math.MaxFloat64},
		"others":      {c.Others, 0, 1},
		"cpus":        {c.CPUs, math.SmallestNonzeroFloat64, math.MaxFloat64},
		"memory":      {c.Memory, 0, math.MaxFloat64},
	} {
		if q.Known && !(q.X >= q.low && q.X <= q.high) || !q.Known && q.X != 0 {
			t.Errorf("%s of %v, known %t", name, q.X, q.Known)
		}
	}
	if c.Throttled.Now != (c.Throttled.Why != "") || c.Throttled.Now && !c.Throttled.Known || c.Power.OnBattery && !c.Power.Known {
		t.Errorf("%+v, %+v", c.Throttled, c.Power)
	}
	if errors.Is(c.Problem, fs.ErrNotExist) {
		t.Errorf("problem %v", c.Problem)
	}
}
