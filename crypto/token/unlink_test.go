// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gtank/ristretto255"
	"github.com/vecino-edge/vecino/crypto/group"
	"pgregory.net/rapid"
)

// TestAnyTokenExplainsAnyTranscript takes what an issuer sees of a request, T and
// k T, and any serial, whose point is h B. There is a blind r under which the
// request was for that serial, and what the member then makes of the answer is
// the serial's own k h B: the transcript tells nothing of the serial. That k is
// the same for all is what the proof shows, and TestCheats that it is checked.
func TestAnyTokenExplainsAnyTranscript(t *testing.T) {
	scalar := rapid.Custom(func(t *rapid.T) *group.Scalar {
		for {
			b := [64]byte(rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "bytes"))
			if s := group.Reduce(b); group.EncodeScalar(s) != ([32]byte{}) {
				return s
			}
		}
	})
	zero := group.Reduce([64]byte{})
	mul := func(a, b *group.Scalar) *group.Scalar { return group.MulAdd(a, b, zero) }
	invert := func(a *group.Scalar) *group.Scalar { return ristretto255.NewScalar().Invert(a) }
	rapid.Check(t, func(t *rapid.T) {
		r, h, other, k := scalar.Draw(t, "blind"), scalar.Draw(t, "h"), scalar.Draw(t, "other"), scalar.Draw(t, "key")
		seen := group.Mul(r, group.Base(h))
		answer := group.Mul(k, seen)
		explains := mul(mul(r, h), invert(other))
		if group.Mul(explains, group.Base(other)).Equal(seen) != 1 {
			t.Error("no blind explains the request")
		}
		if group.Mul(invert(explains), answer).Equal(group.Mul(k, group.Base(other))) != 1 {
			t.Error("the blind does not explain the answer")
		}
	})
}

// TestRequestsHoldNoSerial makes the messages of both rounds twice, of wallets
// with the same blinded elements and other serials and blinds. An issuer gets the
// same bytes.
func TestRequestsHoldNoSerial(t *testing.T) {
	w := newPlace(t, "no serial", 2, 3, 1)
	wallet := NewWallet(w.charter.Nbhd)
	w.pass(t, w.ask(t, wallet, 0, 100, 101), nil)
	views := func(round string) (out []string) {
		a := must(wallet.Ask(newStream(round), w.charter, w.members[0], 100, 101))(t)
		for _, msg := range a.Pending() {
			plain, _ := w.open(t, msg)
			out = append(out, hexOf(plain))
		}
		return out
	}
	change := func() {
		for _, s := range wallet.held {
			s.serial, s.blind = [32]byte(w.draw(t)), must(group.RandomScalar(w.rand))(t)
		}
	}
	b := views("b")
	change()
	if d := cmp.Diff(b, views("b")); d != "" || len(b) != 3 {
		t.Errorf("round b depends on the serial:\n%s", d)
	}
	for _, s := range wallet.held {
		clear(s.grants)
	}
	a := views("a")
	change()
	if d := cmp.Diff(a, views("a")); d != "" || len(a) != 3 || a[0] == b[0] {
		t.Errorf("round a depends on the serial:\n%s", d)
	}
}

// TestElementsUnrelated wants fresh elements and serials for each epoch and each
// wallet.
func TestElementsUnrelated(t *testing.T) {
	w := newPlace(t, "unrelated", 1, 1, 1)
	seen := map[[32]byte]bool{}
	for range 3 {
		wallet := NewWallet(w.charter.Nbhd)
		w.ask(t, wallet, 0, day(100)...)
		for _, s := range wallet.held {
			seen[s.serial], seen[s.state.blinded], seen[group.EncodeScalar(s.blind)] = true, true, true
		}
	}
	if len(seen) != 3*3*MaxBatch {
		t.Errorf("%d values, want %d", len(seen), 3*3*MaxBatch)
	}
}

// TestSameSizes wants messages of one length for all members, so that those who
// see them tell nobody apart by it.
func TestSameSizes(t *testing.T) {
	w := newPlace(t, "sizes", 3, 5, 3)
	sizes := map[int]bool{}
	for m := range w.members {
		a := w.ask(t, NewWallet(w.charter.Nbhd), m, 100, 101)
		for _, msg := range a.Pending() {
			sizes[len(msg)] = true
		}
	}
	if len(sizes) != 1 {
		t.Errorf("requests have lengths %v", sizes)
	}
}
