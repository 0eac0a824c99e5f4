// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package cose

import (
	"crypto/ed25519"
	"fmt"
	"io"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// Signer is an owner's secret key. Printed, logged or encoded it shows its public
// key; [Signer.Encode] alone gives the secret away.
type Signer struct {
	// A function, since package fmt prints the fields of a struct that holds a
	// Signer in an unexported field without asking its methods.
	key func() ed25519.PrivateKey
}

// NewSigner draws a key.
func NewSigner(rand io.Reader) (*Signer, error) {
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(rand, seed[:]); err != nil {
		return nil, fmt.Errorf("cose: read randomness: %w", err)
	}
	return signerOf(seed), nil
}

func signerOf(seed [ed25519.SeedSize]byte) *Signer {
	key := ed25519.NewKeyFromSeed(seed[:])
	return &Signer{func() ed25519.PrivateKey { return key }}
}

// Public returns the public key.
func (s Signer) Public() ed25519.PublicKey { return s.key().Public().(ed25519.PublicKey) }

// Sign1 returns the payload, [MaxPayload] bytes at most, in a signed message for
// the use that label and aad name: whoever verifies it must name the same. The
// label is one of the wire package's list. The same arguments give the same bytes.
func (s Signer) Sign1(label wire.Label, payload []byte, aad ...[]byte) ([]byte, error) {
	if len(payload) > MaxPayload {
		return nil, fmt.Errorf("%w: %d bytes to sign, at most %d", wire.ErrLimit, len(payload), MaxPayload)
	}
	protected := wire.MustMarshal(header{Algorithm: algEdDSA, KeyID: IDOf(s.Public())})
	signed := sigStructure(protected, external(label, aad), payload)
	m := sign1{Protected: protected, Payload: payload, Signature: [ed25519.SignatureSize]byte(ed25519.Sign(s.key(), signed))}
	return append([]byte{tagSign1}, wire.MustMarshal(m)...), nil
}

// String returns the public key as text.
func (s Signer) String() string {
	if s.key == nil {
		return ""
	}
	return EncodePublic(s.Public())
}

// Format is of [fmt.Formatter], which stands before every verb.
func (s Signer) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText is of [encoding.TextMarshaler], which JSON, TOML and slog use.
func (s Signer) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
