// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func day(from uint32) (epochs []uint32) {
	for e := range uint32(MaxBatch) {
		epochs = append(epochs, from+e)
	}
	return epochs
}

func TestTolerated(t *testing.T) {
	for _, c := range []struct{ t, n, f int }{{1, 1, 0}, {2, 2, 1}, {2, 3, 0}, {3, 4, 1}, {3, 5, 0}, {4, 5, 2}, {5, 7, 2}, {9, 16, 1}, {1, 3, 0}} {
		if f := Tolerated(c.t, c.n); f != c.f {
			t.Errorf("%d of %d tolerate %d, want %d", c.t, c.n, f, c.f)
		}
	}
}

// TestDay fetches a day of tokens from five issuers, of which three suffice.
func TestDay(t *testing.T) {
	w := newPlace(t, "day", 3, 5, 2)
	wallet := NewWallet(w.charter.Nbhd)
	a := w.ask(t, wallet, 0, day(100)...)
	if len(a.Pending()) != 5 || a.Round() != 1 {
		t.Fatalf("%d messages in round %d", len(a.Pending()), a.Round())
	}
	blinded := map[uint32][32]byte{}
	for i, msg := range a.Pending() {
		_, b := w.open(t, msg)
		for _, it := range b.Items {
			if i > 0 && blinded[it.Epoch] != it.Blinded {
				t.Errorf("issuer %d gets another element for epoch %d", i+1, it.Epoch)
			}
			blinded[it.Epoch] = it.Blinded
		}
	}
	if len(blinded) != MaxBatch {
		t.Fatalf("%d epochs are asked for", len(blinded))
	}
	if n := w.pass(t, a, nil); n != 3 || a.Round() != 2 {
		t.Fatalf("%d issuers granted, then round %d", n, a.Round())
	}
	if wallet.Token(w.charter, 100) != nil {
		t.Fatal("a token without an evaluation")
	}
	for k := uint8(1); k <= 5; k++ {
		w.pass(t, a, func(i uint8) bool { return i != k })
		if got := wallet.Token(w.charter, 110); (got != nil) != (k >= 3) || got != nil && len(got.Y) != int(k) {
			t.Fatalf("after %d evaluations: %v", k, got)
		}
	}
	if len(a.Pending()) != 0 || len(a.Silent()) != 0 {
		t.Error("messages are left over")
	}
	serials := map[[32]byte]bool{}
	for _, e := range day(100) {
		tok := wallet.Token(w.charter, e)
		if n := w.redeemable(t, tok); n != 5 || tok.Epoch != e || tok.V != 2 {
			t.Errorf("token of epoch %d is good at %d issuers", e, n)
		}
		serials[tok.Serial] = true
	}
	if len(serials) != MaxBatch {
		t.Errorf("%d serials for %d epochs", len(serials), MaxBatch)
	}
	for i, b := range w.books {
		if most := 1 + max(0, 1-i/3); b.syncs > most || len(b.bound) != MaxBatch {
			t.Errorf("book %d: %d syncs, %d elements", i+1, b.syncs, len(b.bound))
		}
	}
}

// TestSilentIssuers has two of five answer nothing in round a, others in round b.
func TestSilentIssuers(t *testing.T) {
	w := newPlace(t, "silent", 3, 5, 1)
	wallet := NewWallet(w.charter.Nbhd)
	a := w.ask(t, wallet, 0, 101)
	w.pass(t, a, func(i uint8) bool { return i <= 2 })
	if d := cmp.Diff([]uint8{1, 2, 3, 4, 5}, a.Silent()); d != "" || a.Round() != 2 {
		t.Fatalf("round %d, silent (-want +got):\n%s", a.Round(), d)
	}
	w.pass(t, a, func(i uint8) bool { return i >= 4 })
	if n := w.redeemable(t, wallet.Token(w.charter, 101)); n != 3 {
		t.Errorf("good at %d issuers", n)
	}
	again := w.ask(t, wallet, 0, 101) // grants are there: only two evaluations are wanted
	if d := cmp.Diff([]uint8{4, 5}, again.Silent()); d != "" || again.Round() != 2 {
		t.Fatalf("round %d, silent (-want +got):\n%s", again.Round(), d)
	}
	w.pass(t, again, nil)
	if n := w.redeemable(t, wallet.Token(w.charter, 101)); n != 5 {
		t.Errorf("good at %d issuers", n)
	}
	if last := w.ask(t, wallet, 0, 101); len(last.Pending()) != 0 {
		t.Error("a complete token is asked for")
	}
}

