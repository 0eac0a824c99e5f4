// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package store keeps the files of a device so that they survive a power cut:
// a file is written beside the old one, synced and renamed over it, and a
// [Journal] of records is cut back to its last whole one. It also finds the two
// folders of a device, the state that is kept on flash and the runtime folder in
// memory for secrets that may outlive a crash but not a reboot. The order of the
// steps is that of "All File Systems Are Not Created Equal" (Pillai et al., OSDI
// 2014): data, rename, folder.
//
// The zero values of [Dir] and [Journal] are not usable; take them from [Open],
// [View] and [OpenJournal]. Both are safe for concurrent use, and so are the
// functions of the package, where the last of several writers to one file wins.
package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// ErrTooLarge is wrapped by the errors about files and records over a limit.
var ErrTooLarge = errors.New("too large")

// WriteFile puts data into the file at path, which holds either its old content
// or the whole of the new one whenever the power fails. The mode is perm, not
// narrowed by the umask. Data and name are on the disk when it returns nil.
// After an error the old file is as it was, unless only the last step failed,
// the sync of the folder.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	if err := writeFile(path, data, perm); err != nil {
		return fmt.Errorf("write %s: %w", path, advise(err))
	}
	return nil
}

func writeFile(path string, data []byte, perm fs.FileMode) error {
	dir := filepath.Dir(path)
	// The library would take $TMPDIR where that lies on the same file system, and
	// a temporary file outside the state folder would never be cleaned up.
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir), renameio.WithStaticPermissions(perm))
	if err != nil {
		return bare(err)
	}
	defer f.Cleanup()
	if _, err := f.Write(data); err != nil {
		return bare(err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil { // syncs the file before it renames it
		return bare(err)
	}
	return syncDir(dir) // else the rename itself may be lost
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return bare(err)
	}
	defer d.Close()
	// Some file systems, FAT among them, cannot sync a folder and say EINVAL.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return bare(err)
	}
	return nil
}

// ReadFile returns the content of the regular file at path. It refuses one of
// more than limit bytes before it reads any, with an error that wraps [ErrTooLarge].
func ReadFile(path string, limit int64) ([]byte, error) {
	// Without O_NONBLOCK the opening of a named pipe would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, advise(bare(err)))
	}
	defer f.Close()
	data, err := readAtMost(f, limit)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return data, nil
}

func readAtMost(f *os.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, info.Size(), limit)
	}
	data := make([]byte, info.Size())
	// A file that shrank meanwhile gives an error, one that grew is cut where it was.
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, bare(err)
	}
	return data, nil
}

// bare strips the operation and path that package os puts before an error,
// since the errors of this package name both themselves.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}

// advise adds to an error of the system what the reader can do about it.
func advise(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: free some space and try again; what was there before is unchanged", err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: mount it writable, or set VECINO_STATE to a folder that is", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: run as the user that owns the folder", err)
	}
	return err
}
