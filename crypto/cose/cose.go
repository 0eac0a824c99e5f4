// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package cose signs what an owner says to devices: COSE_Sign1 of RFC 9052,
// section 4.2, by EdDSA over Ed25519 (RFC 9053, section 2.2), in one profile that
// has no options (cose.cddl). The message has its tag, the payload lies within,
// the protected header is the algorithm and the identifier of the key, the other
// header is empty, and all of it is core deterministic CBOR (RFC 8949, section
// 4.2.1), so that a message has one encoding. A label in the external data keeps
// a signature of one use from any other. The package also writes owners' keys as
// text that people can paste.
//
// A signature says who spoke, and hides nothing: the identifier tells every
// reader which owner it was. The zero values of [Signer] and [Message] are not
// usable; take them from [NewSigner], [DecodeKey] and [Parse]. Everything here is
// safe for concurrent use.
package cose

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Limits on a message, in bytes.
const (
	MaxPayload = 1 << 20
	MaxMessage = MaxPayload + Overhead

	// Overhead is what a message is longer than its payload, at most: tag and
	// array, protected header, unprotected header, head of the payload, signature.
	Overhead = 2 + 22 + 1 + 5 + 66
)

// Reasons for which a message is refused. Each refusal wraps one of them, or one
// of the wire package's.
var (
	ErrTag       = errors.New("cose: not a tagged COSE_Sign1")
	ErrHeader    = errors.New("cose: header refused")
	ErrKey       = errors.New("cose: not signed by a key that is trusted here")
	ErrSignature = errors.New("cose: wrong signature")
)

const (
	tagSign1 = 0xd2 // the head of tag 18, in its one deterministic form
	algEdDSA = -8
)

// KeyID names a public key: the first 16 bytes of its SHA-256.
type KeyID [16]byte

// IDOf returns the identifier of a public key.
func IDOf(key ed25519.PublicKey) KeyID {
	sum := sha256.Sum256(key)
	return KeyID(sum[:16])
}

func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// header is the protected header. Parameters that it does not have are refused,
// whether or not the sender calls them critical.
type header struct {
	Algorithm int64 `cbor:"1,keyasint"`
	KeyID     KeyID `cbor:"4,keyasint"`
}

// sign1 is what the tag stands before.
type sign1 struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte   // the encoded header
	Unprotected struct{} // a map, which is empty
	Payload     []byte
	Signature   [ed25519.SignatureSize]byte
}

// toBeSigned is Sig_structure of RFC 9052, section 4.4.
type toBeSigned struct {
	_         struct{} `cbor:",toarray"`
	Context   string   // "Signature1"
	Protected []byte
	External  []byte
	Payload   []byte
}

func sigStructure(protected, external, payload []byte) []byte {
	return wire.MustMarshal(toBeSigned{Context: "Signature1", Protected: protected, External: external, Payload: payload})
}

// external returns the external data of a use: an array of the label and of
// what both sides know beside the message, as byte strings.
func external(label wire.Label, aad [][]byte) []byte {
	if label == "" {
		panic("cose: a signature without a label")
	}
	items := []any{label}
	for _, a := range aad {
		items = append(items, a)
	}
	return wire.MustMarshal(items)
}

var (
	decoder       = wire.New(wire.Limits{Bytes: MaxMessage, Items: 16, Depth: 4})
	headerDecoder = wire.New(wire.Limits{Bytes: 64, Items: 16, Depth: 4})
)

// Message is a message that was parsed. Nobody vouches for its content but what
// [Message.Verify] hands out.
type Message struct {
	id        KeyID
	protected []byte
	payload   []byte
	signature [ed25519.SignatureSize]byte
}

// Parse decodes a message whose payload has maxPayload bytes at most, 1 to
// [MaxPayload]. It looks at nothing that is longer. The error wraps [ErrTag],
// [ErrHeader], or one of the wire package's.
func Parse(b []byte, maxPayload int) (*Message, error) {
	if maxPayload < 1 || maxPayload > MaxPayload {
		panic(fmt.Sprintf("cose: a limit of %d bytes, want 1 to %d", maxPayload, MaxPayload))
	}
	if len(b) > maxPayload+Overhead {
		return nil, fmt.Errorf("%w: a signed message of %d bytes, at most %d", wire.ErrLimit, len(b), maxPayload+Overhead)
	}
	if len(b) == 0 || b[0] != tagSign1 {
		return nil, ErrTag
	}
	var s sign1
	if err := decoder.Unmarshal(b[1:], &s); err != nil {
		return nil, fmt.Errorf("decode signed message: %w", err)
	}
	if len(s.Payload) > maxPayload {
		return nil, fmt.Errorf("%w: a signed payload of %d bytes, at most %d", wire.ErrLimit, len(s.Payload), maxPayload)
	}
	var h header
	if err := headerDecoder.Unmarshal(s.Protected, &h); err != nil {
		return nil, fmt.Errorf("%w: it holds an algorithm and a key identifier, nothing else: %w", ErrHeader, err)
	}
	if h.Algorithm != algEdDSA {
		return nil, fmt.Errorf("%w: algorithm %d, want %d (EdDSA)", ErrHeader, h.Algorithm, algEdDSA)
	}
	return &Message{id: h.KeyID, protected: s.Protected, payload: s.Payload, signature: s.Signature}, nil
}

// KeyID returns the identifier of the key by which the message says it is signed.
func (m *Message) KeyID() KeyID { return m.id }

// Unverified returns the payload, for which nobody vouches: it is for what may be
// read whoever said it. It shares memory with the message.
func (m *Message) Unverified() []byte { return m.payload }

// Verify returns the payload and which of the keys signed it, for the use that
// label and aad name. The error wraps [ErrKey] where none of the keys is the one
// that the message names or where that is a weak one, else [ErrSignature], which
// says as little as there is to know: another message, another use or a forgery.
func (m *Message) Verify(keys []ed25519.PublicKey, label wire.Label, aad ...[]byte) ([]byte, ed25519.PublicKey, error) {
	use := external(label, aad)
	refusal := fmt.Errorf("%w: it names the key %v", ErrKey, m.id)
	for _, key := range keys {
		if len(key) != ed25519.PublicKeySize {
			panic(fmt.Sprintf("cose: a public key of %d bytes", len(key)))
		}
		if IDOf(key) != m.id {
			continue
		}
		if group.WeakEd25519([32]byte(key)) {
			return nil, nil, fmt.Errorf("%w: %v is a weak key, under which anybody can sign", ErrKey, m.id)
		}
		if ed25519.Verify(key, sigStructure(m.protected, use, m.payload), m.signature[:]) {
			return m.payload, key, nil
		}
		refusal = fmt.Errorf("%w under the key %v, for the use %q", ErrSignature, m.id, label)
	}
	return nil, nil, refusal
}
