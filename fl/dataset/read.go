// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"io"
	"path"
	"strings"
)

// reader reads the rows of one file.
type reader func(r io.Reader, name string, o options) (*Table, error)

// forms of a file, by the endings of its name, each of which may have .gz
// behind it.
var forms = []struct {
	ending string
	read   reader
}{
	{".csv", readCSV},
	{".jsonl", readJSON},
	{".ndjson", readJSON},
	{".cbor", readCBOR},
}

// Read reads one file as the schema says, packed by gzip or not. Name stands
// for the file in errors, which are *FileError but for those of r. Its ending
// tells the form: .jsonl and .ndjson are one JSON object on each line, .cbor is
// a CBOR sequence of maps, and all else is CSV (RFC 4180, with a header).
//
// In JSON and CBOR the keys of the first row are the columns. Numbers, true and
// false stand for themselves, text is for the group column only, and null or no
// key at all means that the value is missing. In CSV an empty field means that,
// and so do NA, NaN, null and ?. Rows without a target are left out; a missing
// feature is NaN until [Scaler.Apply] fills it.
func Read(r io.Reader, name string, schema Schema, limits Limits) (*Table, error) {
	return read(r, name, options{schema: schema, limits: limits})
}

func read(r io.Reader, name string, o options) (*Table, error) {
	if err := o.schema.Validate(); err != nil {
		return nil, err
	}
	o.limits = o.limits.orDefault()
	by := readCSV
	ending := path.Ext(strings.TrimSuffix(name, ".gz"))
	for _, f := range forms {
		if f.ending == ending {
			by = f.read
		}
	}
	t, err := by(r, name, o)
	if err != nil {
		return nil, err
	}
	t.setFill()
	return t, nil
}
