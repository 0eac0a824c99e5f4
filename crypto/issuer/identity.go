// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
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

// errWeakKey is a public key with which every secret is the same.
var errWeakKey = errors.New("issuer: weak public key")

// agreement is what y belongs to: the secret between a member and an issuer
// under which key requests of an epoch are made. Here it comes from their key
// agreement, and the issuer sees who asks. With blind tokens y is the token's
// output and the member's place is taken by the token's serial.
type agreement struct {
	nbhd           [16]byte
	epoch          uint32
	member, issuer Pub // X25519; the latter is the issuer's HPKE key
}

// secret returns y as one side computes it, from its own private key and the
// other's public key. Both public keys go into it, since X25519 alone gives the
// same secret for several encodings of one key.
func (a agreement) secret(own *ecdh.PrivateKey, other Pub) (y [32]byte, err error) {
	key, err := ecdh.X25519().NewPublicKey(other[:])
	if err != nil {
		return y, errWeakKey
	}
	shared, err := own.ECDH(key)
	if err != nil {
		return y, errWeakKey
	}
	return wire.Key(shared, wire.LabelKeyRequest, a.nbhd[:], wire.U32(a.epoch), a.member[:], a.issuer[:]), nil
}
