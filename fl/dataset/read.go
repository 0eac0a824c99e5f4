// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// Read reads one CSV file (RFC 4180, with a header, packed by gzip or not) as
// the schema says. Name stands for the file in errors, which are *FileError
// but for those of r.
func Read(r io.Reader, name string, schema Schema, limits Limits) (*Table, error) {
	return read(r, name, schema, nil, limits)
}

// read is Read of a file that must have the given features, if any.
func read(r io.Reader, name string, schema Schema, want []string, limits Limits) (*Table, error) {
	if err := schema.Validate(); err != nil {
		return nil, err
	}
	limits = limits.orDefault()
	l, err := newLines(r, name, limits.Bytes)
	if err != nil {
		return nil, err
	}
	names, err := readHeader(l, limits.Columns)
	if err != nil {
		return nil, err
	}
	h, err := assign(l, names, schema, want)
	if err != nil {
		return nil, err
	}
	d := decoder{
		lines:   l,
		header:  h,
		maxRows: min(limits.Rows, limits.Cells/len(h.features)),
		keys:    make(map[string]string),
		table:   &Table{Columns: h.features, Target: h.target, GroupBy: schema.Group},
	}
	if err := d.readRows(); err != nil {
		return nil, err
	}
	return d.table, d.setKind(schema.Kind)
}

// decoder reads the rows of one file into its table.
type decoder struct {
	*lines
	*header
	maxRows int
	keys    map[string]string // one copy of each group key
	table   *Table
}

func (d *decoder) readRows() error {
	blank := 0 // number of the first empty line
	for {
		line, err := d.next()
		switch {
		case err == io.EOF && d.table.Rows() == 0:
			return &FileError{File: d.name, Problem: "there are no rows below the header"}
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case len(line) == 0 && blank == 0:
			blank = d.number
		case len(line) == 0:
		case blank != 0:
			return &FileError{File: d.name, Line: blank, Problem: "the line is empty", Advice: "remove it"}
		case d.table.Rows() == d.maxRows:
			return d.wrong(fmt.Sprintf("there are more than %d rows", d.maxRows), "thin them out")
		default:
			if err := d.readRow(line); err != nil {
				return err
			}
		}
	}
}

// readRow appends one row to the table.
func (d *decoder) readRow(line []byte) error {
	t := d.table
	n := len(t.X)
	t.X = slices.Grow(t.X, len(d.features))[:n+len(d.features)]
	x := t.X[n:]
	rest, last := line, false
	for i, role := range d.roles {
		if last {
			return d.wrong(fmt.Sprintf("the line has %d fields and the header %d", i, len(d.roles)), "complete or remove the row")
		}
		var field []byte
		var err error
		if field, rest, last, err = cutField(rest); err != nil {
			return d.wrongField(i, "the field "+err.Error(), "mend or remove the row")
		}
		if role == roleGroup {
			err = d.readGroup(i, field)
		} else {
			err = d.readNumber(i, role, field, x)
		}
		if err != nil {
			return err
		}
	}
	if !last {
		return d.wrong(fmt.Sprintf("the line has more than the %d fields of the header", len(d.roles)), "mend or remove the row")
	}
	return nil
}

func (d *decoder) readNumber(i, role int, field []byte, x []float32) error {
	if len(bytes.TrimSpace(field)) == 0 {
		return d.wrongField(i, "the field is empty", "remove the row or fill in a number")
	}
	if len(field) > MaxField {
		return d.wrongField(i, fmt.Sprintf("the field is longer than %d bytes", MaxField), "remove the row or write a number")
	}
	v, err := parseNumber(field)
	if err != nil {
		return d.wrongField(i, quote(field)+" "+err.Error(), "remove the row or write a number")
	}
	if role == roleTarget {
		d.table.Y = append(d.table.Y, v)
	} else {
		x[role] = v
	}
	return nil
}

func (d *decoder) readGroup(i int, field []byte) error {
	field = bytes.TrimSpace(field)
	key, known := d.keys[string(field)]
	if !known {
		key = string(field)
		switch {
		case key == "":
			return d.wrongField(i, "the field is empty", "remove the row or name its owner")
		case len(key) > MaxField || !printable(key):
			return d.wrongField(i, quote(field)+" is not a readable name", "use short names in UTF-8")
		case len(d.keys) == MaxGroups:
			return d.wrongField(i, fmt.Sprintf("there are more than %d groups", MaxGroups), "is this the group column?")
		}
		d.keys[key] = key
	}
	d.table.Group = append(d.table.Group, key)
	return nil
}

func (d *decoder) wrongField(i int, problem, advice string) error {
	return &FileError{File: d.name, Line: d.number, Column: d.names[i], Problem: problem, Advice: advice}
}

// setKind makes the table one of classes or of numbers.
func (d *decoder) setKind(kind Kind) error {
	t := d.table
	if kind == Automatic {
		kind = Classification
		if slices.ContainsFunc(t.Y, func(y float32) bool { return !whole(y) }) {
			kind = Regression
		}
	}
	t.Kind = kind
	if kind == Regression {
		return nil
	}
	t.Labels = make([]int32, len(t.Y))
	for i, y := range t.Y {
		if !isClass(y, MaxClasses) {
			// Rows follow the header without a gap, so row 0 is line 2.
			return &FileError{
				File: d.name, Line: i + 2, Column: d.target,
				Problem: fmt.Sprintf("%g is not a class", y),
				Advice:  fmt.Sprintf("classes are whole numbers from 0 to %d; other numbers need kind = %q in schema.toml", MaxClasses-1, Regression),
			}
		}
		t.Labels[i] = int32(y)
		t.Classes = max(t.Classes, int(y)+1)
	}
	return nil
}

// whole reports whether y has no fraction. Every float32 from 2**23 is whole.
func whole(y float32) bool {
	const noFractions = 1 << 23
	return y >= noFractions || y <= -noFractions || y == float32(int32(y))
}

// isClass reports whether y is the number of one of so many classes.
func isClass(y float32, classes int) bool {
	return y >= 0 && y < float32(classes) && whole(y)
}
