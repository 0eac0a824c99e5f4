// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// What the bytes of a fuzz target are: a packet as it comes from the network, or
// what is inside one, which the target seals and signs as it should be, so that
// the decoders behind the encryption are reached.
const (
	wholePacket = 0
	insideA     = 1
	insideB     = 2
	bodyA       = 3 // of a request, which the member then signs
	bodyB       = 4
)

func FuzzMint(f *testing.F) {
	w := newPlace(f, "vecino golden tokens 1", 1, 1, 1)
	a := w.ask(f, NewWallet(w.charter.Nbhd), 0, 100)
	f.Fuzz(func(t *testing.T, b []byte, what uint8) {
		round := uint8(roundA)
		if what == insideB || what == bodyB {
			round = roundB
		}
		if what == bodyA || what == bodyB {
			b = wire.MustMarshal(request{Body: b, Signature: [64]byte(ed25519.Sign(w.members[0], b))})
		}
		if what != wholePacket {
			b = w.sealPlain(t, 1, a.rid, round, b)
		}
		answer, err := w.mints[0].Answer(b)
		if (answer == nil) != (err != nil) || err != nil && err != ErrRefused {
			t.Fatalf("got %x, %v", answer, err)
		}
		for key, blinded := range w.books[0].bound {
			if _, err := element(blinded); err != nil || len(w.books[0].bound) > Behind+Ahead+1 {
				t.Fatalf("the book binds %s to %x, with %d others", key, blinded, len(w.books[0].bound))
			}
		}
	})
}

func FuzzHandle(f *testing.F) {
	w := newPlace(f, "vecino golden tokens 1", 1, 1, 1)
	asking := func(t testing.TB, round uint8) *Asking {
		a := w.ask(t, NewWallet(w.charter.Nbhd), 0, 100)
		if round == roundB {
			s := a.wallet.held[100]
			msg := w.charter.grantMessage(w.member(0), 100, s.state.blinded)
			s.grants[w.charter.Issuers[0].Ed25519] = [64]byte(ed25519.Sign(w.mints[0].Ed25519, msg))
			a = must(a.wallet.Ask(w.rand, w.charter, w.members[0], 100))(t)
		}
		return a
	}
	var waits [2]*Asking
	f.Fuzz(func(t *testing.T, b []byte, what uint8) {
		round := uint8(roundA)
		if what == insideB {
			round = roundB
		}
		a := waits[round]
		if a == nil {
			a = asking(t, round)
			waits[round] = a
		}
		if what == insideA || what == insideB {
			info := answerInfo(a.rid, round, 1, a.pending[1].digest)
			sealed := must(sealTo(Pub(a.reply.PublicKey().Bytes()), info, b))(t)
			b = wire.MustMarshal(packet{Round: round, RID: a.rid, Index: 1, Sealed: sealed})
		}
		err := a.Handle(b)
		var cheat *CheatError
		if err != nil && err != ErrRefused && err != ErrTooFew && !errors.As(err, &cheat) {
			t.Fatalf("got %v", err)
		}
		if s := a.wallet.held[100]; len(s.outputs) != 0 || len(s.grants) != int(round) {
			t.Fatal("a grant or an output from nowhere")
		}
		if err != ErrRefused {
			waits[round] = nil // it went on: the next input finds a fresh request
		}
	})
}

func FuzzRestoreWallet(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := RestoreWallet(b)
		if (w == nil) != (err != nil) {
			t.Fatalf("got %v, %v", w, err)
		}
		if err == nil && !bytes.Equal(w.Save(), b) {
			t.Fatal("a wallet saves other bytes than it was restored from")
		}
	})
}

// TestSeeds writes the seeds of the fuzz targets where the flag -update is set.
func TestSeeds(t *testing.T) {
	w := newPlace(t, "vecino golden tokens 1", 1, 1, 1)
	wallet := NewWallet(w.charter.Nbhd)
	empty := wallet.Save()
	a := w.ask(t, wallet, 0, 100, 101)
	asked := wallet.Save()
	seeds := map[string][]any{}
	for round, name := range []string{"a", "b"} {
		msg := a.Pending()[0]
		plain, b := w.open(t, msg)
		answer := must(w.mints[0].Answer(msg))(t)
		p := must(decodePacket(answer))(t)
		inside := must(openWith(a.reply, answerInfo(p.RID, p.Round, 1, a.pending[1].digest), p.Sealed))(t)
		seeds["FuzzMint/packet_"+name] = []any{msg, uint8(wholePacket)}
		seeds["FuzzMint/inside_"+name] = []any{plain, uint8(insideA + round)}
		seeds["FuzzMint/body_"+name] = []any{wire.MustMarshal(b), uint8(bodyA + round)}
		seeds["FuzzMint/body_of_other_round_"+name] = []any{wire.MustMarshal(b), uint8(bodyB - round)}
		seeds["FuzzMint/cut_"+name] = []any{msg[:40], uint8(wholePacket)}
		b.Items = append(b.Items, item{Epoch: 102, Blinded: b.Items[0].Blinded, Grants: make([]grant, round)})
		seeds["FuzzMint/more_"+name] = []any{wire.MustMarshal(b), uint8(bodyA + round)}
		b.Items = b.Items[:0]
		seeds["FuzzMint/nothing_"+name] = []any{wire.MustMarshal(b), uint8(bodyA + round)}
		seeds["FuzzHandle/packet_"+name] = []any{answer, uint8(wholePacket)}
		seeds["FuzzHandle/inside_"+name] = []any{inside, uint8(insideA + round)}
		seeds["FuzzHandle/other_round_"+name] = []any{inside, uint8(insideB - round)}
		seeds["FuzzHandle/empty_"+name] = []any{[]byte{0x80}, uint8(insideA + round)}
		seeds["FuzzHandle/claims_2_40_"+name] = []any{[]byte{0x9b, 0, 0, 1, 0, 0, 0, 0, 0}, uint8(insideA + round)}
		if err := a.Handle(answer); err != nil {
			t.Fatal(err)
		}
	}
	for name, b := range map[string][]byte{
		"empty": empty, "asked": asked, "complete": wallet.Save(), "cut": asked[:50], "nothing": {}, "format_2": {0x85, 2},
	} {
		seeds["FuzzRestoreWallet/"+name] = []any{b}
	}
	for name, args := range seeds {
		target, name, _ := bytes.Cut([]byte(name), []byte("/"))
		writeSeed(t, string(target), string(name), args...)
	}
}

// writeSeed writes a seed of a fuzz target where the flag -update is set.
func writeSeed(t testing.TB, target, name string, args ...any) {
	t.Helper()
	text := "go test fuzz v1\n"
	for _, a := range args {
		if b, ok := a.([]byte); ok {
			text += fmt.Sprintf("[]byte(%q)\n", b)
		} else {
			text += fmt.Sprintf("%T(%v)\n", a, a)
		}
	}
	writeFile(t, filepath.Join("fuzz", target, name), []byte(text))
}
