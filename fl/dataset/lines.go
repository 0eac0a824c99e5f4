// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
)

// lines reads a text file line by line.
type lines struct {
	*input
	kind  string // of file, for messages
	long  []byte // a line that does not fit the reader's buffer
	blank int    // number of the first of the empty lines read last
}

// lineBuffer is that of a file of lines: most lines lie in it whole.
const lineBuffer = 64 << 10

func newLines(r io.Reader, name, kind string, maxBytes int64) (*lines, error) {
	in, err := newInput(r, name, maxBytes, lineBuffer)
	return &lines{input: in, kind: kind}, err
}

// next returns the next line without its end, or io.EOF. The line holds until
// the next call.
func (l *lines) next() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		if err := l.spend(len(part)); err != nil {
			return nil, err
		}
		switch {
		case len(l.long)+len(part) > MaxLine:
			l.line++
			return nil, l.wrong(fmt.Sprintf("the line is longer than %d bytes", MaxLine), "is this a "+l.kind+" file?")
		case err == bufio.ErrBufferFull:
			l.long = append(l.long, part...)
			continue
		case err != nil && err != io.EOF:
			return nil, l.failure(err)
		}
		if len(l.long) > 0 {
			l.long = append(l.long, part...)
			part = l.long
		}
		if err == io.EOF && len(part) == 0 {
			return nil, io.EOF
		}
		l.line++
		return bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r")), nil
	}
}

// nextRow is next past empty lines, which may only be at the end of the file.
func (l *lines) nextRow() ([]byte, error) {
	for {
		line, err := l.next()
		switch {
		case err != nil:
			return nil, err
		case len(line) == 0 && l.blank == 0:
			l.blank = l.line
		case len(line) == 0:
		case l.blank != 0:
			return nil, &FileError{File: l.name, Line: l.blank, Problem: "the line is empty", Advice: "remove it"}
		default:
			return line, nil
		}
	}
}
