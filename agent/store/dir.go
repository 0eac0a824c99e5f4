// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	dirPerm  = 0o700
	filePerm = 0o600
	lockName = "lock"
	maxPID   = 32 // bytes of the lock file that are looked at
)

// ErrReadOnly is wrapped by what [Dir.Write] returns on a folder from [View].
var ErrReadOnly = errors.New("the state folder was opened for reading only")

// InUseError tells that another process holds a state folder.
type InUseError struct {
	Path string // the folder
	PID  int    // the process, 0 where it did not say
}

func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("the state folder %s is in use by another process", e.Path)
	}
	return fmt.Sprintf("the state folder %s is in use by process %d", e.Path, e.PID)
}

// Dir is a state folder. Names of files in it are slash-separated and relative;
// no element begins with a dot, so that temporary files can be told.
type Dir struct {
	path string

	mu   sync.Mutex
	lock *os.File // nil: read only, or closed
}

// Open opens the state folder at path for one process at a time. It makes the
// folder with mode 0700 where there is none, and removes the temporary files
// that a power cut left. Where another process has it the error is an [*InUseError].
func Open(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open state folder: %w", err)
	}
	if err := makeDir(path); err != nil {
		return nil, fmt.Errorf("open state folder %s: %w", path, advise(err))
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open state folder %s: %w", path, advise(err))
	}
	return &Dir{path: path, lock: lock}, nil
}

// View opens the state folder at path for reading, whether or not a process
// has it open: each file is seen whole, old or new.
func View(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		err = checkDir(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open state folder %s: %w", path, advise(bare(err)))
	}
	return &Dir{path: path}, nil
}

// makeDir makes the folder and the way to it, and syncs the name of each that
// is new.
func makeDir(path string) error {
	err := os.Mkdir(path, dirPerm)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, dirPerm)
	}
	if errors.Is(err, fs.ErrExist) {
		return checkDir(path)
	}
	if err != nil {
		return bare(err)
	}
	return syncDir(filepath.Dir(path))
}

func checkDir(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return bare(err)
	}
	if !info.IsDir() {
		return errors.New("not a folder")
	}
	if perm := info.Mode().Perm(); perm&0o002 != 0 {
		return fmt.Errorf("everybody may write to it (mode %04o): run chmod o-w %s", perm, path)
	}
	return nil
}

func lockFile(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, filePerm)
	if err != nil {
		return nil, fmt.Errorf("lock state folder %s: %w", dir, advise(bare(err)))
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer f.Close()
		return nil, &InUseError{Path: dir, PID: readPID(f)}
	}
	if err == nil {
		err = writePID(f)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock state folder %s: %w", dir, advise(bare(err)))
	}
	return f, nil
}

// writePID leaves a number for people. It is not synced: the lock is the
// kernel's, and the file is never trusted for more than a message.
func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readPID(f *os.File) int {
	b := make([]byte, maxPID)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// staleName matches what renameio calls its temporary files: a dot, the name and
// a random number of up to 63 bits, of which one in ten million is shorter than this.
var staleName = regexp.MustCompile(`^\..+[0-9]{12,19}$`)

// removeStale removes temporary files from the folder and the folders right
// under it, which is where Write puts them. The caller holds the lock.
func removeStale(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return bare(err)
	}
	if err := removeStaleOf(dir, entries); err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		sub := filepath.Join(dir, e.Name())
		entries, err := os.ReadDir(sub)
		if err != nil {
			return bare(err)
		}
		if err := removeStaleOf(sub, entries); err != nil {
			return err
		}
	}
	return nil
}

func removeStaleOf(dir string, entries []fs.DirEntry) error {
	for _, e := range entries {
		if e.Type().IsRegular() && staleName.MatchString(e.Name()) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return bare(err)
			}
		}
	}
	return nil
}

// Root returns the absolute path of the folder.
func (d *Dir) Root() string { return d.path }

// Path returns the path of the file called name, without looking at it.
func (d *Dir) Path(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", fmt.Errorf("state file %q: %w", name, err)
	}
	return filepath.Join(d.path, filepath.FromSlash(name)), nil
}

func checkName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) {
		return errors.New("not a plain relative name")
	}
	elements := strings.Split(name, "/")
	if len(elements) > 2 {
		return errors.New("more than one folder deep")
	}
	for _, e := range elements {
		if e[0] == '.' {
			return errors.New("begins with a dot")
		}
	}
	if name == lockName {
		return errors.New("the name of the lock")
	}
	return nil
}

// Write puts data into the file called name with mode 0600, as [WriteFile] does.
func (d *Dir) Write(name string, data []byte) error {
	path, err := d.Path(name)
	if err != nil {
		return err
	}
	d.mu.Lock()
	open := d.lock != nil
	d.mu.Unlock()
	if !open {
		return fmt.Errorf("write %s: %w", path, ErrReadOnly)
	}
	if dir := filepath.Dir(path); dir != d.path {
		if err := makeDir(dir); err != nil {
			return fmt.Errorf("write %s: %w", path, advise(err))
		}
	}
	return WriteFile(path, data, filePerm)
}

// Read returns the content of the file called name, at most limit bytes, as
// [ReadFile] does.
func (d *Dir) Read(name string, limit int64) ([]byte, error) {
	path, err := d.Path(name)
	if err != nil {
		return nil, err
	}
	return ReadFile(path, limit)
}

// Remove removes the file called name, if there is one.
func (d *Dir) Remove(name string) error {
	path, err := d.Path(name)
	if err != nil {
		return err
	}
	d.mu.Lock()
	open := d.lock != nil
	d.mu.Unlock()
	if !open {
		return fmt.Errorf("remove %s: %w", path, ErrReadOnly)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", path, advise(bare(err)))
	}
	return nil
}

// Close lets other processes open the folder. It does nothing the second time.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lock == nil {
		return nil
	}
	err := d.lock.Close()
	d.lock = nil
	return err
}
