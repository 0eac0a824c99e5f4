// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/hmac"
	"crypto/sha512"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// A key request has two rounds, since FROST has two: a asks for commitments, b
// for the signature's parts. Each is a message of its own, to one issuer.
const (
	roundA = 0
	roundB = 1
)

// output is that of a token for one issuer: the secret between it and whoever
// redeems the token (package token).
type output = [64]byte

// packet is a key request (type 3) or answer (type 4).
type packet struct {
	_      struct{} `cbor:",toarray"`
	Round  uint8
	RID    [16]byte // of the request, random
	Index  uint8    // the issuer
	Sealed []byte   // HPKE
}

// ask is what a device wants signed and how to answer it.
type ask struct {
	_          struct{} `cbor:",toarray"`
	Epoch      uint32
	S          [32]byte // serial of the token
	USig, UKem [group.Size]byte
	ProofSig   Proof
	ProofKem   Proof
	Reply      Pub
}

// request is the first round's plaintext: an ask and its MAC under y.
type request struct {
	_          struct{} `cbor:",toarray"`
	Epoch      uint32
	S          [32]byte
	USig, UKem [group.Size]byte
	ProofSig   Proof
	ProofKem   Proof
	Reply      Pub
	MAC        [sha512.Size]byte
}

func (r *request) ask() ask {
	return ask{Epoch: r.Epoch, S: r.S, USig: r.USig, UKem: r.UKem, ProofSig: r.ProofSig, ProofKem: r.ProofKem, Reply: r.Reply}
}

func (a ask) request(y output) request {
	return request{Epoch: a.Epoch, S: a.S, USig: a.USig, UKem: a.UKem, ProofSig: a.ProofSig, ProofKem: a.ProofKem, Reply: a.Reply, MAC: mac(y, a)}
}

func (a ask) claim(usage signcrypt.Usage, nbhd [16]byte) claim {
	return claim{usage: usage, nbhd: nbhd, epoch: a.Epoch, usig: a.USig, ukem: a.UKem, reply: a.Reply}
}

// message is what the issuers sign for one usage.
func (a ask) message(usage signcrypt.Usage, nbhd [16]byte) []byte {
	return signcrypt.PartialKeyMessage(usage, nbhd, a.Epoch, a.USig, a.UKem)
}

// commitments is the answer to it: one for each usage.
type commitments struct {
	_        struct{} `cbor:",toarray"`
	Sig, Kem Commitment
}

// lists is what all signers committed to, in the order of their indices.
type lists struct {
	_        struct{} `cbor:",toarray"`
	Sig, Kem []Commitment
}

// signers is the second round's plaintext: the lists and their MAC under y.
type signers struct {
	_        struct{} `cbor:",toarray"`
	Sig, Kem []Commitment
	MAC      [sha512.Size]byte
}

// parts is the answer to it.
type parts struct {
	_        struct{} `cbor:",toarray"`
	Sig, Kem [group.Size]byte
}

// MaxPacket is the most bytes of a key request or answer.
const MaxPacket = 6 << 10

var packetDecoder = wire.New(wire.Limits{Bytes: MaxPacket, Items: MaxIssuers, Depth: 4})

func requestInfo(rid [16]byte, round, index uint8) []byte {
	return lv(wire.LabelKeyRequest, rid[:], wire.U8(round), wire.U8(index))
}

func answerInfo(rid [16]byte, index uint8, y output) []byte {
	return lv(wire.LabelKeyAnswer, rid[:], wire.U8(index), y[:])
}

// mac authenticates the fields of a plaintext that stand before it.
func mac(y output, fields any) (out [sha512.Size]byte) {
	h := hmac.New(sha512.New, y[:])
	h.Write(wire.MustMarshal(fields))
	return [sha512.Size]byte(h.Sum(out[:0]))
}

// packetFor encrypts a plaintext to an issuer.
func packetFor(to *Issuer, rid [16]byte, round uint8, plaintext any) ([]byte, error) {
	sealed, err := sealTo(to.HPKE, requestInfo(rid, round, to.Index), wire.MustMarshal(plaintext))
	if err != nil {
		return nil, err
	}
	return wire.Marshal(packet{Round: round, RID: rid, Index: to.Index, Sealed: sealed})
}

func decodePacket(b []byte) (*packet, error) {
	var p packet
	if err := packetDecoder.Unmarshal(b, &p); err != nil || p.Round > roundB {
		return nil, ErrRefused
	}
	return &p, nil
}
