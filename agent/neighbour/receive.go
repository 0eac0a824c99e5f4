// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/token"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Reasons for which chunks and messages are refused here. The tasks have
// reasons of their own (fl/update).
const (
	reasonSize     = "chunk-size"    // not of a chunk's length
	reasonOuter    = "chunk-key"     // not encrypted by somebody who has K
	reasonReplay   = "replay"        // a chunk that came before
	reasonFrames   = "frames"        // a chunk whose contents have no form
	reasonHello    = "hello"         // a hello that does not verify
	reasonEnvelope = "envelope"      // not from an admitted key, or changed
	reasonRate     = "rate"          // more than the neighbourhood may ask of a device
	reasonType     = "type"          // a message type that nobody here knows
	reasonKeys     = "key-request"   // a key request that does not hold
	reasonTokens   = "token-request" // a token request that does not hold
	reasonDoor     = "door"          // a request at the door that does not hold
	reasonFull     = "roster-full"
	reasonDeny     = "deny"   // a deny list that the issuers did not sign
	reasonDenied   = "denied" // from one whom the issuers deny
	reasonPair     = "pair"   // a pair message that answers nothing
)

const (
	typeUpdate = 1
	typeShard  = 2
)

// allow spends one of the operations that the neighbourhood may ask for.
func (s *session) allow() bool {
	if s.limit.Allow() {
		return true
	}
	s.m.refused.add(reasonRate)
	return false
}

func (s *session) dispatch(m chunk.Message) {
	switch m.Type {
	case pseudonym.TypeHello:
		s.receiveHello(m.Data)
	case typeShard:
		if h := s.m.handlers[typeShard]; h != nil {
			h(signcrypt.PID{}, 0, m.Data)
		}
	case issuer.TypeRequest:
		s.answerKeys(m.Data)
	case door.TypeRequest:
		if answer, ok := s.m.answerTime(m.Data); ok {
			s.queue(chunk.Message{Type: door.TypeAnswer, Data: answer})
		}
	case door.TypeAnswer:
		s.m.timeAnswered(m.Data)
	case token.TypeRequest:
		s.answerTokens(m.Data)
	case token.TypeAnswer: // of one who asks under its identity, elsewhere
	case issuer.TypeIssuers:
		s.m.hearIssuers(m.Data, s.allow)
	case issuer.TypeDeny:
		s.hearDeny(m.Data)
	case issuer.TypeAnswer:
		s.keysAnswered(m.Data)
	default:
		h := s.handler(m.Type)
		if h == nil {
			s.m.refused.add(reasonType)
			return
		}
		s.receiveEnvelope(m, h)
	}
}

// receiveEnvelope opens an envelope. Copies of one that was opened are dropped
// before any group operation.
func (s *session) receiveEnvelope(m chunk.Message, h Handler) {
	if s.opener == nil {
		return // no keys yet: nothing can be for us
	}
	peeked, ok := signcrypt.Peek(m.Data)
	if !ok {
		s.m.refused.add(reasonEnvelope)
		return
	}
	if s.opener.Guard.Seen(peeked) || !s.allow() {
		return
	}
	got, err := s.opener.Open(m.Data)
	if err != nil || got.Type != m.Type {
		s.m.refused.add(reasonEnvelope)
		return
	}
	if s.m.isDenied(s.epoch, got.From.ID) {
		s.m.refused.add(reasonDenied)
		return
	}
	if e := s.roster.peers[got.From.ID]; e != nil {
		e.heard = time.Now()
		e.updates++
	}
	h(got.From.ID, got.Round, got.Msg)
}

// handler returns who takes envelopes of a type, nil where nobody does.
func (s *session) handler(typ uint8) Handler {
	switch typ {
	case pseudonym.TypePair:
		return func(from signcrypt.PID, _ uint32, msg []byte) { s.hearPair(from, msg) }
	}
	return s.m.handlers[typ]
}

// peer finds the sender of an envelope for the opener, under s.mu.
func (s *session) peer(id signcrypt.PID) *signcrypt.Peer {
	if e := s.roster.peers[id]; e != nil {
		return e.peer
	}
	return nil
}

func (s *session) receiveHello(msg []byte) {
	digest := wire.Digest(msg)
	raw := [32]byte(digest[:32])
	now := time.Now()
	if s.roster.known(raw, now) || !s.allow() {
		return
	}
	h, p, err := pseudonym.Decode(s.scope, msg)
	if err != nil {
		s.m.refused.add(reasonHello)
		return
	}
	if s.roster.self != nil && p.ID == s.roster.self.ID {
		return
	}
	if s.m.isDenied(s.epoch, p.ID) {
		s.m.refused.add(reasonDenied)
		return
	}
	fresh, ok := s.roster.add(p, h, raw, now)
	if !ok {
		s.m.refused.add(reasonFull)
		return
	}
	s.recognise(p, h)
	if fresh {
		s.oweHello(now)
		s.m.notify()
	}
	if signed, _ := s.m.current(); signed.Hash() != h.Charter {
		s.oweCharter(now)
	}
}

// answerKeys serves a key request where this device is an issuer.
func (s *session) answerKeys(msg []byte) {
	signer := s.m.office().Signer
	if signer == nil {
		return
	}
	if to, ok := issuer.Addressee(msg); ok && to != signer.Keys.Share.Index || !s.allow() {
		return
	}
	answer, err := signer.Answer(msg)
	if err != nil {
		s.m.refused.add(reasonKeys)
		s.m.o.Log.Warn("key request refused", "err", err)
		return
	}
	s.queue(chunk.Message{Type: issuer.TypeAnswer, Data: answer})
}

// answerTokens serves a request for tokens where this device is an issuer.
func (s *session) answerTokens(msg []byte) {
	mint := s.m.office().Mint
	if mint == nil {
		return
	}
	if to, ok := token.Addressee(msg); ok && to != mint.Index || !s.allow() {
		return
	}
	answer, err := mint.Answer(msg)
	if err != nil {
		s.m.refused.add(reasonTokens)
		s.m.o.Log.Warn("token request refused", "err", err)
		return
	}
	s.queue(chunk.Message{Type: token.TypeAnswer, Data: answer})
}
