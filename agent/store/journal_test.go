// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func mustOpen(t *testing.T, path string, limit int64) (*Journal, [][]byte) {
	t.Helper()
	j, records, err := OpenJournal(path, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, records
}

func TestJournalGolden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, records := mustOpen(t, path, 1<<20)
	if len(records) != 0 {
		t.Fatalf("a new journal holds %q", records)
	}
	for _, rec := range golden {
		if err := j.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	want := goldenBytes(t)
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("file = %x, %v\nwant   %x", got, err, want)
	}
	if j.Size() != int64(len(want)) {
		t.Errorf("Size = %d, want %d", j.Size(), len(want))
	}
	if err := errors.Join(j.Close(), j.Close()); err != nil {
		t.Error("Close:", err)
	}
	if err := j.Append([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Append after Close = %v", err)
	}
	j, records = mustOpen(t, path, 1<<20)
	if diff := cmp.Diff(golden, records); diff != "" || j.Torn() != 0 {
		t.Error("records (-want +got):", diff, "torn:", j.Torn())
	}
}

// Every prefix of a journal opens to a prefix of its records, and goes on from there.
func TestJournalPrefixes(t *testing.T) {
	whole := goldenBytes(t)
	path := filepath.Join(t.TempDir(), "j")
	before := 0
	for n := range len(whole) + 1 {
		if n > 50 && n < len(whole)-20 && n%16 != 0 {
			continue // the middle of the last record is all alike, and each step syncs
		}
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j, records := mustOpen(t, path, 1<<20)
		if diff := cmp.Diff(golden[:len(records)], records, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("prefix of %d bytes (-want +got): %s", n, diff)
		}
		if len(records) < before {
			t.Fatalf("prefix of %d bytes has %d records, a shorter one had %d", n, len(records), before)
		}
		before = len(records)
		if err := j.Append([]byte("after")); err != nil {
			t.Fatal(err)
		}
		j.Close()
		j, again := mustOpen(t, path, 1<<20)
		if diff := cmp.Diff(append(slices.Clone(records), []byte("after")), again); diff != "" || j.Torn() != 0 {
			t.Fatalf("prefix of %d bytes, after Append (-want +got): %s", n, diff)
		}
		j.Close()
	}
	if before != len(golden) {
		t.Errorf("the whole file has %d records, want %d", before, len(golden))
	}
}

func TestJournalTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	whole := goldenBytes(t)
	for _, n := range []int{5, len(whole) - 3} {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j, records := mustOpen(t, path, 1<<20)
		if got, want := j.Torn()+j.Size(), int64(n); n > len(journalMagic) && got != want {
			t.Errorf("Torn + Size = %d, want %d", got, want)
		}
		if n == 5 && (j.Torn() != 5 || len(records) != 0) {
			t.Errorf("a torn magic: Torn = %d, %d records", j.Torn(), len(records))
		}
		j.Close()
	}
}

func TestJournalLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	const limit = int64(len(journalMagic)) + 2*(headerSize+MaxRecord)
	j, _ := mustOpen(t, path, limit)
	if err := j.Append(nil); err == nil {
		t.Error("a record of no bytes was taken")
	}
	if err := j.Append(make([]byte, MaxRecord+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a record over the limit: %v", err)
	}
	for range 2 {
		if err := j.Append(make([]byte, MaxRecord)); err != nil {
			t.Errorf("a record at the limit: %v", err)
		}
	}
	if err := j.Append([]byte("x")); !errors.Is(err, ErrJournalFull) {
		t.Errorf("a record over the file's limit: %v, want ErrJournalFull", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != limit || j.Size() != limit {
		t.Errorf("file of %d bytes, Size %d, %v; want %d", info.Size(), j.Size(), err, limit)
	}
	if err := j.Rewrite([][]byte{make([]byte, MaxRecord), make([]byte, MaxRecord), []byte("x")}); !errors.Is(err, ErrJournalFull) {
		t.Errorf("a rewrite over the limit: %v, want ErrJournalFull", err)
	}
	if err := j.Rewrite([][]byte{nil}); err == nil {
		t.Error("a rewrite with a record of no bytes was taken")
	}
	j.Close()
	if _, _, err := OpenJournal(path, limit-1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("opening a file over the limit: %v, want ErrTooLarge", err)
	}
	if _, records := mustOpen(t, path, limit); len(records) != 2 {
		t.Errorf("%d records, want 2", len(records))
	}
}

func TestJournalRewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := mustOpen(t, path, 1<<20)
	for range 20 {
		if err := j.Append([]byte("old")); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Rewrite([][]byte{[]byte("new")}); err != nil {
		t.Fatal(err)
	}
	if err := j.Append([]byte("newer")); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j, records := mustOpen(t, path, 1<<20)
	if diff := cmp.Diff([][]byte{[]byte("new"), []byte("newer")}, records); diff != "" {
		t.Error("records (-want +got):", diff)
	}
	j.Close()
	if err := j.Rewrite(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Rewrite after Close = %v", err)
	}
}

func TestJournalFullDisk(t *testing.T) {
	dir := smallDisk(t, "size=64k")
	path := filepath.Join(dir, "j")
	j, _ := mustOpen(t, path, 1<<20)
	rec := make([]byte, 10000)
	n := 0
	var err error
	for ; err == nil; n++ {
		err = j.Append(rec)
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "free some space") {
		t.Fatalf("Append on a full disk = %v", err)
	}
	if err := j.Append([]byte("small")); err != nil {
		t.Errorf("a small record afterwards: %v", err)
	}
	j.Close()
	j, records := mustOpen(t, path, 1<<20)
	if len(records) != n || j.Torn() != 0 {
		t.Errorf("%d records, %d bytes torn; want %d and none", len(records), j.Torn(), n)
	}
}

// Where a failed write cannot be taken back nothing more is appended, since it
// would lie behind damage; a rewrite heals.
func TestJournalBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, _ := mustOpen(t, path, 1<<20)
	if err := j.Append([]byte("kept")); err != nil {
		t.Fatal(err)
	}
	j.file.Close()
	f, err := os.Open(path) // read only, so that neither write nor truncate works
	if err != nil {
		t.Fatal(err)
	}
	j.file = f
	if err := j.Append([]byte("lost")); err == nil {
		t.Fatal("a record was appended to a file that is read only")
	}
	if err := j.Append([]byte("x")); !errors.Is(err, errJournalBroken) {
		t.Errorf("Append afterwards = %v, want that it is broken", err)
	}
	if err := j.Rewrite([][]byte{[]byte("kept")}); err != nil {
		t.Fatal(err)
	}
	if err := j.Append([]byte("more")); err != nil {
		t.Error(err)
	}
}

func TestJournalModel(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, "j")
		os.Remove(path)
		j, want, err := OpenJournal(path, 1<<16)
		if err != nil {
			t.Fatal(err)
		}
		record := rapid.SliceOfN(rapid.Byte(), 1, 300)
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				rec := record.Draw(t, "record")
				if err := j.Append(rec); err != nil {
					t.Fatal(err)
				}
				want = append(want, rec)
			},
			"rewrite": func(t *rapid.T) {
				want = want[rapid.IntRange(0, len(want)).Draw(t, "drop"):]
				if err := j.Rewrite(want); err != nil {
					t.Fatal(err)
				}
			},
			"cut": func(t *rapid.T) {
				j.Close()
				rec := record.Draw(t, "record")
				torn := appendRecord(nil, j.Size(), rec)
				torn = torn[:rapid.IntRange(0, len(torn)-1).Draw(t, "bytes")]
				f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
				if err == nil {
					_, err = f.Write(torn)
					f.Close()
				}
				var got [][]byte
				if err == nil {
					j, got, err = OpenJournal(path, 1<<16)
				}
				if err != nil || cmp.Diff(want, got, cmpopts.EquateEmpty()) != "" || j.Torn() != int64(len(torn)) {
					t.Fatalf("after a cut: %q, %v, want %q", got, err, want)
				}
			},
		})
		j.Close()
	})
}

func BenchmarkJournalAppend(b *testing.B) {
	j, _, err := OpenJournal(filepath.Join(b.TempDir(), "j"), 1<<40)
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	rec := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		if err := j.Append(rec); err != nil {
			b.Fatal(err)
		}
	}
}
