// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// A token takes two rounds: a asks for grants, b for evaluations. Each request
// is a message of its own, to one issuer.
const (
	roundA = 0
	roundB = 1
)

// packet is a token request (type 19) or answer (type 20).
type packet struct {
	_      struct{} `cbor:",toarray"`
	Round  uint8
	RID    [16]byte // of the request, random
	Index  uint8    // the issuer
	Sealed []byte   // HPKE
}

// request is the plaintext of a packet of type 19.
type request struct {
	_         struct{} `cbor:",toarray"`
	Body      []byte
	Signature [ed25519.SignatureSize]byte // by the member's identity, over Body
}

// body is what a member asks for.
type body struct {
	_      struct{} `cbor:",toarray"`
	Label  wire.Label
	Nbhd   [16]byte
	Round  uint8
	RID    [16]byte
	Index  uint8
	V      uint32
	Member Pub // Ed25519
	Reply  Pub // X25519, of this request only
	Items  []item
}

// item is one epoch's blinded element, in round b with t grants.
type item struct {
	_       struct{} `cbor:",toarray"`
	Epoch   uint32
	Blinded [group.Size]byte
	Grants  []grant
}

// grant is an issuer's signature over a [grantBody].
type grant struct {
	_         struct{} `cbor:",toarray"`
	Index     uint8
	Signature [ed25519.SignatureSize]byte
}

// granted is one epoch of the answer to round a. That to round b has an
// [evaluation] for each. Epochs that an issuer does not serve are left out.
type granted struct {
	_         struct{} `cbor:",toarray"`
	Epoch     uint32
	Signature [ed25519.SignatureSize]byte
}

// grantBody is what an issuer signs once for each member, epoch and v.
type grantBody struct {
	_       struct{} `cbor:",toarray"`
	Label   wire.Label
	Nbhd    [16]byte
	Epoch   uint32
	V       uint32
	Member  Pub
	Blinded [group.Size]byte
}

func (c *Charter) grantMessage(member Pub, epoch uint32, blinded [group.Size]byte) []byte {
	return wire.MustMarshal(grantBody{
		Label: wire.LabelTokenGrant, Nbhd: c.Nbhd, Epoch: epoch, V: c.V, Member: member, Blinded: blinded,
	})
}

// MaxPacket is the most bytes of a token request or answer: 25 epochs with 16
// grants each have some 29,000.
const MaxPacket = 32 << 10

var packetDecoder = wire.New(wire.Limits{Bytes: MaxPacket, Items: MaxBatch, Depth: 5})

func decodePacket(b []byte) (*packet, error) {
	var p packet
	if err := packetDecoder.Unmarshal(b, &p); err != nil || p.Round > roundB {
		return nil, ErrRefused
	}
	return &p, nil
}

func requestInfo(rid [16]byte, round, index uint8) []byte {
	return lv(wire.LabelTokenRequest, rid[:], wire.U8(round), wire.U8(index))
}

// answerInfo holds the digest of the request's plaintext: who did not open the
// request cannot make an answer that opens.
func answerInfo(rid [16]byte, round, index uint8, request [64]byte) []byte {
	return lv(wire.LabelTokenAnswer, rid[:], wire.U8(round), wire.U8(index), request[:])
}

// sealTo encrypts by the protocol's one HPKE suite.
func sealTo(to Pub, info, plaintext []byte) ([]byte, error) {
	key, err := ecdh.X25519().NewPublicKey(to[:])
	if err != nil {
		return nil, ErrRefused
	}
	pk, err := hpke.NewDHKEMPublicKey(key)
	if err != nil {
		return nil, ErrRefused
	}
	sealed, err := hpke.Seal(pk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, plaintext)
	if err != nil {
		return nil, ErrRefused // a key with which every secret is the same
	}
	return sealed, nil
}

// openWith decrypts what sealTo made.
func openWith(key *ecdh.PrivateKey, info, ciphertext []byte) ([]byte, error) {
	sk, err := hpke.NewDHKEMPrivateKey(key)
	if err != nil {
		return nil, ErrRefused
	}
	plain, err := hpke.Open(sk, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info, ciphertext)
	if err != nil {
		return nil, ErrRefused
	}
	return plain, nil
}
