// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ecdh"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/token"
)

// CheatError names an issuer that broke the rules of what it was asked for.
type CheatError struct {
	Index  uint8
	Reason string // empty for a wrong part of a key
}

func (e *CheatError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("issuer %d answered with a wrong part of a key", e.Index)
	}
	return fmt.Sprintf("issuer %d cheats: %s", e.Index, e.Reason)
}

// Asking is a device's request for the keys of one epoch: what it sends, and
// what it makes of the answers. Messages may be sent again at will.
type Asking struct {
	scope    *signcrypt.Scope
	charter  *Charter
	signers  []*Issuer // ascending
	rid      [16]byte
	reply    *ecdh.PrivateKey
	sig, kem *signcrypt.SecretValue
	ask      ask
	y        map[uint8]output

	commits map[uint8]commitments
	signing [2]*frost.Signing
	parts   map[uint8]parts
	pending map[uint8][]byte // the message that each issuer has yet to answer
}

// NewAsking begins a request to t different issuers of the charter, those with
// the given indices, for which the token is good. The scope is the charter's, of
// the epoch that is wanted. The secret values are fresh, or those of an earlier
// request of the same epoch: an issuer signs one pair for each token.
func NewAsking(rand io.Reader, scope *signcrypt.Scope, c *Charter, t *token.Token, indices []uint8, sig, kem *signcrypt.SecretValue) (*Asking, error) {
	a := &Asking{
		scope: scope, charter: c, sig: sig, kem: kem,
		y: map[uint8]output{}, commits: map[uint8]commitments{}, parts: map[uint8]parts{}, pending: map[uint8][]byte{},
	}
	if scope.P != c.P || scope.Nbhd != c.Nbhd {
		return nil, errors.New("issuer: ask: the scope is of another charter")
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(indices)))
	if len(distinct) != int(c.T) || len(indices) != int(c.T) {
		return nil, fmt.Errorf("issuer: ask: the charter wants %d different issuers, got %v", c.T, indices)
	}
	for _, i := range distinct {
		s := c.Issuer(i)
		if s == nil {
			return nil, fmt.Errorf("issuer: ask: the charter has no issuer %d", i)
		}
		if _, ok := t.Y[i]; !ok {
			return nil, fmt.Errorf("issuer: ask: issuer %d has not evaluated the token", i)
		}
		a.signers = append(a.signers, s)
	}
	if t.Epoch != scope.Epoch || t.V != c.V {
		return nil, errors.New("issuer: ask: the token is of another epoch, or void")
	}
	if err := a.begin(rand, t); err != nil {
		return nil, fmt.Errorf("issuer: ask: %w", err)
	}
	return a, nil
}

func (a *Asking) begin(rand io.Reader, t *token.Token) error {
	var fresh [48]byte
	if _, err := io.ReadFull(rand, fresh[:]); err != nil {
		return err
	}
	a.rid = [16]byte(fresh[:])
	var err error
	if a.reply, err = ecdh.X25519().NewPrivateKey(fresh[16:]); err != nil {
		return err
	}
	a.ask = ask{Epoch: a.scope.Epoch, S: t.Serial, USig: a.sig.U, UKem: a.kem.U, Reply: Pub(a.reply.PublicKey().Bytes())}
	if a.ask.ProofSig, err = a.proof(rand, signcrypt.Sig, a.sig); err != nil {
		return err
	}
	if a.ask.ProofKem, err = a.proof(rand, signcrypt.Kem, a.kem); err != nil {
		return err
	}
	for _, s := range a.signers {
		y := t.Y[s.Index]
		a.y[s.Index] = y
		if a.pending[s.Index], err = packetFor(s, a.rid, roundA, a.ask.request(y)); err != nil {
			return err
		}
	}
	return nil
}

func (a *Asking) proof(rand io.Reader, usage signcrypt.Usage, secret *signcrypt.SecretValue) (Proof, error) {
	nonce, err := group.RandomScalar(rand)
	if err != nil {
		return Proof{}, err
	}
	return a.ask.claim(usage, a.scope.Nbhd).prove(nonce, secret), nil
}

// Pending returns the messages that no issuer has answered yet.
func (a *Asking) Pending() [][]byte {
	var out [][]byte
	for _, s := range a.signers {
		if m := a.pending[s.Index]; m != nil {
			out = append(out, m)
		}
	}
	return out
}

