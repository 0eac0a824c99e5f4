// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"fmt"
	"io"
	"slices"

	"github.com/vecino-edge/vecino/crypto/group"
)

// MaxHeld is the most epochs for which a wallet holds tokens: all that issuers
// serve, and some that are over and not yet erased.
const MaxHeld = 32

// Wallet holds a member's tokens of one neighbourhood, complete or not. It is as
// secret as the keys that the tokens buy. The member saves it before it sends
// what [Wallet.Ask] made: each issuer grants one blinded element for an epoch,
// and who has forgotten its own gets no other.
type Wallet struct {
	nbhd [16]byte
	v    uint32 // of all slots
	from uint32 // epochs below it are over
	held map[uint32]*slot
}

// slot is the token of one epoch. Grants and outputs are known by the issuers'
// keys, since indices may be given away anew.
type slot struct {
	serial  [32]byte
	blind   *group.Scalar
	state   *blinding // nil until the wallet asks
	grants  map[Pub][64]byte
	outputs map[Pub][64]byte
}

// NewWallet returns an empty wallet for a neighbourhood.
func NewWallet(nbhd [16]byte) *Wallet {
	return &Wallet{nbhd: nbhd, held: map[uint32]*slot{}}
}

// Token returns the token of an epoch, nil where fewer issuers of the charter
// than it needs have evaluated it.
func (w *Wallet) Token(c *Charter, epoch uint32) *Token {
	s := w.held[epoch]
	if s == nil || c.Nbhd != w.nbhd || c.V != w.v {
		return nil
	}
	out := &Token{Epoch: epoch, V: w.v, Serial: s.serial, Y: map[uint8][64]byte{}}
	for _, by := range c.Issuers {
		if y, ok := s.outputs[by.POPRF]; ok {
			out.Y[by.Index] = y
		}
	}
	if len(out.Y) < int(c.T) {
		return nil
	}
	return out
}

// Epochs returns the epochs for which the wallet has a serial, ascending.
func (w *Wallet) Epochs() []uint32 {
	epochs := make([]uint32, 0, len(w.held))
	for e := range w.held {
		epochs = append(epochs, e)
	}
	slices.Sort(epochs)
	return epochs
}

// Erase forgets the tokens of an epoch and of those before it, and has the
// wallet draw none for them again. It is called once the keys of the epoch are
// there, or the epoch is over.
func (w *Wallet) Erase(epoch uint32) {
	for e, s := range w.held {
		if e <= epoch {
			s.erase()
			delete(w.held, e)
		}
	}
	if epoch >= w.from && epoch+1 > epoch {
		w.from = epoch + 1
	}
}

// Trim forgets the tokens of epochs before first and after last. It is called
// where it is certain which epoch it is: a serial that issuers have seen cannot be
// replaced by another.
func (w *Wallet) Trim(first, last uint32) {
	if first > 0 {
		w.Erase(first - 1)
	}
	for e, s := range w.held {
		if e > last {
			s.erase()
			delete(w.held, e)
		}
	}
}

// Has reports whether the wallet has a serial for an epoch.
func (w *Wallet) Has(epoch uint32) bool { return w.held[epoch] != nil }

// Room returns for how many more epochs the wallet takes tokens.
func (w *Wallet) Room() int { return max(0, MaxHeld-len(w.held)) }

// Void forgets all tokens of evictions before v, which no issuer takes any more.
func (w *Wallet) Void(v uint32) {
	if v <= w.v {
		return
	}
	for _, s := range w.held {
		s.erase()
	}
	clear(w.held)
	w.v = v
}

// erase overwrites what can be overwritten: the library keeps copies of its own.
func (s *slot) erase() {
	s.serial = [32]byte{}
	s.blind.Zero()
	s.state = nil
	clear(s.grants)
	clear(s.outputs)
}

// draw makes slots for the epochs that have none.
func (w *Wallet) draw(rand io.Reader, epochs []uint32) error {
	fresh := map[uint32]*slot{}
	for _, e := range epochs {
		if w.held[e] != nil {
			continue
		}
		s := &slot{grants: map[Pub][64]byte{}, outputs: map[Pub][64]byte{}}
		if _, err := io.ReadFull(rand, s.serial[:]); err != nil {
			return fmt.Errorf("token: draw serial: %w", err)
		}
		var err error
		if s.blind, err = group.RandomScalar(rand); err != nil {
			return err
		}
		fresh[e] = s
	}
	if n := len(w.held) + len(fresh); n > MaxHeld {
		return fmt.Errorf("token: %d epochs in the wallet, at most %d: erase those that are over", n, MaxHeld)
	}
	for e, s := range fresh {
		w.held[e] = s
	}
	return nil
}

// prepare blinds the serial and drops what is not of the charter's issuers.
func (s *slot) prepare(c *Charter) error {
	for key := range s.grants {
		if !slices.ContainsFunc(c.Issuers, func(by Issuer) bool { return by.Ed25519 == key }) {
			delete(s.grants, key)
		}
	}
	for key := range s.outputs {
		if !slices.ContainsFunc(c.Issuers, func(by Issuer) bool { return by.POPRF == key }) {
			delete(s.outputs, key)
		}
	}
	if s.state != nil {
		return nil
	}
	key, err := publicKey(c.Issuers[0].POPRF)
	if err != nil {
		return err
	}
	s.state, err = blind(key, s.serial[:], s.blind)
	return err
}

// grantsOf returns the grants that t issuers of the charter gave, nil where
// fewer did.
func (s *slot) grantsOf(c *Charter) []grant {
	var out []grant
	for _, by := range c.Issuers {
		if sig, ok := s.grants[by.Ed25519]; ok && len(out) < int(c.T) {
			out = append(out, grant{Index: by.Index, Signature: sig})
		}
	}
	if len(out) < int(c.T) {
		return nil
	}
	return out
}
