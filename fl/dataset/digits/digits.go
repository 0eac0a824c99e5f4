// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package digits holds the data set that the demonstration learns from, inside
// the binary: 1,438 training and 359 test images of handwritten digits, 8 by 8
// pixels, from the UCI Machine Learning Repository by way of scikit-learn. Its
// README names sources and licences.
//
// The package has no state, so Load is safe for concurrent use; each call
// returns tables of its own.
package digits

import (
	"embed"
	"fmt"

	"github.com/vecino-edge/vecino/fl/dataset"
)

//go:embed train.csv.gz test.csv.gz README.md
var files embed.FS

// Load returns the data set, not scaled yet, and its schema, which divides the
// pixels by 16.
func Load() (train, test *dataset.Table, schema dataset.Schema) {
	schema = dataset.Schema{
		Kind:   dataset.Classification,
		Target: "label",
		Scale:  dataset.Scale{Method: dataset.Divide, Divisor: 16},
	}
	train, test, err := dataset.Load(files, schema, dataset.Limits{})
	if err != nil {
		panic(fmt.Sprintf("digits: embedded files: %v", err))
	}
	return train, test, schema
}

// Licence returns the README, which names sources and licences of the data.
func Licence() string {
	b, err := files.ReadFile("README.md")
	if err != nil {
		panic(fmt.Sprintf("digits: embedded README: %v", err))
	}
	return string(b)
}
