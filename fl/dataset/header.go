// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"fmt"
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

// checkName returns an error unless the name of column i, from 1, can be one.
func checkName(p *place, name string, i int) error {
	switch {
	case name == "":
		return p.wrong(fmt.Sprintf("column %d has no name", i), "the first line must name all columns")
	case len(name) > MaxField:
		return p.wrong(fmt.Sprintf("the name of column %d is longer than %d bytes", i, MaxField), "shorten it")
	case !printable(name):
		return p.wrong(fmt.Sprintf("the name of column %d is not readable text", i), "save the file as UTF-8")
	}
	return nil
}

// unique returns an error if two columns have the same name.
func unique(p *place, names []string) error {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if seen[name] {
			return p.wrong("there are two columns named "+name, "rename one")
		}
		seen[name] = true
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// assign gives each column its role. Want lists the features that the file must
// have, in the order of the table; nil means whatever it has. What a device
// learns the normal from may have no target.
func assign(p *place, names []string, o options) (*header, error) {
	schema, want := o.schema, o.want
	h := &header{names: names, roles: make([]int, len(names)), target: schema.Target}
	if schema.Group != "" && !slices.Contains(names, schema.Group) {
		return nil, missing(p, names, "group column", schema.Group)
	}
	if h.target == "" {
		h.target = lastExcept(names, schema.Group)
	}
	if !slices.Contains(names, h.target) && !o.normalOnly() {
		return nil, missing(p, names, "target column", h.target)
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
			return nil, p.wrong("column "+name+" is not in the training file", "remove it, or add it there")
		default:
			h.roles[i] = at
			delete(index, name)
		}
	}
	for _, name := range want { // in their order, so that the message is always the same
		if _, left := index[name]; left {
			return nil, missing(p, names, "column", name)
		}
	}
	if want != nil {
		h.features = want
	}
	if len(h.features) == 0 {
		return nil, p.wrong("there is no feature beside target and group", "add columns to learn from")
	}
	return h, nil
}

// lastExcept returns the last name that is not the group's.
func lastExcept(names []string, group string) string {
	if last := names[len(names)-1]; last != group || len(names) == 1 {
		return last
	}
	return names[len(names)-2]
}

func missing(p *place, names []string, what, name string) error {
	const most = 10
	list := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		list += ", …"
	}
	return p.wrong(fmt.Sprintf("there is no %s %q", what, name), "the file has "+list)
}
