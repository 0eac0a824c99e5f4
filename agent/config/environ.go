// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// environ takes the variables that hold settings. The last of a name counts.
func (l *loader) environ(environ []string) {
	names := table().envs()
	last := map[string]int{}
	for i, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		last[name] = i
	}
	for i, v := range environ {
		name, text, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, envPrefix) || name == EnvState || name == EnvRuntime || last[name] != i {
			continue
		}
		at := slices.Index(names, name)
		if at < 0 {
			l.add(&Error{Place: showKey(name), Reason: unknownEnv(name, names)})
			continue
		}
		l.set(&table().settings[at], text, name, name)
	}
}

func unknownEnv(name string, names []string) string {
	if near := nearest(name, names); near != "" {
		return fmt.Sprintf("unknown setting; did you mean %s?", near)
	}
	return "unknown setting; unset it"
}

// kernelPrefix begins the parameters of the kernel's command line that are ours.
const kernelPrefix = "vecino."

// kernel takes the parameters of the kernel's command line that are settings.
func (l *loader) kernel(line string) {
	const where = "kernel command line"
	t := table()
	for _, p := range kernelParameters(line) {
		path, ours := strings.CutPrefix(p.name, kernelPrefix)
		if !ours {
			continue
		}
		path = strings.ReplaceAll(path, "-", "_") // the kernel takes them for the same
		at := where + ": " + showKey(kernelPrefix+path)
		s := t.find(path)
		switch {
		case s == nil:
			l.warn(&Error{Place: at, Reason: unknown(path, t.paths())})
		case !p.valued:
			l.failed[path] = true
			l.add(&Error{Place: at, Path: path, Reason: fmt.Sprintf("has no value; write %s%s=VALUE", kernelPrefix, path)})
		default:
			l.set(s, p.value, where, at)
		}
	}
}

func (l *loader) warn(e *Error) {
	if len(l.loaded.Warnings) < MaxErrors {
		l.loaded.Warnings = append(l.loaded.Warnings, e.Error())
	}
}

// parameter is one of the kernel's command line.
type parameter struct {
	name, value string
	valued      bool
}

// kernelParameters takes a command line apart as the kernel's next_arg does
// (lib/cmdline.c): quotes keep spaces, and one pair of them is removed around
// the parameter or its value. What follows -- is for the first program.
func kernelParameters(line string) (out []parameter) {
	for {
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		n := parameterEnd(line)
		word := line[:n]
		line = line[n:]
		if word == "" || word == "--" {
			return out
		}
		if inside, ok := strings.CutPrefix(word, `"`); ok {
			word = strings.TrimSuffix(inside, `"`)
		}
		var p parameter
		p.name, p.value, p.valued = strings.Cut(word, "=")
		if inside, ok := strings.CutPrefix(p.value, `"`); ok {
			p.value = strings.TrimSuffix(inside, `"`)
		}
		out = append(out, p)
	}
}

// parameterEnd returns where the first space outside quotes is.
func parameterEnd(line string) int {
	quoted := false
	for i, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case unicode.IsSpace(r) && !quoted:
			return i
		}
	}
	return len(line)
}
