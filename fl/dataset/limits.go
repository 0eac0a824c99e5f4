// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"strconv"
	"strings"
)

// Limits on one file, checked before memory is taken.
const (
	MaxRows    = 4 << 20 // rows, the header aside
	MaxColumns = 4096    // columns
	MaxCells   = 1 << 26 // rows times features, 256 MB
	MaxBytes   = 1 << 30 // bytes after unpacking
	MaxLine    = 1 << 20 // bytes of a line, or of an item of a CBOR sequence
	MaxField   = 256     // bytes of a field
	MaxClasses = 1000    // classes, numbered from 0
	MaxGroups  = 1 << 16 // different values of the group column
)

// Limits lower the package's own. A zero field stands for the constant, and a
// larger one too.
type Limits struct {
	Rows, Columns, Cells int
	Bytes                int64
}

func (l Limits) orDefault() Limits {
	l.Rows = lower(l.Rows, MaxRows)
	l.Columns = lower(l.Columns, MaxColumns)
	l.Cells = lower(l.Cells, MaxCells)
	l.Bytes = lower(l.Bytes, MaxBytes)
	return l
}

func lower[T int | int64](limit, top T) T {
	if limit <= 0 {
		return top
	}
	return min(limit, top)
}

// FileError says what is wrong with a file, where, and what to do about it.
type FileError struct {
	File    string
	Line    int    // from 1; 0 when it is the whole file or one without lines
	Item    int    // of a CBOR sequence, from 1; 0 in other files
	Column  string // name of the column, empty when it is the whole line
	Problem string
	Advice  string
}

// Error returns all of it as one line: file:line: column name: problem; advice.
// In a CBOR sequence it is file: item number: column name, and so on.
func (e *FileError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		b.WriteString(":" + strconv.Itoa(e.Line))
	}
	if e.Item > 0 {
		b.WriteString(": item " + strconv.Itoa(e.Item))
	}
	if e.Column != "" {
		b.WriteString(": column " + e.Column)
	}
	b.WriteString(": " + e.Problem)
	if e.Advice != "" {
		b.WriteString("; " + e.Advice)
	}
	return b.String()
}

// quote returns the text for a message, shortened.
func quote(field []byte) string {
	const most = 32
	if len(field) > most {
		return strconv.Quote(string(field[:most])) + "…"
	}
	return strconv.Quote(string(field))
}
