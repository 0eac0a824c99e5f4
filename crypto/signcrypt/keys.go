// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"fmt"
	"io"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Usage tells the two kinds of keys of a device apart. A key of one usage is
// worthless for the other, since the issuers sign the usage.
type Usage string

// The usages: signing, and decapsulating a content key.
const (
	Sig Usage = "sig"
	Kem Usage = "kem"
)

// Scope is what every key and envelope is bound to: the issuers' public key P,
// the neighbourhood and the epoch.
type Scope struct {
	P     [group.Size]byte
	Nbhd  [16]byte
	Epoch uint32

	p *group.Point
}

// NewScope returns the scope of an epoch. It fails where P encodes no point.
func NewScope(p [group.Size]byte, nbhd [16]byte, epoch uint32) (*Scope, error) {
	point, err := group.DecodePoint(p)
	if err != nil {
		return nil, fmt.Errorf("signcrypt: issuers' public key: %w", err)
	}
	return &Scope{P: p, Nbhd: nbhd, Epoch: epoch, p: point}, nil
}

// PublicKey is (R, U): U = uB is the device's own, R comes from the issuers.
// Anybody computes D = R + hP from it; only the device knows u and d.
type PublicKey struct {
	_ struct{} `cbor:",toarray"`
	R [group.Size]byte
	U [group.Size]byte
}

// SecretValue is u, which never leaves the device, with U = uB.
type SecretValue struct {
	u *group.Scalar
	U [group.Size]byte
}

// NewSecretValue draws a secret value.
func NewSecretValue(rand io.Reader) (*SecretValue, error) {
	u, err := group.RandomScalar(rand)
	if err != nil {
		return nil, err
	}
	return newSecretValue(u), nil
}

func newSecretValue(u *group.Scalar) *SecretValue {
	return &SecretValue{u: u, U: group.EncodePoint(group.Base(u))}
}

// Save returns the secret as bytes, for a file in memory only.
func (s *SecretValue) Save() [group.Size]byte { return group.EncodeScalar(s.u) }

// RestoreSecretValue reads what Save returned.
func RestoreSecretValue(b [group.Size]byte) (*SecretValue, error) {
	u, err := group.DecodeScalar(b)
	if err != nil || u.Equal(group.Reduce([64]byte{})) == 1 {
		return nil, group.ErrEncoding
	}
	return newSecretValue(u), nil
}

// PartialKeyMessage is what the issuers sign to make a partial key. It holds
// both public values of the device, so that neither can be taken from another.
func PartialKeyMessage(usage Usage, nbhd [16]byte, epoch uint32, usig, ukem [group.Size]byte) []byte {
	type message struct {
		_          struct{} `cbor:",toarray"`
		Label      wire.Label
		Usage      Usage
		Nbhd       [16]byte
		Epoch      uint32
		USig, UKem [group.Size]byte
	}
	return wire.MustMarshal(message{
		Label: wire.LabelPartialKey, Usage: usage, Nbhd: nbhd, Epoch: epoch, USig: usig, UKem: ukem,
	})
}

// Challenge is the challenge of FROST(ristretto255, SHA-512), RFC 9591 section
// 6.2: H2 of the commitment, the group's public key and the message.
func Challenge(r, p [group.Size]byte, msg []byte) *group.Scalar {
	return frost.Challenge(r, p, msg)
}

// partialPublic returns D = R + hP, the public part of the partial key d.
func (s *Scope) partialPublic(usage Usage, r, usig, ukem [group.Size]byte) (*group.Point, error) {
	point, err := group.DecodePoint(r)
	if err != nil {
		return nil, err
	}
	h := Challenge(r, s.P, PartialKeyMessage(usage, s.Nbhd, s.Epoch, usig, ukem))
	return group.Add(point, group.Mul(h, s.p)), nil
}

// PrivateKey is (d, u) with its public key.
type PrivateKey struct {
	PublicKey
	d, u *group.Scalar
}

