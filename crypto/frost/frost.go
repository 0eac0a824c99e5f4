// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package frost is FROST(ristretto255, SHA-512) of RFC 9591, t of n signers who
// make one Schnorr signature, and the dealing of their shares: Pedersen's
// verifiable secret sharing with a proof of possession, as in figure 1 of Komlo
// and Goldberg's FROST, both from nothing and from the shares of earlier
// signers, who hand the same key on. A part or a deal that is wrong names its
// author.
//
// The functions keep nothing; randomness is handed in. The zero values are not
// usable. [Nonces] and [Polynomial] belong to one goroutine, the rest is read
// only and safe for concurrent use.
package frost

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"io"

	"github.com/gtank/ristretto255"
	"github.com/vecino-edge/vecino/crypto/group"
)

// context is FROST's contextString of RFC 9591, section 6.2.
const context = "FROST-RISTRETTO255-SHA512-v1"

// MaxSigners bounds the signers of a group and their indices.
const MaxSigners = 16

// ErrRefused is the error of a signer whose nonces do not belong to what it is
// asked to sign.
var ErrRefused = errors.New("frost: refused")

// Share is a signer's share of the signing key: point Index of a polynomial
// whose value at 0 nobody needs to know.
type Share struct {
	Index  uint8 // 1 to MaxSigners
	Secret *group.Scalar
}

// Public returns the share's verification key Y.
func (s Share) Public() *group.Point { return group.Base(s.Secret) }

// Nonces are a signer's secret numbers for one signature. They live in memory
// only and are never used twice: [Signing.Sign] takes them away.
type Nonces struct {
	hiding, binding *group.Scalar
}

// Commitment is the public side of a signer's nonces.
type Commitment struct {
	_       struct{} `cbor:",toarray"`
	Index   uint8
	Hiding  [group.Size]byte
	Binding [group.Size]byte
}

// Valid reports whether both commitments are points other than the identity.
func (c Commitment) Valid() bool {
	_, hidingErr := group.DecodePoint(c.Hiding)
	_, bindingErr := group.DecodePoint(c.Binding)
	return hidingErr == nil && bindingErr == nil
}

// Commit is round one: fresh nonces and their commitment (RFC 9591, 5.1). It
// reads 64 bytes of randomness.
func Commit(rand io.Reader, s Share) (*Nonces, Commitment, error) {
	hiding, err := nonce(rand, s.Secret)
	if err != nil {
		return nil, Commitment{}, err
	}
	binding, err := nonce(rand, s.Secret)
	if err != nil {
		return nil, Commitment{}, err
	}
	return &Nonces{hiding, binding}, Commitment{
		Index: s.Index, Hiding: group.EncodePoint(group.Base(hiding)), Binding: group.EncodePoint(group.Base(binding)),
	}, nil
}

// nonce mixes fresh randomness with the secret (RFC 9591, 4.1).
func nonce(rand io.Reader, secret *group.Scalar) (*group.Scalar, error) {
	var fresh [32]byte
	if _, err := io.ReadFull(rand, fresh[:]); err != nil {
		return nil, fmt.Errorf("frost: read randomness: %w", err)
	}
	return hash("nonce", fresh[:], secret.Bytes()), nil
}

func hash(tag string, parts ...[]byte) *group.Scalar {
	return group.Reduce(digest(tag, parts...))
}

func digest(tag string, parts ...[]byte) [sha512.Size]byte {
	h := sha512.New()
	io.WriteString(h, context+tag)
	for _, p := range parts {
		h.Write(p)
	}
	return [sha512.Size]byte(h.Sum(nil))
}

// Challenge is H2 of RFC 9591, section 6.2: the hash of the commitment, the
// group's public key and the message.
func Challenge(r, p [group.Size]byte, msg []byte) *group.Scalar {
	return hash("chal", r[:], p[:], msg)
}

func identifier(index uint8) *group.Scalar { return group.Reduce([64]byte{index}) }

func one() *group.Scalar { return identifier(1) }

// lagrange is the coefficient at 0 of one of several different indices, none of
// them 0.
func lagrange(own uint8, set []uint8) *group.Scalar {
	num, den := one(), one()
	self := identifier(own)
	for _, other := range set {
		if other == own {
			continue
		}
		x := identifier(other)
		num.Multiply(num, x)
		den.Multiply(den, ristretto255.NewScalar().Subtract(x, self))
	}
	return num.Multiply(num, den.Invert(den))
}
