// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"
)

// unknown returns what to say of a key that is none of names.
func unknown(key string, names []string) string {
	if near := nearest(key, names); near != "" {
		return fmt.Sprintf("unknown key; did you mean %s?", near)
	}
	return "unknown key; remove it"
}

// nearest returns the one of names that key was probably meant to be, or nothing:
// the only one of which key is the first words, else one that is few edits away
// for its length, else the only one with the same last part.
func nearest(key string, names []string) string {
	if len(key) > maxShown {
		return ""
	}
	key = strings.ToLower(key)
	longer := func(name string) bool { return strings.HasPrefix(strings.ToLower(name), key+"_") }
	if name := only(names, longer); name != "" {
		return name
	}
	best, least := "", min(3, max(1, len(key)/3))+1
	for _, name := range names {
		if d := distance(key, strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	if best != "" {
		return best
	}
	last := key[strings.LastIndexByte(key, '.')+1:]
	return only(names, func(name string) bool { return strings.HasSuffix(name, "."+last) })
}

// only returns the one name for which is holds; none if there are several.
func only(names []string, is func(string) bool) string {
	found := ""
	for _, name := range names {
		if !is(name) {
			continue
		}
		if found != "" {
			return ""
		}
		found = name
	}
	return found
}

// distance is Levenshtein's: the least number of bytes put in, taken out or
// changed that turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the table, up to the prefix of a so far
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
