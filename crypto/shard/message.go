// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"fmt"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// maxMessage bounds the encoding of a message: the array, the identifier, the
// index in two bytes, and the data behind a head of five.
const maxMessage = 1 + 17 + 2 + 5 + MaxShardSize

var decoder = wire.New(wire.Limits{Bytes: maxMessage, Items: 16, Depth: 4})

// Message carries one shard, the message of type 2 of the neighbours' protocol
// (shard.cddl). It is neither signed nor secret: the hash in the signed header
// vouches for the data, which are ciphertext.
type Message struct {
	_     struct{} `cbor:",toarray"`
	ID    [16]byte // the update, as its header names it
	Index uint8    // below MaxShards
	Data  []byte   // 1 to MaxShardSize bytes
}

// Encode returns the message in deterministic CBOR. It panics on data or an
// index that [DecodeMessage] would refuse, which [Split] never returns.
func (m Message) Encode() []byte {
	if err := m.check(); err != nil {
		panic(err.Error())
	}
	return wire.MustMarshal(m)
}

// DecodeMessage decodes the message of one shard and checks its bounds. The data
// are a copy. The error wraps one of the wire package, [ErrIndex] or [ErrSize].
func DecodeMessage(b []byte) (Message, error) {
	var m Message
	if err := decoder.Unmarshal(b, &m); err != nil {
		return Message{}, fmt.Errorf("decode shard: %w", err)
	}
	if err := m.check(); err != nil {
		return Message{}, err
	}
	return m, nil
}

func (m Message) check() error {
	if m.Index >= MaxShards {
		return fmt.Errorf("%w: %d, below %d", ErrIndex, m.Index, MaxShards)
	}
	if len(m.Data) < 1 || len(m.Data) > MaxShardSize {
		return fmt.Errorf("%w: shard of %d bytes, want 1 to %d", ErrSize, len(m.Data), MaxShardSize)
	}
	return nil
}
