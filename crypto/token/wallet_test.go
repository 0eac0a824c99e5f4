// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestWalletKept saves and restores a wallet at each step of a request.
func TestWalletKept(t *testing.T) {
	w := newPlace(t, "kept", 2, 3, 1)
	wallet := NewWallet(w.charter.Nbhd)
	again := func() {
		saved := wallet.Save()
		wallet = must(RestoreWallet(saved))(t)
		if d := cmp.Diff(saved, wallet.Save()); d != "" {
			t.Fatalf("saved anew (-want +got):\n%s", d)
		}
	}
	again()
	w.ask(t, wallet, 0, 100, 101)
	again()
	w.pass(t, w.ask(t, wallet, 0, 100, 101), nil)
	again()
	a := w.ask(t, wallet, 0, 100, 101)
	if a.Round() != 2 {
		t.Fatal("grants are lost")
	}
	w.pass(t, a, nil)
	again()
	for _, e := range []uint32{100, 101} {
		if n := w.redeemable(t, wallet.Token(w.charter, e)); n != 3 {
			t.Errorf("token of epoch %d is good at %d issuers", e, n)
		}
	}
	if w.books[0].syncs != 2 || len(w.books[0].bound) != 2 {
		t.Errorf("%d syncs, %d elements", w.books[0].syncs, len(w.books[0].bound))
	}
}

// TestEraseAndVoid ends tokens by use and by eviction.
func TestEraseAndVoid(t *testing.T) {
	w := newPlace(t, "erase", 1, 1, 1)
	wallet := NewWallet(w.charter.Nbhd)
	w.fetch(t, wallet, 0, 99, 100, 101, 102)
	late, slot := w.ask(t, wallet, 0, 103), wallet.held[100]
	serial := slot.serial
	wallet.Erase(100)
	if slot.serial != ([32]byte{}) || len(slot.outputs) != 0 || bytes.Contains(wallet.Save(), serial[:]) {
		t.Error("the token of epoch 100 is still there")
	}
	if d := cmp.Diff([]uint32{101, 102, 103}, wallet.Epochs()); d != "" {
		t.Errorf("after erasing epoch 100 (-want +got):\n%s", d)
	}
	wallet.Erase(98) // a clock set back
	kept := must(RestoreWallet(wallet.Save()))(t)
	if _, err := kept.Ask(w.rand, w.charter, w.members[0], 100, 101); err == nil {
		t.Error("a token is drawn again for an epoch that was used")
	}
	old := w.charter
	w.change(func(c *Charter) { c.V++ })
	if wallet.Token(w.charter, 101) != nil {
		t.Error("a token of an earlier v is given out")
	}
	wallet.Void(w.charter.V - 1)
	if wallet.Token(old, 101) == nil {
		t.Error("Void of an earlier v voids")
	}
	wallet.Void(w.charter.V)
	if len(wallet.Epochs()) != 0 || wallet.Token(old, 101) != nil {
		t.Error("Void leaves tokens")
	}
	if err := late.Handle(wire.MustMarshal(packet{RID: late.rid, Index: 1})); err != ErrRefused || len(late.Pending()) != 0 {
		t.Errorf("a request of void tokens goes on: %v", err)
	}
	if err := late.Proceed(); err != nil {
		t.Error(err)
	}
	if w.fetch(t, wallet, 0, 101); wallet.Token(w.charter, 101).V != w.charter.V {
		t.Error("no token of the new v")
	}
	wallet.Erase(1<<32 - 1)
	if len(wallet.Epochs()) != 0 {
		t.Error("Erase of the last epoch leaves tokens")
	}
}

// TestErasedUnderway erases one epoch of a request while answers are awaited.
func TestErasedUnderway(t *testing.T) {
	w := newPlace(t, "underway", 2, 3, 1)
	wallet := NewWallet(w.charter.Nbhd)
	a := w.ask(t, wallet, 0, 100, 101)
	wallet.Erase(100)
	w.pass(t, a, nil)
	if w.pass(t, a, nil); wallet.Token(w.charter, 101) == nil || wallet.Token(w.charter, 100) != nil {
		t.Error("want a token of epoch 101 and none of 100")
	}
	b := w.ask(t, wallet, 0, 102, 103)
	w.pass(t, b, nil)
	wallet.Erase(102)
	if w.pass(t, b, nil); wallet.Token(w.charter, 103) == nil {
		t.Error("no token of epoch 103")
	}
}

