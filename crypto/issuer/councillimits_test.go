// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"slices"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestCouncilLimits holds the limits of a council.
func TestCouncilLimits(t *testing.T) {
	h := newHouse(t, "limits", 2, 3, 1)
	c := h.seats[0].council
	t.Run("one session at a time", func(t *testing.T) {
		h.send(c.Propose(MatterRekey, rekey()))(t)
		if _, err := c.Register([]byte("J")); err != ErrBusy {
			t.Errorf("a second session: %v", err)
		}
		h.settle(t, 0)
	})
	t.Run("invites", func(t *testing.T) {
		if _, err := c.Register(make([]byte, MaxGuest+1)); err == nil {
			t.Error("an invite is too long")
		}
		h.send(c.Register(make([]byte, MaxGuest)))(t)
		if r := h.settle(t, 0); r.Err != nil || !slices.Equal(r.Noted, []uint8{1, 2, 3}) {
			t.Errorf("registered: %v, %v", r.Err, r.Noted)
		}
		if len(h.seats[1].noted) == 0 || len(h.seats[1].noted[0]) != MaxGuest {
			t.Error("the invite did not arrive")
		}
	})
	t.Run("letters", func(t *testing.T) {
		if _, err := c.Handle(make([]byte, MaxLetter+1)); err != ErrRefused {
			t.Errorf("a long letter: %v", err)
		}
	})
	t.Run("proposals", func(t *testing.T) {
		long := wire.MustMarshal([]any{string(wire.LabelRekey), make([]byte, MaxProposal)})
		if _, err := c.Propose(MatterRekey, long); err == nil {
			t.Error("a long proposal is proposed")
		}
		for name, b := range map[string][]byte{
			"no label":      wire.MustMarshal([]any{"x", 1}),
			"a charter":     wire.MustMarshal(h.charter),
			"a partial key": wire.MustMarshal([]any{string(wire.LabelPartialKey), "sig"}),
			"no array":      []byte(wire.LabelRekey),
			"nothing":       nil,
		} {
			if _, err := c.Propose(MatterRekey, b); err == nil {
				t.Errorf("%s is proposed as a rekey", name)
			}
			if _, err := c.Propose(MatterDeny, b); err == nil {
				t.Errorf("%s is proposed as a deny list", name)
			}
		}
		if _, err := c.Propose(MatterCharter, wire.MustMarshal(h.charter)); err == nil {
			t.Error("a charter is proposed without its own method")
		}
	})
	t.Run("generations", func(t *testing.T) {
		for gen, ok := range map[uint32]bool{2: false, 3: false, 4: true, 3 + MaxAhead: true, 4 + MaxAhead: false, 1<<32 - 1: false} {
			next := copyOf(h.charter)
			next.Gen = gen
			_, err := c.ProposeCharter(next, nil)
			if (err == nil) != ok {
				t.Errorf("generation %d: %v", gen, err)
			}
			if err == nil {
				h.flying, h.now = nil, h.now.Add(time.Second)
				h.restart(t, 0)
				c = h.seats[0].council
			}
		}
	})
	t.Run("pending shares", func(t *testing.T) {
		for i := range MaxPending + 1 {
			p := NewPlan(h.charter, h.charter.Gen+1, 2, []uint8{1, 2}, h.receivers(t, 1, 2, 3))
			h.send(c.Deal(p))(t)
			r := h.settle(t, 0)
			if full := i == MaxPending; (r.Err != nil) != full {
				t.Fatalf("dealing %d: %v", i, r.Err)
			}
		}
		h.signs(t, 0)
		if k := must(RestoreKeys(h.seats[1].keys))(t); len(k.Pending) != MaxPending {
			t.Errorf("%d shares are pending", len(k.Pending))
		}
		next := h.nextCharter("a")
		h.send(c.ProposeCharter(next, nil))(t)
		h.adopt(t, h.settle(t, 0).Charter)
		if k := must(RestoreKeys(h.seats[1].keys))(t); len(k.Pending) != 0 {
			t.Errorf("%d shares wait for a charter that cannot come", len(k.Pending))
		}
	})
	t.Run("one session of each initiator", func(t *testing.T) {
		for range 40 {
			h.send(c.Propose(MatterRekey, rekey()))(t)
			h.settle(t, 0)
		}
		for i, s := range h.seats {
			if len(s.council.seats) > len(h.charter.Issuers) {
				t.Errorf("issuer %d keeps %d sessions", i+1, len(s.council.seats))
			}
		}
		h.now = h.now.Add(CouncilLifetime + time.Second)
		h.tick(t)
		for i, s := range h.seats {
			if len(s.council.seats) != 0 {
				t.Errorf("issuer %d keeps %d sessions for ever", i+1, len(s.council.seats))
			}
		}
	})
	t.Run("only issuers begin", func(t *testing.T) {
		if _, err := h.seats[3].council.Propose(MatterRekey, rekey()); err == nil {
			t.Error("a candidate begins a session")
		}
	})
}

// TestCandidates offers members as issuers.
func TestCandidates(t *testing.T) {
	h := newHouse(t, "candidates", 2, 3, 2)
	stranger := must(NewIdentity(h.rand))(t)
	if _, err := h.seats[4].council.Offer(stranger, 1); err == nil {
		t.Error("a stranger offers itself")
	}
	if _, err := h.seats[4].council.Offer(h.seats[4].id, 9); err == nil {
		t.Error("an offer to nobody")
	}
	for _, i := range []int{4, 3, 4} {
		msg := must(h.seats[i].council.Offer(h.seats[i].id, 1))(t)
		if out, err := h.seats[0].council.Handle(msg); err != nil || out != nil {
			t.Fatalf("got %v, %v", out, err)
		}
		if _, err := h.seats[1].council.Handle(msg); err != ErrRefused {
			t.Errorf("another issuer takes the offer: %v", err)
		}
	}
	got := h.seats[0].council.Candidates()
	if len(got) != 2 || got[0].Member != h.seats[3].id.Ed25519() || got[1].Member != h.seats[4].id.Ed25519() {
		t.Fatalf("%d candidates", len(got))
	}
	late := must(h.seats[3].council.Offer(h.seats[3].id, 1))(t)
	h.now = h.now.Add(CouncilLifetime + time.Second)
	if _, err := h.seats[0].council.Handle(late); err != ErrRefused {
		t.Errorf("an old offer: %v", err)
	}
	c := h.seats[0].council
	p := NewPlan(h.charter, h.charter.Gen+1, 2, []uint8{2, 3}, append(h.receivers(t, 1, 2), Receiver{Index: 4, Offer: got[0]}))
	h.send(c.Deal(p))(t)
	if r := h.settle(t, 0); r.Err != nil {
		t.Fatal(r.Err)
	}
	next := h.nextCharter("n")
	next.Members = slices.DeleteFunc(next.Members, func(m Member) bool { return m.Ed25519 == got[1].Member })
	h.send(c.ProposeCharter(next, nil))(t)
	h.adopt(t, h.settle(t, 0).Charter)
	if left := c.Candidates(); len(left) != 1 {
		t.Errorf("%d candidates after one left the neighbourhood", len(left))
	}
}
