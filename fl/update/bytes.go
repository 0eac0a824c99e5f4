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

// Address is what tells where the message of a header goes, and its shards after
// it.
type Address struct {
	Task  [16]byte
	ID    [16]byte // names the update in its shards
	Bytes bool     // the message is of [PackBytes]
}

// AddressOf reads the address of the header that a sender signed. Of the rest of it
// nothing is checked but that its id is the sender's. The error is a [*Refused].
func AddressOf(from [16]byte, msg []byte) (Address, error) {
	var m Message
	if err := decoder.Unmarshal(msg, &m); err != nil {
		return Address{}, signed(refuse(ReasonMalformed, "%v", err), from)
	}
	h := &m.Header
	if err := h.checkSender(from); err != nil {
		return Address{}, signed(err, from)
	}
	return Address{Task: h.Task, ID: h.ID, Bytes: h.Quant == Bytes}, nil
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
