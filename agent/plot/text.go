// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package plot

import (
	"strings"
	"unicode"
)

// ellipsis ends a text that was cut.
const ellipsis = "…"

// maxMarks is how many marks may stand on one character. More of them would climb
// out of their line.
const maxMarks = 3

// clean makes one line of a text that every reader of XML accepts: white space
// is a blank, and what cannot be printed is U+FFFD. It keeps MaxText characters.
func clean(s string) string {
	var b strings.Builder
	n, marks := 0, 0
	for _, r := range s {
		if n == MaxText {
			b.WriteString(ellipsis)
			break
		}
		n++
		if marks++; !mark(r) {
			marks = 0
		}
		switch {
		case marks > maxMarks:
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case !unicode.IsPrint(r):
			b.WriteRune(unicode.ReplacementChar)
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

// mark says whether a character stands on the one before it.
func mark(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Me) }

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// escape returns a clean text as XML.
func escape(s string) string { return escaper.Replace(s) }

// advance returns the width of a character as a share of the font's size. The
// font is the reader's, so these are the widths of DejaVu Sans, which is wide,
// rounded up. Beyond ASCII some ligatures are wider still; none of them makes a
// text reach a curve, since what a picture has no room for ends at its edge.
func advance(r rune) float64 {
	switch {
	case mark(r):
		return 0
	case r > unicode.MaxASCII:
		return 1.1
	case strings.ContainsRune("mwMW%@+=<>#~^&", r):
		return 1.04
	case strings.ContainsRune(" ijlI.,:;'|!", r):
		return 0.41
	case strings.ContainsRune("ftr()[]/\\-\"", r):
		return 0.48
	case unicode.IsUpper(r):
		return 0.8
	}
	return 0.65
}

// textWidth returns about how many pixels a text takes at a font size, rather
// too many than too few.
func textWidth(s string, size int) int {
	var w float64
	for _, r := range s {
		w += advance(r)
	}
	return int(w*float64(size)) + 1
}

// fit cuts a text to a width in pixels.
func fit(s string, size, width int) string {
	if textWidth(s, size) <= width {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && textWidth(string(r)+ellipsis, size) > width {
		r = r[:len(r)-1]
	}
	return strings.TrimSpace(string(r)) + ellipsis
}
