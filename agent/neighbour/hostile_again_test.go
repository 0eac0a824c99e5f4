// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"encoding/hex"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeniedThroughEviction holds that one who is denied stays so when all leave
// and enter again within the epoch, and that it is told to those who come later.
func TestDeniedThroughEviction(t *testing.T) {
	if _, err := theKit(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		h := newTown(t, 30, 60)
		h.settle("b", "c", "goes")
		h.until(0, 90*time.Second)
		all, self := h.member("c").Present()
		if len(all) != 4 {
			t.Fatalf("c sees %d devices", len(all))
		}
		bad := all[self]
		if _, err := h.member("founder").Deny(hex.EncodeToString(bad[:])); err != nil {
			t.Fatal(err)
		}
		if _, err := h.member("founder").Evict("goes"); err != nil {
			t.Fatal(err)
		}
		h.forgo("goes")
		h.until(0, 540*time.Second)
		for _, name := range []string{"founder", "b"} {
			if seen := h.seenBy(name); len(seen) != 1 || slices.Contains(seen, bad) {
				t.Errorf("%s sees %d others under the new key, one of them denied: %v", name, len(seen), slices.Contains(seen, bad))
			}
		}
		h.until(1, 300*time.Second)
		h.whole()
	})
}

// TestLateAnswerEndsNoAgent has a timer fire when a request for keys has ended,
// by a cheat or by an answer that came at the same moment.
func TestLateAnswerEndsNoAgent(t *testing.T) {
	if _, err := theKit(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		h := newTown(t, 30, 60)
		s, err := h.member("founder").newSession(0)
		if err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ask()
	})
}
