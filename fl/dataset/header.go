// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a column of a file is for, when it is not the feature of that index.
const (
	roleTarget = -1
	roleGroup  = -2
)

// header tells the columns of a file, in its order.
type header struct {
	names    []string
	roles    []int    // index of the feature, or roleTarget or roleGroup
	features []string // names of the features in the order of the table
	target   string
}

// readHeader reads the names of the columns from the first line.
func readHeader(l *lines, maxColumns int) ([]string, error) {
	line, err := l.next()
	if err == io.EOF {
		return nil, &FileError{File: l.name, Problem: "the file is empty", Advice: "it needs a header and rows"}
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
		if len(names) == maxColumns {
			return nil, l.wrong(fmt.Sprintf("there are more than %d columns", maxColumns), "leave some out")
		}
		name := string(bytes.TrimSpace(field))
		if err := checkName(l, name, len(names)+1); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, checkNames(l, names)
}

// checkName returns an error unless the name of column i, from 1, can be one.
func checkName(l *lines, name string, i int) error {
	switch {
	case name == "":
		return l.wrong(fmt.Sprintf("column %d has no name", i), "the first line must name all columns")
	case len(name) > MaxField:
		return l.wrong(fmt.Sprintf("the name of column %d is longer than %d bytes", i, MaxField), "shorten it")
	case !printable(name):
		return l.wrong(fmt.Sprintf("the name of column %d is not readable text", i), "save the file as UTF-8")
	}
	return nil
}

// checkNames returns an error about the whole header.
func checkNames(l *lines, names []string) error {
	if len(names) == 1 {
		advice := "separate columns by commas"
		if strings.Contains(names[0], ";") {
			advice = "separate columns by commas, not semicolons"
		}
		return l.wrong("there is only one column", advice)
	}
	seen, numbers := make(map[string]bool, len(names)), 0
	for _, name := range names {
		if _, err := parseNumber([]byte(name)); err == nil {
			numbers++
		}
		if seen[name] {
			return l.wrong("there are two columns named "+name, "rename one")
		}
		seen[name] = true
	}
	if numbers == len(names) {
		return l.wrong("the first line holds numbers", "put a line with the names of the columns before it")
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// assign gives each column its role. Want lists the features that the file must
// have, in the order of the table; nil means whatever it has.
func assign(l *lines, names []string, schema Schema, want []string) (*header, error) {
	h := &header{names: names, roles: make([]int, len(names)), target: schema.Target}
	if schema.Group != "" && !slices.Contains(names, schema.Group) {
		return nil, missing(l, names, "group column", schema.Group)
	}
	if h.target == "" {
		h.target = lastExcept(names, schema.Group)
	}
	if !slices.Contains(names, h.target) {
		return nil, missing(l, names, "target column", h.target)
	}
	index := make(map[string]int, len(want))
	for i, name := range want {
		index[name] = i
	}
	for i, name := range names {
		at, known := index[name]
		switch {
		case name == h.target:
			h.roles[i] = roleTarget
		case name == schema.Group:
			h.roles[i] = roleGroup
		case want == nil:
			h.roles[i] = len(h.features)
			h.features = append(h.features, name)
		case !known:
			return nil, l.wrong("column "+name+" is not in the training file", "remove it, or add it there")
		default:
			h.roles[i] = at
			delete(index, name)
		}
	}
	for _, name := range want { // in their order, so that the message is always the same
		if _, left := index[name]; left {
			return nil, missing(l, names, "column", name)
		}
	}
	if want != nil {
		h.features = want
	}
	if len(h.features) == 0 {
		return nil, l.wrong("there is no feature beside target and group", "add columns to learn from")
	}
	return h, nil
}

// lastExcept returns the last name that is not the group's.
func lastExcept(names []string, group string) string {
	if last := names[len(names)-1]; last != group {
		return last
	}
	return names[len(names)-2] // there are two or more, and no name twice
}

func missing(l *lines, names []string, what, name string) error {
	const most = 10
	list := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		list += ", …"
	}
	return l.wrong(fmt.Sprintf("there is no %s %q", what, name), "the file has "+list)
}