// TestProceed goes on with the epochs that have grants.
func TestProceed(t *testing.T) {
	w := newPlace(t, "proceed", 2, 3, 1)
	wallet := NewWallet(w.charter.Nbhd)
	a := w.ask(t, wallet, 0, 100, 126) // 126 is not served yet
	if err := a.Proceed(); err != ErrTooFew || a.Round() != 1 {
		t.Fatalf("without grants: %v, round %d", err, a.Round())
	}
	w.pass(t, a, func(i uint8) bool { return i == 3 })
	if a.Round() != 1 {
		t.Fatal("went on while an epoch may still be granted")
	}
	if err := a.Proceed(); err != nil || a.Round() != 2 || a.Proceed() != nil {
		t.Fatalf("with grants: %v, round %d", err, a.Round())
	}
	w.pass(t, a, nil)
	if wallet.Token(w.charter, 100) == nil || wallet.Token(w.charter, 126) != nil {
		t.Error("want a token of epoch 100 and none of 126")
	}
	w.epoch++
	if w.fetch(t, wallet, 0, 126); wallet.Token(w.charter, 126) == nil {
		t.Error("no token of epoch 126 an epoch later")
	}
}

// TestNobodyGrants ends a request for which no issuer serves the epoch.
func TestNobodyGrants(t *testing.T) {
	w := newPlace(t, "nobody", 2, 2, 1)
	a := w.ask(t, NewWallet(w.charter.Nbhd), 0, 126)
	var last error
	for _, msg := range a.Pending() {
		last = a.Handle(must(w.mints[must(decodePacket(msg))(t).Index-1].Answer(msg))(t))
	}
	if last != ErrTooFew || len(a.Pending()) != 0 {
		t.Errorf("got %v, %d messages pending", last, len(a.Pending()))
	}
}

// TestWindow asks for each epoch by itself around the present one.
func TestWindow(t *testing.T) {
	w := newPlace(t, "window", 1, 1, 1)
	for _, c := range []struct {
		now, from, epoch uint32
		served           bool
	}{
		{100, 0, 98, false}, {100, 0, 99, true}, {100, 0, 100, true}, {100, 0, 125, true}, {100, 0, 126, false},
		{100, 101, 101, true}, {0, 0, 0, true}, {1<<32 - 1, 0, 1<<32 - 1, true}, {1<<32 - 1, 0, 1<<32 - 2, true}, {0, 0, 1<<32 - 1, false},
	} {
		w.epoch = c.now
		w.change(func(ch *Charter) { ch.From = c.from })
		w.books[0] = &memBook{}
		w.mints[0].Book = w.books[0]
		a := w.ask(t, NewWallet(w.charter.Nbhd), 0, c.epoch)
		err := a.Handle(must(w.mints[0].Answer(a.Pending()[0]))(t))
		if (err == nil) != c.served || !c.served && err != ErrTooFew || len(w.books[0].bound) > 0 != c.served {
			t.Errorf("epoch %d in epoch %d: %v", c.epoch, c.now, err)
		}
	}
	// Tokens of the epoch in which somebody was removed are not given anew under
	// the new v: whoever has used its token of the old v would get a second name.
	w.epoch = 100
	a := w.ask(t, NewWallet(w.charter.Nbhd), 0, 100)
	w.change(func(c *Charter) { c.From = 101 })
	if err := a.Handle(must(w.mints[0].Answer(a.Pending()[0]))(t)); err != ErrTooFew {
		t.Errorf("an epoch before From is served: %v", err)
	}
	w.mints[0].Epoch = func() (uint32, bool) { return 100, false }
	b := w.ask(t, NewWallet(w.charter.Nbhd), 0, 101)
	if err := b.Handle(must(w.mints[0].Answer(b.Pending()[0]))(t)); err != ErrTooFew {
		t.Errorf("served before epoch 0: %v", err)
	}
}

