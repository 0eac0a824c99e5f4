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

// WaitError says that the request waits for somebody, or was turned down. Only
// whoever has the invite can have said so, but that need not be an issuer: the
// words are printable and no proof, and a welcome may still come.
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
	if err := decoder.Unmarshal(plain, &r); err != nil {
		return nil, ErrAnswer
	}
	switch r.Status {
	case welcome:
		return j.accept(&r)
	case waiting, refused:
		if !printable(r.Reason, maxReason) {
			return nil, ErrAnswer
		}
		return nil, &WaitError{Refused: r.Status == refused, Reason: r.Reason}
	}
	return nil, ErrAnswer
}

// accept checks the issuers' key against the invite, the charter's signature,
// our own entry in it, and the word of the issuer that answers.
func (j *Joining) accept(r *joinResult) (*Welcome, error) {
	signed, c, err := issuer.DecodeCharter(r.Charter)
	if err != nil || IssuerHash(c.P) != j.invite.IssuerHash || c.Nbhd != j.invite.Nbhd {
		return nil, ErrAnswer
	}
	own := c.Member(j.id.Ed25519())
	if own == nil || own.X25519 != j.id.X25519() {
		return nil, ErrAnswer
	}
	by := c.Issuer(r.Index)
	if by == nil || !ed25519.Verify(by.Ed25519[:], r.signed(c.Nbhd, j.request, signed), r.Signature[:]) {
		return nil, ErrAnswer
	}
	return &Welcome{Signed: signed, Charter: c, K: r.K, Time: time.UnixMilli(int64(r.UnixMilli))}, nil
}
