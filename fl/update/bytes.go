// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"fmt"
	"io"
)

// Bytes is the encoding of what is no vector of numbers, a ciphertext for
// instance: as it is. Params counts its bytes.
const Bytes Quant = 2

// PackBytes packs bytes like an update of one vector: sealed under a key from
// rand, and in shards where they are many. The encoding that spec names is not
// looked at.
func PackBytes(rand io.Reader, spec Spec, data []byte) (*Packed, error) {
	size, ok := sealedSize(Bytes, len(data), 1)
	if !ok {
		return nil, fmt.Errorf("pack update: %d bytes; it takes 1 to about %d", len(data), MaxSize)
	}
	payload := append(appendHead(append(make([]byte, 0, size), 0x80|1), len(data)), data...)
	return packPayload(rand, spec, Header{Quant: Bytes, Vectors: 1, Params: uint32(len(data))}, payload)
}

// HoldsBytes reports whether the message of a header is of [PackBytes]. It is
// for telling where a message goes, and checks nothing else.
func HoldsBytes(msg []byte) bool {
	var m Message
	return decoder.Unmarshal(msg, &m) == nil && m.Header.Quant == Bytes
}

// unpack returns the bytes of a payload.
func (h *Header) unpack(payload []byte) ([]byte, error) {
	var encoded [][]byte
	if err := payloadDecoder.Unmarshal(payload, &encoded); err != nil {
		return nil, refuse(ReasonMalformed, "payload: %v", err)
	}
	if len(encoded) != 1 || len(encoded[0]) != int(h.Params) {
		return nil, refuse(ReasonShape, "%d strings in the payload, want one of %d bytes", len(encoded), h.Params)
	}
	return encoded[0], nil
}
