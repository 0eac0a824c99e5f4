// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzTree puts any bytes in the place of one file of a board that has a bit of
// everything, and holds all that is then read to its contracts.
func FuzzTree(f *testing.F) {
	sound := make(fstest.MapFS)
	for _, name := range []string{"solar", "pi4", "laptop"} {
		root, _ := newTree(f, name)
		maps.Copy(sound, root)
	}
	var names []string
	for name, file := range sound {
		if file.Mode&fs.ModeSymlink == 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		f.Add(uint8(i), sound[name].Data)
	}
	f.Add(uint8(slices.Index(names, "proc/self/cgroup")), []byte("0::/..\n4:memory,cpu:"+strings.Repeat("/a", 100)))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		name := names[int(which)%len(names)]
		root := maps.Clone(sound)
		root[name] = &fstest.MapFile{Data: data}
		checkAll(t, Detect(root))
		p := NewProbe(root)
		c := p.Read()
		checkConditions(t, c)
		p.since = p.since.Add(-minInterval) // the next reading ends an interval
		checkConditions(t, p.Read())
		if s := Model(root); len(s) > 2*maxWord+1 || s != strings.ToValidUTF8(s, "") {
			t.Errorf("model %q", s)
		}
		checkText(t, c.Problem)
		NewMeter(root, Process).counter()
	})
}

// checkText holds an error to one line for each file, without control characters.
func checkText(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.ContainsAny(err.Error(), "\x00\x1b\r") {
		t.Errorf("error with control characters: %q", err)
	}
}

// FuzzStat parses the two files that count CPU time, and takes the share between
// any two readings.
func FuzzStat(f *testing.F) {
	f.Add([]byte("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n"), []byte("cpu  2 2 3 9\ncpu0"), []byte("1 (a) S 1 1 1 0 -1 0 0 0 0 0 7 8"))
	f.Add([]byte("cpu\ncpu"), []byte(""), []byte(")"))
	f.Fuzz(func(t *testing.T, before, after, self []byte) {
		a, _, errA := parseStat(before)
		b, cpus, errB := parseStat(after)
		own, errOwn := parseOwn(self)
		if errA != nil || errB != nil || errOwn != nil {
			return
		}
		if b.own = own; cpus < 1 || b.busy > b.total {
			t.Errorf("%+v of %d CPUs", b, cpus)
		}
		if q := others(a, b); q.Known && !(q.X >= 0 && q.X <= 1) || !q.Known && q.X != 0 {
			t.Errorf("%+v to %+v: %+v", a, b, q)
		}
	})
}
