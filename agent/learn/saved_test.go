// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/node"
)

var updateGolden = flag.Bool("update", false, "write the golden files anew")

// goldenSaved is testdata/saved.json: files of tasks in parts, and their bytes.
type goldenSaved struct {
	About   string        `json:"about"`
	Tasks   []goldenEntry `json:"tasks"`
	Stopped []string      `json:"stopped"`
	Bytes   string        `json:"bytes"`
}

type goldenEntry struct {
	State State     `json:"state"`
	Task  string    `json:"task"`
	Spent [3]uint64 `json:"spent"` // bytes, millis, millijoules
}

func savedExample(t *testing.T) (*node.Task, savedTasks) {
	t.Helper()
	p := plan()
	task, err := p.task(dataOf(0))
	if err != nil {
		t.Fatal(err)
	}
	task.Start = uint64(time.Now().UnixMilli())
	other := *task
	other.Name, other.Budget.Bytes = "other", 6400
	return task, savedTasks{Version: savedVersion, Stopped: []node.ID{{1, 2, 3}, {4}}, Tasks: []savedTask{
		{State: Running, Task: task.Encode(), Spent: spent{Bytes: 70, Millis: 1001, Millij: 20_000}}, {State: Spent, Task: other.Encode(), Spent: spent{Bytes: 6450}},
	}}
}

func parts(about string, s savedTasks, b []byte) goldenSaved {
	g := goldenSaved{About: about, Bytes: hex.EncodeToString(b)}
	for _, e := range s.Tasks {
		g.Tasks = append(g.Tasks, goldenEntry{e.State, hex.EncodeToString(e.Task), [3]uint64{e.Spent.Bytes, e.Spent.Millis, e.Spent.Millij}})
	}
	for _, id := range s.Stopped {
		g.Stopped = append(g.Stopped, hex.EncodeToString(id[:]))
	}
	return g
}

