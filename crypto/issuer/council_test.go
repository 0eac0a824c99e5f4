// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestTwoDeadOfFive signs while any two of five are dead, and cannot while three
// are: then those are named.
func TestTwoDeadOfFive(t *testing.T) {
	h := newHouse(t, "two dead", 3, 5, 0)
	for a := 1; a < 5; a++ {
		for b := 1; b < a; b++ {
			h.dead = map[int]bool{a: true, b: true}
			h.signs(t, 0)
		}
	}
	h.dead = map[int]bool{1: true, 2: true, 4: true}
	begun := h.now
	r := h.deny(t, 0)
	var silent *SilentError
	if !errors.As(r.Err, &silent) || !slices.Equal(silent.Silent, []uint8{2, 3, 5}) {
		t.Errorf("three dead: %v", r.Err)
	}
	if lasted := h.now.Sub(begun); lasted > CouncilLifetime+10*time.Second {
		t.Errorf("the session lasted for %v", lasted)
	}
}

// TestSilentSigner has a signer commit and then be silent: the others sign
// without it, after a wait, with new nonces.
func TestSilentSigner(t *testing.T) {
	h := newHouse(t, "silent signer", 3, 5, 0)
	h.send(h.seats[0].council.Propose(MatterRekey, rekey()))(t)
	for len(h.flying) > 0 {
		msg := h.flying[0]
		h.flying = h.flying[1:]
		h.deliver(t, msg)
		if chosen := h.seats[0].council.own; chosen != nil && chosen.step == stepCommitments {
			break
		}
	}
	who := h.seats[0].council.own.silent()[0]
	h.dead[int(who)-1] = true
	r := h.settle(t, 0)
	if r.Err != nil || !r.Sig.Verify(h.charter.P, rekey()) || !slices.Equal(r.Silent, []uint8{who}) {
		t.Errorf("got %v, silent %v, want %d", r.Err, r.Silent, who)
	}
}

func rekey() []byte { return wire.MustMarshal([]any{string(wire.LabelRekey), []byte("K")}) }

// TestPolicy has owners decline, decide later, and do without those who decline.
func TestPolicy(t *testing.T) {
	h := newHouse(t, "policy", 2, 3, 0)
	no := func(Matter, []byte) error { return errors.New("not \x1b[31mhere") }
	h.seats[1].approve = no
	h.signs(t, 0)
	h.seats[2].approve = no
	r := h.deny(t, 0)
	var refusal *RefusalError
	if !errors.As(r.Err, &refusal) || len(refusal.Refused) != 2 || refusal.Refused[0].Reason != ReasonDeclined {
		t.Fatalf("two decline: %v", r.Err)
	}
	if strings.ContainsRune(r.Err.Error(), '\x1b') {
		t.Errorf("a foreign text is not made printable: %q", r.Err)
	}
	asked := 0
	h.seats[2].approve = func(Matter, []byte) error {
		if asked++; asked < 4 {
			return ErrLater
		}
		return nil
	}
	h.signs(t, 0)
	if asked < 4 {
		t.Error("the owner was not asked again")
	}
	h.seats[0].approve = func(Matter, []byte) error { return ErrLater }
	if r := h.deny(t, 0); r.Err == nil {
		t.Error("signed without the approval of the one who proposes and another")
	}
}

// nextCharter returns a charter with the next generation, and one member more.
func (h *house) nextCharter(name string) *Charter {
	next := copyOf(h.charter)
	next.Gen++
	next.Members = append(next.Members, guest(name, name[0]))
	return next
}

// TestTwoProposersCannotFork has two issuers propose different charters of one
// generation, in a few orders of their messages: at most one is signed, and a
// charter of a later generation always can be.
func TestTwoProposersCannotFork(t *testing.T) {
	both, one := 0, 0
	orders := 24
	if testing.Short() {
		orders = 6
	}
	for order := range orders {
		h := newHouse(t, fmt.Sprint("fork", order), 2, 3, 0)
		a, b := h.nextCharter("a"), h.nextCharter("b")
		h.send(h.seats[0].council.ProposeCharter(a, nil))(t)
		h.send(h.seats[1].council.ProposeCharter(b, nil))(t)
		for i := uint32(order); len(h.flying) > 0; i = i*5 + 3 {
			at := int(i % uint32(len(h.flying)))
			msg := h.flying[at]
			h.flying = slices.Delete(h.flying, at, at+1)
			h.deliver(t, msg)
		}
		ra, rb := h.settle(t, 0), h.settle(t, 1)
		if ra.Err == nil && rb.Err == nil {
			t.Fatalf("order %d: both charters are signed", order)
		}
		both++
		if ra.Err == nil || rb.Err == nil {
			one++
		}
		for _, r := range []*Result{ra, rb} {
			var bound *BoundError
			if r.Err != nil && !errors.As(r.Err, &bound) {
				t.Errorf("order %d: %v", order, r.Err)
			}
		}
		later := h.nextCharter("c")
		later.Gen++
		h.send(h.seats[2].council.ProposeCharter(later, nil))(t)
		if r := h.settle(t, 2); r.Err != nil {
			t.Errorf("order %d: a later generation: %v", order, r.Err)
		}
	}
	t.Logf("%d times one of two was signed, %d times none", one, both-one)
}