func TestAskErrors(t *testing.T) {
	w := newPlace(t, "errors", 1, 1, 1)
	id := w.members[0]
	for name, c := range map[string]struct {
		change func(*Charter, *Wallet)
		id     ed25519.PrivateKey
		epochs []uint32
		want   string
	}{
		"none":       {nil, id, nil, "0 epochs"},
		"too many":   {nil, id, append(day(100), 200), "26 epochs"},
		"used":       {func(_ *Charter, w *Wallet) { w.Erase(100) }, id, []uint32{100}, "used or is over"},
		"eviction":   {func(c *Charter, _ *Wallet) { c.From = 101 }, id, []uint32{100}, "from epoch 101"},
		"other nbhd": {func(c *Charter, _ *Wallet) { c.Nbhd[0]++ }, id, []uint32{100}, "another neighbourhood"},
		"old":        {func(c *Charter, w *Wallet) { w.Void(3) }, id, []uint32{100}, "knows 2 evictions, the wallet 3"},
		"stranger":   {nil, ed25519.NewKeyFromSeed(make([]byte, 32)), []uint32{100}, "does not name this member"},
		"no key":     {nil, nil, []uint32{100}, "no identity key"},
		"charter":    {func(c *Charter, _ *Wallet) { c.T = 0 }, id, []uint32{100}, "0 of 1 issuers"},
		"POPRF key":  {func(c *Charter, _ *Wallet) { c.Issuers[0].POPRF = Pub{} }, id, []uint32{100}, "not a POPRF key"},
		"full": {func(_ *Charter, x *Wallet) {
			must(x.Ask(w.rand, w.charter, id, day(200)...))(t)
		}, id, day(300), "50 epochs in the wallet"},
	} {
		wallet, charter := NewWallet(w.charter.Nbhd), *w.charter
		charter.Issuers = slices.Clone(charter.Issuers)
		if c.change != nil {
			c.change(&charter, wallet)
		}
		if a, err := wallet.Ask(w.rand, &charter, c.id, c.epochs...); a != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for n := range 2*(32+64) + 48 { // two serials and blinds, rid and reply key
		short := io.LimitReader(newStream("short"), int64(n))
		if _, err := NewWallet(w.charter.Nbhd).Ask(short, w.charter, id, 100, 101); err == nil {
			t.Fatalf("%d bytes of randomness are enough", n)
		}
	}
}

// TestWeakIssuerKey has an issuer whose HPKE key takes nothing. The others give
// the token; alone it ends the request.
func TestWeakIssuerKey(t *testing.T) {
	w := newPlace(t, "weak", 2, 3, 1)
	w.change(func(c *Charter) { c.Issuers = slices.Clone(c.Issuers); c.Issuers[0].HPKE = Pub{} })
	wallet := NewWallet(w.charter.Nbhd)
	if w.fetch(t, wallet, 0, 100); w.redeemable(t, wallet.Token(w.charter, 100)) != 2 {
		t.Error("no token from the two others")
	}
	w.change(func(c *Charter) { c.Issuers[1].HPKE, c.Issuers[2].HPKE = Pub{}, Pub{} })
	if _, err := NewWallet(w.charter.Nbhd).Ask(w.rand, w.charter, w.members[0], 100); err != ErrTooFew {
		t.Errorf("nobody can be asked: %v", err)
	}
}

// TestIssuersGone keeps nothing of issuers that the charter names no more, so
// that a wallet stays within its bounds however often they change.
func TestIssuersGone(t *testing.T) {
	w := newPlace(t, "gone", 2, 2, 1)
	wallet := NewWallet(w.charter.Nbhd)
	w.fetch(t, wallet, 0, 100)
	kept := w.charter.Issuers[0]
	w.addIssuer(t)
	w.change(func(c *Charter) { c.Issuers = []Issuer{kept, c.Issuers[2]} })
	if wallet.Token(w.charter, 100) != nil {
		t.Error("the output of an issuer that is gone counts")
	}
	w.ask(t, wallet, 0, 100)
	if s := wallet.held[100]; len(s.grants) != 1 || len(s.outputs) != 1 || s.outputs[kept.POPRF] == ([64]byte{}) {
		t.Errorf("%d grants and %d outputs are left", len(s.grants), len(s.outputs))
	}
}

// TestRestoreErrors damages a saved wallet.
func TestRestoreErrors(t *testing.T) {
	w := newPlace(t, "restore", 1, 1, 1)
	wallet := NewWallet(w.charter.Nbhd)
	w.fetch(t, wallet, 0, 100, 101)
	for name, f := range map[string]func(*savedWallet){
		"format":      func(s *savedWallet) { s.Version = 2 },
		"order":       func(s *savedWallet) { slices.Reverse(s.Slots) },
		"twice":       func(s *savedWallet) { s.Slots[1].Epoch = 100 },
		"over":        func(s *savedWallet) { s.From = 101 },
		"no blind":    func(s *savedWallet) { s.Slots[0].Blind = [32]byte{} },
		"blind":       func(s *savedWallet) { s.Slots[0].Blind[31] = 0xff },
		"grant twice": func(s *savedWallet) { s.Slots[0].Grants = append(s.Slots[0].Grants, s.Slots[0].Grants[0]) },
		"17 outputs":  func(s *savedWallet) { s.Slots[0].Outputs = manyValues(17) },
		"33 epochs":   func(s *savedWallet) { s.Slots = slices.Repeat(s.Slots, 17) },
	} {
		var s savedWallet
		if err := walletDecoder.Unmarshal(wallet.Save(), &s); err != nil {
			t.Fatal(err)
		}
		f(&s)
		if _, err := RestoreWallet(wire.MustMarshal(s)); err == nil || !strings.Contains(err.Error(), "token: restore wallet") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := RestoreWallet(wallet.Save()[:40]); !errors.Is(err, errWallet) {
		t.Errorf("cut: %v", err)
	}
}

func manyValues(n int) (out []savedValue) {
	for i := range n {
		out = append(out, savedValue{Key: Pub{byte(i)}})
	}
	return out
}

// TestLargest holds the limits of bytes against the largest that is legal.
func TestLargest(t *testing.T) {
	full := body{Label: wire.LabelTokenRequest, Round: roundB, Index: MaxIssuers, V: 1<<32 - 1}
	for range MaxBatch {
		full.Items = append(full.Items, item{Epoch: 1<<32 - 1, Grants: slices.Repeat([]grant{{Index: MaxIssuers}}, MaxIssuers)})
	}
	n := len(wire.MustMarshal(packet{Sealed: make([]byte, 48+len(wire.MustMarshal(request{Body: wire.MustMarshal(full)})))}))
	if n > MaxPacket {
		t.Errorf("the largest request has %d bytes", n)
	}
	wallet := savedWallet{Version: walletVersion, V: 1<<32 - 1, From: 1<<32 - 1}
	for range MaxHeld {
		wallet.Slots = append(wallet.Slots, savedSlot{Epoch: 1<<32 - 1, Grants: manyValues(MaxIssuers), Outputs: manyValues(MaxIssuers)})
	}
	m := len(wire.MustMarshal(wallet))
	if m > MaxWallet {
		t.Errorf("the largest wallet has %d bytes", m)
	}
	t.Logf("largest request %d bytes, largest wallet %d bytes", n, m)
	if err := packetDecoder.Unmarshal(wire.MustMarshal(full), new(body)); err != nil {
		t.Errorf("the largest body: %v", err)
	}
	full.Items = append(full.Items, item{})
	if err := packetDecoder.Unmarshal(wire.MustMarshal(full), new(body)); !errors.Is(err, wire.ErrLimit) {
		t.Errorf("26 epochs: %v", err)
	}
	if _, err := decodePacket(wire.MustMarshal(packet{Sealed: make([]byte, MaxPacket)})); err != ErrRefused {
		t.Errorf("an oversize packet: %v", err)
	}
}
