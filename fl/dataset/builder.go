// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"fmt"
	"math"
	"slices"
)

// nan stands for a missing number until [Scaler.Apply] fills it.
var nan = math.Float32frombits(0x7fc00000)

// options say what a file is read for.
type options struct {
	schema   Schema
	want     []string // features that the file must have; nil for whatever it has
	training bool     // rows are learned from
	limits   Limits
}

// normalOnly reports whether only rows that are normal are wanted, all of which
// are if the file does not tell.
func (o *options) normalOnly() bool { return o.training && o.schema.Kind == Anomaly }

// builder makes a table of rows, whatever the form of the file they come from.
// A row is begin, one call for each column that it has, and end.
type builder struct {
	*place
	*header
	options
	maxRows int
	keys    map[string]string // one copy of each group key
	table   *Table

	x      []float32 // of the row: the end of table.X
	y      float32
	group  string
	gaps   bool   // the row lacks a feature
	marked []bool // columns that the row has; for files whose rows may leave some out

	fraction bool       // a target is not whole
	notClass *FileError // about the first target that is no class
}

func newBuilder(p *place, h *header, o options) *builder {
	return &builder{
		place: p, header: h, options: o,
		maxRows: min(o.limits.Rows, o.limits.Cells/len(h.features)),
		keys:    make(map[string]string),
		table:   &Table{Columns: h.features, Target: h.target, GroupBy: o.schema.Group},
		marked:  make([]bool, len(h.names)),
	}
}

// begin makes room for a row.
func (b *builder) begin() error {
	if b.table.Rows() == b.maxRows {
		return b.wrong(fmt.Sprintf("there are more than %d rows", b.maxRows), "thin them out")
	}
	n, features := len(b.table.X), len(b.features)
	b.table.X = slices.Grow(b.table.X, features)[:n+features]
	b.x, b.y, b.group, b.gaps = b.table.X[n:], 0, "", false // 0 is what rows without a target have
	return nil
}

// number sets the number of column i, which is not the group's. NaN stands for
// a missing one.
func (b *builder) number(i int, v float32) {
	role := b.roles[i]
	if role == roleTarget {
		b.y = v
		return
	}
	b.x[role] = v
	b.gaps = b.gaps || v != v
}

// key sets the owner of the row.
func (b *builder) key(i int, field []byte) error {
	field = bytes.TrimSpace(field)
	key, known := b.keys[string(field)]
	if !known {
		key = string(field)
		switch {
		case key == "":
			return b.wrongField(i, "the field is empty", "remove the row or name its owner")
		case len(key) > MaxField || !printable(key):
			return b.wrongField(i, quote(field)+" is not a readable name", "use short names in UTF-8")
		case len(b.keys) == MaxGroups:
			return b.wrongField(i, fmt.Sprintf("there are more than %d groups", MaxGroups), "is this the group column?")
		}
		b.keys[key] = key
	}
	b.group = key
	return nil
}

// mark notes that the row has column i, and returns an error if it has it twice.
func (b *builder) mark(i int) error {
	if b.marked[i] {
		return b.wrongField(i, "the key is there twice", "keep one of them")
	}
	b.marked[i] = true
	return nil
}

// absent sets the columns that were not marked as missing.
func (b *builder) absent() error {
	for i, has := range b.marked {
		switch {
		case has:
		case b.roles[i] == roleGroup:
			return b.wrongField(i, "the key is not there", "remove the row or name its owner")
		default:
			b.number(i, nan)
		}
	}
	clear(b.marked)
	return nil
}

// end takes the row into the table, or leaves it out and counts it.
func (b *builder) end() {
	t := b.table
	leave := b.y != b.y
	if leave {
		t.Dropped++
	} else {
		b.inspect()
		if b.normalOnly() && b.y == 1 {
			t.Abnormal++
			leave = true
		}
	}
	if leave {
		t.X = t.X[:len(t.X)-len(b.features)]
		return
	}
	t.Y = append(t.Y, b.y)
	if t.GroupBy != "" {
		t.Group = append(t.Group, b.group)
	}
	if b.gaps {
		t.countMissing(b.x)
	}
}

// inspect notes whether the target can be a class.
func (b *builder) inspect() {
	b.fraction = b.fraction || !whole(b.y)
	classes := MaxClasses
	if b.schema.Kind == Anomaly {
		classes = anomalyClasses
	}
	if b.notClass != nil || isClass(b.y, classes) {
		return
	}
	problem := fmt.Sprintf("%g is not a class", b.y)
	advice := fmt.Sprintf("classes are whole numbers from 0 to %d; other numbers need kind = %q in schema.toml", MaxClasses-1, Regression)
	if b.schema.Kind == Anomaly {
		problem = fmt.Sprintf("%g is neither 0 nor 1", b.y)
		advice = "with kind = \"anomaly\" 0 stands for normal and 1 for not; name the column that tells as target in schema.toml"
	}
	b.notClass = &FileError{File: b.name, Line: b.line, Item: b.item, Column: b.target, Problem: problem, Advice: advice}
}

// finish makes the table one of classes or of numbers.
func (b *builder) finish() (*Table, error) {
	t := b.table
	switch {
	case t.Rows() > 0:
	case t.Abnormal > 0:
		return nil, b.wrongFile("no row is normal", "what is learned from needs rows whose target is 0")
	case t.Dropped > 0:
		return nil, b.wrongFile("no row has a target", "fill in the column "+b.target)
	default:
		return nil, b.wrongFile("there are no rows below the header", "")
	}
	t.Kind = b.schema.Kind
	if t.Kind == Automatic {
		t.Kind = Classification
		if b.fraction {
			t.Kind = Regression
		}
	}
	if t.Kind == Regression {
		return t, nil
	}
	if b.notClass != nil {
		return nil, b.notClass
	}
	t.label()
	return t, nil
}

func (b *builder) wrongField(i int, problem, advice string) error {
	return b.wrongColumn(b.names[i], problem, advice)
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