// TestSavedGolden holds the file of tasks, and that of the time of one task.
func TestSavedGolden(t *testing.T) {
	path := filepath.Join("testdata", "saved.json")
	if *updateGolden {
		task, s := savedExample(t)
		task.Start = 1_800_000_000_000
		s.Tasks[0].Task = task.Encode()
		task.Name, task.Budget.Bytes = "other", 6400
		s.Tasks[1].Task = task.Encode()
		one := savedTasks{Tasks: []savedTask{{State: s.Tasks[0].State, Task: s.Tasks[0].Task}}, Stopped: s.Stopped}
		old := oldSaved{State: one.Tasks[0].State, Task: one.Tasks[0].Task, Stopped: s.Stopped}
		b, err := json.MarshalIndent([]goldenSaved{parts("version 2", s, wire.MustMarshal(s)), parts("of one task, as it used to be", one, wire.MustMarshal(old))}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []goldenSaved
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 {
		t.Fatalf("%d files", len(all))
	}
	for i, g := range all {
		file, err := hex.DecodeString(g.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		saved, old, err := decodeSaved(file)
		if err != nil || old != (i == 1) {
			t.Fatalf("%s: old %v, %v", g.About, old, err)
		}
		if d := cmp.Diff(g, parts(g.About, saved, file)); d != "" {
			t.Errorf("%s: -golden +read:\n%s", g.About, d)
		}
		if !old && !bytes.Equal(wire.MustMarshal(saved), file) {
			t.Errorf("%s: it is written otherwise", g.About)
		}
	}
}

// TestSavedDamaged holds that a file that is damaged is noticed or is another
// file, and that a service goes on without it.
func TestSavedDamaged(t *testing.T) {
	_, s := savedExample(t)
	good := wire.MustMarshal(s)
	files := func(b []byte) *disk { return &disk{files: map[string][]byte{fileTasks: b}} }
	for n := range good {
		if _, err := Saved(files(good[:n])); err == nil {
			t.Errorf("%d of %d bytes are read", n, len(good))
		}
		flipped := slices.Clone(good)
		flipped[n] ^= 1 << (n % 8)
		jobs, _, _, err := readSaved(files(flipped), time.Now(), nil)
		for _, j := range jobs {
			if err == nil && !j.status.State.valid() {
				t.Errorf("byte %d flipped: state %q", n, j.status.State)
			}
		}
	}
	with := func(change func(*savedTasks)) []byte {
		other := s
		other.Tasks = slices.Clone(s.Tasks)
		change(&other)
		return wire.MustMarshal(other)
	}
	for name, b := range map[string][]byte{
		"unknown state":         with(func(s *savedTasks) { s.Tasks[1].State = "asleep" }),
		"no task":               with(func(s *savedTasks) { s.Tasks[0].Task = []byte{1} }),
		"another version":       with(func(s *savedTasks) { s.Version++ }),
		"too many that stopped": with(func(s *savedTasks) { s.Stopped = make([]node.ID, maxStopped+1) }),
		"too many tasks":        with(func(s *savedTasks) { s.Tasks = slices.Repeat(s.Tasks[:1], maxJobs+maxRest+1) }),
		"too long":              make([]byte, maxSaved+1), "longer": append(slices.Clone(good), 0),
		"an old one, unknown state": wire.MustMarshal(oldSaved{State: "asleep", Task: s.Tasks[0].Task, Stopped: s.Stopped}),
	} {
		if _, err := Saved(files(b)); err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
	log := &notes{}
	r := New(Options{Member: newSquare().join(0), Files: files(good[:30]), Log: slog.New(slog.NewTextHandler(log, nil))})
	if r.Status() != nil || !log.has("the saved tasks are not resumed") {
		t.Errorf("%+v; log: %s", r.Status(), log.buf.String())
	}
}

// FuzzSaved holds that what is read can be written, and is the same then.
func FuzzSaved(f *testing.F) {
	b, err := os.ReadFile(filepath.Join("testdata", "saved.json"))
	if err != nil {
		f.Fatal(err)
	}
	var all []goldenSaved
	if err := json.Unmarshal(b, &all); err != nil {
		f.Fatal(err)
	}
	for _, g := range all {
		file, err := hex.DecodeString(g.Bytes)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		saved, old, err := decodeSaved(b)
		if err == nil && !old && !bytes.Equal(wire.MustMarshal(saved), b) {
			t.Error("it is written otherwise")
		}
		jobs, _, _, err := readSaved(&disk{files: map[string][]byte{fileTasks: b}}, time.UnixMilli(0), nil)
		if err == nil && (len(jobs) != len(saved.Tasks) || len(jobs) > maxJobs+maxRest) {
			t.Errorf("%d jobs of %d tasks", len(jobs), len(saved.Tasks))
		}
	})
}

// TestSaved holds what one reads of tasks while no agent runs, also of an older
// version's file.
func TestSaved(t *testing.T) {
	if st, err := Saved(&disk{files: map[string][]byte{}}); len(st) > 0 || err != nil {
		t.Errorf("no file: %+v, %v", st, err)
	}
	task, s := savedExample(t)
	for _, tt := range []struct {
		state State
		over  bool
		want  State
	}{
		{Waiting, false, Waiting}, {Running, false, Running}, {Waiting, true, Done}, {Running, true, Done},
		{Stopped, true, Stopped}, {Failed, true, Failed}, {Done, true, Done}, {Spent, false, Spent},
	} {
		then := *task
		if tt.over {
			then.Start -= 24 * 3600_000
		}
		s.Tasks[0].State, s.Tasks[0].Task = tt.state, then.Encode()
		s.Tasks = s.Tasks[:1]
		old := oldSaved{State: tt.state, Task: then.Encode(), Stopped: s.Stopped}
		for name, b := range map[string][]byte{"new": wire.MustMarshal(s), "old": wire.MustMarshal(old)} {
			st, err := Saved(&disk{files: map[string][]byte{fileTasks: b}})
			if err != nil || len(st) != 1 || st[0].State != tt.want || st[0].Name != "halves" || st[0].Rounds != 8 {
				t.Errorf("%s, over %v, %s: %+v, %v", tt.state, tt.over, name, st, err)
			}
			if want := map[string]uint64{"new": 70}[name]; len(st) == 1 && st[0].Spent.Bytes != want {
				t.Errorf("%s: %d bytes are spent, want %d", name, st[0].Spent.Bytes, want)
			}
		}
	}
}

// encodeOld returns the file of the time when a device had one task.
func encodeOld(state State, t *node.Task, stopped ...node.ID) ([]byte, error) {
	return wire.Marshal(oldSaved{State: state, Task: t.Encode(), Stopped: stopped})
}
