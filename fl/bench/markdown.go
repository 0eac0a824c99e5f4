// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// The table stands between these lines; what stands around them is left alone.
const (
	beginMark = "<!-- begin: make bench-fl writes this -->"
	endMark   = "<!-- end: make bench-fl writes this -->"
)

// writeTable puts the rows into a Markdown file. A row that was not measured now
// keeps its line, as long as that shows the same command.
func writeTable(path string, results map[string]*result) error {
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		old, err = []byte(beginMark+"\n"+endMark+"\n"), nil
	}
	if err != nil {
		return err
	}
	begin, end := bytes.Index(old, []byte(beginMark)), bytes.Index(old, []byte(endMark))
	if begin < 0 || end < begin {
		return fmt.Errorf("%s: the lines %q and %q, between which the table goes, are not there", path, beginMark, endMark)
	}
	begin += len(beginMark)
	out := bytes.Join([][]byte{old[:begin], []byte(tables(string(old[begin:end]), results)), old[end:]}, nil)
	return os.WriteFile(path, out, 0o644)
}

// tables returns a table for each group, and where it was measured.
func tables(old string, results map[string]*result) string {
	var out strings.Builder
	fmt.Fprintf(&out, "\nMeasured last on %s/%s, %d processors, built with %s.\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	for i, r := range table {
		if i == 0 || r.group != table[i-1].group {
			fmt.Fprintf(&out, "\n### %s\n\n%s\n\n", strings.ToUpper(r.group[:1])+r.group[1:], groups[r.group])
			out.WriteString("| row | what | bar | measured | command: `vecino learn sim` | bytes | seconds (of processors) |\n|---|---|---|---|---|---|---|\n")
		}
		if got := results[r.name]; got != nil {
			out.WriteString(line(r, got, results))
		} else {
			out.WriteString(kept(old, r))
		}
	}
	out.WriteByte('\n')
	return out.String()
}

// begin returns how the line of a row begins.
func (r row) begin() string {
	name := "`" + r.name + "`"
	if r.plot {
		name = "[" + name + "](curves/" + r.name + ".svg)"
	}
	return "| " + name + " | "
}

func line(r row, got *result, all map[string]*result) string {
	bars := []string{}
	for _, b := range r.bars {
		bars = append(bars, b.told(got, all))
	}
	if len(bars) == 0 {
		bars = append(bars, "")
	}
	measured := got.String()
	if r.group == "scale" {
		measured += fmt.Sprintf(", %.0f MB", got.memory)
	}
	return fmt.Sprintf("%s%s | %s | %s | `%s` | %s | %.1f (%.1f) |\n",
		r.begin(), r.what, strings.Join(bars, "; "), measured, r.command(), sizes(got), got.seconds, got.cpu)
}

// kept returns the line of a row as it was.
func kept(old string, r row) string {
	for line := range strings.Lines(old) {
		if strings.HasPrefix(line, r.begin()) && strings.Contains(line, "| `"+r.command()+"` |") {
			return line
		}
	}
	bars := []string{}
	for _, b := range r.bars {
		bars = append(bars, b.String())
	}
	r.plot = false // there may be none
	return fmt.Sprintf("%s%s | %s | not measured | `%s` | | |\n", r.begin(), r.what, strings.Join(bars, "; "), r.command())
}

// sizes says what goes over a link in a round: payload, with headers, in the
// envelope, in chunks of one size.
func sizes(r *result) string {
	if r.payload == 0 {
		return ""
	}
	out := count(r.payload)
	if r.hasW {
		for _, v := range []float64{r.headers, r.envelope, r.cover} {
			out += " / " + count(v)
		}
	}
	return out
}

// count writes a whole number with its thousands apart.
func count(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
