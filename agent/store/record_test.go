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
	"testing"

	"github.com/google/go-cmp/cmp"
)

// golden holds the records of testdata/journal.bin, which another implementation
// has written.
var golden = [][]byte{[]byte("a"), []byte("reserve 64"), sequence(256)}

func sequence(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func goldenBytes(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/journal.bin")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A flipped bit never changes a record. Before the last record it is an error
// that names the place; in the last one it cannot be told from a torn write.
func TestJournalBitFlips(t *testing.T) {
	whole := goldenBytes(t)
	last := len(whole) - headerSize - len(golden[2])
	for i := range len(whole) * 8 {
		data := slices.Clone(whole)
		data[i/8] ^= 1 << (i % 8)
		records, end, err := scanJournal(data)
		var corrupt *CorruptError
		switch {
		case i/8 < len(journalMagic):
			if err == nil || errors.As(err, &corrupt) {
				t.Fatalf("bit %d, in the magic: %v", i, err)
			}
		case i/8 < last:
			if !errors.As(err, &corrupt) || corrupt.Offset > int64(i/8) || corrupt.Offset < int64(len(journalMagic)) {
				t.Fatalf("bit %d, before the last record: %d records, %v", i, len(records), err)
			}
		default:
			if err != nil || end != int64(last) || cmp.Diff(golden[:2], records) != "" {
				t.Fatalf("bit %d, in the last record: %d records, end %d, %v", i, len(records), end, err)
			}
		}
	}
}

// Sectors of a torn write reach the disk in any order, and those that do not are zero.
func TestJournalTornSectors(t *testing.T) {
	const sector = 512
	whole := []byte(journalMagic)
	for _, rec := range [][]byte{[]byte("first"), sequence(5000)} {
		whole = appendRecord(whole, int64(len(whole)), rec)
	}
	first := len(journalMagic) + headerSize + 5
	for missing := 1; missing < 1<<10; missing++ {
		data := slices.Clone(whole)
		for s := range 10 {
			if missing&(1<<s) != 0 {
				clear(data[max(first, s*sector):min(len(data), max(first, (s+1)*sector))])
			}
		}
		records, end, err := scanJournal(data)
		if err != nil || len(records) != 1 || end != int64(first) {
			t.Fatalf("without the sectors %b: %d records, end %d, %v", missing, len(records), end, err)
		}
	}
}

func TestJournalMutations(t *testing.T) {
	whole := goldenBytes(t)
	second := len(journalMagic) + headerSize + 1
	third := second + headerSize + 10
	cases := []struct {
		name    string
		data    []byte
		records int
		want    string // of the error
	}{
		{"as written", whole, 3, ""},
		{"empty", nil, 0, ""},
		{"zeros behind", append(slices.Clone(whole), make([]byte, 100)...), 3, ""},
		{"many zeros behind", append(slices.Clone(whole), make([]byte, MaxRecord+headerSize+1)...), 0, "damaged at byte 320"},
		{"another file", []byte("[model]\n"), 0, "not a journal"},
		{"another version", bytes.Replace(whole, []byte("journal 1"), []byte("journal 2"), 1), 0, "not a journal"},
		{"first record gone", slices.Concat(whole[:len(journalMagic)], whole[second:]), 0, ""},
		{"second record gone", slices.Concat(whole[:second], whole[third:]), 1, ""},
		{"records swapped", slices.Concat(whole[:len(journalMagic)], whole[second:third], whole[len(journalMagic):second], whole[third:]), 0, "damaged at byte 17"},
		{"second record twice", slices.Concat(whole[:third], whole[second:third]), 2, ""},
		{"head of no bytes", append(slices.Clone(whole[:second]), appendRecord(nil, int64(second), nil)...), 1, ""},
		{"head over the limit", append(slices.Clone(whole[:second]), appendRecord(nil, int64(second), make([]byte, MaxRecord+1))...), 0, "damaged at byte 30"},
	}
	for _, c := range cases {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		j, records, err := OpenJournal(path, 1<<20)
		if err == nil {
			j.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && !(strings.Contains(err.Error(), c.want) && strings.Contains(err.Error(), path)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if len(records) != c.records {
			t.Errorf("%s: %d records, want %d", c.name, len(records), c.records)
		}
		if err != nil {
			if left, _ := os.ReadFile(path); !bytes.Equal(left, c.data) {
				t.Errorf("%s: a refused file was changed", c.name)
			}
		}
	}
}

func FuzzJournal(f *testing.F) {
	whole := goldenBytes(f)
	f.Add(whole)
	f.Add(whole[:40])
	f.Add([]byte(journalMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, end, err := scanJournal(data)
		if err != nil {
			if records != nil {
				t.Fatal("records beside an error")
			}
			return
		}
		var again []byte
		if end > 0 {
			again = []byte(journalMagic)
		}
		for _, rec := range records {
			again = appendRecord(again, int64(len(again)), rec)
		}
		if !bytes.Equal(again, data[:end]) {
			t.Fatalf("%d records do not encode to the %d bytes that they came from", len(records), end)
		}
	})
}

func BenchmarkScanJournal(b *testing.B) {
	data := []byte(journalMagic)
	for range 1000 {
		data = appendRecord(data, int64(len(data)), sequence(1000))
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := scanJournal(data); err != nil {
			b.Fatal(err)
		}
	}
}
