// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestCheats names issuers that answer wrongly, keeps nothing of the answer, and
// goes on with the others.
func TestCheats(t *testing.T) {
	w := newPlace(t, "cheats", 2, 3, 2)
	evil := newPlace(t, "evil", 2, 3, 2)
	other := NewWallet(w.charter.Nbhd)
	w.fetch(t, other, 1, 100, 101)
	for name, f := range map[string]func(a *Asking, plain any){
		"another epoch": func(_ *Asking, p any) {
			if g, ok := p.(*[]granted); ok {
				(*g)[1].Epoch = 102
			} else {
				(*p.(*[]evaluation))[1].Epoch = 102
			}
		},
		"one twice": func(_ *Asking, p any) {
			if g, ok := p.(*[]granted); ok {
				(*g)[1] = (*g)[0]
			} else {
				e := *p.(*[]evaluation)
				e[1] = e[0]
			}
		},
		"order": func(_ *Asking, p any) {
			if g, ok := p.(*[]granted); ok {
				slices.Reverse(*g)
			} else {
				slices.Reverse(*p.(*[]evaluation))
			}
		},
		"another's": func(a *Asking, p any) {
			if g, ok := p.(*[]granted); ok {
				(*g)[1].Signature = other.held[101].grants[w.charter.Issuers[0].Ed25519]
			} else { // evaluated under another key: it would mark this member
				e := *p.(*[]evaluation)
				one := must(evaluate(must(secretKey(evil.mints[0].POPRF))(t), info(w.charter.Nbhd, 101, 2), a.wallet.held[101].state.blinded))(t)
				e[1].Element, e[1].Proof = one.Element, one.Proof
			}
		},
	} {
		wallet := NewWallet(w.charter.Nbhd)
		w.books[0].bound, w.books[1].bound, w.books[2].bound = nil, nil, nil
		a := w.ask(t, wallet, 0, 100, 101)
		for round := range 2 {
			var list any = &[]granted{}
			if round == 1 {
				list = &[]evaluation{}
			}
			answerOf(t, a, must(w.mints[0].Answer(a.Pending()[0]))(t), list)
			f(a, list)
			p := packet{Round: uint8(round), RID: a.rid, Index: 1}
			p.Sealed = must(sealTo(Pub(a.reply.PublicKey().Bytes()), answerInfo(a.rid, uint8(round), 1, a.pending[1].digest), wire.MustMarshal(list)))(t)
			var cheat *CheatError
			if err := a.Handle(wire.MustMarshal(p)); !errors.As(err, &cheat) || cheat.Index != 1 || !strings.Contains(err.Error(), "issuer 1 ") {
				t.Errorf("%s in round %d: %v", name, round, err)
			}
			if s := wallet.held[100]; len(s.outputs) != 0 || round == 0 && len(s.grants) != 0 {
				t.Errorf("%s in round %d: something went into the wallet", name, round)
			}
			w.pass(t, a, nil)
		}
		if got := wallet.Token(w.charter, 101); got == nil || w.redeemable(t, got) != 2 {
			t.Errorf("%s: no token from the two others", name)
		}
	}
}
