// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// ErrTooFew ends an [Asking] for which fewer than t issuers gave grants.
var ErrTooFew = errors.New("token: fewer issuers granted than the charter needs")

// ErrSpent refuses to ask for the token of an epoch that has been used or is over.
var ErrSpent = errors.New("token: ask: the token has been used or is over")

// CheatError names an issuer whose answer is wrong.
type CheatError struct {
	Index uint8
}

func (e *CheatError) Error() string {
	return fmt.Sprintf("issuer %d answered with a wrong grant or evaluation of a token", e.Index)
}

// Asking is a member's request for the tokens of some epochs: what it sends, and
// what it makes of the answers, which go into the wallet. Messages may be sent
// again at will. It is given up by letting it go; another takes up where it
// ended.
type Asking struct {
	wallet  *Wallet
	charter *Charter
	id      ed25519.PrivateKey
	member  Pub
	epochs  []uint32 // ascending
	rid     [16]byte
	reply   *ecdh.PrivateKey
	round   uint8
	pending map[uint8]*waiting
}

// waiting is a message that an issuer has yet to answer.
type waiting struct {
	msg    []byte
	digest [64]byte // of its plaintext
	items  []item
}

// Ask begins a request to all issuers of a charter, under the member's identity,
// for at most [MaxBatch] epochs. It draws serials for those that have none, so
// the wallet is to be saved before a message goes out. Tokens of an earlier v
// are void from here on.
func (w *Wallet) Ask(rand io.Reader, c *Charter, id ed25519.PrivateKey, epochs ...uint32) (*Asking, error) {
	a := &Asking{wallet: w, charter: c, id: id, pending: map[uint8]*waiting{}}
	a.epochs = slices.Compact(slices.Sorted(slices.Values(epochs)))
	if err := a.check(); err != nil {
		return nil, err
	}
	w.Void(c.V)
	if err := w.draw(rand, a.epochs); err != nil {
		return nil, err
	}
	for _, e := range a.epochs {
		if err := w.held[e].prepare(c); err != nil {
			return nil, err
		}
	}
	if err := a.begin(rand); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Asking) check() error {
	w, c := a.wallet, a.charter
	if err := c.check(); err != nil {
		return err
	}
	if len(a.id) != ed25519.PrivateKeySize {
		return errors.New("token: ask: no identity key")
	}
	a.member = Pub(a.id.Public().(ed25519.PublicKey))
	switch n := len(a.epochs); {
	case n == 0 || n > MaxBatch:
		return fmt.Errorf("token: ask: %d epochs, want 1 to %d", n, MaxBatch)
	case a.epochs[0] < w.from:
		return fmt.Errorf("%w: epoch %d", ErrSpent, a.epochs[0])
	case a.epochs[0] < c.From:
		return fmt.Errorf("token: ask: tokens are given from epoch %d on, since a member was removed before it", c.From)
	case c.Nbhd != w.nbhd:
		return errors.New("token: ask: the charter is of another neighbourhood")
	case c.V < w.v:
		return fmt.Errorf("token: ask: the charter knows %d evictions, the wallet %d", c.V, w.v)
	case !slices.Contains(c.Members, a.member):
		return errors.New("token: ask: the charter does not name this member")
	}
	return nil
}

func (a *Asking) begin(rand io.Reader) error {
	var fresh [48]byte
	if _, err := io.ReadFull(rand, fresh[:]); err != nil {
		return fmt.Errorf("token: ask: %w", err)
	}
	a.rid = [16]byte(fresh[:])
	var err error
	if a.reply, err = ecdh.X25519().NewPrivateKey(fresh[16:]); err != nil {
		return fmt.Errorf("token: ask: %w", err)
	}
	a.send(func(by *Issuer, s *slot) ([]grant, bool) {
		_, has := s.grants[by.Ed25519]
		return nil, !has && s.grantsOf(a.charter) == nil
	})
	if a.ready() {
		return a.Proceed()
	}
	return nil
}

