// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package update is the form in which parameters travel between neighbours:
// vectors as float32, in 8 bits or in 4, or, for neighbours that keep replicas of
// each other, the deltas to these (Koloskova, Stich and Jaggi, Decentralized
// stochastic optimization and gossip algorithms with compressed communication,
// 2019) in the encoding of a [Compression]; sealed under a key of their own, cut
// into shards, and described by a header that the sender signs
// (crypto/PROTOCOL.md, Rounds and updates; update.cddl). [Pack] and
// [PackExchange] make an update and a [Collector] joins headers and shards again,
// within a bound of memory that no sender can use up for the others. Everything
// that arrives is checked against what the receiver wants before memory is taken,
// and refused with a reason to count.
//
// The functions are safe for concurrent use; a Collector belongs to one
// goroutine, and its zero value is not usable. The zero Quant is float32, and the
// zero Compression none.
package update

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/tensor"
	"golang.org/x/crypto/chacha20poly1305"
)

// Sizes of an update.
const (
	MaxVectors   = 2                         // vectors of an update
	MaxSize      = shard.MaxSize             // bytes of the ciphertext
	InlineMax    = 1024                      // bytes of a ciphertext that travels in its header
	DefaultChunk = 4096                      // bytes of a transport chunk
	overhead     = chacha20poly1305.Overhead // bytes that sealing adds
)

// Spec says whose an update is, what it belongs to and how it is packed.
type Spec struct {
	Sender [16]byte // pseudonym that signs the header; from any other it is refused
	Task   [16]byte
	Base   [32]byte // the model that all began with
	Quant  Quant
	Chunk  int // usable bytes of a transport chunk; 0 means DefaultChunk
}

// Packed is an update that is ready to send: the message of its header, to be
// signcrypted, and one message for each shard, none for an inline update.
type Packed struct {
	ID      [16]byte
	Message []byte // type 1
	Shards  []shard.Message
	Payload int // bytes of the vectors as encoded, before sealing
	copies  int
}

// Copies returns how often the header goes out, each time in another chunk: once
// more than shards may be lost.
func (p *Packed) Copies() int { return p.copies }

// Pack encodes one or two vectors of equal length, seals them under a key from
// rand and cuts them into shards, or puts them into the header when they are
// small. Numbers must be finite.
func Pack(rand io.Reader, spec Spec, vectors [][]float32) (*Packed, error) {
	if err := checkVectors(spec.Quant, vectors); err != nil {
		return nil, fmt.Errorf("pack update: %w", err)
	}
	h := Header{Quant: spec.Quant, Vectors: uint8(len(vectors)), Params: uint32(len(vectors[0]))}
	return packPayload(rand, spec, h, encodePayload(spec.Quant, vectors))
}

// packPayload seals a payload, whose form the header says, and cuts it.
func packPayload(rand io.Reader, spec Spec, h Header, payload []byte) (*Packed, error) {
	h.Task, h.Base, h.Weight = spec.Task, spec.Base, weight
	h.Size, h.MHash = uint32(len(payload)+overhead), sha256.Sum256(payload)
	if _, err := io.ReadFull(rand, h.Key[:]); err != nil {
		return nil, fmt.Errorf("pack update: read random bytes: %w", err)
	}
	h.ID = h.identify(spec.Sender)
	sealed := seal(&h, payload)
	h.CTHash = sha256.Sum256(sealed)
	p := &Packed{ID: h.ID, Payload: len(payload), copies: 1}
	m := Message{Header: h}
	if len(sealed) <= InlineMax {
		m.Inline = &sealed
	} else if err := p.split(&m.Header, sealed, spec.Chunk); err != nil {
		return nil, fmt.Errorf("pack update: %w", err)
	}
	p.Message = wire.MustMarshal(m)
	return p, nil
}

// split cuts the ciphertext into shards and notes them in the header.
func (p *Packed) split(h *Header, sealed []byte, chunk int) error {
	code := plan(len(sealed), chunk)
	shards, hashes, err := shard.Split(code, sealed)
	if err != nil {
		return err
	}
	h.K, h.M, h.ShardHash = uint8(code.K), uint8(code.M), hashes
	p.copies = code.M + 1
	for i, data := range shards {
		p.Shards = append(p.Shards, shard.Message{ID: h.ID, Index: uint8(i), Data: data})
	}
	return nil
}

func checkVectors(q Quant, vectors [][]float32) error {
	if len(vectors) < 1 || len(vectors) > MaxVectors {
		return fmt.Errorf("%d vectors; it takes 1 to %d", len(vectors), MaxVectors)
	}
	for _, v := range vectors {
		switch {
		case len(v) == 0 || len(v) != len(vectors[0]):
			return errors.New("vectors are empty or of different length")
		case !tensor.Finite(v):
			return ErrNotFinite
		}
	}
	if !q.valid() {
		return fmt.Errorf("quantization %d is unknown", q)
	}
	if n, ok := sealedSize(q, len(vectors[0]), len(vectors)); !ok {
		return fmt.Errorf("%d bytes are too many for an update, at most %d: use a smaller model or stronger compression", n, MaxSize)
	}
	return nil
}

// What a shard's message and a frame of the transport add to data, in bytes.
const (
	messageOverhead = 24
	frameOverhead   = 13
)

// Chunks returns how many transport chunks of so many usable bytes an update
// with so many bytes of encoded vectors takes at most: one for each shard, and
// for shards that outgrow a chunk all that they need, beside the header's copies.
func Chunks(vectorBytes, chunk int) int {
	sealed := vectorBytes + MaxVectors*headMost + 1 + overhead
	if sealed <= InlineMax {
		return 1
	}
	code := plan(sealed, chunk)
	size := code.ShardSize(sealed)
	if size+shard.Room <= chunk {
		return code.K + code.M
	}
	usable := max(1, chunk-frameOverhead)
	return (code.K+code.M)*((size+messageOverhead+usable-1)/usable) + code.M + 1
}

func plan(size, chunk int) shard.Code {
	if chunk <= 0 {
		chunk = DefaultChunk
	}
	return shard.Plan(size, chunk)
}

// seal encrypts the payload under the header's key.
func seal(h *Header, payload []byte) []byte {
	aead := h.aead()
	return aead.Seal(nil, make([]byte, chacha20poly1305.NonceSize), payload, h.associated())
}