// TestAnotherElement has a member that lost its wallet ask again: the issuers keep
// to the first element, also after a restart, and grant it again.
func TestAnotherElement(t *testing.T) {
	w := newPlace(t, "another", 2, 3, 2)
	first := NewWallet(w.charter.Nbhd)
	w.fetch(t, first, 0, 100)
	for i, m := range w.mints { // a new process with the same book
		w.mints[i] = &Mint{Index: m.Index, POPRF: m.POPRF, Ed25519: m.Ed25519, Open: m.Open, Book: w.books[i], Charter: m.Charter, Epoch: m.Epoch}
	}
	second := w.ask(t, NewWallet(w.charter.Nbhd), 0, 100, 101)
	var list []granted
	answerOf(t, second, must(w.mints[0].Answer(second.Pending()[0]))(t), &list)
	if len(list) != 1 || list[0].Epoch != 101 {
		t.Errorf("grants of a second element: %v", list)
	}

	kept := must(RestoreWallet(first.Save()))(t)
	kept.held[100].grants, kept.held[100].outputs = map[Pub][64]byte{}, map[Pub][64]byte{}
	w.fetch(t, kept, 0, 100)
	if d := cmp.Diff(first.Save(), kept.Save()); d != "" {
		t.Error("the same element again does not get the same grants and outputs")
	}
	other := NewWallet(w.charter.Nbhd)
	if w.fetch(t, other, 1, 100); other.Token(w.charter, 100) == nil {
		t.Error("another member gets no token")
	}
}

// TestKilledBeforeAnswer has an issuer die between book and answer.
func TestKilledBeforeAnswer(t *testing.T) {
	w := newPlace(t, "killed", 1, 1, 1)
	wallet := NewWallet(w.charter.Nbhd)
	a := w.ask(t, wallet, 0, 100)
	w.books[0].dies = true
	if _, err := w.mints[0].Answer(a.Pending()[0]); !errors.Is(err, errDisk) {
		t.Fatalf("got %v", err)
	}
	w.books[0].dies = false
	thief := w.ask(t, NewWallet(w.charter.Nbhd), 0, 100)
	if err := thief.Handle(must(w.mints[0].Answer(thief.Pending()[0]))(t)); err != ErrTooFew {
		t.Errorf("a second element is granted after the kill: %v", err)
	}
	w.pass(t, a, nil)
	w.books[0].dies = true // and once more in round b
	if _, err := w.mints[0].Answer(a.Pending()[0]); !errors.Is(err, errDisk) {
		t.Fatalf("got %v", err)
	}
	w.books[0].dies = false
	if w.pass(t, a, nil); w.redeemable(t, wallet.Token(w.charter, 100)) != 1 {
		t.Error("the first element gets no token after the kill")
	}
	if len(w.books[0].bound) != 1 {
		t.Errorf("%d elements in the book", len(w.books[0].bound))
	}
}

// TestBookFails wants no grant where nothing was written.
func TestBookFails(t *testing.T) {
	w := newPlace(t, "fails", 1, 1, 1)
	a := w.ask(t, NewWallet(w.charter.Nbhd), 0, 100)
	w.books[0].err = errDisk
	if answer, err := w.mints[0].Answer(a.Pending()[0]); answer != nil || !errors.Is(err, errDisk) {
		t.Errorf("got %x, %v", answer, err)
	}
	w.mints[0].Book = shortBook{}
	if answer, err := w.mints[0].Answer(a.Pending()[0]); answer != nil || err == nil || err == ErrRefused {
		t.Errorf("a book that says nothing: got %x, %v", answer, err)
	}
}

type shortBook struct{}

func (shortBook) Bind(Pub, uint32, []Element) ([][32]byte, error) { return nil, nil }

// TestIssuersChange replaces three of five issuers within one v. Those that stay
// do not evaluate a second element, whoever granted it.
func TestIssuersChange(t *testing.T) {
	w := newPlace(t, "change", 3, 5, 1)
	first := NewWallet(w.charter.Nbhd)
	w.fetch(t, first, 0, 100)
	for range 3 {
		w.addIssuer(t)
	}
	w.change(func(c *Charter) { c.Issuers = slices.Clone(c.Issuers)[3:] })
	second := NewWallet(w.charter.Nbhd)
	a := w.ask(t, second, 0, 100)
	w.pass(t, a, func(i uint8) bool { return i < 6 })
	if a.Round() != 2 {
		t.Fatal("the new issuers do not grant")
	}
	w.pass(t, a, nil)
	y := second.Token(w.charter, 100).Y
	if len(y) != 3 || y[4] != ([64]byte{}) || y[5] != ([64]byte{}) {
		t.Errorf("issuers 4 and 5 evaluated a second element: %d outputs", len(y))
	}
}
