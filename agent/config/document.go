// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/BurntSushi/toml"
)

// document is a TOML file with the line of each key.
type document struct {
	name string
	meta toml.MetaData
	root map[string]toml.Primitive
}

// entry is a key of a document: a table, or a value.
type entry struct {
	key   toml.Key
	path  string // key as TOML writes it
	line  int    // 0 where it is not known
	value any
	kind  string // the name that package toml gives the type
}

// parseDocument reads the content of a file of that name.
func parseDocument(name string, data []byte) (*document, *Error) {
	if _, line, reason := scan(data); reason != "" {
		return nil, &Error{Place: place(name, line, ""), Reason: reason}
	}
	d := &document{name: name}
	var err error
	d.meta, err = toml.Decode(string(data), &d.root)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return nil, &Error{Place: place(name, syntax.Position.Line, ""), Reason: syntaxReason(syntax.Message), Err: err}
	}
	if err != nil {
		return nil, &Error{Place: name, Reason: err.Error(), Err: err}
	}
	return d, nil
}

// maxMessage is the most bytes of what the library says of a file, which may
// quote a whole value.
const maxMessage = 160

// syntaxReason turns the library's message into one line of our kind.
func syntaxReason(message string) string {
	message = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.TrimSuffix(message, "."))
	reason := "not TOML: " + clip(message, maxMessage)
	if strings.HasPrefix(message, "expected value") {
		reason += "; texts and durations stand in quotes"
	}
	return reason
}

// place joins the parts that are known of where a problem is.
func place(file string, line int, key string) string {
	if line > 0 {
		file = fmt.Sprintf("%s:%d", file, line)
	}
	if key != "" {
		file += ": " + key
	}
	return file
}

// place returns where e is.
func (d *document) place(e entry) string { return place(d.name, e.line, showKey(e.path)) }

// showKey returns a key or name as it is, in quotes where it is odd or long.
func showKey(key string) string {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if len(key) > maxShown || strings.ContainsFunc(key, odd) {
		return quote(key)
	}
	return key
}

// entries returns the keys in the order of the file. Of a table that is not in
// sections, and of arrays, only the first key is there.
func (d *document) entries(sections []string) []entry {
	var out []entry
	var opaque []string // paths whose insides are of no interest
	for _, key := range d.meta.Keys() {
		path := key.String()
		if within(path, opaque) {
			continue
		}
		e := entry{key: key, path: path, kind: d.meta.Type(key...)}
		e.value, e.line = d.find(key)
		out = append(out, e)
		if e.kind != "Hash" || !slices.Contains(sections, path) {
			opaque = append(opaque, path)
		}
	}
	return out
}

// within reports whether path is one of the outer ones, or inside of one.
func within(path string, outer []string) bool {
	for _, o := range outer {
		if rest, ok := strings.CutPrefix(path, o); ok && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}

// errLocate is what a locator returns to have its line told.
var errLocate = errors.New("config: locate")

// locator takes any value, and refuses it: package toml keeps the lines of keys
// to itself, but puts them into the error of a value that does not decode.
type locator struct{ value any }

// UnmarshalTOML is of toml.Unmarshaler.
func (l *locator) UnmarshalTOML(v any) error {
	l.value = v
	return errLocate
}

// find returns the value of a key, and its line where that is known.
func (d *document) find(key toml.Key) (value any, line int) {
	inside := d.root
	for i, part := range key {
		primitive, ok := inside[part]
		if !ok {
			return nil, 0
		}
		if i == len(key)-1 {
			var l locator
			var located toml.ParseError
			if errors.As(d.meta.PrimitiveDecode(primitive, &l), &located) {
				line = located.Position.Line
			}
			return l.value, line
		}
		inside = nil
		if d.meta.PrimitiveDecode(primitive, &inside) != nil {
			return nil, 0
		}
	}
	return nil, 0
}

// text returns the value of e where it is a text, else why not, and what to write.
func (e entry) text() (text, reason string) {
	if s, ok := e.value.(string); ok {
		return s, ""
	}
	switch e.kind {
	case "Integer", "Float":
		return "", fmt.Sprintf("is the number %v; write it in quotes", e.value)
	case "Bool":
		return "", fmt.Sprintf("is the bare word %v; write a text in quotes", e.value)
	case "Datetime":
		return "", "is a date; write a text in quotes"
	case "Array":
		return "", "is an array; write one text in quotes"
	}
	return "", "is a table; write one text in quotes"
}
