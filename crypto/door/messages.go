// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"crypto/ed25519"
	"unicode"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Kinds of door requests and answers.
const (
	kindJoin    = 0 // request: to join; answer: welcome, wait or refusal
	kindCharter = 1 // answer: a newer charter, to members
	kindTime    = 2 // request and answer: an issuer's clock
	kindRekey   = 3 // answer: a charter without a member, and the next K
	kindSync    = 3 // request: what one who slept has missed
)

// Status of an answer to a request to join.
const (
	welcome = 0
	waiting = 1
	refused = 2
)

// joinRequest asks to join. Signature is that of the identity over signedJoin.
type joinRequest struct {
	_         struct{} `cbor:",toarray"`
	Kind      uint8
	Name      string
	Ed25519   issuer.Pub
	X25519    issuer.Pub
	Reply     issuer.Pub
	Nonce     [16]byte
	Signature [ed25519.SignatureSize]byte
}

type signedJoin struct {
	_       struct{} `cbor:",toarray"`
	Label   wire.Label
	Nbhd    [16]byte
	Name    string
	Ed25519 issuer.Pub
	X25519  issuer.Pub
	Reply   issuer.Pub
	Nonce   [16]byte
}

func (r *joinRequest) signed(nbhd [16]byte) []byte {
	return wire.MustMarshal(signedJoin{
		Label: wire.LabelJoin, Nbhd: nbhd, Name: r.Name, Ed25519: r.Ed25519, X25519: r.X25519, Reply: r.Reply, Nonce: r.Nonce,
	})
}

// joinAnswer is HPKE to the request's reply key.
type joinAnswer struct {
	_      struct{} `cbor:",toarray"`
	Kind   uint8
	Nonce  [16]byte // of the request
	Sealed []byte
}

// joinResult is its plaintext. Where the status is not welcome, only the reason
// says something.
type joinResult struct {
	_         struct{} `cbor:",toarray"`
	Status    uint8
	Reason    string // for people
	Charter   []byte // signed charter
	K         [pseudonym.KeySize]byte
	Index     uint8                       // the issuer that answers
	UnixMilli uint64                      // its clock
	Signature [ed25519.SignatureSize]byte // its own, over signedWelcome
}

// signedWelcome is what the answering issuer vouches for: that to this request
// belong this charter and this K at this time. The charter alone is signed
// under P, and everybody who has it could pass it on with another K.
type signedWelcome struct {
	_         struct{} `cbor:",toarray"`
	Label     wire.Label
	Nbhd      [16]byte
	Request   [32]byte // digest of the request's bytes
	Charter   [32]byte // hash of the charter
	K         [pseudonym.KeySize]byte
	Index     uint8
	UnixMilli uint64
}

func (r *joinResult) signed(nbhd [16]byte, request []byte, charter *issuer.SignedCharter) []byte {
	h := wire.Digest(request)
	return wire.MustMarshal(signedWelcome{
		Label: wire.LabelWelcome, Nbhd: nbhd, Request: [32]byte(h[:32]), Charter: charter.Hash(),
		K: r.K, Index: r.Index, UnixMilli: r.UnixMilli,
	})
}

// charterAnswer gives members a newer charter.
type charterAnswer struct {
	_       struct{} `cbor:",toarray"`
	Kind    uint8
	Charter []byte
}

// maxMessage bounds a door message: a charter and what stands around it.
const maxMessage = issuer.MaxCharter + 512

// maxReason bounds the words for people in an answer, in bytes.
const maxReason = 256

var decoder = wire.New(wire.Limits{Bytes: maxMessage, Items: 16, Depth: 4})

func answerInfo(j [16]byte, request []byte) []byte {
	h := wire.Digest(request)
	return wire.LV([]byte(wire.LabelDoor), j[:], h[:])
}

// printable reports whether s is short and safe to show: text from the network
// must not move a terminal's cursor.
func printable(s string, limit int) bool {
	if len(s) > limit {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// EncodeCharter returns the message of type [TypeAnswer] that gives members a
// charter.
func EncodeCharter(s *issuer.SignedCharter) []byte {
	return wire.MustMarshal(charterAnswer{Kind: kindCharter, Charter: s.Encode()})
}

// DecodeCharter reads a charter from an answer to members, and false where the
// answer is another one or the charter is not signed under the P that it names.
// Whether that P is the right one, [issuer.SignedCharter.Follows] tells.
func DecodeCharter(msg []byte) (*issuer.SignedCharter, *issuer.Charter, bool) {
	var a charterAnswer
	if err := decoder.Unmarshal(msg, &a); err != nil || a.Kind != kindCharter {
		return nil, nil, false
	}
	s, c, err := issuer.DecodeCharter(a.Charter)
	return s, c, err == nil
}

// PeekCharter returns the neighbourhood and generation that a charter sent at the
// door claims. Nothing of it is verified.
func PeekCharter(msg []byte) (nbhd [16]byte, gen uint32, ok bool) {
	var a charterAnswer
	if err := decoder.Unmarshal(msg, &a); err != nil || a.Kind != kindCharter {
		return nbhd, 0, false
	}
	return issuer.PeekCharter(a.Charter)
}
