// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"testing"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
)

// TestEarly holds the bounds of what is kept for later, and that nobody fills
// them for others.
func TestEarly(t *testing.T) {
	var e early
	if e.keep(earlyMessage{}, homomorphic.ErrTwice) || e.keep(earlyMessage{}, nil) {
		t.Error("what is refused for another reason is kept")
	}
	kept := 0
	for range 2 * maxEarlyOf {
		if e.keep(earlyMessage{from: pid(1), msg: make([]byte, 100)}, homomorphic.ErrScope) {
			kept++
		}
	}
	if kept != maxEarlyOf {
		t.Errorf("%d of one member are kept", kept)
	}
	if e.keep(earlyMessage{from: pid(2), msg: make([]byte, maxEarlyBytes)}, homomorphic.ErrScope) {
		t.Error("more bytes than there is room for")
	}
	if !e.keep(earlyMessage{from: pid(2), msg: make([]byte, 100)}, homomorphic.ErrScope) {
		t.Error("no room for another member")
	}
	if got := e.take(); len(got) != maxEarlyOf+1 || got[maxEarlyOf].from != pid(2) || len(e.take()) != 0 {
		t.Errorf("%d messages", len(got))
	}
}
