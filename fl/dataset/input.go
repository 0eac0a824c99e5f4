// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
)

// place is where in a file a reader stands, for errors.
type place struct {
	name string
	line int // read last, from 1; 0 in a file without lines
	item int // of a sequence, from 1; 0 in a file of lines
}

// wrong returns an error about the line or item read last.
func (p *place) wrong(problem, advice string) error { return p.wrongColumn("", problem, advice) }

// wrongColumn returns an error about one column of the line or item read last.
func (p *place) wrongColumn(column, problem, advice string) error {
	return &FileError{File: p.name, Line: p.line, Item: p.item, Column: column, Problem: problem, Advice: advice}
}

// wrongFile returns an error about the whole file.
func (p *place) wrongFile(problem, advice string) error {
	return &FileError{File: p.name, Problem: problem, Advice: advice}
}

// input is a file, unpacked if it begins as gzip does.
type input struct {
	place
	in     *bufio.Reader
	left   int64 // bytes that may still come
	packed bool
}

// newInput returns the input with a buffer of so many bytes.
func newInput(r io.Reader, name string, maxBytes int64, buffer int) (*input, error) {
	in := &input{place: place{name: name}, in: bufio.NewReaderSize(r, buffer), left: maxBytes}
	magic, err := in.in.Peek(2)
	if err != nil && err != io.EOF {
		return nil, in.failure(err)
	}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		in.packed = true
		z, err := gzip.NewReader(in.in)
		if err != nil {
			return nil, in.failure(err)
		}
		in.in = bufio.NewReaderSize(z, buffer)
	}
	return in, nil
}

// failure returns the error of a read, which for a packed file is mostly damage.
func (in *input) failure(err error) error {
	if in.packed {
		return in.wrongFile("cannot unpack the file: "+err.Error(), "copy it again")
	}
	return fmt.Errorf("read %s: %w", in.name, err)
}

// spend counts bytes of the file against the limit.
func (in *input) spend(n int) error {
	if in.left -= int64(n); in.left < 0 {
		return in.wrongFile("the file is too large", "split it or thin it out")
	}
	return nil
}
