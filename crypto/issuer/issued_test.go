// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
)

// TestAskingThreeOfFive asks every three of five issuers, so that any two may be
// dead, and is refused with two.
func TestAskingThreeOfFive(t *testing.T) {
	w := newPlace(t, "three of five", 3, 5)
	for a := uint8(1); a <= 5; a++ {
		for b := a + 1; b <= 5; b++ {
			for c := b + 1; c <= 5; c++ {
				id := w.join(t)
				if _, err := w.run(t, w.asking(t, id, w.epoch(t), w.secrets(t), a, b, c)); err != nil {
					t.Errorf("issuers %d, %d, %d: %v", a, b, c, err)
				}
			}
		}
	}
	own := w.secrets(t)
	if _, err := NewAsking(w.rand, w.scope(t, 100), w.charter, w.token(t, w.members[0], 100), []uint8{1, 2}, own.sig, own.kem); err == nil {
		t.Error("two issuers are enough")
	}
	two := *w.charter // a member that pretends that two are enough
	two.T = 2
	a := must(NewAsking(w.rand, w.scope(t, 100), &two, w.token(t, w.members[0], 100), []uint8{1, 2}, own.sig, own.kem))(t)
	if _, err := w.run(t, a); !errors.Is(err, ErrRefused) {
		t.Errorf("issuers give two of three parts: %v", err)
	}
}

// TestAskingNamesOneOfFive has one issuer of those asked answer with a wrong
// part: it is named, and the two others with another make the key.
func TestAskingNamesOneOfFive(t *testing.T) {
	for bad := uint8(1); bad <= 3; bad++ {
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			w := newPlace(t, "one of five", 3, 5)
			own := w.secrets(t)
			w.keys[bad-1].Share.Secret = group.Reduce([64]byte{bad}) // it signs with something else
			lying := w.signers[bad-1]
			lying.public = w.charter.Issuers[bad-1] // and claims the share that it is said to have
			_, err := w.run(t, w.asking(t, w.members[0], 100, own, 1, 2, 3))
			var who *CheatError
			if !errors.As(err, &who) || who.Index != bad {
				t.Fatalf("error %v, want one that names %d", err, bad)
			}
			others := []uint8{4, 5, bad%3 + 1}
			must(w.run(t, w.asking(t, w.members[0], 100, own, others...)))(t)
		})
	}
}

// TestIssuedNoncesNeverRepeat issues keys and holds that no commitment comes
// twice: 300 keys, 20 in the short form, 10,000 in the long one.
func TestIssuedNoncesNeverRepeat(t *testing.T) {
	count := 300
	if testing.Short() {
		count = 20
	}
	if *thorough {
		count = 10_000
	}
	w := newPlace(t, "issued", 3, 5)
	seen := map[[group.Size]byte]bool{}
	for i := range count {
		if i%50 == 0 {
			for j := range w.signers {
				w.restart(j)
			}
		}
		epoch := uint32(100 + i%2)
		for j := range w.books {
			w.books[j].bound = nil
		}
		a := w.asking(t, w.members[i%3], epoch, w.secrets(t), 1+uint8(i%3), 4, 5)
		if _, err := w.run(t, a); err != nil {
			t.Fatal(err)
		}
		for _, c := range a.commits {
			for _, p := range [][group.Size]byte{c.Sig.Hiding, c.Sig.Binding, c.Kem.Hiding, c.Kem.Binding} {
				if seen[p] {
					t.Fatalf("key %d: a commitment came before", i)
				}
				seen[p] = true
			}
		}
	}
	if len(seen) != count*3*4 {
		t.Errorf("%d commitments of %d keys", len(seen), count)
	}
}
