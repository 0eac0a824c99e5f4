// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/sha512"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/token"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Book remembers, durably, what a signer signed for whom. It belongs to one
// neighbourhood and is never restored from a backup: who forgets what it signed
// may give a member a second pseudonym in one epoch.
type Book interface {
	// Bind records hash for (epoch, s) unless one is recorded, and returns the
	// recorded one. What it returns is on the disk. Records of epochs before
	// the last one may be dropped; Bind then fails for the epochs dropped, so
	// that a clock set back does not bring them to life.
	Bind(epoch uint32, s [32]byte, hash [sha512.Size]byte) ([sha512.Size]byte, error)
}

// Signer answers key requests for one issuer. Its fields are set before use and
// then left alone.
type Signer struct {
	Keys    *Keys
	Book    Book
	Charter func() *Charter // the newest, verified; nil where there is none yet
	Rand    io.Reader
	Now     func() time.Time

	mu       sync.Mutex
	sessions sessions
	public   Issuer // of Keys, once somebody has asked
}

// Answer returns the answer to a key request. It returns [ErrRefused] for one
// that is not for this issuer, not made by a member or not fit to be signed,
// and another error where the book cannot be written.
func (s *Signer) Answer(msg []byte) ([]byte, error) {
	p, err := decodePacket(msg)
	if err != nil || p.Index != s.Keys.Share.Index {
		return nil, ErrRefused
	}
	plain, err := OpenWith(s.Keys.HPKE, requestInfo(p.RID, p.Round, p.Index), p.Sealed)
	if err != nil {
		return nil, ErrRefused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.Charter()
	if c == nil || !s.appointed(c) {
		return nil, ErrRefused
	}
	s.sessions.expire(s.Now())
	if p.Round == roundA {
		return s.commit(c, p.RID, plain)
	}
	return s.sign(c, p.RID, plain)
}

// appointed reports whether the charter names this issuer. One that was voted
// out, or whose share belongs to an older P, signs nothing more.
func (s *Signer) appointed(c *Charter) bool {
	if s.public == (Issuer{}) {
		s.public = s.Keys.Public()
	}
	own := c.Issuer(s.public.Index)
	return own != nil && *own == s.public && c.P == s.Keys.P
}

// served reports whether keys of an epoch are issued: of the present one, the
// one before or the next, since clocks differ.
func (s *Signer) served(c *Charter, epoch uint32) bool {
	now, ok := c.Epoch(s.Now())
	if !ok {
		return false
	}
	ahead := int64(epoch) - int64(now)
	return -1 <= ahead && ahead <= 1
}

func (s *Signer) commit(c *Charter, rid [16]byte, plain []byte) ([]byte, error) {
	var r request
	if err := packetDecoder.Unmarshal(plain, &r); err != nil {
		return nil, ErrRefused
	}
	a := r.ask()
	if !s.served(c, a.Epoch) {
		return nil, ErrRefused
	}
	if sess := s.sessions.find(rid, a.S); sess != nil {
		if sess.v != c.V || sess.ask != a || !sess.made(r.MAC, a) {
			return nil, ErrRefused
		}
		return s.answer(rid, roundA, sess, sess.first)
	}
	sess, err := s.admit(c, &r, a)
	if err != nil {
		return nil, err
	}
	sess.rid, sess.since = rid, s.Now()
	if sess.sig, sess.first.Sig, err = frost.Commit(s.Rand, s.Keys.Share); err != nil {
		return nil, err
	}
	if sess.kem, sess.first.Kem, err = frost.Commit(s.Rand, s.Keys.Share); err != nil {
		return nil, err
	}
	if !s.sessions.add(sess) {
		return nil, ErrRefused
	}
	return s.answer(rid, roundA, sess, sess.first)
}

// admit checks the token and what is asked for, the MAC before the proofs, and
// writes down that this token buys this key in its epoch, and no other. Whose the
// token is nobody can tell.
func (s *Signer) admit(c *Charter, r *request, a ask) (*session, error) {
	y, err := token.Output(s.Keys.POPRF, c.Nbhd, a.Epoch, c.V, a.S)
	if err != nil {
		return nil, ErrRefused
	}
	sess := &session{ask: a, y: y, v: c.V}
	if !sess.made(r.MAC, a) {
		return nil, ErrRefused
	}
	if !a.claim(signcrypt.Sig, c.Nbhd).verify(a.ProofSig) || !a.claim(signcrypt.Kem, c.Nbhd).verify(a.ProofKem) {
		return nil, ErrRefused
	}
	pair := wire.Digest(a.USig[:], a.UKem[:])
	bound, err := s.Book.Bind(a.Epoch, a.S, pair)
	if err != nil {
		return nil, fmt.Errorf("issuer: record key of epoch %d: %w", a.Epoch, err)
	}
	if bound != pair {
		return nil, ErrRefused
	}
	return sess, nil
}

func (s *Signer) sign(c *Charter, rid [16]byte, plain []byte) ([]byte, error) {
	var in signers
	if err := packetDecoder.Unmarshal(plain, &in); err != nil {
		return nil, ErrRefused
	}
	l := lists{Sig: in.Sig, Kem: in.Kem}
	sess := s.sessions.madeBy(rid, in.MAC, l)
	if sess == nil || sess.v != c.V || !s.served(c, sess.ask.Epoch) || !l.of(c) {
		return nil, ErrRefused
	}
	asked := wire.Digest(plain)
	if sess.parts != nil {
		if asked != sess.asked {
			return nil, ErrRefused
		}
		return s.answer(rid, roundB, sess, *sess.parts)
	}
	sig, err := s.part(sess.ask.message(signcrypt.Sig, c.Nbhd), in.Sig, &sess.sig)
	if err != nil {
		return nil, ErrRefused
	}
	kem, err := s.part(sess.ask.message(signcrypt.Kem, c.Nbhd), in.Kem, &sess.kem)
	if err != nil {
		return nil, ErrRefused
	}
	sess.asked, sess.parts = asked, &parts{Sig: sig, Kem: kem}
	return s.answer(rid, roundB, sess, *sess.parts)
}

// of reports whether both lists are of the same t issuers of the charter. A
// list of fewer, or of a signer that does not exist, would have a part made
// that belongs to no signature under P.
func (l lists) of(c *Charter) bool {
	sameIndex := func(a, b Commitment) bool { return a.Index == b.Index }
	if len(l.Sig) != int(c.T) || !slices.EqualFunc(l.Sig, l.Kem, sameIndex) {
		return false
	}
	return !slices.ContainsFunc(l.Sig, func(one Commitment) bool { return c.Issuer(one.Index) == nil })
}

// part signs with nonces that are gone afterwards.
func (s *Signer) part(msg []byte, list []Commitment, nonces **frost.Nonces) (out [group.Size]byte, err error) {
	n := *nonces
	*nonces = nil
	signing, err := frost.NewSigning(s.Keys.P, msg, list)
	if err != nil {
		return out, err
	}
	z, err := signing.Sign(s.Keys.Share, n)
	if err != nil {
		return out, err
	}
	return group.EncodeScalar(z), nil
}

func (s *Signer) answer(rid [16]byte, round uint8, sess *session, plaintext any) ([]byte, error) {
	index := s.Keys.Share.Index
	sealed, err := sealTo(sess.ask.Reply, answerInfo(rid, index, sess.y), wire.MustMarshal(plaintext))
	if err != nil {
		return nil, ErrRefused
	}
	return wire.Marshal(packet{Round: round, RID: rid, Index: index, Sealed: sealed})
}
