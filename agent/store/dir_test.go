// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/renameio/v2"
)

// holdVariable makes the test binary a process that holds a state folder.
const holdVariable = "VECINO_TEST_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdVariable); dir != "" {
		os.Exit(hold(dir))
	}
	os.Exit(m.Run())
}

// hold opens the folder, says so, and waits until its input ends or it is killed.
func hold(path string) int {
	if _, err := Open(path); err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		return 1
	}
	os.Stdout.WriteString("held\n")
	bufio.NewReader(os.Stdin).ReadByte()
	return 0
}

func startHolder(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdVariable+"="+path)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip("cannot start another process:", err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	return cmd
}

func TestOpenMakesFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, p := range []string{path, filepath.Dir(path)} {
		if info, err := os.Stat(p); err != nil || info.Mode() != fs.ModeDir|0o700 {
			t.Errorf("mode of %s = %v, %v; want 0700", p, info.Mode(), err)
		}
	}
	if err := d.Write("charter", []byte("c")); err != nil {
		t.Error(err)
	}
	if err := d.Write("keys/identity", []byte("k")); err != nil {
		t.Error(err)
	}
	if got, err := d.Read("keys/identity", 10); err != nil || string(got) != "k" {
		t.Errorf("Read = %q, %v", got, err)
	}
	if info, err := os.Stat(filepath.Join(path, "keys", "identity")); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode of a state file = %v, %v; want 0600", info.Mode(), err)
	}
	if d.Root() != path {
		t.Errorf("Root = %s", d.Root())
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	open := filepath.Join(dir, "open")
	link := filepath.Join(dir, "linked")
	err := errors.Join(
		os.WriteFile(file, nil, 0o600),
		os.Mkdir(open, 0o700), os.Chmod(open, 0o777),
		os.Mkdir(link, 0o700), os.Symlink(file, filepath.Join(link, lockName)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{file, "not a folder"},
		{open, "everybody may write to it (mode 0777): run chmod o-w"},
		{link, "lock state folder"},
	} {
		d, err := Open(c.path)
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("Open(%s) = %v, want %q", c.path, err, c.want)
		}
	}
}

func TestLockTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	other := startHolder(t, path)

	_, err := Open(path)
	var inUse *InUseError
	if !errors.As(err, &inUse) || inUse.PID != other.Process.Pid {
		t.Fatalf("Open = %v, want an InUseError of process %d", err, other.Process.Pid)
	}
	if want := "is in use by process"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
	v, err := View(path)
	if err != nil {
		t.Fatalf("View beside the other process: %v", err)
	}
	defer v.Close()

	other.Process.Kill() // no orderly end: the kernel frees the lock
	other.Wait()
	d, err := Open(path)
	if err != nil {
		t.Fatalf("Open after the other process was killed: %v", err)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Error("Close:", err)
	}
	startHolder(t, path)
}

func TestLockWithoutPID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for content, want := range map[string]string{"": "another process", "x\n": "another process", "-1": "another process", "77\n": "process 77"} {
		if err := os.WriteFile(filepath.Join(path, lockName), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with the lock file %q: %v, want %q", content, err, want)
		}
	}
}

// What a power cut leaves of a write is a temporary file beside the old one. The
// next Open removes it and nothing else.
func TestOpenRemovesHalfWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f", "sub/f", "name-123456789012345", "plain.tmp"} {
		if err := d.Write(name, []byte("old")); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{path, filepath.Join(path, "sub")} {
		half, err := renameio.NewPendingFile(filepath.Join(dir, "f"), renameio.WithTempDir(dir))
		if err != nil {
			t.Fatal(err)
		}
		half.WriteString("ne")
		half.Close()
	}
	keep := filepath.Join(path, ".config.toml.swp")
	if err := os.WriteFile(keep, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n := len(names(t, path)); n != 7 {
		t.Fatalf("%d entries before, want 7", n)
	}
	d.Close()

	d, err = Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want := []string{".config.toml.swp", "f", "lock", "name-123456789012345", "plain.tmp", "sub"}
	if diff := cmp.Diff(want, names(t, path)); diff != "" {
		t.Error("folder after Open (-want +got):", diff)
	}
	if diff := cmp.Diff([]string{"f"}, names(t, filepath.Join(path, "sub"))); diff != "" {
		t.Error("folder under it (-want +got):", diff)
	}
	if got, err := d.Read("f", 10); err != nil || string(got) != "old" {
		t.Errorf("Read = %q, %v; want the old content", got, err)
	}
}

func TestView(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if _, err := View(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("View of nothing = %v", err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write("f", []byte("1")); err != nil {
		t.Fatal(err)
	}
	v, err := View(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Read("f", 10); err != nil || string(got) != "1" {
		t.Errorf("Read = %q, %v", got, err)
	}
	if err := v.Write("f", nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Write on a view = %v, want ErrReadOnly", err)
	}
	d.Close()
	if err := d.Write("f", nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Write after Close = %v, want ErrReadOnly", err)
	}
}

func TestNames(t *testing.T) {
	d := &Dir{path: "/s"}
	for name, ok := range map[string]bool{
		"a": true, "a/b": true, "a.b-c_1": true, "sub/lock": true,
		"": false, ".": false, "..": false, "../a": false, "/a": false, "a/../b": false, "a//b": false,
		".a": false, "a/.b": false, "a/b/c": false, "lock": false, "a\x00b": false, "a/": false,
	} {
		path, err := d.Path(name)
		if (err == nil) != ok || ok && path != "/s/"+name {
			t.Errorf("Path(%q) = %q, %v; want ok %t", name, path, err, ok)
		}
		if _, err := d.Read(name, 1); ok == (err != nil && strings.HasPrefix(err.Error(), "state file")) {
			t.Errorf("Read(%q) = %v", name, err)
		}
	}
}

// TestRemove removes a file once and again, and none that is no plain name.
func TestRemove(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write("a", []byte("text")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Remove("a"); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.Read("a", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
	for _, name := range []string{"", "../a", ".a", "lock"} {
		if err := d.Remove(name); err == nil {
			t.Errorf("%q is removed", name)
		}
	}
	view, err := View(d.Root())
	if err != nil {
		t.Fatal(err)
	}
	if err := view.Remove("a"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("from a view: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
