// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Limits of a signer's memory.
const (
	MaxSessions     = 64               // key requests under way
	SessionLifetime = 60 * time.Second // from the first round
)

// Keys are an issuer's secrets. Share and the group key P make partial keys,
// the others receive requests and sign what is the issuer's own.
type Keys struct {
	Share   Share
	P       Pub
	POPRF   *group.Scalar
	HPKE    *ecdh.PrivateKey
	Ed25519 ed25519.PrivateKey
}

// Found draws the keys of a neighbourhood's first and only issuer.
func Found(rand io.Reader) (*Keys, error) {
	x, err := group.RandomScalar(rand)
	if err != nil {
		return nil, err
	}
	poprf, err := group.RandomScalar(rand)
	if err != nil {
		return nil, err
	}
	id, err := NewIdentity(rand)
	if err != nil {
		return nil, err
	}
	return &Keys{
		Share: Share{Index: 1, Secret: x}, P: group.EncodePoint(group.Base(x)),
		POPRF: poprf, HPKE: id.Agree, Ed25519: id.Sign,
	}, nil
}

// Public returns the issuer's entry in a charter.
func (k *Keys) Public() Issuer {
	return Issuer{
		Index: k.Share.Index, Y: group.EncodePoint(k.Share.Public()), POPRF: group.EncodePoint(group.Base(k.POPRF)),
		HPKE: Pub(k.HPKE.PublicKey().Bytes()), Ed25519: Pub(k.Ed25519.Public().(ed25519.PublicKey)),
	}
}

// SignCharter signs a charter as a neighbourhood's only issuer.
func (k *Keys) SignCharter(rand io.Reader, c *Charter) (*SignedCharter, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("issuer: sign charter: %w", err)
	}
	b, err := wire.Marshal(c)
	if err != nil {
		return nil, err
	}
	sig, err := signAlone(rand, k.Share, k.P, b)
	if err != nil {
		return nil, err
	}
	return &SignedCharter{Charter: b, Signatures: []Signature{sig}}, nil
}

type savedKeys struct {
	_                    struct{} `cbor:",toarray"`
	Index                uint8
	Secret, P            [32]byte
	POPRF, HPKE, Ed25519 [32]byte
}

// Save returns the secret keys as bytes.
func (k *Keys) Save() []byte {
	return wire.MustMarshal(savedKeys{
		Index: k.Share.Index, Secret: group.EncodeScalar(k.Share.Secret), P: k.P, POPRF: group.EncodeScalar(k.POPRF),
		HPKE: [32]byte(k.HPKE.Bytes()), Ed25519: [32]byte(k.Ed25519.Seed()),
	})
}

// RestoreKeys reads what Save wrote.
func RestoreKeys(b []byte) (*Keys, error) {
	var s savedKeys
	if err := wire.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("issuer: restore keys: %w", err)
	}
	secret, err := group.DecodeScalar(s.Secret)
	if err != nil {
		return nil, fmt.Errorf("issuer: restore keys: %w", err)
	}
	poprf, err := group.DecodeScalar(s.POPRF)
	if err != nil {
		return nil, fmt.Errorf("issuer: restore keys: %w", err)
	}
	id, err := identityFrom(s.Ed25519, s.HPKE)
	if err != nil {
		return nil, err
	}
	return &Keys{Share: Share{Index: s.Index, Secret: secret}, P: s.P, POPRF: poprf, HPKE: id.Agree, Ed25519: id.Sign}, nil
}

// Book remembers, durably, what a signer signed for whom.
type Book interface {
	// Bind records hash for (epoch, s) unless one is recorded, and returns the
	// recorded one. What it returns is on the disk.
	Bind(epoch uint32, s [32]byte, hash [sha512.Size]byte) ([sha512.Size]byte, error)
}

// Signer answers key requests for one issuer.
type Signer struct {
	Keys    *Keys
	Book    Book
	Charter func() *Charter
	Rand    io.Reader
	Now     func() time.Time

	mu       sync.Mutex
	sessions map[[16]byte]*session
}