// Round returns 1 while commitments are awaited and 2 while parts are.
func (a *Asking) Round() int {
	if a.signing[0] == nil {
		return 1
	}
	return 2
}

// Silent returns the issuers that have yet to answer.
func (a *Asking) Silent() []uint8 {
	var out []uint8
	for _, s := range a.signers {
		if a.pending[s.Index] != nil {
			out = append(out, s.Index)
		}
	}
	return out
}

// Handle takes an answer and returns the keys once the last one is there. It
// ignores what is not for this request with [ErrRefused]; a [*CheatError] ends
// the request.
func (a *Asking) Handle(msg []byte) (*signcrypt.KeyPair, error) {
	p, err := decodePacket(msg)
	if err != nil || p.RID != a.rid || a.pending[p.Index] == nil {
		return nil, ErrRefused
	}
	plain, err := OpenWith(a.reply, answerInfo(a.rid, p.Index, a.y[p.Index]), p.Sealed)
	if err != nil {
		return nil, ErrRefused
	}
	if a.signing[0] == nil {
		return nil, a.handleCommitments(p, plain)
	}
	return a.handleParts(p, plain)
}

func (a *Asking) handleCommitments(p *packet, plain []byte) error {
	var c commitments
	if err := packetDecoder.Unmarshal(plain, &c); err != nil || p.Round != roundA {
		return ErrRefused
	}
	for _, one := range []Commitment{c.Sig, c.Kem} {
		if one.Index != p.Index || !one.Valid() {
			return &CheatError{Index: p.Index}
		}
	}
	a.commits[p.Index] = c
	delete(a.pending, p.Index)
	if len(a.commits) < len(a.signers) {
		return nil
	}
	return a.second()
}

// second makes the messages of round two from everybody's commitments.
func (a *Asking) second() error {
	var l lists
	for _, s := range a.signers {
		c := a.commits[s.Index]
		l.Sig, l.Kem = append(l.Sig, c.Sig), append(l.Kem, c.Kem)
	}
	for i, usage := range []signcrypt.Usage{signcrypt.Sig, signcrypt.Kem} {
		s, err := frost.NewSigning(a.scope.P, a.ask.message(usage, a.scope.Nbhd), [][]Commitment{l.Sig, l.Kem}[i])
		if err != nil {
			return err
		}
		a.signing[i] = s
	}
	for _, s := range a.signers {
		y := a.y[s.Index]
		m, err := packetFor(s, a.rid, roundB, signers{Sig: l.Sig, Kem: l.Kem, MAC: mac(y, l)})
		if err != nil {
			return err
		}
		a.pending[s.Index] = m
	}
	return nil
}

func (a *Asking) handleParts(p *packet, plain []byte) (*signcrypt.KeyPair, error) {
	var got parts
	if err := packetDecoder.Unmarshal(plain, &got); err != nil || p.Round != roundB {
		return nil, ErrRefused // a late answer to round one, say
	}
	y, err := group.DecodePoint(a.charter.Issuer(p.Index).Y)
	if err != nil {
		return nil, &CheatError{Index: p.Index}
	}
	for i, part := range [][group.Size]byte{got.Sig, got.Kem} {
		z, err := group.DecodeScalar(part)
		if err != nil || !a.signing[i].Check(p.Index, y, z) {
			return nil, &CheatError{Index: p.Index}
		}
	}
	a.parts[p.Index] = got
	delete(a.pending, p.Index)
	if len(a.parts) < len(a.signers) {
		return nil, nil
	}
	return a.finish()
}

func (a *Asking) finish() (*signcrypt.KeyPair, error) {
	var sums [2]signcrypt.PartialKey
	for i := range sums {
		var zs []*group.Scalar
		for _, p := range a.parts {
			z, err := group.DecodeScalar([][group.Size]byte{p.Sig, p.Kem}[i])
			if err != nil {
				return nil, errors.New("issuer: ask: a checked part no longer decodes")
			}
			zs = append(zs, z)
		}
		sums[i].R, sums[i].D = a.signing[i].Sum(zs)
	}
	return a.scope.NewKeyPair(a.sig, a.kem, sums[0], sums[1])
}
