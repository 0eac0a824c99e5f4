// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package signcrypt is CLSC-R255, the certificateless signcryption of the
// neighbours' protocol (crypto/PROTOCOL.md): one envelope hides a message and
// its sender from everybody but the receivers, and proves to them who sent it.
// A key has two halves, one from the device and one from the issuers by
// FROST(ristretto255, SHA-512) of RFC 9591, and either alone is worthless. It
// is composed of RFC 9496, RFC 9591, HKDF-SHA-512 and ChaCha20-Poly1305; the
// composition is ours and has proof sketches, not a review (SECURITY.md).
//
// The zero values of Scope, Peer and the keys are not usable. Scope, Peer and
// keys are read only and safe for concurrent use; an [Opener] is safe too.
package signcrypt

import (
	"cmp"
	"crypto/hkdf"
	"crypto/sha512"
	"errors"
	"slices"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
	"golang.org/x/crypto/chacha20poly1305"
)

// What an envelope may hold.
const (
	Version      = 1  // of the envelope's form
	Suite        = 1  // ristretto255, SHA-512, ChaCha20-Poly1305
	MaxReceivers = 32 // the members of a neighbourhood
	MaxEnvelope  = wire.MaxBytes
)

const (
	tagSize  = 8
	cekSize  = 32
	wrapSize = cekSize + chacha20poly1305.Overhead
)

// buckets are the numbers of slots that an envelope may have.
var buckets = []int{1, 4, 8, 16, MaxReceivers}

// ErrOpen is the one error for an envelope that is not for us, or not right.
// It says nothing of the reason, which only the sender's forger could use.
var ErrOpen = errors.New("signcrypt: cannot open envelope")

type slot struct {
	_    struct{} `cbor:",toarray"`
	Tag  [tagSize]byte
	Wrap [wrapSize]byte
}

// header is the part of an envelope that the body's encryption authenticates.
type header struct {
	_     struct{} `cbor:",toarray"`
	Ver   uint8
	Suite uint8
	Epoch uint32
	E     [group.Size]byte
	Com   [32]byte
	Slots []slot
}

type envelope struct {
	_     struct{} `cbor:",toarray"`
	Ver   uint8
	Suite uint8
	Epoch uint32
	E     [group.Size]byte
	Com   [32]byte
	Slots []slot
	Body  []byte
}

func (e *envelope) header() *header {
	return &header{Ver: e.Ver, Suite: e.Suite, Epoch: e.Epoch, E: e.E, Com: e.Com, Slots: e.Slots}
}

// inner is the plaintext of the body, before its zero padding.
type inner struct {
	_     struct{} `cbor:",toarray"`
	R, U  [group.Size]byte
	Sig   Signature
	Round uint32
	Type  uint8
	Msg   []byte
}

// context is ctx of the protocol: it ties every derived key to the form, the
// neighbourhood, the epoch and the content key.
func (s *Scope) context(com [32]byte) []byte {
	return wire.LV([]byte{Version, Suite}, s.Nbhd[:], wire.U32(s.Epoch), com[:])
}

// transcript is th: what the sender signs. It covers every receiver's slot, so
// that no receiver can pass the message on as if it were meant for another.
func transcript(ctx []byte, h *header, in *inner) []byte {
	slots := wire.Digest(wire.MustMarshal(h.Slots))
	msg := wire.Digest(in.Msg)
	return wire.LV([]byte(wire.LabelSigncrypt), ctx, slots[:], h.E[:], h.Com[:],
		in.R[:], in.U[:], wire.U32(in.Round), wire.U8(in.Type), msg[:])
}

// slotKey derives a receiver's tag and key from the shared points.
func slotKey(z1, z2 *group.Point, e [group.Size]byte, to PublicKey, ctx []byte) (tag [tagSize]byte, kek [32]byte) {
	prk, err := hkdf.Extract(sha512.New, wire.LV(z1.Bytes(), z2.Bytes()), []byte(wire.LabelKEM))
	if err != nil {
		panic("signcrypt: " + err.Error())
	}
	info := wire.LV([]byte(wire.LabelSlot), e[:], to.R[:], to.U[:], ctx)
	okm := expand(prk, string(info), tagSize+len(kek))
	copy(tag[:], okm)
	copy(kek[:], okm[tagSize:])
	return tag, kek
}

func commitment(cek []byte) [32]byte {
	return [32]byte(expand(cek, string(wire.LabelCommit), 32))
}

func bodyKey(cek []byte) []byte { return expand(cek, string(wire.LabelBody), 32) }

func expand(prk []byte, info string, n int) []byte {
	okm, err := hkdf.Expand(sha512.New, prk, info, n)
	if err != nil {
		panic("signcrypt: " + err.Error()) // only for a length over 255 hashes
	}
	return okm
}

// bucket returns the number of slots in which n receivers hide.
func bucket(n int) int {
	i, _ := slices.BinarySearch(buckets, n)
	return buckets[i]
}

// Size returns the bytes of the envelope of a message of so many bytes for so many
// receivers, 1 to [MaxReceivers], and a few more where CBOR heads are short.
func Size(message, receivers int) int {
	return headSize + slotSize*bucket(receivers) + padme(innerSize+message)
}

// Bytes at most of what is around the body, of a slot, and of what goes with the
// message in the body.
const (
	headSize  = 96
	slotSize  = 60
	innerSize = 174
)

func compareTags(a, b slot) int { return cmp.Compare(string(a.Tag[:]), string(b.Tag[:])) }

// zeroNonce is sound with keys that are used once.
var zeroNonce [chacha20poly1305.NonceSize]byte

func aeadSeal(key, plaintext, aad []byte) []byte {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		panic("signcrypt: " + err.Error())
	}
	return aead.Seal(make([]byte, 0, len(plaintext)+aead.Overhead()), zeroNonce[:], plaintext, aad)
}

func aeadOpen(key, ciphertext, aad []byte) ([]byte, error) {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		panic("signcrypt: " + err.Error())
	}
	return aead.Open(nil, zeroNonce[:], ciphertext, aad)
}
