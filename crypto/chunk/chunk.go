// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package chunk is the outermost layer between neighbours: chunks of one fixed
// size under XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with a key that a
// whole neighbourhood shares for an epoch, and in their payloads frames that
// carry messages, or parts of long ones, and zeros behind them (chunk.cddl). The
// broker learns the number of chunks and nothing about their content; the layer
// hides messages from strangers and says nothing about who wrote them.
//
// A [Sealer] is safe for concurrent use; a [Packer] and an [Assembler] are used
// by one goroutine at a time. None of their zero values is usable: take them
// from [NewSealer], [NewPacker] and [NewAssembler].
package chunk

import (
	"crypto/cipher"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// Sizes in bytes.
const (
	Payload = 4096                          // what a chunk carries, frames and zeros
	Size    = nonceSize + Payload + tagSize // a chunk, each and every one

	nonceSize = chacha20poly1305.NonceSizeX
	tagSize   = chacha20poly1305.Overhead
)

// Key is the outer key of a neighbourhood for one epoch, or of its door.
type Key [chacha20poly1305.KeySize]byte

// Sealer seals and opens the chunks of one key and one topic. It keeps what
// [Seal] and [Open] make anew for each chunk, so that opening allocates nothing.
type Sealer struct {
	aead  cipher.AEAD
	topic []byte // the additional data
}

// NewSealer returns a sealer for the chunks on one topic under a key, which it
// copies.
func NewSealer(key *Key, topic string) *Sealer {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic("chunk: " + err.Error()) // only for a key of another length
	}
	return &Sealer{aead: aead, topic: []byte(topic)}
}

// Seal returns a new chunk with the payload, under a nonce of 24 bytes from rand.
func (s *Sealer) Seal(rand io.Reader, payload *[Payload]byte) ([]byte, error) {
	chunk := make([]byte, nonceSize, Size)
	if _, err := io.ReadFull(rand, chunk); err != nil {
		return nil, fmt.Errorf("chunk: read nonce: %w", err)
	}
	return s.aead.Seal(chunk, chunk, payload[:], s.topic), nil
}

// Open writes the payload of a chunk to payload and reports whether the chunk is
// one of this key and topic. If not, the payload is undefined. Why a chunk is
// refused is not told, and one of another length is refused without a look.
func (s *Sealer) Open(payload *[Payload]byte, chunk []byte) (ok bool) {
	if len(chunk) != Size {
		return false
	}
	_, err := s.aead.Open(payload[:0], chunk[:nonceSize], chunk[nonceSize:], s.topic)
	return err == nil
}

// Seal is [Sealer.Seal] for a single chunk.
func Seal(rand io.Reader, key *Key, topic string, payload *[Payload]byte) ([]byte, error) {
	return NewSealer(key, topic).Seal(rand, payload)
}

// Open is [Sealer.Open] for a single chunk. The payload has [Payload] bytes.
func Open(key *Key, topic string, chunk []byte) (payload []byte, ok bool) {
	var p [Payload]byte
	if !NewSealer(key, topic).Open(&p, chunk) {
		return nil, false
	}
	return p[:], true
}
