// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Command bench measures how well devices learn together, row by row of its table,
// by running `vecino learn sim` with the command that each row shows, and writes
// what came out into a Markdown file, with the bar that each row is held against.
// It follows no paper; it imports nothing of the rooms that it measures, so that it
// knows no more than a user does. It runs one simulation at a time.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if err := command(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	vecino  string // the binary
	data    string // folder of data folders; "" where there is none
	rows    string // names of rows or groups, comma-separated; "" for all
	out     string // Markdown file
	curves  string // folder of pictures, beside out
	journal string // what was measured before
}

func command(args []string, stdout io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.vecino, "vecino", "build/vecino", "the binary that simulates")
	flags.StringVar(&o.data, "data", "", "folder that holds the data folders; rows whose data are not there are left out")
	flags.StringVar(&o.rows, "rows", "", "only these rows or groups, comma-separated")
	flags.StringVar(&o.out, "out", "fl/README.md", "Markdown file to write the table into")
	flags.StringVar(&o.curves, "curves", "fl/curves", "folder to draw curves into")
	flags.StringVar(&o.journal, "journal", "build/bench-fl.jsonl", "file of what was measured, from which a later run goes on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(table, o.rows)
	if err != nil {
		return err
	}
	j, err := openJournal(o.journal, o.vecino)
	if err != nil {
		return err
	}
	defer j.file.Close()
	return o.measure(chosen, &bench{options: o, journal: j, stdout: stdout})
}

// measure runs the rows, writes the table and fails where a bar is missed.
func (o *options) measure(chosen []row, b *bench) error {
	results := map[string]*result{}
	var missed []string
	for _, r := range chosen {
		if !b.has(r) {
			fmt.Fprintf(b.stdout, "%-22s left out: its data, %s, are not in the folder DATA names\n", r.name, r.data())
			continue
		}
		got, err := b.run(r)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		results[r.name] = got
	}
	for _, r := range chosen {
		if got := results[r.name]; got != nil {
			for _, bar := range r.bars {
				if bar.judge(got, results) == missedBar {
					missed = append(missed, r.name+": "+bar.String())
				}
			}
		}
	}
	if err := writeTable(o.out, results); err != nil {
		return err
	}
	if len(missed) > 0 {
		return errors.New("missed: " + strings.Join(missed, "; "))
	}
	return nil
}
