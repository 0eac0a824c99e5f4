// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits on a sample, checked before memory is taken for it.
const (
	MaxBytes = 64 << 10 // of a message or a line
	MaxNames = 1024     // values
	MaxName  = 64       // bytes of a name, all of them printable
)

// Sample is what a source measured at one time.
type Sample struct {
	At     time.Time // of arrival
	Layout *Layout
	Values []float32 // one for each name; NaN where it is missing
}

// Layout says what the values of a sample are. Samples that follow one another
// mostly share one.
type Layout struct {
	Names      []string
	Positional bool // the source gave no names, and the order of the values counts
}

// refusal is why a sample is not taken, in a word to count by and in a sentence.
type refusal struct{ reason, detail string }

func (r *refusal) Error() string { return "sample refused: " + r.detail }

// The reasons for which samples are refused.
const (
	reasonSize   = "too-long"
	reasonSyntax = "syntax"
	reasonNumber = "number"
	reasonNames  = "names"
	reasonRate   = "too-many"
	reasonUnfit  = "unfit"
)

func refuse(reason, format string, args ...any) error {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

// parser turns what a source says into samples. It belongs to one goroutine.
type parser struct {
	single bool     // no comma-separated values, only a bare number, beside JSON
	header []string // of comma-separated lines; nil until there is one
	layout *Layout  // of the sample before
	names  []string // of the sample at hand
	values []float32
}

// parse reads a JSON object of numbers, a JSON array of numbers, a bare number,
// or numbers separated by commas, before which a line with names may come. In an
// object true and false are 1 and 0, null is a missing value, and texts, arrays
// and objects are passed over. Ok is false where b has no sample, as an empty
// line or the names.
func (p *parser) parse(b []byte, at time.Time) (s Sample, ok bool, err error) {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) > MaxBytes:
		return s, false, refuse(reasonSize, "it is longer than %d bytes", MaxBytes)
	case len(b) == 0:
		return s, false, nil
	}
	p.names, p.values = p.names[:0], p.values[:0]
	switch b[0] {
	case '{':
		err = p.object(b)
	case '[':
		err = p.array(b)
	default:
		ok, err := p.line(string(b))
		if !ok || err != nil {
			return s, false, err
		}
	}
	if err != nil {
		return s, false, err
	}
	if !slices.ContainsFunc(p.values, func(v float32) bool { return v == v }) {
		return s, false, refuse(reasonSyntax, "it holds no number")
	}
	return Sample{At: at, Layout: p.shared(), Values: slices.Clone(p.values)}, true, nil
}

// shared returns the layout of the sample at hand, which is that of the one before
// where they agree.
func (p *parser) shared() *Layout {
	positional := len(p.names) == 0
	if positional {
		if p.layout != nil && p.layout.Positional && len(p.layout.Names) == len(p.values) {
			return p.layout
		}
		for i := range p.values {
			p.names = append(p.names, "x"+strconv.Itoa(i+1))
		}
	} else if p.layout != nil && !p.layout.Positional && slices.Equal(p.layout.Names, p.names) {
		return p.layout
	}
	p.layout = &Layout{Names: slices.Clone(p.names), Positional: positional}
	return p.layout
}

func (p *parser) object(b []byte) error {
	d := decoder(b)
	d.Token() // the brace
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return notJSON(err)
		}
		value, err := d.Token()
		if err != nil {
			return notJSON(err)
		}
		if _, nested := value.(json.Delim); nested {
			if err := skip(d); err != nil {
				return err
			}
			continue
		}
		if err := p.field(key.(string), value); err != nil {
			return err
		}
	}
	if err := end(d); err != nil {
		return err
	}
	return p.sort()
}

// field takes a value of an object that is no container.
func (p *parser) field(name string, value any) error {
	if _, text := value.(string); text {
		return nil
	}
	if err := checkName(name); err != nil {
		return err
	}
	v, err := number(value)
	if err != nil {
		return err
	}
	p.names = append(p.names, name)
	return p.add(v)
}

// sort brings the names into an order that does not depend on the source's, and
// refuses one that comes twice.
func (p *parser) sort() error {
	order := make([]int, len(p.names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return strings.Compare(p.names[i], p.names[j]) })
	names, values := make([]string, len(order)), make([]float32, len(order))
	for k, i := range order {
		names[k], values[k] = p.names[i], p.values[i]
		if k > 0 && names[k] == names[k-1] {
			return refuse(reasonNames, "the name %q comes twice", names[k])
		}
	}
	p.names, p.values = names, values
	return nil
}

func (p *parser) array(b []byte) error {
	d := decoder(b)
	d.Token() // the bracket
	for d.More() {
		value, err := d.Token()
		if err != nil {
			return notJSON(err)
		}
		switch value.(type) {
		case json.Delim, string:
			return refuse(reasonSyntax, "an array holds something other than numbers")
		}
		v, err := number(value)
		if err != nil {
			return err
		}
		if err := p.add(v); err != nil {
			return err
		}
	}
	return end(d)
}

// line reads comma-separated numbers, or takes names for those that follow.
func (p *parser) line(text string) (ok bool, err error) {
	if p.single {
		v, err := decimal(text)
		p.values = append(p.values, v)
		return err == nil, err
	}
	fields := strings.Split(text, ",")
	if len(fields) > MaxNames {
		return false, refuse(reasonNames, "there are more than %d values", MaxNames)
	}
	for _, field := range fields {
		v, err := cell(strings.TrimSpace(field))
		if err != nil {
			return false, p.takeHeader(fields, err)
		}
		p.values = append(p.values, v)
	}
	if p.header != nil && len(p.header) != len(p.values) {
		return false, refuse(reasonNames, "there are %d values for %d names", len(p.values), len(p.header))
	}
	p.names = append(p.names, p.header...)
	return true, nil
}

// takeHeader takes the fields of a line for names, where none can be a number.
func (p *parser) takeHeader(fields []string, why error) error {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = strings.Trim(strings.TrimSpace(field), `"`)
		if _, err := cell(names[i]); err == nil {
			return why // a line of numbers that has a bad one
		}
		if err := checkName(names[i]); err != nil {
			return err
		}
		if slices.Contains(names[:i], names[i]) {
			return refuse(reasonNames, "the name %q comes twice", names[i])
		}
	}
	p.header = names
	return nil
}

func (p *parser) add(v float32) error {
	if len(p.values) == MaxNames {
		return refuse(reasonNames, "there are more than %d values", MaxNames)
	}
	p.values = append(p.values, v)
	return nil
}

func decoder(b []byte) *json.Decoder {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d
}

// skip passes over the rest of a container whose first token is taken. It keeps
// no stack: the decoder does, within the bytes of a sample.
func skip(d *json.Decoder) error {
	for depth := 1; depth > 0; {
		t, err := d.Token()
		if err != nil {
			return notJSON(err)
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}

// end holds that a container ends, and nothing comes behind it.
func end(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return notJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refuse(reasonSyntax, "something follows the JSON")
	}
	return nil
}

func notJSON(err error) error {
	return refuse(reasonSyntax, "not JSON: %.80s", strings.ToValidUTF8(err.Error(), "?"))
}

func checkName(name string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) || strings.ContainsFunc(name, odd) {
		return refuse(reasonNames, "%.80q is not a name of 1 to %d printable bytes", name, MaxName)
	}
	return nil
}
