// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
)

// A journal is the magic and then records. All numbers are big-endian:
//
//	length  u32  of the data, 1 to MaxRecord
//	head    u32  CRC-32C of the record's offset in the file as u64, then of length
//	body    u32  CRC-32C of the data
//	data    length bytes
//
// The head's checksum says that the length can be believed, so that a last
// record which is too short is known to be torn; and since it holds the offset, a
// search behind damage finds real records only, each in one step.
const (
	journalMagic = "vecino journal 1\n"
	headerSize   = 12
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checkRecord(rec []byte) error {
	if len(rec) == 0 {
		return errors.New("a record of no bytes")
	}
	if len(rec) > MaxRecord {
		return fmt.Errorf("%w: a record of %d bytes, at most %d", ErrTooLarge, len(rec), MaxRecord)
	}
	return nil
}

// appendRecord appends to dst the record that begins at offset of the file.
func appendRecord(dst []byte, offset int64, rec []byte) []byte {
	n := uint32(len(rec))
	dst = binary.BigEndian.AppendUint32(dst, n)
	dst = binary.BigEndian.AppendUint32(dst, headSum(offset, n))
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(rec, castagnoli))
	return append(dst, rec...)
}

func headSum(offset int64, length uint32) uint32 {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:8], uint64(offset))
	binary.BigEndian.PutUint32(b[8:], length)
	return crc32.Checksum(b[:], castagnoli)
}

// scanJournal returns the records of a journal's bytes and where the last whole
// one ends, which is 0 where not even the magic is whole. What lies behind the
// end is one torn record; where it is more than that, the error is a
// [*CorruptError] without a path.
func scanJournal(data []byte) (records [][]byte, end int64, err error) {
	if len(data) < len(journalMagic) && strings.HasPrefix(journalMagic, string(data)) {
		return nil, 0, nil
	}
	if !strings.HasPrefix(string(data[:min(len(data), len(journalMagic))]), journalMagic) {
		return nil, 0, errors.New("not a journal, or of a version that this program does not know")
	}
	at := len(journalMagic)
	for at < len(data) {
		n, ok := headAt(data, at)
		if !ok || at+headerSize+n > len(data) || !bodyAt(data, at, n) {
			break
		}
		begin := at + headerSize
		records = append(records, data[begin:begin+n:begin+n])
		at = begin + n
	}
	if !tornAt(data, at) {
		return nil, 0, &CorruptError{Offset: int64(at)}
	}
	return records, int64(at), nil
}

// headAt returns the length of the record at data[at:] and whether its head is
// as written.
func headAt(data []byte, at int) (length int, ok bool) {
	if len(data)-at < headerSize {
		return 0, false
	}
	n := binary.BigEndian.Uint32(data[at:])
	if n == 0 || n > MaxRecord {
		return 0, false
	}
	return int(n), binary.BigEndian.Uint32(data[at+4:]) == headSum(int64(at), n)
}

func bodyAt(data []byte, at, length int) bool {
	begin := at + headerSize
	return crc32.Checksum(data[begin:begin+length], castagnoli) == binary.BigEndian.Uint32(data[at+8:])
}

// tornAt reports whether data[at:], which is not a whole record, can be what
// the power left of the last one.
func tornAt(data []byte, at int) bool {
	if len(data)-at > headerSize+MaxRecord {
		return false
	}
	if n, ok := headAt(data, at); ok {
		return at+headerSize+n >= len(data) // else more was written behind it
	}
	for next := at + 1; next < len(data); next++ {
		if _, ok := headAt(data, next); ok {
			return false
		}
	}
	return true
}
