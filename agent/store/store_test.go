// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for _, data := range []string{"old", "", "a longer new one"} {
		if err := WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(path, 100)
		if err != nil || string(got) != data {
			t.Errorf("ReadFile = %q, %v; want %q", got, err, data)
		}
	}
	if left := names(t, filepath.Dir(path)); len(left) != 1 {
		t.Errorf("folder holds %q, want the file only", left)
	}
}

func TestWriteFileMode(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "public")
	for _, perm := range []fs.FileMode{0o644, 0o600, 0o640} {
		if err := WriteFile(path, []byte("x"), perm); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != perm {
			t.Errorf("mode = %v, %v; want %v", info.Mode(), err, perm)
		}
	}
}

// A link in the place of the file is replaced, and what it points to is left.
func TestWriteFileReplacesLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(target, []byte("t"), 0o600), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(target); string(got) != "t" {
		t.Errorf("the target of the link became %q", got)
	}
}

func TestWriteFileErrorNamesFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "key")
	err := WriteFile(path, nil, 0o600)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("error = %v, want one that wraps ErrNotExist and names %s", err, path)
	}
	if n := strings.Count(err.Error(), path); n != 1 {
		t.Errorf("error = %v, names the file %d times", err, n)
	}
}

func TestReadFileLimits(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, make([]byte, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path, 10); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := ReadFile(path, 9); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limit: %v, want ErrTooLarge", err)
	}
	// A sparse file shows that nothing is read or allocated before the check.
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skip("the file system has no sparse files:", err)
	}
	if _, err := ReadFile(path, 1<<20); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a tebibyte: %v, want ErrTooLarge", err)
	}
}

func TestReadFileRefusesOthers(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir} {
		if _, err := ReadFile(path, 100); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("ReadFile(%s) = %v", path, err)
		}
	}
	if _, err := ReadFile(filepath.Join(dir, "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// Readers beside a writer see the old content or the new, never a part.
func TestConcurrentReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	content := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, 1+(i*7919)%40000) }
	if err := WriteFile(path, content(0), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				data, err := ReadFile(path, 1<<20)
				if err != nil {
					t.Error(err)
					return
				}
				if len(data) == 0 || bytes.Count(data, data[:1]) != len(data) {
					t.Errorf("a reader saw a mixture of %d bytes", len(data))
					return
				}
			}
		})
	}
	for i := range 200 {
		if err := WriteFile(path, content(i), 0o600); err != nil {
			t.Error(err)
		}
	}
	close(done)
	readers.Wait()
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "size=64k")
	path := filepath.Join(dir, "f")
	if err := WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, make([]byte, 128<<10), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("WriteFile on a full disk = %v, want ENOSPC", err)
	}
	for _, want := range []string{path, "free some space"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if got, err := ReadFile(path, 100); err != nil || string(got) != "old" {
		t.Errorf("the old file became %q, %v", got, err)
	}
	if left := names(t, dir); len(left) != 1 {
		t.Errorf("folder holds %q, want the file only", left)
	}
	if err := WriteFile(path, []byte("new"), 0o600); err != nil {
		t.Errorf("a small file afterwards: %v", err)
	}
}

func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t, "size=64k")
	if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=64k"); err != nil {
		t.Skip("cannot make the mount read-only:", err)
	}
	err := WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o600)
	if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "VECINO_STATE") {
		t.Errorf("error = %v, want EROFS and what to do", err)
	}
}

// smallDisk mounts a file system of its own for the test.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("needs the right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func BenchmarkWriteFile(b *testing.B) {
	path := filepath.Join(b.TempDir(), "f")
	data := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteFile(path, data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
}
