// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
)

// Error is one problem of the settings. It prints on one line.
type Error struct {
	Place  string // where: file:line: key, a variable, a flag
	Path   string // the setting; empty where the problem is that of none
	Reason string // what is wrong and what to do
	Err    error  // what came from below, or nil
}

func (e *Error) Error() string { return e.Place + ": " + e.Reason }

// Unwrap returns what came from below.
func (e *Error) Unwrap() error { return e.Err }

// problems gathers errors up to a limit, and counts the rest.
type problems struct {
	list []error
	more int
}

func (p *problems) add(e *Error) {
	if len(p.list) == MaxErrors {
		p.more++
		return
	}
	p.list = append(p.list, e)
}

// err returns all problems, one a line, in at most MaxErrors lines.
func (p *problems) err() error {
	if p.more > 0 {
		last := len(p.list) - 1
		p.list[last] = fmt.Errorf("and %d more problems", p.more+1)
		p.more = 0
	}
	return errors.Join(p.list...)
}

// conflict is two settings that do not go together.
type conflict struct {
	path, other string // path is the one that is set and should not be
	reason      string
}

// conflicts returns what no setting can tell by itself.
func (c *Config) conflicts() []conflict {
	var out []conflict
	b := &c.Broker
	alone := func(path, value, other, otherValue string) {
		if value != "" && otherValue == "" {
			out = append(out, conflict{path, other, fmt.Sprintf("is set without %s; set both or neither", other)})
		}
	}
	alone("broker.password_file", b.PasswordFile, "broker.username", b.Username)
	alone("broker.cert_file", b.CertFile, "broker.key_file", b.KeyFile)
	alone("broker.key_file", b.KeyFile, "broker.cert_file", b.CertFile)
	insecure := func(path, value string) {
		// Who pins a key believes that the connection is safe.
		if value != "" && b.URL != "" && !isSecure(b.URL) {
			out = append(out, conflict{path, "broker.url", "is of no use without TLS; write broker.url with mqtts://, or remove it"})
		}
	}
	insecure("broker.ca_file", b.CAFile)
	insecure("broker.pin", b.Pin)
	return append(out, c.Live.conflicts()...)
}

// Validate returns what is wrong with settings that a program put together, or
// nil. Each problem is an [*Error] whose place is the setting's path.
func (c *Config) Validate() error {
	var p problems
	failed := map[string]bool{}
	for i := range table().settings {
		s := &table().settings[i]
		if reason := s.check(s.get(c)); reason != "" {
			failed[s.Path] = true
			p.add(&Error{Place: s.Path, Path: s.Path, Reason: reason})
		}
	}
	for _, x := range c.conflicts() {
		if !failed[x.path] && !failed[x.other] {
			p.add(&Error{Place: x.path, Path: x.path, Reason: x.reason})
		}
	}
	return p.err()
}
