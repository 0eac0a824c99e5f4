// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// lines reads a text file line by line, unpacked if it begins as gzip does.
type lines struct {
	name   string
	in     *bufio.Reader
	long   []byte // a line that does not fit the reader's buffer
	number int    // of the line read last, from 1
	left   int64  // bytes that may still come
	packed bool
}

func newLines(r io.Reader, name string, maxBytes int64) (*lines, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	l := &lines{name: name, in: in, left: maxBytes}
	magic, err := in.Peek(2)
	if err != nil && err != io.EOF {
		return nil, l.failure(err)
	}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		l.packed = true
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, l.failure(err)
		}
		l.in = bufio.NewReaderSize(z, 64<<10)
	}
	return l, nil
}

// next returns the next line without its end, or io.EOF. The line holds until
// the next call.
func (l *lines) next() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		l.left -= int64(len(part))
		switch {
		case l.left < 0:
			return nil, &FileError{File: l.name, Problem: "the file is too large", Advice: "split it or thin it out"}
		case len(l.long)+len(part) > MaxLine:
			l.number++
			return nil, l.wrong(fmt.Sprintf("the line is longer than %d bytes", MaxLine), "is this a CSV file?")
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
		l.number++
		return bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r")), nil
	}
}

// wrong returns an error about the line read last.
func (l *lines) wrong(problem, advice string) error {
	return &FileError{File: l.name, Line: l.number, Problem: problem, Advice: advice}
}

// failure returns the error of a read, which for a packed file is mostly damage.
func (l *lines) failure(err error) error {
	if l.packed {
		return &FileError{File: l.name, Problem: "cannot unpack the file: " + err.Error(), Advice: "copy it again"}
	}
	return fmt.Errorf("read %s: %w", l.name, err)
}

// cutField returns the first field of line without its quotes, and the rest
// behind its comma; last tells that there was no comma. It may overwrite line.
func cutField(line []byte) (field, rest []byte, last bool, err error) {
	if len(line) > 0 && line[0] == '"' {
		return cutQuoted(line[1:])
	}
	i := bytes.IndexByte(line, ',')
	if i < 0 {
		return line, nil, true, nil
	}
	return line[:i], line[i+1:], false, nil
}

var errQuote = errors.New("has a quote that does not end on its line")

// cutQuoted is cutField for a field whose first quote is cut off already. Two
// quotes in it stand for one.
func cutQuoted(line []byte) (field, rest []byte, last bool, err error) {
	end := 0 // of the field, which moves to the left with each double quote
	for i := 0; i < len(line); i++ {
		if line[i] == '"' {
			i++
			switch {
			case i == len(line):
				return line[:end], nil, true, nil
			case line[i] == ',':
				return line[:end], line[i+1:], false, nil
			case line[i] != '"':
				return nil, nil, false, errQuote
			}
		}
		line[end] = line[i]
		end++
	}
	return nil, nil, false, errQuote
}
