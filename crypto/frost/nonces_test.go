// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package frost

import (
	"bytes"
	"errors"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
)

// TestNoncesAreUsedOnce holds that nonces are gone after Sign, whether it
// succeeded or not.
func TestNoncesAreUsedOnce(t *testing.T) {
	rand := newStream("once")
	p, shares := deal(t, rand, 2, 3)
	n1, c1, _ := Commit(rand, shares[0])
	_, c2, _ := Commit(rand, shares[1])
	_, other, _ := Commit(rand, shares[0])
	right := must(NewSigning(p, []byte("m"), []Commitment{c1, c2}))(t)
	if _, err := right.Sign(shares[0], n1); err != nil {
		t.Fatal(err)
	}
	if _, err := right.Sign(shares[0], n1); !errors.Is(err, ErrRefused) {
		t.Errorf("nonces are used twice: %v", err)
	}
	if _, err := right.Sign(shares[0], nil); !errors.Is(err, ErrRefused) {
		t.Errorf("no nonces: %v", err)
	}
	for name, list := range map[string]func(own Commitment) []Commitment{
		"of an earlier commitment":    func(Commitment) []Commitment { return []Commitment{other, c2} },
		"without our own":             func(Commitment) []Commitment { return []Commitment{c2} },
		"with another hiding nonce":   func(own Commitment) []Commitment { own.Hiding = other.Hiding; return []Commitment{own, c2} },
		"with another binding nonce":  func(own Commitment) []Commitment { own.Binding = other.Binding; return []Commitment{own, c2} },
		"with hiding for binding too": func(own Commitment) []Commitment { own.Binding = own.Hiding; return []Commitment{own, c2} },
	} {
		n, own, _ := Commit(rand, shares[0])
		s := must(NewSigning(p, []byte("m"), list(own)))(t)
		if _, err := s.Sign(shares[0], n); !errors.Is(err, ErrRefused) {
			t.Errorf("a list %s is signed: %v", name, err)
		}
		if n.hiding != nil || n.binding != nil {
			t.Errorf("nonces outlive a list %s", name)
		}
	}
}

// TestNoncesNeverRepeat draws commitments of one share, 10,000 of them or, in the
// short form, 500.
func TestNoncesNeverRepeat(t *testing.T) {
	count := 10_000
	if testing.Short() {
		count = 500
	}
	rand := newStream("nonces")
	_, shares := deal(t, rand, 1, 1)
	seen := make(map[[group.Size]byte]bool, 2*count)
	for i := range count {
		_, c, err := Commit(rand, shares[0])
		if err != nil {
			t.Fatal(err)
		}
		if seen[c.Hiding] || seen[c.Binding] || c.Hiding == c.Binding {
			t.Fatalf("a nonce of commitment %d came before", i)
		}
		seen[c.Hiding], seen[c.Binding] = true, true
	}
}

// TestNoncesNeedTheShare holds that a source of randomness that repeats itself
// does not give two signers the same nonces.
func TestNoncesNeedTheShare(t *testing.T) {
	_, shares := deal(t, newStream("hedged"), 2, 2)
	_, a, _ := Commit(newStream("stuck"), shares[0])
	_, b, _ := Commit(newStream("stuck"), shares[1])
	if a.Hiding == b.Hiding || a.Binding == b.Binding {
		t.Error("two signers share a nonce")
	}
	for n := range 64 {
		if _, _, err := Commit(bytes.NewReader(make([]byte, n)), shares[0]); err == nil {
			t.Fatalf("%d random bytes are enough", n)
		}
	}
}
