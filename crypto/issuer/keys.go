// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Keys are an issuer's secrets. Share and the group key P make partial keys,
// the others receive requests and sign what is the issuer's own. One who is to
// become an issuer has no share yet: its index is 0.
type Keys struct {
	Share   Share
	P       Pub
	Gen     uint32 // of the charter that brought the share; it is never judged by an earlier one
	POPRF   *group.Scalar
	HPKE    *ecdh.PrivateKey
	Ed25519 ed25519.PrivateKey
	Pending []Pending // at most MaxPending
}

// Found draws the keys of a neighbourhood's first and only issuer.
func Found(rand io.Reader) (*Keys, error) {
	x, err := group.RandomScalar(rand)
	if err != nil {
		return nil, err
	}
	k, err := NewKeys(rand)
	if err != nil {
		return nil, err
	}
	k.Share, k.P = Share{Index: 1, Secret: x}, group.EncodePoint(group.Base(x))
	return k, nil
}

// NewKeys draws the keys of one who has no share yet.
func NewKeys(rand io.Reader) (*Keys, error) {
	poprf, err := group.RandomScalar(rand)
	if err != nil {
		return nil, err
	}
	id, err := NewIdentity(rand)
	if err != nil {
		return nil, err
	}
	return &Keys{POPRF: poprf, HPKE: id.Agree, Ed25519: id.Sign}, nil
}

// Public returns the issuer's entry in a charter. Without a share its index and
// Y are zero.
func (k *Keys) Public() Issuer {
	out := Issuer{
		Index: k.Share.Index, POPRF: group.EncodePoint(group.Base(k.POPRF)),
		HPKE: Pub(k.HPKE.PublicKey().Bytes()), Ed25519: Pub(k.Ed25519.Public().(ed25519.PublicKey)),
	}
	if k.Share.Index != 0 {
		out.Y = group.EncodePoint(k.Share.Public())
	}
	return out
}

// SignCharter signs a charter as a neighbourhood's only issuer. It fails where
// the charter breaks a bound, names another P, or needs more than this share.
func (k *Keys) SignCharter(rand io.Reader, c *Charter) (*SignedCharter, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("issuer: sign charter: %w", err)
	}
	if c.P != k.P || k.Share.Index == 0 {
		return nil, errors.New("issuer: sign charter: it names another public key P than this issuer's")
	}
	b, err := wire.Marshal(c)
	if err != nil {
		return nil, err
	}
	sig, err := frost.SignAlone(rand, k.Share, k.P, b)
	if err != nil {
		return nil, err
	}
	if !sig.Verify(k.P, b) {
		return nil, errors.New("issuer: sign charter: this issuer's share alone does not sign under P")
	}
	return &SignedCharter{Charter: b, Signatures: []Signature{sig}}, nil
}

// savedKeys is the form of the keys of a founder that never had another share.
type savedKeys struct {
	_                    struct{} `cbor:",toarray"`
	Index                uint8
	Secret, P            [32]byte
	POPRF, HPKE, Ed25519 [32]byte
}

// savedPending is the form of all others.
type savedPending struct {
	_                    struct{} `cbor:",toarray"`
	Index                uint8
	Secret, P            [32]byte
	POPRF, HPKE, Ed25519 [32]byte
	Gen                  uint32
	Pending              []savedShare
}

// Save returns the secret keys as bytes.
func (k *Keys) Save() []byte {
	s := savedPending{
		Index: k.Share.Index, P: k.P, POPRF: group.EncodeScalar(k.POPRF),
		HPKE: [32]byte(k.HPKE.Bytes()), Ed25519: [32]byte(k.Ed25519.Seed()), Gen: k.Gen,
	}
	if s.Index != 0 {
		s.Secret = group.EncodeScalar(k.Share.Secret)
	}
	if s.Index != 0 && s.Gen == 0 && len(k.Pending) == 0 {
		return wire.MustMarshal(savedKeys{
			Index: s.Index, Secret: s.Secret, P: s.P, POPRF: s.POPRF, HPKE: s.HPKE, Ed25519: s.Ed25519,
		})
	}
	for _, p := range k.Pending {
		s.Pending = append(s.Pending, p.save())
	}
	return wire.MustMarshal(s)
}

// RestoreKeys reads what Save wrote.
func RestoreKeys(b []byte) (*Keys, error) {
	s, err := decodeKeys(b)
	if err != nil {
		return nil, fmt.Errorf("issuer: restore keys: %w", err)
	}
	k := &Keys{P: s.P, Gen: s.Gen}
	if s.Index != 0 {
		if k.Share, err = restoreShare(s.Index, s.Secret); err != nil {
			return nil, fmt.Errorf("issuer: restore keys: %w", err)
		}
	}
	if k.POPRF, err = group.DecodeScalar(s.POPRF); err != nil {
		return nil, fmt.Errorf("issuer: restore keys: %w", err)
	}
	for _, p := range s.Pending {
		share, err := restoreShare(p.Index, p.Secret)
		if err != nil {
			return nil, fmt.Errorf("issuer: restore keys: %w", err)
		}
		k.Pending = append(k.Pending, Pending{Gen: p.Gen, Share: share, P: p.P})
	}
	id, err := identityFrom(s.Ed25519, s.HPKE)
	if err != nil {
		return nil, err
	}
	k.HPKE, k.Ed25519 = id.Agree, id.Sign
	return k, nil
}

func decodeKeys(b []byte) (*savedPending, error) {
	var short savedKeys
	if err := wire.Unmarshal(b, &short); err == nil {
		if short.Index == 0 {
			return nil, errors.New("there is no issuer 0")
		}
		return &savedPending{
			Index: short.Index, Secret: short.Secret, P: short.P, POPRF: short.POPRF, HPKE: short.HPKE, Ed25519: short.Ed25519,
		}, nil
	}
	var s savedPending
	if err := wire.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	if len(s.Pending) > MaxPending {
		return nil, fmt.Errorf("%d pending shares, at most %d", len(s.Pending), MaxPending)
	}
	return &s, nil
}

func restoreShare(index uint8, secret [32]byte) (Share, error) {
	if index == 0 || index > MaxIssuers {
		return Share{}, fmt.Errorf("there is no issuer %d", index)
	}
	x, err := group.DecodeScalar(secret)
	if err != nil {
		return Share{}, err
	}
	return Share{Index: index, Secret: x}, nil
}