// ready reports whether there is nothing left to wait for in round a: t issuers
// granted each of the epochs, or all have answered.
func (a *Asking) ready() bool {
	return len(a.pending) == 0 ||
		!slices.ContainsFunc(a.epochs, func(e uint32) bool { return a.wallet.held[e].grantsOf(a.charter) == nil })
}

// refresh drops epochs that the wallet has forgotten since, and reports whether
// any are left.
func (a *Asking) refresh() bool {
	over := func(e uint32) bool { return a.wallet.held[e] == nil || a.wallet.v != a.charter.V }
	a.epochs = slices.DeleteFunc(a.epochs, over)
	if len(a.epochs) == 0 {
		clear(a.pending)
	}
	return len(a.epochs) > 0
}

// Proceed asks for the evaluation of what t issuers have granted, without waiting
// for the rest. [Asking.Handle] calls it when there is nothing left to wait for.
// It fails with [ErrTooFew] where no epoch has the grants that it needs.
func (a *Asking) Proceed() error {
	if a.round == roundB || !a.refresh() {
		return nil
	}
	granted := func(e uint32) bool { return a.wallet.held[e].grantsOf(a.charter) != nil }
	if !slices.ContainsFunc(a.epochs, granted) {
		return ErrTooFew
	}
	a.round = roundB
	clear(a.pending)
	a.send(func(by *Issuer, s *slot) ([]grant, bool) {
		_, has := s.outputs[by.POPRF]
		grants := s.grantsOf(a.charter)
		return grants, !has && grants != nil
	})
	return nil
}

// send makes one message for each issuer of the epochs that it is to be asked
// for.
func (a *Asking) send(ask func(*Issuer, *slot) ([]grant, bool)) {
	for i := range a.charter.Issuers {
		to := &a.charter.Issuers[i]
		var items []item
		for _, e := range a.epochs {
			s := a.wallet.held[e]
			if grants, wanted := ask(to, s); wanted {
				items = append(items, item{Epoch: e, Blinded: s.state.blinded, Grants: grants})
			}
		}
		if len(items) == 0 {
			continue
		}
		if m := a.message(to, items); m != nil {
			a.pending[to.Index] = m
		}
	}
}

// message returns nil for an issuer whose key takes nothing sealed: it gives no
// tokens, and must not keep the others from it.
func (a *Asking) message(to *Issuer, items []item) *waiting {
	b := wire.MustMarshal(body{
		Label: wire.LabelTokenRequest, Nbhd: a.charter.Nbhd, Round: a.round, RID: a.rid, Index: to.Index,
		V: a.charter.V, Member: a.member, Reply: Pub(a.reply.PublicKey().Bytes()), Items: items,
	})
	plain := wire.MustMarshal(request{Body: b, Signature: [64]byte(ed25519.Sign(a.id, b))})
	sealed, err := sealTo(to.HPKE, requestInfo(a.rid, a.round, to.Index), plain)
	if err != nil {
		return nil
	}
	msg := wire.MustMarshal(packet{Round: a.round, RID: a.rid, Index: to.Index, Sealed: sealed})
	return &waiting{msg: msg, digest: wire.Digest(plain), items: items}
}

// Pending returns the messages that no issuer has answered yet. It is empty once
// there is nothing more to be had.
func (a *Asking) Pending() [][]byte {
	var out [][]byte
	for _, by := range a.charter.Issuers {
		if m := a.pending[by.Index]; m != nil {
			out = append(out, m.msg)
		}
	}
	return out
}

// Silent returns the issuers that have yet to answer.
func (a *Asking) Silent() []uint8 {
	var out []uint8
	for _, by := range a.charter.Issuers {
		if a.pending[by.Index] != nil {
			out = append(out, by.Index)
		}
	}
	return out
}

// Round returns 1 while grants are awaited and 2 while evaluations are.
func (a *Asking) Round() int { return int(a.round) + 1 }
