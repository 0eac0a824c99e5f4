// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// eachFlip calls f with every bit of b changed in turn, and puts it back. The
// short form, which emulated processors run, changes every 67th.
func eachFlip(b []byte, f func(bit int)) {
	step := 1
	if testing.Short() {
		step = 67
	}
	for bit := 0; bit < 8*len(b); bit += step {
		b[bit/8] ^= 1 << (bit % 8)
		f(bit)
		b[bit/8] ^= 1 << (bit % 8)
	}
}

// TestFlips changes every bit of the four messages of a token. None is taken, and
// the untouched message is afterwards.
func TestFlips(t *testing.T) {
	w := newPlace(t, "flips", 1, 1, 1)
	wallet := NewWallet(w.charter.Nbhd)
	a := w.ask(t, wallet, 0, 100)
	for round := range 2 {
		request := a.Pending()[0]
		eachFlip(request, func(bit int) {
			if _, err := w.mints[0].Answer(request); err != ErrRefused {
				t.Errorf("round %d: request with bit %d of byte %d changed: %v", round, bit%8, bit/8, err)
			}
		})
		answer := must(w.mints[0].Answer(request))(t)
		eachFlip(answer, func(bit int) {
			if err := a.Handle(answer); err != ErrRefused {
				t.Errorf("round %d: answer with bit %d of byte %d changed: %v", round, bit%8, bit/8, err)
			}
		})
		if err := a.Handle(answer); err != nil {
			t.Fatal(err)
		}
	}
	if w.redeemable(t, wallet.Token(w.charter, 100)) != 1 {
		t.Error("no token at the end")
	}
}

// TestPlaintextFlips changes the bits of what is inside and seals it again, as
// anybody can towards the issuer, and as a cheating issuer towards the member.
func TestPlaintextFlips(t *testing.T) {
	w := newPlace(t, "inside", 1, 1, 1)
	wallet := NewWallet(w.charter.Nbhd)
	a := w.ask(t, wallet, 0, 100)
	for round := uint8(0); round < 2; round++ {
		msg := a.Pending()[0]
		plain, _ := w.open(t, msg)
		eachFlip(plain, func(bit int) {
			if _, err := w.mints[0].Answer(w.sealPlain(t, 1, a.rid, round, plain)); err != ErrRefused {
				t.Errorf("round %d: request with bit %d of byte %d changed inside: %v", round, bit%8, bit/8, err)
			}
		})
		answer, waits := must(w.mints[0].Answer(msg))(t), a.pending[1]
		info := answerInfo(a.rid, round, 1, waits.digest)
		inside := must(openWith(a.reply, info, must(decodePacket(answer))(t).Sealed))(t)
		eachFlip(inside, func(bit int) {
			p := packet{Round: round, RID: a.rid, Index: 1, Sealed: must(sealTo(Pub(a.reply.PublicKey().Bytes()), info, inside))(t)}
			if _, cheat := a.Handle(wire.MustMarshal(p)).(*CheatError); !cheat {
				t.Errorf("round %d: answer with bit %d of byte %d changed inside is taken", round, bit%8, bit/8)
			}
			a.pending[1] = waits
		})
		if s := wallet.held[100]; len(s.outputs) != 0 || len(s.grants) != int(round) {
			t.Errorf("round %d: something went into the wallet", round)
		}
		if err := a.Handle(answer); err != nil {
			t.Fatal(err)
		}
	}
}
