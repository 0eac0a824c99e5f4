// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package export

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/vecino-edge/vecino/fl/model"
)

// Limits on a file.
const (
	// MaxHeader bounds the header, in bytes: dataset.MaxColumns names of
	// dataset.MaxField bytes, each escaped to seven, and room for the rest.
	MaxHeader = 8 << 20
	// MaxFile bounds the whole.
	MaxFile = lengthSize + MaxHeader + 4*model.MaxParams
)

const (
	lengthSize = 8       // bytes of the length of the header
	padding    = 8       // to a multiple of which the header is brought
	dtype      = "F32"   // of every tensor
	block      = 4 << 10 // numbers that are read and written at a time
)

// WriteSafetensors writes an artifact as a safetensors file. The same artifact
// gives the same bytes. The tensors lie in the file as in Theta.
func WriteSafetensors(w io.Writer, a *Artifact) error {
	if err := a.Validate(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	m, err := a.Model()
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	header := a.header(m.Layers())
	if len(header) > MaxHeader {
		return fmt.Errorf("export: a header of %d bytes, at most %d are possible; shorten the names of the columns", len(header), MaxHeader)
	}
	head := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	if _, err := w.Write(append(head, header...)); err != nil {
		return fmt.Errorf("write safetensors: %w", err)
	}
	return writeFloats(w, a.Theta)
}

// header returns the JSON of a file, padded.
func (a *Artifact) header(layers []model.Tensor) []byte {
	b := appendJSON([]byte(`{"`+metadataKey+`":`), a.metadata()) // keys in order
	for _, t := range layers {
		b = appendJSON(append(b, ','), t.Name)
		b = append(b, `:{"dtype":"`+dtype+`","shape":`...)
		b = appendJSON(b, t.Shape)
		b = append(b, `,"data_offsets":[`...)
		b = strconv.AppendInt(b, 4*int64(t.From), 10)
		b = append(b, ',')
		b = strconv.AppendInt(b, 4*int64(t.To), 10)
		b = append(b, `]}`...)
	}
	for b = append(b, '}'); len(b)%padding != 0; {
		b = append(b, ' ')
	}
	return b
}

func writeFloats(w io.Writer, x []float32) error {
	buf := make([]byte, 0, 4*block)
	for len(x) > 0 {
		n := min(len(x), block)
		buf = buf[:0]
		for _, v := range x[:n] {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		if _, err := w.Write(buf); err != nil {
			return fmt.Errorf("write safetensors: %w", err)
		}
		x = x[n:]
	}
	return nil
}
