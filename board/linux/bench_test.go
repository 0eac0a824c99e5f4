// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// onDisk writes a recorded board to a folder, so that reading it costs what it
// costs on one.
func onDisk(b *testing.B, name string) fs.FS {
	b.Helper()
	root, _ := newTree(b, name)
	dir := b.TempDir()
	for file, f := range root {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			b.Fatal(err)
		}
		err := error(nil)
		if f.Mode&fs.ModeSymlink != 0 {
			err = os.Symlink(string(f.Data), file)
		} else {
			err = os.WriteFile(file, f.Data, 0o644)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	return os.DirFS(dir)
}

func BenchmarkConditions(b *testing.B) {
	for _, name := range []string{"router", "pi4", "laptop"} {
		b.Run(name, func(b *testing.B) { benchmarkConditions(b, onDisk(b, name)) })
	}
	b.Run("this machine", func(b *testing.B) { benchmarkConditions(b, os.DirFS("/")) })
}

func benchmarkConditions(b *testing.B, root fs.FS) {
	p := NewProbe(root)
	b.ReportAllocs()
	for b.Loop() {
		if c := p.Read(); !c.Memory.Known {
			b.Fatal(c.Problem)
		}
	}
}

func BenchmarkSensors(b *testing.B) {
	sensors := Detect(onDisk(b, "pi4"))
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range sensors {
			if _, err := s.Read(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkMeter(b *testing.B) {
	m := NewMeter(onDisk(b, "laptop"), Process)
	b.ReportAllocs()
	for b.Loop() {
		if c := m.Begin(b.Context())(); c.Joules == nil {
			b.Fatal("no joules")
		}
	}
}
