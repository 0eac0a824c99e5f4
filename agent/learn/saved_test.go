// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
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

// goldenSaved is testdata/saved.json: a task file in parts, and its bytes.
type goldenSaved struct {
	State   State    `json:"state"`
	Task    string   `json:"task"`
	Stopped []string `json:"stopped"`
	Bytes   string   `json:"bytes"`
}

func savedExample(t *testing.T) (*node.Task, savedTask) {
	t.Helper()
	p := plan()
	task, err := p.task(dataOf(0))
	if err != nil {
		t.Fatal(err)
	}
	task.Start = uint64(time.Now().UnixMilli())
	return task, savedTask{State: Running, Task: task.Encode(), Stopped: []node.ID{{1, 2, 3}, {4}}}
}

func TestSavedGolden(t *testing.T) {
	path := filepath.Join("testdata", "saved.json")
	if *updateGolden {
		task, s := savedExample(t)
		task.Start = 1_800_000_000_000
		s.Task = task.Encode()
		g := goldenSaved{State: s.State, Task: hex.EncodeToString(s.Task), Bytes: hex.EncodeToString(wire.MustMarshal(s))}
		for _, id := range s.Stopped {
			g.Stopped = append(g.Stopped, hex.EncodeToString(id[:]))
		}
		b, err := json.MarshalIndent(g, "", "  ")
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
	var g goldenSaved
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	file, err := hex.DecodeString(g.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	task, saved, err := readSaved(&disk{files: map[string][]byte{fileTask: file}})
	if err != nil {
		t.Fatal(err)
	}
	got := goldenSaved{State: saved.State, Task: hex.EncodeToString(task.Encode()), Bytes: hex.EncodeToString(wire.MustMarshal(*saved))}
	for _, id := range saved.Stopped {
		got.Stopped = append(got.Stopped, hex.EncodeToString(id[:]))
	}
	if d := cmp.Diff(g, got); d != "" {
		t.Errorf("-golden +read:\n%s", d)
	}
}

// TestSavedDamaged holds that a file that is damaged is noticed or is another
// file, and that a service goes on without it.
func TestSavedDamaged(t *testing.T) {
	_, s := savedExample(t)
	good := wire.MustMarshal(s)
	files := func(b []byte) *disk { return &disk{files: map[string][]byte{fileTask: b}} }
	for n := range good {
		if _, err := Saved(files(good[:n])); err == nil {
			t.Errorf("%d of %d bytes are read", n, len(good))
		}
		flipped := slices.Clone(good)
		flipped[n] ^= 1 << (n % 8)
		if _, saved, err := readSaved(files(flipped)); err == nil && !saved.State.valid() {
			t.Errorf("byte %d flipped: state %q", n, saved.State)
		}
	}
	unknown := s
	unknown.State = "asleep"
	many := s
	many.Stopped = make([]node.ID, maxStopped+1)
	for name, b := range map[string][]byte{
		"unknown state": wire.MustMarshal(unknown), "too many": wire.MustMarshal(many),
		"too long": make([]byte, maxSaved+1), "longer": append(slices.Clone(good), 0),
	} {
		if _, err := Saved(files(b)); err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
	log := &notes{}
	r := New(Options{Member: newSquare().join(0), Files: files(good[:30]), Log: slog.New(slog.NewTextHandler(log, nil))})
	if r.Status() != nil || !log.has("the saved task is not resumed") {
		t.Errorf("%+v; log: %s", r.Status(), log.buf.String())
	}
}

// TestSaved holds what one reads of a task while no agent runs.
func TestSaved(t *testing.T) {
	if st, err := Saved(&disk{files: map[string][]byte{}}); st != nil || err != nil {
		t.Errorf("no file: %+v, %v", st, err)
	}
	task, s := savedExample(t)
	for _, tt := range []struct {
		state State
		over  bool
		want  State
	}{
		{Waiting, false, Waiting}, {Running, false, Running}, {Waiting, true, Done}, {Running, true, Done},
		{Stopped, true, Stopped}, {Failed, true, Failed}, {Done, true, Done},
	} {
		then := *task
		if tt.over {
			then.Start -= 24 * 3600_000
		}
		s.State, s.Task = tt.state, then.Encode()
		st, err := Saved(&disk{files: map[string][]byte{fileTask: wire.MustMarshal(s)}})
		if err != nil || st.State != tt.want || st.Name != "halves" || st.Rounds != 8 {
			t.Errorf("%s, over %v: %+v, %v", tt.state, tt.over, st, err)
		}
	}
}
