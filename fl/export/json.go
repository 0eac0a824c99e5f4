// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jsonReader walks through JSON (RFC 8259) whose form is known beforehand, and
// refuses what encoding/json would let pass: keys that come twice, null for a
// number, text that is not Unicode.
type jsonReader struct{ d *json.Decoder }

func newJSON(b []byte) (jsonReader, error) {
	switch {
	case !utf8.Valid(b) || halfPair(b):
		return jsonReader{}, errors.New("it is not UTF-8 text")
	case !json.Valid(b):
		return jsonReader{}, errors.New("it is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return jsonReader{d}, nil
}

// parse reads a text that is one JSON value.
func parse[T any](text string, read func(jsonReader) (T, error)) (v T, err error) {
	r, err := newJSON([]byte(text))
	if err != nil {
		return v, err
	}
	if v, err = read(r); err != nil {
		return v, err
	}
	if _, err = r.d.Token(); err != io.EOF {
		return v, errors.New("there is more than one value")
	}
	return v, nil
}

// halfPair reports whether one half of a surrogate pair is escaped in valid JSON
// without the other. It stands for no character, and two names that differ in
// such halves would read as the same.
func halfPair(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 >= len(b) {
			return false
		}
		b = b[i:]
		switch first := escapedUnit(b); {
		case first < 0xd800 || first > 0xdfff:
			b = b[2:]
		case first >= 0xdc00:
			return true
		default:
			if second := escapedUnit(b[6:]); second < 0xdc00 || second > 0xdfff {
				return true
			}
			b = b[12:]
		}
	}
}

// escapedUnit returns the 16 bits of the \uXXXX that b begins with, or -1.
func escapedUnit(b []byte) int {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return int(v)
}

// open takes the bracket that an object or a list begins with.
func (r jsonReader) open(bracket json.Delim, what string) error {
	t, err := r.d.Token()
	if err != nil || t != bracket {
		return fmt.Errorf("%s is wanted", what)
	}
	return nil
}

// object calls each for every key, which has to take the value. Of keys there
// are at most so many.
func (r jsonReader) object(most int, each func(key string) error) error {
	if err := r.open('{', "an object"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for r.d.More() {
		key, err := r.text()
		switch {
		case err != nil:
			return err
		case seen[key]:
			return fmt.Errorf("the key %.40q comes twice", key)
		case len(seen) == most:
			return fmt.Errorf("there are more than %d keys", most)
		}
		seen[key] = true
		if err := each(key); err != nil {
			return err
		}
	}
	_, err := r.d.Token()
	return err
}

// list calls each for every element, which has to take it.
func (r jsonReader) list(most int, each func() error) error {
	if err := r.open('[', "a list"); err != nil {
		return err
	}
	for n := 0; r.d.More(); n++ {
		if n == most {
			return fmt.Errorf("there are more than %d elements", most)
		}
		if err := each(); err != nil {
			return err
		}
	}
	_, err := r.d.Token()
	return err
}

func (r jsonReader) text() (string, error) {
	t, err := r.d.Token()
	s, ok := t.(string)
	if err != nil || !ok {
		return "", errors.New("a string is wanted")
	}
	return s, nil
}

func (r jsonReader) digits() (string, error) {
	t, err := r.d.Token()
	n, ok := t.(json.Number)
	if err != nil || !ok {
		return "", errors.New("a number is wanted")
	}
	return n.String(), nil
}

// whole takes a number of digits alone, below 2**63.
func (r jsonReader) whole() (int64, error) {
	s, err := r.digits()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strings.HasPrefix(s, "-") {
		return 0, fmt.Errorf("%.40s: a whole number is wanted", s)
	}
	return n, nil
}

// float takes a number that fits so many bits.
func (r jsonReader) float(bits int) (float64, error) {
	s, err := r.digits()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(s, bits)
	if err != nil {
		return 0, fmt.Errorf("%.40s is too large for %d bits", s, bits)
	}
	return v, nil
}

func (r jsonReader) float32() (float32, error) {
	v, err := r.float(32)
	return float32(v), err
}

func (r jsonReader) float64() (float64, error) { return r.float(64) }

// texts and floats take lists. There are at most so many elements.

func (r jsonReader) texts(most int) (list []string, err error) { return collect(r, most, r.text) }

func (r jsonReader) floats(most int) (list []float32, err error) { return collect(r, most, r.float32) }

func (r jsonReader) wholes(most int) (list []int64, err error) { return collect(r, most, r.whole) }

func collect[T any](r jsonReader, most int, take func() (T, error)) (list []T, err error) {
	err = r.list(most, func() error {
		v, err := take()
		list = append(list, v)
		return err
	})
	return list, err
}

// appendJSON appends text or a list as JSON in its shortest form.
func appendJSON(b []byte, v any) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false) // there is no HTML, and the text is longer
	if err := e.Encode(v); err != nil {
		panic("export: " + err.Error()) // only for numbers that are not finite
	}
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}
