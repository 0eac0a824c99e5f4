// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/vecino-edge/vecino/board"
)

var update = flag.Bool("update", false, "write what is now found into the trees")

// newTree returns the tree of a recorded board: an archive of files, of which
// links holds the symbolic links and want what is to be found.
func newTree(t testing.TB, name string) (root fstest.MapFS, want string) {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "trees", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	root = make(fstest.MapFS)
	for _, f := range archive.Files {
		switch f.Name {
		case "want":
			want = string(f.Data)
		case "links":
			for line := range strings.Lines(string(f.Data)) {
				from, to, _ := strings.Cut(strings.TrimSpace(line), " -> ")
				root[from] = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink}
			}
		default:
			root[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return root, want
}

// tell renders all that is found on a board.
func tell(t testing.TB, root fs.FS) string {
	t.Helper()
	var b strings.Builder
	if model := Model(root); model != "" {
		fmt.Fprintln(&b, "model", model)
	}
	for _, s := range Detect(root) {
		values, err := s.Read(t.Context())
		for _, v := range values {
			fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%s %v %s %v %s", v.Name, v.X, v.Unit, v.Quality, v.Label)))
		}
		problem(&b, err)
	}
	c := NewProbe(root).Read()
	fmt.Fprintln(&b, "temperature", quantity(c.Temperature))
	fmt.Fprintf(&b, "power %s, level %s\n", source(c.Power), quantity(c.Power.Level))
	fmt.Fprintln(&b, "load", quantity(c.Load))
	fmt.Fprintln(&b, "cpus", quantity(c.CPUs))
	fmt.Fprintln(&b, "memory", quantity(c.Memory))
	throttled := "unknown"
	if c.Throttled.Known {
		throttled = strings.TrimSpace(fmt.Sprint(c.Throttled.Now, " ", c.Throttled.Why))
	}
	fmt.Fprintln(&b, "throttled", throttled)
	problem(&b, c.Problem)
	return b.String()
}

func problem(b *strings.Builder, err error) {
	if err != nil {
		fmt.Fprintln(b, "  !", strings.ReplaceAll(err.Error(), "\n", "\n  ! "))
	}
}

func quantity(q board.Quantity) string {
	if !q.Known {
		return "unknown"
	}
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", q.X), "0"), ".")
}

func source(p board.Power) string {
	switch {
	case !p.Known:
		return "unknown"
	case p.OnBattery:
		return "battery"
	}
	return "mains"
}

// TestTrees holds what is found on the recorded boards to what is written with
// each of them.
func TestTrees(t *testing.T) {
	files, err := filepath.Glob("testdata/trees/*.txtar")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d trees, error %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		root, want := newTree(t, name)
		got := tell(t, root)
		if *update {
			writeWant(t, file, got)
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func writeWant(t *testing.T, file, want string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range archive.Files {
		if archive.Files[i].Name == "want" {
			archive.Files[i].Data = []byte(want)
		}
	}
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
