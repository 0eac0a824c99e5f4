// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/vecino-edge/vecino/agent/store"
)

// Variables that begin like settings and are none: where the state and the
// runtime folder are.
const (
	EnvState   = "VECINO_STATE"
	EnvRuntime = "VECINO_RUNTIME"
)

// Source is what [Load] reads. A later one outranks all before it; each may be empty.
type Source struct {
	KernelCmdline string            // the content of /proc/cmdline; vecino.KEY=VALUE counts
	EtcFile       string            // path, usually /etc/vecino/config.toml; the file may be missing
	StateFile     string            // path, usually <state>/config.toml; the file may be missing
	Environ       []string          // as of os.Environ; VECINO_SECTION_KEY counts
	Flags         map[string]string // path of a setting to its value
}

// Loaded is settings and where they come from.
type Loaded struct {
	Config   *Config
	Warnings []string // one line each, for people
	origin   map[string]string
}

// Origin returns where the setting at path comes from: flag, a variable's name,
// file:line, kernel command line or default; nothing if there is no such setting.
func (l *Loaded) Origin(path string) string {
	if table().find(path) == nil {
		return ""
	}
	return cmp.Or(l.origin[path], "default")
}

// Load reads all sources. A value that cannot be is an error even where another
// outranks it, and so is an unknown name, but for the kernel command line, on
// which it is a warning: a boot must not fail. The error joins at most MaxErrors lines.
func Load(src Source) (*Loaded, error) {
	l := newLoader()
	l.kernel(src.KernelCmdline)
	for _, path := range []string{src.EtcFile, src.StateFile} {
		if path != "" {
			l.file(path, missingIsFine)
		}
	}
	l.environ(src.Environ)
	l.flags(src.Flags)
	return l.finish()
}

// Check reads one file by itself and returns all that is wrong with it, or nil.
func Check(path string) error {
	l := newLoader()
	l.file(path, !missingIsFine)
	_, err := l.finish()
	return err
}

const missingIsFine = true

// loader puts values into a Config, those of lower rank first.
type loader struct {
	problems
	loaded *Loaded
	place  map[string]string // of the last value of each path
	failed map[string]bool   // paths with a value that cannot be
	blind  bool              // a file could not be read, so that nobody knows what it sets
}

func newLoader() *loader {
	return &loader{
		loaded: &Loaded{Config: Default(), origin: map[string]string{}},
		place:  map[string]string{}, failed: map[string]bool{},
	}
}

// set takes a value from origin; problems are told at place.
func (l *loader) set(s *Setting, text, origin, place string) {
	if reason := s.check(text); reason != "" {
		l.failed[s.Path] = true
		l.add(&Error{Place: place, Path: s.Path, Reason: reason})
		return
	}
	s.put(l.loaded.Config, text)
	l.loaded.origin[s.Path], l.place[s.Path] = origin, place
}

// finish checks what no value can tell by itself.
func (l *loader) finish() (*Loaded, error) {
	for _, x := range l.loaded.Config.conflicts() {
		if !l.blind && !l.failed[x.path] && !l.failed[x.other] {
			l.add(&Error{Place: l.place[x.path], Path: x.path, Reason: x.reason})
		}
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	return l.loaded, nil
}

func (l *loader) file(path string, missingFine bool) {
	data, err := readFile(path)
	if err != nil {
		if !missingFine || !errors.Is(err, fs.ErrNotExist) {
			l.blind = true
			l.add(err)
		}
		return
	}
	l.toml(path, data)
}

// readFile returns the content of a TOML file.
func readFile(path string) ([]byte, *Error) {
	data, err := store.ReadFile(path, MaxFile)
	switch {
	case errors.Is(err, store.ErrTooLarge):
		return nil, &Error{Place: path, Reason: fmt.Sprintf("is larger than %d bytes; settings need few of them", MaxFile), Err: err}
	case err != nil:
		reason := strings.TrimPrefix(err.Error(), "read "+path+": ")
		return nil, &Error{Place: path, Reason: "cannot be read: " + reason, Err: err}
	}
	return data, nil
}

// toml takes the settings from the content of a file.
func (l *loader) toml(name string, data []byte) {
	d, err := parseDocument(name, data)
	if err != nil {
		l.blind = true
		l.add(err)
		return
	}
	t := table()
	for _, e := range d.entries(t.sections) {
		s := t.find(e.path)
		switch {
		case s != nil:
			l.setEntry(s, d, e)
		case !slices.Contains(t.sections, e.path):
			l.add(&Error{Place: d.place(e), Reason: unknown(e.path, t.paths())})
		case e.kind != "Hash":
			l.add(&Error{Place: d.place(e), Reason: fmt.Sprintf("is not a table; write [%s] once, and its keys below", e.path)})
		}
	}
}

func (l *loader) setEntry(s *Setting, d *document, e entry) {
	text, reason := e.text()
	if reason == "" {
		l.set(s, text, place(d.name, e.line, ""), d.place(e))
		return
	}
	if s.Type == "duration" {
		reason += `, with its unit, such as "90s"`
	}
	l.failed[s.Path] = true
	l.add(&Error{Place: d.place(e), Path: s.Path, Reason: reason})
}

// flags takes values that the command line gave.
func (l *loader) flags(values map[string]string) {
	t := table()
	for _, path := range slices.Sorted(maps.Keys(values)) {
		at := "flag for " + showKey(path)
		s := t.find(path)
		if s == nil {
			l.add(&Error{Place: at, Reason: unknown(path, t.paths())})
			continue
		}
		l.set(s, values[path], "flag", at)
	}
}