// KeyPair holds a device's keys of one epoch. They belong in memory or in a
// folder that does not survive a reboot.
type KeyPair struct {
	Sig, Kem *PrivateKey
}

// PartialKey is what the issuers give for one usage: d = k + hx and R = kB,
// which is a FROST signature over [PartialKeyMessage] under P.
type PartialKey struct {
	R [group.Size]byte
	D [group.Size]byte
}

// NewKeyPair joins secret values and partial keys. It fails where dB is not
// R + hP: then the issuers' answer is wrong.
func (s *Scope) NewKeyPair(sig, kem *SecretValue, partSig, partKem PartialKey) (*KeyPair, error) {
	a, err := s.privateKey(Sig, sig, partSig, sig.U, kem.U)
	if err != nil {
		return nil, err
	}
	b, err := s.privateKey(Kem, kem, partKem, sig.U, kem.U)
	if err != nil {
		return nil, err
	}
	return &KeyPair{Sig: a, Kem: b}, nil
}

func (s *Scope) privateKey(usage Usage, own *SecretValue, part PartialKey, usig, ukem [group.Size]byte) (*PrivateKey, error) {
	d, err := group.DecodeScalar(part.D)
	if err != nil {
		return nil, fmt.Errorf("signcrypt: partial %s key: %w", usage, err)
	}
	want, err := s.partialPublic(usage, part.R, usig, ukem)
	if err != nil {
		return nil, fmt.Errorf("signcrypt: partial %s key: %w", usage, err)
	}
	if group.Base(d).Equal(want) != 1 {
		return nil, fmt.Errorf("signcrypt: partial %s key is not signed by the issuers", usage)
	}
	return &PrivateKey{PublicKey: PublicKey{R: part.R, U: own.U}, d: d, u: own.u}, nil
}

// savedKeys is the form in which keys survive a crash of the process.
type savedKeys struct {
	_              struct{} `cbor:",toarray"`
	Nbhd           [16]byte
	Epoch          uint32
	SigR, SigD, SU [group.Size]byte
	KemR, KemD, KU [group.Size]byte
}

// Save returns the secret keys as bytes, for a file in memory only.
func (s *Scope) Save(k *KeyPair) []byte {
	return wire.MustMarshal(savedKeys{
		Nbhd: s.Nbhd, Epoch: s.Epoch,
		SigR: k.Sig.R, SigD: group.EncodeScalar(k.Sig.d), SU: group.EncodeScalar(k.Sig.u),
		KemR: k.Kem.R, KemD: group.EncodeScalar(k.Kem.d), KU: group.EncodeScalar(k.Kem.u),
	})
}

// Restore reads what Save wrote. It fails on keys of another scope.
func (s *Scope) Restore(saved []byte) (*KeyPair, error) {
	var k savedKeys
	if err := wire.Unmarshal(saved, &k); err != nil {
		return nil, fmt.Errorf("signcrypt: restore keys: %w", err)
	}
	if k.Nbhd != s.Nbhd || k.Epoch != s.Epoch {
		return nil, fmt.Errorf("signcrypt: restore keys: they are of another neighbourhood or epoch")
	}
	usig, err := group.DecodeScalar(k.SU)
	if err != nil {
		return nil, fmt.Errorf("signcrypt: restore keys: %w", err)
	}
	ukem, err := group.DecodeScalar(k.KU)
	if err != nil {
		return nil, fmt.Errorf("signcrypt: restore keys: %w", err)
	}
	return s.NewKeyPair(newSecretValue(usig), newSecretValue(ukem),
		PartialKey{R: k.SigR, D: k.SigD}, PartialKey{R: k.KemR, D: k.KemD})
}

// Respond returns nonce + challenge·u: the answer of a Schnorr proof of u. The
// nonce must be fresh and secret.
func (s *SecretValue) Respond(challenge, nonce *group.Scalar) *group.Scalar {
	return group.MulAdd(challenge, s.u, nonce)
}
