// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"fmt"
)

// scan looks over a TOML file before the library does, whose maps of keys grow
// with the square of nesting: 64 KiB of a.a.a… would take a gigabyte. It returns
// the number of keys, tables and arrays, and the first line that goes over a limit,
// with what is wrong with it. Up to the first error of syntax, where the library
// stops, it sees the same strings and comments as the library.
func scan(data []byte) (things, line int, reason string) {
	line = 1
	depth, dots := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '\n':
			line++
			dots = 0
		case '#':
			i += lineEnd(data[i:]) - 1
		case '"', '\'':
			end := stringEnd(data[i:])
			line += bytes.Count(data[i:i+end], []byte("\n"))
			i += end - 1
		case '[', '{':
			depth++
			things++
		case ']', '}':
			depth = max(depth-1, 0)
		case '=':
			things++
			dots = 0
		case ',':
			dots = 0
		case '.':
			dots++
		}
		if max(depth, dots) > MaxDepth {
			return things, line, fmt.Sprintf("tables and arrays are more than %d deep; settings need one table", MaxDepth)
		}
		if things > MaxKeys {
			return things, line, fmt.Sprintf("there are more than %d keys, tables and arrays; remove those that are no settings", MaxKeys)
		}
	}
	return things, line, ""
}

func lineEnd(data []byte) int {
	if n := bytes.IndexByte(data, '\n'); n >= 0 {
		return n
	}
	return len(data)
}

// stringEnd returns the length of the string at the start of data. One that is
// never closed goes to the end of its line or of the file.
func stringEnd(data []byte) int {
	quote := data[0]
	triple := bytes.Repeat(data[:1], 3)
	long := bytes.HasPrefix(data, triple)
	i := 1
	if long {
		i = len(triple)
	}
	for ; i < len(data); i++ {
		switch {
		case data[i] == '\\' && quote == '"':
			i++
		case long && bytes.HasPrefix(data[i:], triple):
			i += len(triple)
			for extra := 0; extra < 2 && i < len(data) && data[i] == quote; extra++ {
				i++ // up to two quotes before the three that close belong to the text
			}
			return i
		case !long && data[i] == quote:
			return i + 1
		case !long && data[i] == '\n':
			return i
		}
	}
	return len(data)
}
