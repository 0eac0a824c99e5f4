// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// MaxRecord is the largest record of a journal, in bytes.
const MaxRecord = 64 << 10

// ErrJournalFull is wrapped by the error of an [Journal.Append] that would make
// the file larger than its limit; [Journal.Rewrite] makes room.
var ErrJournalFull = errors.New("journal full")

var errJournalBroken = errors.New("an earlier write failed: open the journal again")

// CorruptError tells that a journal is damaged before its end, so that
// cutting it there would lose records that were once confirmed.
type CorruptError struct {
	Path   string
	Offset int64 // of the first byte that is not as written
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("journal %s: damaged at byte %d of the file, with records behind it: restore it from a backup or move it away", e.Path, e.Offset)
}

// Journal is an append-only file of records, each on the disk when Append
// returns. A journal belongs to one process at a time, by the lock of its [Dir].
type Journal struct {
	path  string
	limit int64
	torn  int64 // does not change

	mu     sync.Mutex
	file   *os.File
	size   int64 // where the next record begins
	broken bool  // what lies behind size is unknown
	buf    []byte
}

// OpenJournal opens the journal at path, makes it where there is none, and
// returns it with its records, oldest first. A last record that a power cut
// left incomplete is cut off, see [Journal.Torn]; other damage is a
// [*CorruptError]. The file never grows over limit bytes, and a larger one is refused.
func OpenJournal(path string, limit int64) (*Journal, [][]byte, error) {
	data, err := ReadFile(path, limit)
	if errors.Is(err, fs.ErrNotExist) {
		err = WriteFile(path, []byte(journalMagic), filePerm)
		data = []byte(journalMagic)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open journal: %w", err)
	}
	records, end, err := scanJournal(data)
	if err != nil {
		var corrupt *CorruptError
		if errors.As(err, &corrupt) {
			corrupt.Path = path
			return nil, nil, err
		}
		return nil, nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	j := &Journal{path: path, limit: limit, torn: int64(len(data)) - end, size: end}
	if end == 0 { // torn within the magic: begin anew
		err = j.replace([]byte(journalMagic))
	} else {
		err = j.reopen(j.torn != 0)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open journal %s: %w", path, advise(bare(err)))
	}
	return j, records, nil
}

// reopen takes a handle to the file and, where told, cuts off what lies behind
// j.size.
func (j *Journal) reopen(cut bool) error {
	f, err := os.OpenFile(j.path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	if cut {
		if err := truncate(f, j.size); err != nil {
			f.Close()
			return err
		}
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file = f
	return nil
}

func truncate(f *os.File, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Sync()
}

// Torn returns how many bytes OpenJournal cut off the end. It is not zero
// after a power cut during an Append that had not returned, but also where the
// last record was damaged on the disk, which cannot be told from that.
func (j *Journal) Torn() int64 { return j.torn }

// Append adds a record of 1 to [MaxRecord] bytes. When it returns nil the
// record is on the disk. After an error it is not, or a power cut may yet
// decide; where the journal cannot tell, all later calls fail.
func (j *Journal) Append(rec []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.append(rec); err != nil {
		return fmt.Errorf("append to journal %s: %w", j.path, advise(bare(err)))
	}
	return nil
}

func (j *Journal) append(rec []byte) error {
	if err := j.usable(); err != nil {
		return err
	}
	if err := checkRecord(rec); err != nil {
		return err
	}
	if after := j.size + headerSize + int64(len(rec)); after > j.limit {
		return fmt.Errorf("%w: %d bytes with this record, at most %d", ErrJournalFull, after, j.limit)
	}
	j.buf = appendRecord(j.buf[:0], j.size, rec)
	if _, err := j.file.WriteAt(j.buf, j.size); err != nil {
		// A full disk takes part of a record. It must go before the next one
		// comes, else that would lie behind damage.
		j.broken = truncate(j.file, j.size) != nil
		return err
	}
	if err := j.file.Sync(); err != nil {
		// After a failed sync the kernel may drop the pages and forget the error
		// (Rebello et al., ATC 2020), so neither the record nor its absence is sure.
		j.broken = true
		return err
	}
	j.size += int64(len(j.buf))
	return nil
}

func (j *Journal) usable() error {
	if j.file == nil {
		return fs.ErrClosed
	}
	if j.broken {
		return errJournalBroken
	}
	return nil
}

// Rewrite replaces all records by the given ones in one step that a power cut
// does not split.
func (j *Journal) Rewrite(records [][]byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.rewrite(records); err != nil {
		return fmt.Errorf("rewrite journal %s: %w", j.path, err)
	}
	return nil
}

func (j *Journal) rewrite(records [][]byte) error {
	if j.file == nil {
		return fs.ErrClosed
	}
	data := []byte(journalMagic)
	for _, rec := range records {
		if err := checkRecord(rec); err != nil {
			return err
		}
		data = appendRecord(data, int64(len(data)), rec)
	}
	if int64(len(data)) > j.limit {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrJournalFull, len(data), j.limit)
	}
	return j.replace(data)
}

// replace writes data as the whole file and goes on behind it.
func (j *Journal) replace(data []byte) error {
	if err := writeFile(j.path, data, filePerm); err != nil {
		return advise(err)
	}
	// The old handle points to a file without a name: nothing may go there.
	j.broken = true
	j.size = int64(len(data))
	const uncut = false
	if err := j.reopen(uncut); err != nil {
		return advise(bare(err))
	}
	j.broken = false
	return nil
}

// Size returns the length of the file in bytes.
func (j *Journal) Size() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size
}

// Close releases the file. Every record is on the disk already.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}
