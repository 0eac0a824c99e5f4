// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Keys are an issuer's secrets. Share and the group key P make partial keys,
// the others receive requests and sign what is the issuer's own.
type Keys struct {
	Share   Share
	P       Pub
	POPRF   *group.Scalar
	HPKE    *ecdh.PrivateKey
	Ed25519 ed25519.PrivateKey
}

// Found draws the keys of a neighbourhood's first and only issuer.
func Found(rand io.Reader) (*Keys, error) {
	x, err := group.RandomScalar(rand)
	if err != nil {
		return nil, err
	}
	poprf, err := group.RandomScalar(rand)
	if err != nil {
		return nil, err
	}
	id, err := NewIdentity(rand)
	if err != nil {
		return nil, err
	}
	return &Keys{
		Share: Share{Index: 1, Secret: x}, P: group.EncodePoint(group.Base(x)),
		POPRF: poprf, HPKE: id.Agree, Ed25519: id.Sign,
	}, nil
}

// Public returns the issuer's entry in a charter.
func (k *Keys) Public() Issuer {
	return Issuer{
		Index: k.Share.Index, Y: group.EncodePoint(k.Share.Public()), POPRF: group.EncodePoint(group.Base(k.POPRF)),
		HPKE: Pub(k.HPKE.PublicKey().Bytes()), Ed25519: Pub(k.Ed25519.Public().(ed25519.PublicKey)),
	}
}

// SignCharter signs a charter as a neighbourhood's only issuer. It fails where
// the charter breaks a bound, names another P, or needs more than this share.
func (k *Keys) SignCharter(rand io.Reader, c *Charter) (*SignedCharter, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("issuer: sign charter: %w", err)
	}
	if c.P != k.P {
		return nil, errors.New("issuer: sign charter: it names another public key P than this issuer's")
	}
	b, err := wire.Marshal(c)
	if err != nil {
		return nil, err
	}
	sig, err := signAlone(rand, k.Share, k.P, b)
	if err != nil {
		return nil, err
	}
	if !sig.Verify(k.P, b) {
		return nil, errors.New("issuer: sign charter: this issuer's share alone does not sign under P")
	}
	return &SignedCharter{Charter: b, Signatures: []Signature{sig}}, nil
}

type savedKeys struct {
	_                    struct{} `cbor:",toarray"`
	Index                uint8
	Secret, P            [32]byte
	POPRF, HPKE, Ed25519 [32]byte
}

// Save returns the secret keys as bytes.
func (k *Keys) Save() []byte {
	return wire.MustMarshal(savedKeys{
		Index: k.Share.Index, Secret: group.EncodeScalar(k.Share.Secret), P: k.P, POPRF: group.EncodeScalar(k.POPRF),
		HPKE: [32]byte(k.HPKE.Bytes()), Ed25519: [32]byte(k.Ed25519.Seed()),
	})
}

// RestoreKeys reads what Save wrote.
func RestoreKeys(b []byte) (*Keys, error) {
	var s savedKeys
	if err := wire.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("issuer: restore keys: %w", err)
	}
	if s.Index == 0 || s.Index > MaxIssuers {
		return nil, fmt.Errorf("issuer: restore keys: there is no issuer %d", s.Index)
	}
	secret, err := group.DecodeScalar(s.Secret)
	if err != nil {
		return nil, fmt.Errorf("issuer: restore keys: %w", err)
	}
	poprf, err := group.DecodeScalar(s.POPRF)
	if err != nil {
		return nil, fmt.Errorf("issuer: restore keys: %w", err)
	}
	id, err := identityFrom(s.Ed25519, s.HPKE)
	if err != nil {
		return nil, err
	}
	return &Keys{Share: Share{Index: s.Index, Secret: secret}, P: s.P, POPRF: poprf, HPKE: id.Agree, Ed25519: id.Sign}, nil
}
