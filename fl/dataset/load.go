// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"io/fs"
)

// Load reads a data folder: a training file, a test file and a second test
// file, if there is one, whose rows follow those of the first. Their names are
// train, test and test2 with one of the endings .csv, .jsonl, .ndjson and
// .cbor, and .gz behind it where they are packed; see [Read]. All need the same
// columns, in any order. What the schema leaves open is decided by the training
// file. The numbers are not scaled yet: see [Fit].
//
// With kind [Anomaly] the training file may have no target, if the schema names
// it; of one that has, the rows with target 1 are left out.
func Load(dir fs.FS, schema Schema, limits Limits) (train, test *Table, err error) {
	train, err = LoadTraining(dir, schema, limits)
	if err != nil {
		return nil, nil, err
	}
	o := options{schema: schema, want: train.Columns, limits: limits}
	o.schema.Kind, o.schema.Target = train.Kind, train.Target
	test, err = loadFile(dir, "test", o)
	if err != nil {
		return nil, nil, err
	}
	more, err := loadFile(dir, "test2", o)
	switch {
	case err == nil:
		test.join(more)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	train.Classes = max(train.Classes, test.Classes)
	test.Classes = train.Classes
	if test.Missing != nil && train.Fill == nil {
		train.Fill = columnMeans(train)
	}
	test.Fill = train.Fill
	return train, test, nil
}

// LoadTraining reads the training file of a data folder, as Load does. A device
// that has no test file splits it by [SplitHeldOut].
func LoadTraining(dir fs.FS, schema Schema, limits Limits) (*Table, error) {
	return loadFile(dir, "train", options{schema: schema, training: true, limits: limits})
}

// loadFile reads the file of that name in the form in which it is there.
func loadFile(dir fs.FS, name string, o options) (*Table, error) {
	var file fs.File
	found := ""
	for _, f := range forms {
		for _, full := range [...]string{name + f.ending, name + f.ending + ".gz"} {
			next, err := dir.Open(full)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("open %s: %w", full, err)
			}
			defer next.Close()
			if file != nil {
				return nil, fmt.Errorf("there are both %s and %s: remove one", found, full)
			}
			file, found = next, full
		}
	}
	if file == nil {
		return nil, fmt.Errorf("the folder has no %s.csv, and no .jsonl, .ndjson or .cbor in its place, nor one packed as .gz: %w", name, fs.ErrNotExist)
	}
	return read(file, found, o)
}
