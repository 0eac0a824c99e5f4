// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"fmt"
	"io"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// Identity holds the keys that a device shows at the door and to issuers, and
// never beside a pseudonym. They live in the state folder.
type Identity struct {
	Sign  ed25519.PrivateKey
	Agree *ecdh.PrivateKey
}

// NewIdentity draws an identity.
func NewIdentity(rand io.Reader) (*Identity, error) {
	var seeds [2][32]byte
	for i := range seeds {
		if _, err := io.ReadFull(rand, seeds[i][:]); err != nil {
			return nil, fmt.Errorf("issuer: draw identity: %w", err)
		}
	}
	return identityFrom(seeds[0], seeds[1])
}

func identityFrom(sign, agree [32]byte) (*Identity, error) {
	key, err := ecdh.X25519().NewPrivateKey(agree[:])
	if err != nil {
		return nil, fmt.Errorf("issuer: identity: %w", err)
	}
	return &Identity{Sign: ed25519.NewKeyFromSeed(sign[:]), Agree: key}, nil
}

// Ed25519 returns the public signing key.
func (id *Identity) Ed25519() Pub { return Pub(id.Sign.Public().(ed25519.PublicKey)) }

// X25519 returns the public key for key agreement.
func (id *Identity) X25519() Pub { return Pub(id.Agree.PublicKey().Bytes()) }

type savedIdentity struct {
	_           struct{} `cbor:",toarray"`
	Sign, Agree [32]byte
}

// Save returns the secret keys as bytes.
func (id *Identity) Save() []byte {
	return wire.MustMarshal(savedIdentity{Sign: [32]byte(id.Sign.Seed()), Agree: [32]byte(id.Agree.Bytes())})
}

// RestoreIdentity reads what Save wrote.
func RestoreIdentity(b []byte) (*Identity, error) {
	var s savedIdentity
	if err := wire.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("issuer: restore identity: %w", err)
	}
	return identityFrom(s.Sign, s.Agree)
}
