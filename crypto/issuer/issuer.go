// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package issuer makes and checks what a neighbourhood's issuers sign: the
// charter, which says who belongs, and the partial keys, without which no
// device can speak. Signing is FROST of RFC 9591 (package frost), t of n
// signers. For keys the asking device is the coordinator ([Asking], [Signer]);
// for all else one of the issuers is, among whom a [Council] also deals new
// shares. A neighbourhood that has just been founded has one issuer, t = n = 1,
// and runs the same rounds.
//
// Requests and answers travel under HPKE (RFC 9180: X25519, HKDF-SHA256,
// ChaCha20-Poly1305). The zero values are not usable. A [Signer] and a [Council]
// are safe for concurrent use, the rest is not.
package issuer

import (
	"crypto/ecdh"
	"crypto/hpke"
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Message types of the neighbours' plane that belong here.
const (
	TypeRequest = 3
	TypeAnswer  = 4
)

// MaxIssuers bounds the issuers of a neighbourhood, MaxMembers its members.
const (
	MaxIssuers = 16
	MaxMembers = 32
)

// MaxName is the length of the longest member's name, of [a-z0-9-].
const MaxName = 32

// ErrRefused is the one error for a request or an answer that is not right.
var ErrRefused = errors.New("issuer: refused")

// Names of package frost that charters, keys and key requests are made of.
type (
	Share      = frost.Share
	Commitment = frost.Commitment
	Signature  = frost.Signature
)

// Pub is an encoded public key: of ristretto255, X25519 or Ed25519.
type Pub = [32]byte

// HPKE of the protocol: one suite, so that there is nothing to negotiate.
func sealTo(to Pub, info, plaintext []byte) ([]byte, error) {
	key, err := ecdh.X25519().NewPublicKey(to[:])
	if err != nil {
		return nil, fmt.Errorf("issuer: hpke key: %w", err)
	}
	pk, err := hpke.NewDHKEMPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("issuer: hpke key: %w", err)
	}
	return hpke.Seal(pk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, plaintext)
}

func openWith(key *ecdh.PrivateKey, info, ciphertext []byte) ([]byte, error) {
	sk, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return hpke.Open(sk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, ciphertext)
}

// SealTo encrypts to an X25519 key by the protocol's HPKE suite.
func SealTo(to Pub, info, plaintext []byte) ([]byte, error) { return sealTo(to, info, plaintext) }

// OpenWith decrypts what SealTo made, or fails with [ErrRefused].
func OpenWith(key *ecdh.PrivateKey, info, ciphertext []byte) ([]byte, error) {
	plain, err := openWith(key, info, ciphertext)
	if err != nil {
		return nil, ErrRefused
	}
	return plain, nil
}

// ValidName reports whether a member may be called so.
func ValidName(name string) bool {
	if name == "" || len(name) > MaxName {
		return false
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func lv(label wire.Label, parts ...[]byte) []byte {
	return wire.LV(append([][]byte{[]byte(label)}, parts...)...)
}
