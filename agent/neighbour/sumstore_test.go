// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// open opens the stores of a task's sums and writes one record into each.
func openAs(t *testing.T, m *Member, task byte, group uint8, epoch uint32) homomorphic.Config {
	t.Helper()
	c := homomorphic.Config{Task: [16]byte{task}, Group: group, Epoch: epoch}
	if err := m.OpenSums(&c); err != nil {
		t.Fatal(err)
	}
	for _, s := range []homomorphic.Store{c.State, c.Runtime, c.Shares} {
		if err := s.Save([]byte{task, group, byte(epoch)}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestOpenSums holds which records are kept from epoch to epoch, and that a
// device stays in its group until the epoch ends.
func TestOpenSums(t *testing.T) {
	state, runtime := newMemory(), newMemory()
	m := &Member{o: Options{State: state, Keys: runtime}}
	fresh := homomorphic.Config{Task: [16]byte{1}, Epoch: 5}
	if err := m.OpenSums(&fresh); err != nil {
		t.Fatal(err)
	}
	for _, s := range []homomorphic.Store{fresh.State, fresh.Runtime, fresh.Shares} {
		if b, err := s.Load(); b != nil || err != nil {
			t.Errorf("a record that nobody wrote: %x, %v", b, err)
		}
	}
	openAs(t, m, 1, 0, 5)
	if c := openAs(t, m, 1, 3, 5); c.Group != 0 {
		t.Errorf("the device changes to group %d within an epoch", c.Group)
	}
	openAs(t, m, 2, 1, 5)
	if c := openAs(t, m, 1, 3, 6); c.Group != 3 {
		t.Errorf("group %d in the next epoch", c.Group)
	}
	openAs(t, m, 1, 2, 7)
	var names []string
	for name := range maps.Keys(runtime.keys) {
		names = append(names, strings.ReplaceAll(name, strings.Repeat("00", 15), ""))
	}
	slices.Sort(names)
	want := []string{"sums-01-2-shares", "sums-01-2-used", "sums-01-3-shares", "sums-01-3-used"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("records of the runtime folder (-want +got):\n%s", diff)
	}
	if len(state.keys) != 3 {
		t.Errorf("the state folder holds %d records, want the list and two reservations", len(state.keys))
	}
}

// TestOpenSumsLimits holds the bound on tasks, and what a damaged list does.
func TestOpenSumsLimits(t *testing.T) {
	state := newMemory()
	m := &Member{o: Options{State: state, Keys: newMemory()}}
	for i := range MaxSumTasks {
		openAs(t, m, byte(i), 0, 9)
	}
	openAs(t, m, 0, 0, 9)
	c := homomorphic.Config{Task: [16]byte{0xff}, Epoch: 10}
	if err := m.OpenSums(&c); err == nil {
		t.Error("one task more than fit")
	}
	c.Epoch = 11
	if err := m.OpenSums(&c); err != nil {
		t.Errorf("after two epochs: %v", err)
	}
	state.keys[sumsFile] = []byte("rubbish")
	if err := m.OpenSums(&c); err == nil {
		t.Error("a damaged list is used")
	}
}

// TestSumsGolden fixes the list's bytes.
func TestSumsGolden(t *testing.T) {
	b, err := os.ReadFile("testdata/sums.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct{ Entries, Bytes string }
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	for _, g := range golden {
		var entries []sumEntry
		for _, f := range strings.Fields(g.Entries) {
			var e sumEntry
			var task string
			if _, err := fmt.Sscanf(strings.ReplaceAll(f, ",", " "), "%s %d %d", &task, &e.Group, &e.Epoch); err != nil {
				t.Fatal(err)
			}
			raw, err := hex.DecodeString(task)
			if err != nil {
				t.Fatal(err)
			}
			e.Task = [16]byte(raw)
			entries = append(entries, e)
		}
		if got := hex.EncodeToString(wire.MustMarshal(entries)); got != g.Bytes {
			t.Errorf("%q: %s, want %s", g.Entries, got, g.Bytes)
		}
	}
}
