// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress is a line on a terminal that shows how far something has come. It is nothing
// where nobody looks.
type progress struct {
	what  string
	total int

	mu    sync.Mutex
	w     io.Writer // nil where nobody looks
	began time.Time
	drawn time.Time
	width int // of the line that is there
}

// drawEvery is how often the line is drawn, at most.
const drawEvery = 100 * time.Millisecond

// drawCells is how long the bar is.
const drawCells = 24

// newProgress returns a bar on the terminal that errors go to, if that is one.
func newProgress(std stdio, what string, total int, mute bool) *progress {
	b := &progress{what: what, total: total, began: time.Now()}
	file, ok := std.err.(*os.File)
	if !mute && ok && std.getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd())) {
		b.w = file
	}
	return b
}

// tick says that so many of all are done.
func (b *progress) tick(done int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.w == nil || now.Sub(b.drawn) < drawEvery {
		return
	}
	b.drawn = now
	b.draw(b.line(done, now.Sub(b.began)))
}

// line returns the line for a state.
func (b *progress) line(done int, took time.Duration) string {
	full := drawCells * done / b.total
	left := ""
	if done > 0 && took > time.Second {
		rest := time.Duration(float64(took) / float64(done) * float64(b.total-done))
		left = ", " + rest.Round(time.Second).String() + " left"
	}
	return fmt.Sprintf("%s %s%s %d of %d%s", b.what, strings.Repeat("█", full), strings.Repeat("░", drawCells-full), done, b.total, left)
}

func (b *progress) draw(line string) {
	n := len([]rune(line))
	fmt.Fprintf(b.w, "\r%s%s", line, strings.Repeat(" ", max(0, b.width-n)))
	b.width = n
}

// end takes the line away.
func (b *progress) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.w != nil && b.width > 0 {
		fmt.Fprintf(b.w, "\r%s\r", strings.Repeat(" ", b.width))
	}
	b.w = nil
}
