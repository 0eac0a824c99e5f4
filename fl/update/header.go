// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"crypto/cipher"
	"crypto/sha256"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/wire"
	"golang.org/x/crypto/chacha20poly1305"
)

// Header describes an update. Its fields are those of update.cddl, in order.
type Header struct {
	_         struct{} `cbor:",toarray"`
	Task      [16]byte
	Base      [32]byte // hash of the model that all began with
	Vectors   uint8    // 1..MaxVectors
	Params    uint32   // numbers in each vector, or of the model of an exchange
	Quant     Quant
	Size      uint32   // bytes of the ciphertext
	K, M      uint8    // data and parity shards; 0 when inline
	Key       [32]byte // opens the ciphertext, and nothing else
	CTHash    [32]byte // SHA-256 of the ciphertext
	MHash     [32]byte // SHA-256 of the payload
	ShardHash []shard.Hash
	Weight    uint32   // of the update in a mean; always 1 in this version
	ID        [16]byte // names the update in its shards; only its sender can have it
}

// weight is that of every update: with others a neighbour could give itself any
// share of a mean.
const weight = 1

// Message is the message of type 1: a header, and the ciphertext where it is
// small.
type Message struct {
	_      struct{} `cbor:",toarray"`
	Header Header
	Inline *[]byte // nil where the ciphertext comes in shards
}

// MaxMessage bounds the encoding of a Message, in bytes: the hashes of
// shard.MaxShards shards, a ciphertext of InlineMax, and 256 for all the rest.
const MaxMessage = shard.MaxShards*(1+shard.HashSize) + InlineMax + 256

var decoder = wire.New(wire.Limits{Bytes: MaxMessage, Items: shard.MaxShards, Depth: 4})

// Want is what the receiver learns, which every update must be for.
type Want struct {
	Task    [16]byte
	Base    [32]byte
	Params  int // numbers in each vector
	Vectors int // 1..MaxVectors
	Bytes   int // not 0: bytes instead of vectors, so many at most

	Exchange    bool        // an exchange instead of vectors, of Params numbers
	Compression Compression // of its deltas
}

// fits reports whether the header is of what the receiver wants.
func (w *Want) fits(h *Header) bool {
	switch {
	case w.Bytes > 0:
		return h.Quant == Bytes && h.Vectors == 1 && h.Params >= 1 && int64(h.Params) <= int64(w.Bytes)
	case w.Exchange:
		return h.Quant == Framed && h.Vectors == 1 && int64(h.Params) == int64(w.Params)
	}
	return h.Quant.valid() && int(h.Vectors) == w.Vectors && int64(h.Params) == int64(w.Params)
}

// checkSize refuses a ciphertext that is not as long as what the receiver wants,
// or longer than an exchange can be.
func (w *Want) checkSize(h *Header) error {
	if h.Quant == Framed {
		if least, most, ok := w.exchangeSizes(); !ok || int64(h.Size) < int64(least) || int64(h.Size) > int64(most) {
			return refuse(ReasonSize, "%d bytes of an exchange, want %d to %d", h.Size, least, most)
		}
		return nil
	}
	if size, ok := sealedSize(h.Quant, int(h.Params), int(h.Vectors)); !ok || int64(h.Size) != int64(size) {
		return refuse(ReasonSize, "%d bytes, want %d", h.Size, size)
	}
	return nil
}

// DecodeHeader decodes the message of a header and checks it against what the
// receiver wants. The error is a [*Refused].
func DecodeHeader(msg []byte, want Want) (Message, error) {
	var m Message
	if err := decoder.Unmarshal(msg, &m); err != nil {
		return Message{}, refuse(ReasonMalformed, "%v", err)
	}
	h := &m.Header
	switch {
	case h.Task != want.Task:
		return Message{}, refuse(ReasonTask, "%x", h.Task)
	case h.Base != want.Base:
		return Message{}, refuse(ReasonBase, "%x", h.Base[:8])
	case !want.fits(h):
		return Message{}, refuse(ReasonShape, "%d vectors of %d numbers, encoding %v", h.Vectors, h.Params, h.Quant)
	case h.Weight != weight:
		return Message{}, refuse(ReasonMalformed, "weight %d", h.Weight)
	}
	if err := want.checkSize(h); err != nil {
		return Message{}, err
	}
	if err := m.checkShards(); err != nil {
		return Message{}, err
	}
	return m, nil
}

// checkShards holds the code of the shards, or the inline ciphertext, against
// the size.
func (m *Message) checkShards() error {
	h := &m.Header
	if m.Inline != nil {
		if h.K != 0 || h.M != 0 || len(h.ShardHash) != 0 {
			return refuse(ReasonShards, "inline and %d+%d shards", h.K, h.M)
		}
		if n := len(*m.Inline); n > InlineMax || n != int(h.Size) {
			return refuse(ReasonSize, "%d bytes inline, want %d", n, h.Size)
		}
		return nil
	}
	// The joiner that is made of the same fields checks them again, but makes
	// room first for what it is given.
	c := h.code()
	if err := c.Validate(); err != nil {
		return refuse(ReasonShards, "%v", err)
	}
	if len(h.ShardHash) != c.K+c.M || c.ShardSize(int(h.Size)) > shard.MaxShardSize {
		return refuse(ReasonShards, "%d hashes for %d+%d shards of %d bytes", len(h.ShardHash), c.K, c.M, c.ShardSize(int(h.Size)))
	}
	return nil
}

func (h *Header) code() shard.Code { return shard.Code{K: int(h.K), M: int(h.M)} }

// identify returns the id that an update has which this sender seals under the
// header's key. To those who do not have the key it tells nothing of the sender.
func (h *Header) identify(sender [16]byte) [16]byte {
	sum := wire.Hash(wire.LabelUpdate, sender[:], h.Key[:])
	return [16]byte(sum[:16])
}

// checkSender refuses a header under an id that is not the sender's. Whoever
// opened another's header could repeat it else, and count with the other's
// shards, or put a header under its id that keeps these from it.
func (h *Header) checkSender(from [16]byte) error {
	if h.ID != h.identify(from) {
		return refuse(ReasonSender, "id %x is not of %x", h.ID, from)
	}
	return nil
}

// associated returns the additional data that ties a ciphertext to its update.
func (h *Header) associated() []byte {
	return wire.LV([]byte(wire.LabelPayload), h.ID[:], h.Task[:], h.Base[:])
}

func (h *Header) aead() cipher.AEAD {
	aead, err := chacha20poly1305.New(h.Key[:])
	if err != nil {
		panic("update: " + err.Error()) // only for a key of another length
	}
	return aead
}

// unseal returns the payload in the ciphertext. The error is a [*Refused].
func (h *Header) unseal(sealed []byte) ([]byte, error) {
	if sha256.Sum256(sealed) != h.CTHash {
		return nil, refuse(ReasonHash, "of the ciphertext")
	}
	// A zero nonce is sound, since the key is used once.
	payload, err := h.aead().Open(nil, make([]byte, chacha20poly1305.NonceSize), sealed, h.associated())
	if err != nil {
		return nil, refuse(ReasonOpen, "%v", err)
	}
	if sha256.Sum256(payload) != h.MHash {
		return nil, refuse(ReasonHash, "of the payload")
	}
	return payload, nil
}
