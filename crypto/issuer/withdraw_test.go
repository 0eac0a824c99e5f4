// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"slices"
	"testing"
)

// TestWithdraw ends a session that nobody answers, and the next one begins.
func TestWithdraw(t *testing.T) {
	h := newHouse(t, "withdraw", 2, 3, 0)
	c := h.seats[0].council
	c.Withdraw()
	if c.Result() != nil || c.Waiting() != nil {
		t.Error("without a session there is a result")
	}
	letters, err := c.Register([]byte("an invite"))
	if err != nil || len(letters) != 2 {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	for i, l := range letters {
		if to, ok := LetterTo(l); !ok || int(to) != i+2 {
			t.Errorf("letter %d is for %d", i, to)
		}
	}
	if w := c.Waiting(); !slices.Equal(w, []uint8{2, 3}) {
		t.Errorf("waits for %v", w)
	}
	if _, err := c.Register(nil); !errors.Is(err, ErrBusy) {
		t.Errorf("a second session: %v", err)
	}
	c.Withdraw()
	var silent *SilentError
	if r := c.Result(); r == nil || !errors.As(r.Err, &silent) || !slices.Equal(r.Silent, []uint8{2, 3}) || !slices.Equal(r.Noted, []uint8{1}) {
		t.Errorf("the result is %+v", r)
	}
	if _, err := c.Register(nil); err != nil {
		t.Error(err)
	}
	if _, ok := LetterTo([]byte("no letter")); ok {
		t.Error("that is no letter")
	}
	if _, ok := Addressee([]byte("no request")); ok {
		t.Error("that is no request")
	}
}
