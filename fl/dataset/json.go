// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"
)

// readJSON reads JSON (RFC 8259) line by line, one flat object on each.
func readJSON(r io.Reader, name string, o options) (*Table, error) {
	l, err := newLines(r, name, "JSON lines", o.limits.Bytes)
	if err != nil {
		return nil, err
	}
	k := keyed{place: &l.place, options: o}
	p := jsonPairs{place: &l.place}
	var line []byte
	again := func() pairs {
		p.rest, p.begun = line, false
		return &p
	}
	for {
		line, err = l.nextRow()
		if err == io.EOF {
			return k.finish()
		}
		if err == nil {
			if l.line == 1 {
				line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
			}
			err = k.row(again)
		}
		if err != nil {
			return nil, err
		}
	}
}

// jsonPairs walks through one object without taking memory.
type jsonPairs struct {
	*place
	rest  []byte
	begun bool
}

const advicePlain = "write one flat object on each line, such as {\"temperature\": 21.5, \"label\": 0}"

func (p *jsonPairs) blank() { p.rest = bytes.TrimLeft(p.rest, " \t\r\n") }

// take cuts off one character if it is the next, past blanks.
func (p *jsonPairs) take(c byte) bool {
	p.blank()
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *jsonPairs) more() (bool, error) {
	first := !p.begun
	if first {
		p.begun = true
		if !p.take('{') {
			return false, p.wrong("the line is not an object", advicePlain)
		}
	}
	if p.take('}') {
		if p.blank(); len(p.rest) > 0 {
			return false, p.wrong("there is more than one object on the line", advicePlain)
		}
		return false, nil
	}
	if !first && !p.take(',') {
		return false, p.wrong("the object is not complete", "mend or remove the line")
	}
	return true, nil
}

func (p *jsonPairs) key() ([]byte, error) {
	p.blank()
	key, ok := p.string()
	if !ok || !p.take(':') {
		return nil, p.wrong("a key is not a string with a colon behind it", "mend or remove the line")
	}
	p.blank()
	return key, nil
}

// string cuts off a string.
func (p *jsonPairs) string() (text []byte, ok bool) {
	if len(p.rest) == 0 || p.rest[0] != '"' {
		return nil, false
	}
	escaped := false
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return nil, false
		case c == '"':
			text, p.rest = p.rest[:i+1], p.rest[i+1:]
			return unquote(text, escaped)
		}
	}
	return nil, false
}

// unquote returns the text between quotes, not nil.
func unquote(text []byte, escaped bool) ([]byte, bool) {
	if !utf8.Valid(text) {
		return nil, false
	}
	if !escaped {
		return text[1 : len(text)-1], true
	}
	var s string
	err := json.Unmarshal(text, &s)
	return []byte(s), err == nil
}

func (p *jsonPairs) value() (value, error) {
	if len(p.rest) == 0 {
		return value{}, p.wrong("the object is not complete", "mend or remove the line")
	}
	switch c := p.rest[0]; {
	case c == '"':
		text, ok := p.string()
		if !ok {
			return value{}, p.wrong("a string is not complete or not in UTF-8", "mend or remove the line")
		}
		return value{kind: valueText, text: text}, nil
	case c == '{', c == '[':
		return value{}, p.wrong("an object or list is the value of a key", "write each of its numbers under a key of its own")
	}
	end := 1
	for end < len(p.rest) && !endsWord(p.rest[end]) {
		end++
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return jsonWord(word)
}

func endsWord(c byte) bool {
	return c == ',' || c == '}' || c == ' ' || c == '\t' || c == '\r' || c == '\n'
}

// jsonWord returns the value of a number, true, false or null.
func jsonWord(word []byte) (value, error) {
	switch string(word) {
	case "null":
		return value{}, nil
	case "false":
		return value{kind: valueNumber}, nil
	case "true":
		return value{kind: valueNumber, number: 1}, nil
	}
	const advice = "write a number, or null where it is missing"
	if !jsonNumber(word) {
		return value{}, &valueError{quote(word) + " is not a number", advice}
	}
	if len(word) > MaxField {
		return value{}, &valueError{quote(word) + " is too long", advice}
	}
	v, err := parseNumber(word)
	if err != nil {
		return value{}, &valueError{quote(word) + " " + err.Error(), advice}
	}
	if bytes.ContainsAny(word, ".eE") {
		word = nil
	}
	return value{kind: valueNumber, number: v, text: word}, nil
}

// jsonNumber reports whether a word has the form of a number.
func jsonNumber(word []byte) bool {
	rest := bytes.TrimPrefix(word, []byte("-"))
	whole := len(rest)
	rest = digits(rest)
	if whole -= len(rest); whole == 0 || whole > 1 && word[len(word)-len(rest)-whole] == '0' {
		return false
	}
	if len(rest) > 0 && rest[0] == '.' {
		fraction := rest[1:]
		if rest = digits(fraction); len(rest) == len(fraction) {
			return false
		}
	}
	if len(rest) > 0 && (rest[0] == 'e' || rest[0] == 'E') {
		exponent := rest[1:]
		if len(exponent) > 0 && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		if rest = digits(exponent); len(rest) == len(exponent) {
			return false
		}
	}
	return len(rest) == 0
}

// digits cuts off the digits at the beginning.
func digits(b []byte) []byte {
	return bytes.TrimLeft(b, "0123456789")
}