// session is a request under way. Its nonces are dropped before its parts are
// sent; a request that comes again gets the same answer.
type session struct {
	ask      ask
	y        [32]byte
	since    time.Time
	sig, kem *Nonces
	first    commitments
	asked    [sha512.Size]byte // digest of the second round that was answered
	parts    *parts
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
	s.expire()
	if p.Round == roundA {
		return s.commit(p.RID, plain)
	}
	return s.sign(p.RID, plain)
}

func (s *Signer) expire() {
	now := s.Now()
	for rid, sess := range s.sessions {
		if now.Sub(sess.since) > SessionLifetime {
			delete(s.sessions, rid)
		}
	}
}

func (s *Signer) commit(rid [16]byte, plain []byte) ([]byte, error) {
	var r request
	if err := packetDecoder.Unmarshal(plain, &r); err != nil {
		return nil, ErrRefused
	}
	a := r.ask()
	if sess := s.sessions[rid]; sess != nil {
		if sess.ask != a {
			return nil, ErrRefused
		}
		return s.answer(rid, roundA, sess, sess.first)
	}
	sess, err := s.admit(&r, a)
	if err != nil {
		return nil, err
	}
	if len(s.sessions) >= MaxSessions {
		return nil, ErrRefused
	}
	if sess.sig, sess.first.Sig, err = Commit(s.Rand, s.Keys.Share); err != nil {
		return nil, err
	}
	if sess.kem, sess.first.Kem, err = Commit(s.Rand, s.Keys.Share); err != nil {
		return nil, err
	}
	if s.sessions == nil {
		s.sessions = map[[16]byte]*session{}
	}
	s.sessions[rid] = sess
	return s.answer(rid, roundA, sess, sess.first)
}

// admit checks who asks and for what, the MAC before the proofs, and writes
// down that this member has this key in this epoch, and no other.
func (s *Signer) admit(r *request, a ask) (*session, error) {
	c := s.Charter()
	now, ok := c.Epoch(s.Now())
	if !ok || a.Epoch+1 < now || a.Epoch > now+1 || c.memberByX(a.S) == nil {
		return nil, ErrRefused
	}
	y, err := authenticator(s.Keys.HPKE, a.S, c.Nbhd, a.Epoch)
	if err != nil {
		return nil, ErrRefused
	}
	want := mac(y, a)
	if subtle.ConstantTimeCompare(want[:], r.MAC[:]) != 1 {
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
	return &session{ask: a, y: y, since: s.Now()}, nil
}

func (s *Signer) sign(rid [16]byte, plain []byte) ([]byte, error) {
	sess := s.sessions[rid]
	if sess == nil {
		return nil, ErrRefused
	}
	var in signers
	if err := packetDecoder.Unmarshal(plain, &in); err != nil {
		return nil, ErrRefused
	}
	want := mac(sess.y, lists{Sig: in.Sig, Kem: in.Kem})
	if subtle.ConstantTimeCompare(want[:], in.MAC[:]) != 1 || len(in.Sig) < int(s.Charter().T) {
		return nil, ErrRefused
	}
	asked := wire.Digest(plain)
	if sess.parts != nil {
		if asked != sess.asked {
			return nil, ErrRefused
		}
		return s.answer(rid, roundB, sess, *sess.parts)
	}
	nbhd := s.Charter().Nbhd
	sig, err := s.part(sess.ask.message(signcrypt.Sig, nbhd), in.Sig, &sess.sig)
	if err != nil {
		return nil, ErrRefused
	}
	kem, err := s.part(sess.ask.message(signcrypt.Kem, nbhd), in.Kem, &sess.kem)
	if err != nil {
		return nil, ErrRefused
	}
	sess.asked, sess.parts = asked, &parts{Sig: sig, Kem: kem}
	return s.answer(rid, roundB, sess, *sess.parts)
}

// part signs with nonces that are gone afterwards.
func (s *Signer) part(msg []byte, list []Commitment, nonces **Nonces) (out [group.Size]byte, err error) {
	n := *nonces
	*nonces = nil
	if n == nil {
		return out, ErrRefused
	}
	signing, err := NewSigning(s.Keys.P, msg, list)
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
