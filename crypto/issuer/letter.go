// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// Steps of a session. Odd ones are requests of whoever began it, the even ones
// behind them their answers.
const (
	stepCandidacy   = 0 // a member offers to be an issuer
	stepPlan        = 1 // who deals for whom: answered by a deal
	stepDeals       = 3 // all deals: answered by a signature of the first round
	stepAgreed      = 5 // all those signatures: answered by sealed shares
	stepShares      = 7 // the shares for the receiver: answered by its readiness
	stepSign        = 9 // a proposal: answered by a commitment
	stepCommitments = 11
	stepRegister    = 13
	stepRefusal     = 254 // the answer to any request that is not granted
)

// letter is a message of type 21.
type letter struct {
	_        struct{} `cbor:",toarray"`
	From, To uint8    // indices; From is 0 for a candidate
	Sealed   []byte
}

// said is the plaintext of a letter.
type said struct {
	_       struct{} `cbor:",toarray"`
	Session sessionID
	Step    uint8
	Body    []byte
	Sig     [ed25519.SignatureSize]byte
}

var letterDecoder = wire.New(wire.Limits{Bytes: MaxLetter, Items: MaxMembers, Depth: 5})

func decodeLetter(b []byte) (*letter, error) {
	var l letter
	if err := letterDecoder.Unmarshal(b, &l); err != nil {
		return nil, ErrRefused
	}
	return &l, nil
}

// open decrypts a letter. Whose word it is remains to be verified.
func (c *Council) open(l *letter) (*said, error) {
	plain, err := OpenWith(c.keys.HPKE, letterInfo(c.charter.Nbhd, l.From, l.To), l.Sealed)
	if err != nil {
		return nil, err
	}
	var s said
	if err := letterDecoder.Unmarshal(plain, &s); err != nil {
		return nil, ErrRefused
	}
	return &s, nil
}

func letterInfo(nbhd [16]byte, from, to uint8) []byte {
	return lv(wire.LabelIssuers, nbhd[:], wire.U8(from), wire.U8(to))
}

// signed returns what the sender of a letter signs.
func (s *said) signed(nbhd [16]byte, from, to uint8) []byte {
	return wire.MustMarshal(struct {
		_        struct{} `cbor:",toarray"`
		Label    wire.Label
		Nbhd     [16]byte
		Session  sessionID
		Step     uint8
		From, To uint8
		Body     []byte
	}{Label: wire.LabelIssuers, Nbhd: nbhd, Session: s.Session, Step: s.Step, From: from, To: to, Body: s.Body})
}

func (s *said) verify(key Pub, nbhd [16]byte, l *letter) bool {
	return ed25519.Verify(key[:], s.signed(nbhd, l.From, l.To), s.Sig[:])
}

// peer is one to whom an issuer speaks.
type peer struct {
	index         uint8
	hpke, ed25519 Pub
}

// write makes a letter of what is said.
func (c *Council) write(from uint8, to peer, session sessionID, step uint8, body []byte) ([]byte, error) {
	s := said{Session: session, Step: step, Body: body}
	sig := ed25519.Sign(c.keys.Ed25519, s.signed(c.charter.Nbhd, from, to.index))
	s.Sig = [ed25519.SignatureSize]byte(sig)
	sealed, err := sealTo(to.hpke, letterInfo(c.charter.Nbhd, from, to.index), wire.MustMarshal(s))
	if err != nil {
		return nil, err
	}
	out := wire.MustMarshal(letter{From: from, To: to.index, Sealed: sealed})
	if len(out) > MaxLetter {
		return nil, fmt.Errorf("issuer: a message of %d bytes, at most %d", len(out), MaxLetter)
	}
	return out, nil
}

// newSession draws a session that is later than all before it.
func (c *Council) newSession() (sessionID, error) {
	var s sessionID
	if _, err := io.ReadFull(c.Rand, s[8:]); err != nil {
		return s, fmt.Errorf("issuer: draw session: %w", err)
	}
	ms := uint64(max(0, c.Now().UnixMilli()))
	if before := binary.BigEndian.Uint64(c.last[:8]); ms <= before {
		ms = before + 1
	}
	binary.BigEndian.PutUint64(s[:8], ms)
	c.last = s
	return s, nil
}

// catchUp takes note of a session of ours that another remembers and we do not,
// as after a restart with a clock that was set back, so that the next is later.
func (c *Council) catchUp(data []byte) {
	if len(data) != len(c.last) {
		return
	}
	if s := sessionID(data); s.after(c.last) && c.fresh(s) {
		c.last = s
	}
}

// time returns when the session began. Times beyond 63 bits are far from fresh.
func (s sessionID) time() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(s[:8]) &^ (1 << 63)))
}

// Reasons of a refusal. Forgotten and Later pass: begin again.
const (
	ReasonDeclined  = iota // the owner's policy
	ReasonForgotten        // the session is not known, as after a restart
	ReasonLater            // a later session of the same issuer is known: it is in Data
	ReasonCharter          // the proposal does not fit the charter held
	ReasonProposal         // the proposal is not right in itself
	ReasonBound            // another charter of that generation was signed: it is in Data
	ReasonFull             // too many shares wait for their charter
	ReasonRound            // the first round is not what all have signed
	ReasonShare            // a share is wrong: Data proves it
	ReasonSealed           // a share does not open: Data names the dealer
)

// refusal is the answer to a request that is not granted.
type refusal struct {
	_      struct{} `cbor:",toarray"`
	Reason uint8
	Text   string
	Data   []byte
}

func (r *refusal) Error() string { return r.Text }

func refuse(reason uint8, text string) error { return &refusal{Reason: reason, Text: text} }

// printable keeps a foreign text from doing harm in a terminal or a log.
func printable(s string) string {
	if len(s) > MaxReason {
		s = s[:MaxReason]
	}
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
