// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/vecino-edge/vecino/fl/model"
)

// ErrRefused is within every error about what a file holds. An error of the
// reader itself is passed on without it.
var ErrRefused = errors.New("model file refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrRefused}, args...)...)
}

// Limits lower the package's own, in bytes. A zero field stands for the
// constant, and a larger one too.
type Limits struct {
	Header int64 // MaxHeader
	File   int64 // MaxFile
}

func (l Limits) orDefault() Limits {
	lower := func(limit, top int64) int64 {
		if limit <= 0 {
			return top
		}
		return min(limit, top)
	}
	return Limits{Header: lower(l.Header, MaxHeader), File: lower(l.File, MaxFile)}
}

// ReadSafetensors reads a safetensors file with the metadata of
// [WriteSafetensors] to its end. The tensors may lie in any order, as another
// library may have left them, but without gaps. The artifact is valid; what it
// tells of its origin is as true as who gave the file.
func ReadSafetensors(r io.Reader, limits Limits) (*Artifact, error) {
	limits = limits.orDefault()
	header, err := readHeader(r, limits)
	if err != nil {
		return nil, err
	}
	metadata, entries, err := parseHeader(header)
	if err != nil {
		return nil, refuse("%w", err)
	}
	a, err := fromMetadata(metadata)
	if err != nil {
		return nil, refuse("%w", err)
	}
	m, err := a.Model()
	if err != nil {
		return nil, refuse("%w", err)
	}
	order, err := place(entries, m)
	if err != nil {
		return nil, refuse("%w", err)
	}
	if size := lengthSize + int64(len(header)) + 4*int64(m.Size()); size > limits.File {
		return nil, refuse("%d bytes, at most %d are possible", size, limits.File)
	}
	if a.Theta, err = readTheta(r, m.Size(), order); err != nil {
		return nil, err
	}
	if err := a.checkFinite(m); err != nil {
		return nil, refuse("%w", err)
	}
	return a, nil
}

func readHeader(r io.Reader, limits Limits) ([]byte, error) {
	var length [lengthSize]byte
	if n, err := io.ReadFull(r, length[:]); err != nil {
		return nil, readFailure(err, "it ends after %d bytes, within the length of the header", n)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > uint64(limits.Header) {
		return nil, refuse("a header of %d bytes, at most %d are possible; is it a safetensors file?", n, limits.Header)
	}
	// What is read grows with the file, not with what the file says.
	header, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, fmt.Errorf("read safetensors: %w", err)
	}
	if len(header) < int(n) {
		return nil, refuse("it ends after %d of the %d bytes of its header", len(header), n)
	}
	return header, nil
}

// readFailure tells the end of the file from other errors.
func readFailure(err error, format string, args ...any) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return refuse(format, args...)
	}
	return fmt.Errorf("read safetensors: %w", err)
}

// readTheta reads the data of a model of so many parameters to the end of the
// file, where its tensors lie in that order.
func readTheta(r io.Reader, size int, order []model.Tensor) ([]float32, error) {
	var data []float32
	buf := make([]byte, 4*min(size, block))
	for len(data) < size {
		part := buf[:4*min(size-len(data), block)]
		if n, err := io.ReadFull(r, part); err != nil {
			return nil, readFailure(err, "it ends after %d of the %d bytes of its tensors", 4*len(data)+n, 4*size)
		}
		for ; len(part) > 0; part = part[4:] {
			data = append(data, math.Float32frombits(binary.LittleEndian.Uint32(part)))
		}
	}
	switch n, err := io.ReadFull(r, buf[:1]); {
	case n > 0:
		return nil, refuse("bytes follow the last tensor")
	case err != io.EOF:
		return nil, fmt.Errorf("read safetensors: %w", err)
	}
	return arrange(data, order), nil
}

// arrange returns the numbers as model.Layers lays them out.
func arrange(data []float32, order []model.Tensor) []float32 {
	sorted, at := true, 0
	for _, t := range order {
		sorted = sorted && t.From == at
		at += t.To - t.From
	}
	if sorted {
		return data
	}
	theta := make([]float32, len(data))
	for _, t := range order {
		data = data[copy(theta[t.From:t.To], data):]
	}
	return theta
}
