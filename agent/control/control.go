// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package control is the table of verbs that a running device answers, whoever
// asks: the command line over the unix socket, a page over HTTP, an owner over
// MQTT. A verb takes and gives JSON; its errors carry a code that scripts can
// rely on and a hint for people.
//
// The zero Table has no verbs. Verbs are added before use; after that a Table
// is safe for concurrent use as far as its verbs are.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Code classes an error. The command line ends with the number.
type Code string

// The codes.
const (
	Failed  Code = "failed"
	Usage   Code = "usage"
	Busy    Code = "busy"
	Refused Code = "refused"
	Unknown Code = "unknown-verb"
)

// MaxArgs is the most bytes of a verb's arguments.
const MaxArgs = 1 << 20

// Error is what a verb answers when it cannot do what was asked.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// Errorf returns an error of a code.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns the error with a hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// AsError returns err as one of ours, as a plain failure where it is none.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: Failed, Message: err.Error()}
}

// Verb does one thing. It returns a value that encodes as JSON.
type Verb func(ctx context.Context, args json.RawMessage) (any, error)

// Table holds the verbs by name: words with a slash between, as in peers/list.
type Table struct {
	verbs map[string]Verb
}

// Add adds a verb. It panics where the name is taken, a mistake in the program.
func (t *Table) Add(name string, v Verb) {
	if t.verbs == nil {
		t.verbs = map[string]Verb{}
	}
	if t.verbs[name] != nil {
		panic("control: verb " + name + " is there twice")
	}
	t.verbs[name] = v
}

// Names returns the verbs, sorted.
func (t *Table) Names() []string { return slices.Sorted(maps.Keys(t.verbs)) }

// Do runs a verb. Its error is always an [*Error].
func (t *Table) Do(ctx context.Context, name string, args json.RawMessage) (any, error) {
	v := t.verbs[name]
	if v == nil {
		return nil, Errorf(Unknown, "there is no verb %q", name)
	}
	out, err := v(ctx, args)
	if err != nil {
		return nil, AsError(err)
	}
	return out, nil
}

// Typed turns a function of typed arguments into a verb. Arguments that it does
// not know are wrong usage.
func Typed[A any](f func(ctx context.Context, args A) (any, error)) Verb {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var args A
		if len(bytes.TrimSpace(raw)) > 0 {
			d := json.NewDecoder(bytes.NewReader(raw))
			d.DisallowUnknownFields()
			if err := d.Decode(&args); err != nil {
				return nil, Errorf(Usage, "arguments: %v", err)
			}
			if _, err := d.Token(); err != io.EOF { // More is blind to a closing bracket
				return nil, Errorf(Usage, "arguments: more than one JSON value")
			}
		}
		return f(ctx, args)
	}
}
