// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/ed25519"
	"slices"
)

// Handle takes an answer. It ignores what is not for this request with
// [ErrRefused]; after a [*CheatError] the request goes on without that issuer.
// Of a wrong answer nothing goes into the wallet. [ErrTooFew] says that it ends
// without a token.
func (a *Asking) Handle(msg []byte) error {
	p, err := decodePacket(msg)
	if err != nil || p.RID != a.rid || p.Round != a.round || !a.refresh() {
		return ErrRefused
	}
	m := a.pending[p.Index]
	if m == nil {
		return ErrRefused
	}
	plain, err := openWith(a.reply, answerInfo(p.RID, p.Round, p.Index, m.digest), p.Sealed)
	if err != nil {
		return ErrRefused
	}
	by := a.charter.issuer(p.Index)
	if a.round == roundB {
		delete(a.pending, p.Index)
		return a.takeEvaluations(by, m, plain)
	}
	err = a.takeGrants(by, m, plain)
	delete(a.pending, p.Index)
	if a.ready() {
		if next := a.Proceed(); err == nil {
			err = next
		}
	}
	return err
}

// asked returns the item of an epoch that lies behind the first n items, nil
// where there is none, and the position behind it. Answers keep the order of the
// request.
func (m *waiting) asked(n int, epoch uint32) (*item, int) {
	i := slices.IndexFunc(m.items[n:], func(it item) bool { return it.Epoch == epoch })
	if i < 0 {
		return nil, n
	}
	return &m.items[n+i], n + i + 1
}

func (a *Asking) takeGrants(by *Issuer, m *waiting, plain []byte) error {
	var list []granted
	if err := packetDecoder.Unmarshal(plain, &list); err != nil {
		return &CheatError{by.Index}
	}
	var it *item
	n := 0
	for _, g := range list {
		if it, n = m.asked(n, g.Epoch); it == nil {
			return &CheatError{by.Index}
		}
		if !ed25519.Verify(by.Ed25519[:], a.charter.grantMessage(a.member, g.Epoch, it.Blinded), g.Signature[:]) {
			return &CheatError{by.Index}
		}
	}
	for _, g := range list {
		if s := a.wallet.held[g.Epoch]; s != nil {
			s.grants[by.Ed25519] = g.Signature
		}
	}
	return nil
}

func (a *Asking) takeEvaluations(by *Issuer, m *waiting, plain []byte) error {
	var list []evaluation
	if err := packetDecoder.Unmarshal(plain, &list); err != nil {
		return &CheatError{by.Index}
	}
	key, err := publicKey(by.POPRF)
	if err != nil {
		return &CheatError{by.Index}
	}
	outputs := make([][64]byte, len(list))
	var it *item
	n := 0
	for i := range list {
		e := &list[i]
		if it, n = m.asked(n, e.Epoch); it == nil {
			return &CheatError{by.Index}
		}
		s := a.wallet.held[e.Epoch]
		if s == nil { // erased or void since
			continue
		}
		if outputs[i], err = s.state.finalize(key, info(a.charter.Nbhd, e.Epoch, a.charter.V), e); err != nil {
			return &CheatError{by.Index}
		}
	}
	for i, e := range list {
		if s := a.wallet.held[e.Epoch]; s != nil {
			s.outputs[by.POPRF] = outputs[i]
		}
	}
	return nil
}
