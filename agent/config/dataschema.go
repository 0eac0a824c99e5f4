// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/vecino-edge/vecino/fl/dataset"
)

// dataKey is a key of schema.toml.
type dataKey struct {
	name string
	set  func(*dataset.Schema, string) error
}

var dataKeys = []dataKey{
	{"kind", func(s *dataset.Schema, text string) (err error) {
		s.Kind, err = dataset.ParseKind(text)
		return err
	}},
	{"target", func(s *dataset.Schema, text string) error {
		s.Target = text
		return checkColumn(text)
	}},
	{"group", func(s *dataset.Schema, text string) error {
		s.Group = text
		return checkColumn(text)
	}},
	{"scale", func(s *dataset.Schema, text string) (err error) {
		s.Scale, err = dataset.ParseScale(text)
		return err
	}},
}

func checkColumn(name string) error {
	if name == "" {
		return errors.New("is empty; name a column, or remove the line")
	}
	if len(name) > dataset.MaxField {
		return fmt.Errorf("is longer than a column's name may be, %d bytes; shorten it", dataset.MaxField)
	}
	return nil
}

// ReadDataSchema reads the schema.toml of a data folder, given by the path of the
// file. Where there is none it returns nil, and no error: the zero Schema says
// how to read such a folder. Other errors are like those of [Check].
func ReadDataSchema(path string) (*dataset.Schema, error) {
	data, err := readFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	return parseDataSchema(path, data)
}

func parseDataSchema(name string, data []byte) (*dataset.Schema, error) {
	d, err := parseDocument(name, data)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(dataKeys))
	for i, k := range dataKeys {
		names[i] = k.name
	}
	var p problems
	schema := &dataset.Schema{}
	for _, e := range d.entries(nil) {
		if reason := setDataKey(schema, e, names); reason != "" {
			p.add(&Error{Place: d.place(e), Reason: reason})
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	if err := schema.Validate(); err != nil {
		return nil, &Error{Place: name, Reason: err.Error(), Err: err}
	}
	return schema, nil
}

// setDataKey takes one key into the schema, or returns what is wrong with it.
func setDataKey(schema *dataset.Schema, e entry, names []string) (reason string) {
	for _, k := range dataKeys {
		if k.name != e.path {
			continue
		}
		text, reason := e.text()
		if reason == "" {
			reason = checkText(text)
		}
		if reason != "" {
			return reason
		}
		if err := k.set(schema, text); err != nil {
			return strings.TrimPrefix(err.Error(), k.name+" ")
		}
		return ""
	}
	return unknown(e.path, names)
}
