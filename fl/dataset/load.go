// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"io/fs"
)

// Load reads a data folder: train.csv and test.csv, each alone or packed as
// .csv.gz, and test2.csv, if there is one, whose rows follow those of
// test.csv. All need the same columns, in any order. What the schema leaves
// open is decided by train.csv. The numbers are not scaled yet: see [Fit].
func Load(dir fs.FS, schema Schema, limits Limits) (train, test *Table, err error) {
	train, err = loadFile(dir, "train.csv", schema, nil, limits)
	if err != nil {
		return nil, nil, err
	}
	schema.Kind, schema.Target = train.Kind, train.Target
	test, err = loadFile(dir, "test.csv", schema, train.Columns, limits)
	if err != nil {
		return nil, nil, err
	}
	more, err := loadFile(dir, "test2.csv", schema, train.Columns, limits)
	switch {
	case err == nil:
		test.join(more)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	train.Classes = max(train.Classes, test.Classes)
	test.Classes = train.Classes
	return train, test, nil
}

// loadFile reads the file of that name, or the packed one.
func loadFile(dir fs.FS, name string, schema Schema, want []string, limits Limits) (*Table, error) {
	plain, plainErr := dir.Open(name)
	packed, packedErr := dir.Open(name + ".gz")
	if plainErr == nil {
		defer plain.Close()
	}
	if packedErr == nil {
		defer packed.Close()
	}
	switch {
	case plainErr == nil && packedErr == nil:
		return nil, fmt.Errorf("there are both %s and %s.gz: remove one", name, name)
	case plainErr == nil:
		return read(plain, name, schema, want, limits)
	case packedErr == nil:
		return read(packed, name+".gz", schema, want, limits)
	case !errors.Is(plainErr, fs.ErrNotExist):
		return nil, fmt.Errorf("open %s: %w", name, plainErr)
	}
	return nil, fmt.Errorf("the folder has neither %s nor %s.gz: %w", name, name, packedErr)
}
