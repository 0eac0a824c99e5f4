// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func env(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// memory returns an empty folder in memory.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "vecino-test-")
	if err != nil {
		t.Skip("needs /dev/shm:", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if inMemory(f) != nil {
		t.Skip("/dev/shm is not in memory here")
	}
	return dir
}

// flash returns an empty folder that is not in memory.
func flash(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if inMemory(f) == nil {
		t.Skip("the folder for temporary files is in memory here")
	}
	return dir
}

func TestStatePath(t *testing.T) {
	if got := StatePath(env()); got != "/var/lib/vecino" {
		t.Errorf("default = %s", got)
	}
	if got := StatePath(env(stateVariable, "/x")); got != "/x" {
		t.Errorf("of the environment = %s", got)
	}
}

func TestRuntimeDir(t *testing.T) {
	base := filepath.Join(memory(t), "runtime")
	getenv := env(runtimeVariable, base)
	path, tmpfs, err := RuntimeDir("/var/lib/vecino", getenv)
	if err != nil || !tmpfs {
		t.Fatal(path, tmpfs, err)
	}
	if want := filepath.Join(base, "a73aefa507df5785"); path != want {
		t.Errorf("path = %s, want %s", path, want)
	}
	for _, p := range []string{base, path} {
		if info, err := os.Stat(p); err != nil || info.Mode() != os.ModeDir|0o700 {
			t.Errorf("mode of %s = %v, %v", p, info.Mode(), err)
		}
	}
	again, _, err := RuntimeDir("/var/lib/../lib/vecino", getenv)
	if err != nil || again != path {
		t.Errorf("the same state by another name: %s, %v", again, err)
	}
	other, _, err := RuntimeDir("/var/lib/other", getenv)
	if err != nil || other == path {
		t.Errorf("another state: %s, %v", other, err)
	}
}

func TestRuntimeDirRefuses(t *testing.T) {
	mem := memory(t)
	path := func(name string) string { return filepath.Join(mem, name) }
	err := errors.Join(
		os.Symlink(mem, path("link")),
		os.WriteFile(path("file"), nil, 0o600),
		os.Mkdir(path("wide"), 0o700), os.Chmod(path("wide"), 0o750),
		os.Mkdir(path("shared"), 0o700), os.Chmod(path("shared"), 0o777),
		os.Mkdir(path("inner"), 0o700), os.Symlink(mem, path("inner/a73aefa507df5785")))
	if err != nil {
		t.Fatal(err)
	}
	for base, want := range map[string]string{
		path("link"):     "a link or a file",
		path("file"):     "a link or a file",
		path("wide"):     "mode is 0750 and must be 0700",
		path("shared/a"): "others may write to",
		path("inner"):    "a link or a file",
		path("none/sub"): "no such file",
		"relative":       "not an absolute path",
	} {
		got, tmpfs, err := RuntimeDir(defaultState, env(runtimeVariable, base))
		if err == nil || got != "" || tmpfs {
			t.Errorf("RuntimeDir in %s = %q, %t, %v", base, got, tmpfs, err)
			continue
		}
		for _, want := range []string{want, runtimeVariable, base} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not say %q", err, want)
			}
		}
	}
}

func TestRuntimeDirNotInMemory(t *testing.T) {
	_, _, err := RuntimeDir(defaultState, env(runtimeVariable, filepath.Join(flash(t), "r")))
	if !errors.Is(err, errNotMemory) {
		t.Errorf("error = %v, want that it is not in memory", err)
	}
}

func TestRuntimeDirOtherOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give a folder to another user")
	}
	mem := memory(t)
	theirs := filepath.Join(mem, "theirs")
	if err := errors.Join(os.Mkdir(theirs, 0o700), syscall.Chown(theirs, 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	for base, want := range map[string]string{
		theirs:                       "owned by user 12345, not by 0",
		filepath.Join(theirs, "sub"): "who could replace",
	} {
		if _, err := runtimeIn(base, "/s"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("runtimeIn(%s) = %v, want %q", base, err, want)
		}
	}
}

func TestFirstRuntime(t *testing.T) {
	mem, slow := memory(t), flash(t)
	file := filepath.Join(mem, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(mem, "good")
	path, tmpfs := firstRuntime([]string{file, filepath.Join(slow, "r"), good, filepath.Join(mem, "later")}, "/s")
	if filepath.Dir(path) != good || !tmpfs {
		t.Errorf("firstRuntime = %q, %t; want one in %s", path, tmpfs, good)
	}
	path, tmpfs = firstRuntime([]string{file, filepath.Join(slow, "r")}, "/s")
	if path != "" || tmpfs {
		t.Errorf("firstRuntime without a good one = %q, %t", path, tmpfs)
	}
}
