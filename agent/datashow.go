// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/fl/dataset"
)

// heldOutShare is the share of the rows that a device without a test file does not learn
// from, and heldOutSeed decides which, so that they are the same every time.
const (
	heldOutShare = 0.2
	heldOutSeed  = 1
)

// deviceData reads a device's own data folder. Where it has no test file some of the
// training rows are held out in its place.
func deviceData(dir string) (*learn.Data, error) {
	data, err := loadData(dir)
	if !errors.Is(err, fs.ErrNotExist) || dir == "" {
		return data, err
	}
	schema, again := config.ReadDataSchema(filepath.Join(dir, "schema.toml"))
	if again != nil {
		return nil, err
	}
	if schema == nil {
		schema = &dataset.Schema{}
	}
	all, again := dataset.LoadTraining(os.DirFS(dir), *schema, dataset.Limits{})
	if errors.Is(again, fs.ErrNotExist) { // it is not the test file alone that is missing
		return nil, err
	}
	var train, test *dataset.Table
	if again == nil {
		train, test, again = dataset.SplitHeldOut(all, heldOutShare, heldOutSeed)
	}
	if again != nil {
		return nil, fmt.Errorf("%s: %w", dir, again)
	}
	return &learn.Data{Train: train, Test: test, Scale: schema.Scale, HeldOut: true}, nil
}

// dataInWords returns the lines about a device's data in a task.
func dataInWords(d *learn.DataStatus) []string {
	if d == nil {
		return nil
	}
	lines := []string{fmt.Sprintf("data\t%d rows to learn from, %d to test with", d.Rows, d.Test)}
	for _, note := range d.Notes {
		lines = append(lines, "\t"+note)
	}
	return lines
}
