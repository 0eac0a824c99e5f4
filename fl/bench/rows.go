// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// row is a line of the table.
type row struct {
	group, name string // no two rows have the same name
	what        string
	args        string // of `vecino learn sim`, but for seed and output; DATA/NAME is a data folder
	bars        []bar
	plot        bool // its curve is drawn
	once        bool // with the first seed only
}

// seeds of a row.
const seeds = 3

func (r row) runs() int {
	if r.once {
		return 1
	}
	return seeds
}

// data returns the name of the data folder, "" for the digits that are built in.
func (r row) data() string {
	for field := range strings.FieldsSeq(r.args) {
		if name, ok := strings.CutPrefix(field, "DATA/"); ok {
			return name
		}
	}
	return ""
}

// arguments returns the command line with the data folder where it is.
func (r row) arguments(data string) []string {
	args := strings.Fields(r.args)
	for i, a := range args {
		if name, ok := strings.CutPrefix(a, "DATA/"); ok {
			args[i] = filepath.Join(data, name)
		}
	}
	return args
}

// command returns the command line for people.
func (r row) command() string {
	last := "--seed 1, 2, 3"
	if r.once {
		last = "--seed 1"
	}
	return strings.Replace(r.args, "DATA/", "$DATA/", 1) + " " + last
}

// choose returns the rows that are named, by their own name or their group's, and
// those that they are compared with; all for "".
func choose(all []row, names string) ([]row, error) {
	if names == "" {
		return all, nil
	}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, r := range all {
			if name == r.name || name == r.group {
				wanted[r.name], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no row or group %q; groups: %s", name, strings.Join(groupNames(all), ", "))
		}
	}
	for _, r := range all {
		for _, b := range r.bars {
			if wanted[r.name] && b.than != "" {
				wanted[b.than] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(r row) bool { return !wanted[r.name] }), nil
}

func groupNames(all []row) (names []string) {
	for _, r := range all {
		if !slices.Contains(names, r.group) {
			names = append(names, r.group)
		}
	}
	return names
}
