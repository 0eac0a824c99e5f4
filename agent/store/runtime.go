// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// The environment and the defaults that decide on folders.
const (
	stateVariable   = "VECINO_STATE"
	runtimeVariable = "VECINO_RUNTIME"
	defaultState    = "/var/lib/vecino"
)

// File system types of statfs(2) whose content a reboot erases.
const (
	tmpfsMagic = 0x01021994
	ramfsMagic = 0x858458f6
)

var errNotMemory = errors.New("not on a file system in memory (tmpfs), and secrets must not reach the flash")

// StatePath returns the state folder that the environment names, or the default.
func StatePath(getenv func(string) string) string {
	if path := getenv(stateVariable); path != "" {
		return path
	}
	return defaultState
}

// RuntimeDir returns a folder in memory that belongs to the state folder at
// state: a crash leaves it, a reboot does not. It is made with mode 0700 under
// the first of $VECINO_RUNTIME, /run/vecino, $XDG_RUNTIME_DIR/vecino and
// /dev/shm/vecino-UID that is ours alone and lies on tmpfs or ramfs. Where there
// is none, path is empty and tmpfs false, and the caller keeps its secrets in
// its own memory. A $VECINO_RUNTIME that will not do is an error.
func RuntimeDir(state string, getenv func(string) string) (path string, tmpfs bool, err error) {
	if explicit := getenv(runtimeVariable); explicit != "" {
		path, err := runtimeIn(explicit, state)
		if err != nil {
			return "", false, fmt.Errorf("%s: folder %s: %w", runtimeVariable, explicit, err)
		}
		return path, true, nil
	}
	candidates := []string{"/run/vecino"}
	if xdg := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(xdg) {
		candidates = append(candidates, filepath.Join(xdg, "vecino"))
	}
	candidates = append(candidates, "/dev/shm/vecino-"+strconv.Itoa(os.Geteuid()))
	path, tmpfs = firstRuntime(candidates, state)
	return path, tmpfs, nil
}

func firstRuntime(candidates []string, state string) (path string, tmpfs bool) {
	for _, c := range candidates {
		if path, err := runtimeIn(c, state); err == nil {
			return path, true
		}
	}
	return "", false
}

// runtimeIn makes base, and in it the folder for state, and checks both.
func runtimeIn(base, state string) (string, error) {
	if !filepath.IsAbs(base) {
		return "", errors.New("not an absolute path")
	}
	state, err := filepath.Abs(state)
	if err != nil {
		return "", err
	}
	base = filepath.Clean(base)
	if err := privateDir(base); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(state))
	path := filepath.Join(base, hex.EncodeToString(sum[:])[:16])
	if err := privateDir(path); err != nil {
		return "", err
	}
	return path, nil
}

// privateDir makes the folder at path where there is none, and checks by an open
// handle that it is a folder and no link, in memory, ours, and nobody else's.
func privateDir(path string) error {
	if err := safeParent(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Mkdir(path, dirPerm); err != nil && !errors.Is(err, fs.ErrExist) {
		return advise(bare(err))
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENOTDIR) {
		return errors.New("a link or a file, not a folder: remove it")
	}
	if err != nil {
		return advise(bare(err))
	}
	defer f.Close()
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("owned by user %d, not by %d", st.Uid, os.Geteuid())
	}
	if perm := st.Mode & 0o777; perm != dirPerm {
		return fmt.Errorf("its mode is %04o and must be %04o: run chmod %o %s", perm, dirPerm, dirPerm, path)
	}
	return inMemory(f)
}

func inMemory(f *os.File) error {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &st); err != nil {
		return err
	}
	// The type is signed, and of 32 bits on some architectures.
	if t := uint32(st.Type); t != tmpfsMagic && t != ramfsMagic {
		return errNotMemory
	}
	return nil
}

// safeParent refuses a folder in which somebody else could put another folder
// in the place of ours.
func safeParent(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return advise(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() {
		return fmt.Errorf("%s is not a folder", path)
	}
	if uid := int(st.Uid); uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("%s is owned by user %d, who could replace what lies in it", path, uid)
	}
	if info.Mode()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("others may write to %s (mode %04o)", path, info.Mode().Perm())
	}
	return nil
}