// TestSameCharterAgain signs a charter that issuers are bound to once more.
func TestSameCharterAgain(t *testing.T) {
	h := newHouse(t, "again", 2, 3, 0)
	next := h.nextCharter("a")
	for i := range 3 {
		h.send(h.seats[i].council.ProposeCharter(next, nil))(t)
		if r := h.settle(t, i); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	h.seats[1].bound = map[string][]byte{}
	other := h.nextCharter("b")
	h.send(h.seats[1].council.ProposeCharter(other, nil))(t)
	r := h.settle(t, 1)
	var bound *BoundError
	if !errors.As(r.Err, &bound) || !bytes.Equal(bound.Charter, wire.MustMarshal(next)) {
		t.Errorf("another charter of the generation: %v", r.Err)
	}
}

// TestOldState restores an issuer's state folder from before a refresh. It signs
// nothing, and the others can do without it.
func TestOldState(t *testing.T) {
	h := newHouse(t, "old state", 2, 3, 0)
	oldKeys, oldCharter := h.seats[2].keys, h.seats[2].charter
	h.deals(t, 0, 2, []uint8{1, 2}, 1, 2, 3)
	newCharter := h.seats[2].charter

	h.seats[2].keys = oldKeys
	h.restart(t, 2)
	c := h.seats[2].council
	if err := c.Load(must(RestoreKeys(oldKeys))(t), h.charter); !errors.Is(err, ErrShare) {
		t.Errorf("an old share under the new charter: %v", err)
	}
	if _, err := c.Propose(MatterRekey, rekey()); err == nil {
		t.Error("an issuer with an old share begins a session")
	}
	h.keys = []*Keys{h.seats[0].council.Keys(), h.seats[1].council.Keys(), c.Keys()}
	signer := &Signer{Keys: c.Keys(), Book: &memBook{}, Charter: func() *Charter { return h.charter }, Rand: h.rand, Now: func() time.Time { return h.now }}
	if _, err := signer.Answer(h.asking(t, h.seats[0].id, 100, h.secrets(t), 2, 3).Pending()[1]); err != ErrRefused {
		t.Errorf("an issuer with an old share issues keys: %v", err)
	}
	h.dead[1] = true // 1 and 3 are not enough, since 3's share is an old one
	if r := h.deny(t, 0); r.Err == nil || len(r.Cheats) != 0 || len(r.Refused) != 1 || r.Refused[0].Reason != ReasonCharter {
		t.Errorf("an old share signs with new ones: %v", r.Err)
	}
	h.dead[1] = false
	h.signs(t, 0)

	h.seats[2].charter = oldCharter // the whole folder is old: the new charter comes from a neighbour
	h.restart(t, 2)
	signed, next, err := DecodeCharter(newCharter)
	if err != nil {
		t.Fatal(err)
	}
	h.seats[2].charter = newCharter
	if _, err := h.seats[2].council.Adopt(signed, next); !errors.Is(err, ErrShare) {
		t.Errorf("an old folder adopts the new charter: %v", err)
	}
	h.deals(t, 0, 2, []uint8{1, 2}, 1, 2, 3) // and is given a new share
	h.dead[1] = true
	h.signs(t, 0)
}

// TestClockSetBack restarts an issuer with a clock that is some minutes behind:
// the others remember its later sessions, and it catches up.
func TestClockSetBack(t *testing.T) {
	h := newHouse(t, "clock", 2, 3, 0)
	h.signs(t, 0)
	now := h.now
	h.now = h.now.Add(-5 * time.Minute)
	h.restart(t, 0)
	h.signs(t, 0)
	h.restart(t, 0)
	c := h.seats[0].council
	p := NewPlan(c.charter, 4, 2, []uint8{1, 2}, h.receivers(t, 1, 2, 3))
	for try := range 2 {
		h.send(c.Deal(p))(t)
		if r := h.settle(t, 0); r.Err != nil && try == 1 {
			t.Error(r.Err)
		}
	}
	ahead := sessionID{0: 0xff}
	c.catchUp(ahead[:])
	if c.last == ahead {
		t.Error("another issuer sends the clock of sessions years ahead")
	}
	h.now = now
	h.signs(t, 0)
}
