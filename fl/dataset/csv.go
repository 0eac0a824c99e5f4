// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readCSV reads rows of comma-separated values (RFC 4180) under a header.
func readCSV(r io.Reader, name string, o options) (*Table, error) {
	l, err := newLines(r, name, "CSV", o.limits.Bytes)
	if err != nil {
		return nil, err
	}
	names, err := readHeader(l, o)
	if err != nil {
		return nil, err
	}
	h, err := assign(&l.place, names, o)
	if err != nil {
		return nil, err
	}
	b := newBuilder(&l.place, h, o)
	for {
		line, err := l.nextRow()
		if err == io.EOF {
			return b.finish()
		}
		if err == nil {
			err = b.readCSVRow(line)
		}
		if err != nil {
			return nil, err
		}
	}
}

// readHeader reads the names of the columns from the first line.
func readHeader(l *lines, o options) ([]string, error) {
	line, err := l.next()
	if err == io.EOF {
		return nil, l.wrongFile("the file is empty", "it needs a header and rows")
	}
	if err != nil {
		return nil, err
	}
	line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	var names []string
	for last := false; !last; {
		var field []byte
		if field, line, last, err = cutField(line); err != nil {
			return nil, l.wrong("the header "+err.Error(), "write names on one line")
		}
		if len(names) == o.limits.Columns {
			return nil, l.wrong(fmt.Sprintf("there are more than %d columns", o.limits.Columns), "leave some out")
		}
		name := string(bytes.TrimSpace(field))
		if err := checkName(&l.place, name, len(names)+1); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, checkHeader(l, names, o.normalOnly())
}

// checkHeader returns an error about the whole header. Where no target is
// needed, one column may do.
func checkHeader(l *lines, names []string, one bool) error {
	if len(names) == 1 {
		advice := "separate columns by commas"
		semicolons := strings.Contains(names[0], ";")
		if semicolons {
			advice = "separate columns by commas, not semicolons"
		}
		if semicolons || !one {
			return l.wrong("there is only one column", advice)
		}
	}
	if err := unique(&l.place, names); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := parseNumber([]byte(name)); err != nil {
			return nil
		}
	}
	return l.wrong("the first line holds numbers", "put a line with the names of the columns before it")
}

// readCSVRow takes the fields of one line.
func (b *builder) readCSVRow(line []byte) error {
	if err := b.begin(); err != nil {
		return err
	}
	rest, last := line, false
	for i, role := range b.roles {
		if last {
			return b.wrong(fmt.Sprintf("the line has %d fields and the header %d", i, len(b.roles)), "complete or remove the row")
		}
		var field []byte
		var err error
		if field, rest, last, err = cutField(rest); err != nil {
			return b.wrongField(i, "the field "+err.Error(), "mend or remove the row")
		}
		if role == roleGroup {
			err = b.key(i, field)
		} else {
			err = b.csvNumber(i, field)
		}
		if err != nil {
			return err
		}
	}
	if !last {
		return b.wrong(fmt.Sprintf("the line has more than the %d fields of the header", len(b.roles)), "mend or remove the row")
	}
	b.end()
	return nil
}

func (b *builder) csvNumber(i int, field []byte) error {
	if len(field) > MaxField {
		return b.wrongField(i, fmt.Sprintf("the field is longer than %d bytes", MaxField), "remove the row or write a number")
	}
	v, err := parseNumber(field)
	if err != nil {
		if !saysMissing(field) {
			return b.wrongField(i, quote(field)+" "+err.Error(), "write a number, or nothing where it is missing")
		}
		v = nan
	}
	b.number(i, v)
	return nil
}

// saysMissing reports whether a field that is no number stands for a missing
// one, as the programs write them that people keep data with.
func saysMissing(field []byte) bool {
	field = bytes.TrimSpace(field)
	for _, word := range [...]string{"", "?", "na", "nan", "null"} {
		if len(field) == len(word) && strings.EqualFold(string(field), word) {
			return true
		}
	}
	return false
}

// cutField returns the first field of line without its quotes, and the rest
// behind its comma; last tells that there was no comma. It may overwrite line.
func cutField(line []byte) (field, rest []byte, last bool, err error) {
	if len(line) > 0 && line[0] == '"' {
		return cutQuoted(line[1:])
	}
	i := bytes.IndexByte(line, ',')
	if i < 0 {
		return line, nil, true, nil
	}
	return line[:i], line[i+1:], false, nil
}

var errQuote = errors.New("has a quote that does not end on its line")

// cutQuoted is cutField for a field whose first quote is cut off already. Two
// quotes in it stand for one.
func cutQuoted(line []byte) (field, rest []byte, last bool, err error) {
	end := 0 // of the field, which moves to the left with each double quote
	for i := 0; i < len(line); i++ {
		if line[i] == '"' {
			i++
			switch {
			case i == len(line):
				return line[:end], nil, true, nil
			case line[i] == ',':
				return line[:end], line[i+1:], false, nil
			case line[i] != '"':
				return nil, nil, false, errQuote
			}
		}
		line[end] = line[i]
		end++
	}
	return nil, nil, false, errQuote
}
