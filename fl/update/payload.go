// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"encoding/binary"
	"errors"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// headMost is the length of the longest head of a byte string in a payload.
const headMost = 5

var payloadDecoder = wire.New(wire.Limits{Bytes: MaxSize, Items: 16, Depth: 4})

// encodePayload returns the CBOR array of the encoded vectors. It writes the
// few heads itself, since vectors are long and need no second copy.
func encodePayload(q Quant, vectors [][]float32) []byte {
	n := VectorSize(q, len(vectors[0]))
	out := make([]byte, 0, PayloadSize(q, len(vectors[0]), len(vectors)))
	out = append(out, 0x80|byte(len(vectors)))
	for _, v := range vectors {
		out = appendHead(out, n)
		out = appendVector(out, q, v)
	}
	return out
}

// appendHead appends the head of a byte string of n bytes (RFC 8949, section 3).
func appendHead(out []byte, n int) []byte {
	const byteString = 2 << 5
	switch headSize(n) {
	case 1:
		return append(out, byteString|byte(n))
	case 2:
		return append(out, byteString|24, byte(n))
	case 3:
		return binary.BigEndian.AppendUint16(append(out, byteString|25), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(out, byteString|26), uint32(n))
	}
}

func headSize(n int) int { return uintSize(uint32(n)) }

// uintSize returns the bytes of an integer, or of the head of a string or an array
// of that length.
func uintSize(n uint32) int {
	switch {
	case n < 24:
		return 1
	case n < 1<<8:
		return 2
	case n < 1<<16:
		return 3
	}
	return headMost
}

// PayloadSize returns the bytes of the payload of so many vectors of params
// numbers, before it is sealed and cut.
func PayloadSize(q Quant, params, vectors int) int {
	n := VectorSize(q, params)
	return 1 + vectors*(headSize(n)+n)
}

// sealedSize returns the bytes of the ciphertext of an update, and whether an
// update can be so large. The size means nothing where it cannot even be
// computed.
func sealedSize(q Quant, params, vectors int) (size int, ok bool) {
	if params < 1 || params > MaxSize || vectors < 1 || vectors > MaxVectors {
		return 0, false
	}
	size = PayloadSize(q, params, vectors) + overhead
	return size, size <= MaxSize
}

// decodePayload returns the vectors of a payload.
func decodePayload(payload []byte, q Quant, params, vectors int) ([][]float32, error) {
	var encoded [][]byte
	if err := payloadDecoder.Unmarshal(payload, &encoded); err != nil {
		return nil, refuse(ReasonMalformed, "payload: %v", err)
	}
	if len(encoded) != vectors {
		return nil, refuse(ReasonShape, "%d vectors in the payload, want %d", len(encoded), vectors)
	}
	out := make([][]float32, vectors)
	for i, data := range encoded {
		v, err := DecodeVector(q, data, params)
		switch {
		case errors.Is(err, ErrNotFinite):
			return nil, refuse(ReasonFinite, "vector %d", i)
		case err != nil:
			return nil, refuse(ReasonMalformed, "vector %d: %v", i, err)
		}
		out[i] = v
	}
	return out, nil
}
