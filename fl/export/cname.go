// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"strconv"
	"strings"
)

// MaxCName is the longest name of a model in C, in bytes: with what is put
// behind it, C99 compilers still tell such names apart.
const MaxCName = 32

// CName makes of any text a name for C: small letters and digits, single
// underscores between them, not a digit first, at most [MaxCName] bytes. Text
// without any of them becomes model.
func CName(s string) string {
	var b strings.Builder
	for _, c := range []byte(strings.ToLower(s)) {
		if b.Len() == MaxCName {
			break
		}
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9' && b.Len() > 0:
			b.WriteByte(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	if name := strings.TrimRight(b.String(), "_"); name != "" {
		return name
	}
	return "model"
}

// cComment returns text in quotes that can stand in a C comment: what is not
// printable is escaped, and a backslash keeps apart what would end or begin a
// comment and what would be a trigraph.
func cComment(s string) string {
	var b strings.Builder
	var last rune
	for _, c := range strconv.Quote(s) {
		switch [2]rune{last, c} {
		case [2]rune{'*', '/'}, [2]rune{'/', '*'}, [2]rune{'?', '?'}:
			b.WriteByte('\\')
		}
		b.WriteRune(c)
		last = c
	}
	return b.String()
}

// cFloat returns a finite number as a C literal that reads back to the same bits.
func cFloat(v float32) string {
	s := strconv.FormatFloat(float64(v), 'g', -1, 32)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s + "f"
}
