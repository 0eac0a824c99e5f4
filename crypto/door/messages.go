// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Kinds of door requests and answers.
const (
	kindJoin    = 0 // request: to join; answer: welcome, wait or refusal
	kindCharter = 1 // answer: a newer charter, to members
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

// joinResult is its plaintext.
type joinResult struct {
	_       struct{} `cbor:",toarray"`
	Status  uint8
	Reason  string // for people, where the status is not welcome
	Charter []byte // signed charter
	K       [pseudonym.KeySize]byte
	Time    signedTime
}

// signedTime is an issuer's clock.
type signedTime struct {
	_         struct{} `cbor:",toarray"`
	Index     uint8
	UnixMilli uint64
	Signature [ed25519.SignatureSize]byte
}

type timeBody struct {
	_         struct{} `cbor:",toarray"`
	Label     wire.Label
	Nbhd      [16]byte
	Nonce     [16]byte
	UnixMilli uint64
}

func timeBytes(nbhd, nonce [16]byte, ms uint64) []byte {
	return wire.MustMarshal(timeBody{Label: wire.LabelTime, Nbhd: nbhd, Nonce: nonce, UnixMilli: ms})
}

// charterAnswer gives members a newer charter.
type charterAnswer struct {
	_       struct{} `cbor:",toarray"`
	Kind    uint8
	Charter []byte
}

// maxMessage bounds a door message: a charter and what stands around it.
const maxMessage = issuer.MaxCharter + 512

const maxReason = 256

var decoder = wire.New(wire.Limits{Bytes: maxMessage, Depth: 4})

func answerInfo(j [16]byte, request []byte) []byte {
	h := wire.Digest(request)
	return wire.LV([]byte(wire.LabelDoor), j[:], h[:])
}

// Joining is a request to join by one who holds an invite.
type Joining struct {
	invite  *Invite
	id      *issuer.Identity
	reply   *ecdh.PrivateKey
	nonce   [16]byte
	request []byte
}

// Welcome is what a device knows once it is let in.
type Welcome struct {
	Signed  *issuer.SignedCharter
	Charter *issuer.Charter
	K       [pseudonym.KeySize]byte
	Time    time.Time // an issuer's clock when it answered
}

// WaitError says that the request waits for somebody, or was turned down.
type WaitError struct {
	Refused bool
	Reason  string
}

func (e *WaitError) Error() string { return e.Reason }

// ErrAnswer refuses an answer that is not for us or not right.
var ErrAnswer = errors.New("door: answer refused")

// NewJoining makes the request with which a device of the given name asks to
// join. The same request may be sent again until an answer comes.
func NewJoining(rand io.Reader, i *Invite, id *issuer.Identity, name string) (*Joining, error) {
	if !issuer.ValidName(name) {
		return nil, fmt.Errorf("door: the name %q does not do; use 1 to %d of a-z, 0-9 and dashes", name, issuer.MaxName)
	}
	var fresh [48]byte
	if _, err := io.ReadFull(rand, fresh[:]); err != nil {
		return nil, fmt.Errorf("door: read randomness: %w", err)
	}
	reply, err := ecdh.X25519().NewPrivateKey(fresh[16:])
	if err != nil {
		return nil, fmt.Errorf("door: reply key: %w", err)
	}
	r := &joinRequest{
		Kind: kindJoin, Name: name, Ed25519: id.Ed25519(), X25519: id.X25519(),
		Reply: issuer.Pub(reply.PublicKey().Bytes()), Nonce: [16]byte(fresh[:]),
	}
	r.Signature = [ed25519.SignatureSize]byte(ed25519.Sign(id.Sign, r.signed(i.Nbhd)))
	b, err := wire.Marshal(r)
	if err != nil {
		return nil, err
	}
	return &Joining{invite: i, id: id, reply: reply, nonce: r.Nonce, request: b}, nil
}

// Request returns the message of type [TypeRequest].
func (j *Joining) Request() []byte { return j.request }

// Handle takes an answer. It returns [ErrAnswer] for what is not ours and a
// [*WaitError] where the issuers make us wait or turn us down.
func (j *Joining) Handle(msg []byte) (*Welcome, error) {
	var a joinAnswer
	if err := decoder.Unmarshal(msg, &a); err != nil || a.Kind != kindJoin || a.Nonce != j.nonce {
		return nil, ErrAnswer
	}
	plain, err := issuer.OpenWith(j.reply, answerInfo(j.invite.J, j.request), a.Sealed)
	if err != nil {
		return nil, ErrAnswer
	}
	var r joinResult
	if err := decoder.Unmarshal(plain, &r); err != nil || len(r.Reason) > maxReason {
		return nil, ErrAnswer
	}
	if r.Status != welcome {
		return nil, &WaitError{Refused: r.Status == refused, Reason: r.Reason}
	}
	return j.accept(&r)
}

// accept checks the issuers' key against the invite, the charter's signature,
// our own entry in it, and the issuer's clock.
func (j *Joining) accept(r *joinResult) (*Welcome, error) {
	signed, c, err := issuer.DecodeCharter(r.Charter)
	if err != nil || IssuerHash(c.P) != j.invite.IssuerHash || c.Nbhd != j.invite.Nbhd {
		return nil, ErrAnswer
	}
	own := c.Member(j.id.Ed25519())
	if own == nil || own.X25519 != j.id.X25519() {
		return nil, ErrAnswer
	}
	by := c.Issuer(r.Time.Index)
	if by == nil || !ed25519.Verify(by.Ed25519[:], timeBytes(c.Nbhd, j.nonce, r.Time.UnixMilli), r.Time.Signature[:]) {
		return nil, ErrAnswer
	}
	return &Welcome{Signed: signed, Charter: c, K: r.K, Time: time.UnixMilli(int64(r.Time.UnixMilli))}, nil
}

// EncodeCharter returns the message of type [TypeAnswer] that gives members a
// charter.
func EncodeCharter(s *issuer.SignedCharter) []byte {
	return wire.MustMarshal(charterAnswer{Kind: kindCharter, Charter: s.Encode()})
}

// DecodeCharter reads a charter from an answer to members, and false where the
// answer is another one or the charter does not hold.
func DecodeCharter(msg []byte) (*issuer.SignedCharter, *issuer.Charter, bool) {
	var a charterAnswer
	if err := decoder.Unmarshal(msg, &a); err != nil || a.Kind != kindCharter {
		return nil, nil, false
	}
	s, c, err := issuer.DecodeCharter(a.Charter)
	return s, c, err == nil
}
