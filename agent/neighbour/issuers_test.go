// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestThreeIssuers makes one issuer three. Two of them let a device in and issue
// keys while one is dead.
func TestThreeIssuers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, 300, "a", "b", "c", "d")
		defer h.end()
		h.within(time.Minute, "all see each other", h.together)
		old := h.seats[0].m.Charter()
		h.electTwoOfThree()
		if c := h.seats[3].m.Charter(); c.P == old.P {
			t.Error("the key is the old one")
		}
		if !h.together() {
			t.Error("the new charter parts those who were together")
		}
		h.nextEpoch()
		h.within(time.Minute, "all have keys of two issuers", h.together)

		invite, err := h.seats[2].m.Keeper().Invite(time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second) // until the others know
		h.seats[2].stop()
		late := h.seat("late")
		if err := h.joinBy(late, invite); err != nil {
			t.Fatalf("by an invite of a dead issuer: %v", err)
		}
		late.start()
		h.within(time.Minute, "the newcomer is seen", h.together)
		h.nextEpoch()
		h.within(time.Minute, "all have keys in the next epoch", h.together)

		h.seats[1].stop()
		h.nextEpoch()
		time.Sleep(time.Minute)
		if all, _ := h.seats[0].m.Present(); all != nil {
			t.Error("one of three issues keys")
		}
		if s := h.seats[0].status(); !slices.Equal(s.Silent, []uint8{2, 3}) {
			t.Errorf("silent are %v", s.Silent)
		}
		h.seats[1].start()
		h.within(3*time.Minute, "keys come with the second issuer", h.together)
	})
}

// TestEvictionBySeveral removes a member by two issuers of three, then refreshes
// the shares, which keeps the key, then replaces an issuer that is lost.
func TestEvictionBySeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, 600, "a", "b", "c", "d", "e")
		defer h.end()
		h.electTwoOfThree()
		h.nextEpoch()
		h.within(time.Minute, "all have keys", h.together)
		a, e := h.seats[0], h.seats[4]
		before := a.m.key()
		h.seats[1].stop()
		if _, err := a.m.Evict("e"); err != nil {
			t.Fatal(err)
		}
		h.within(time.Minute, "e is told", func() bool { return len(a.m.Charter().Members) == 4 })
		e.dead = true
		h.within(4*time.Minute, "the others have another key", func() bool { return a.m.key() != before && h.seats[3].m.key() == a.m.key() })
		h.seats[1].start()
		h.nextEpoch()
		h.within(2*time.Minute, "all but e have keys", h.together)

		p, y := a.m.Charter().P, a.m.Charter().Issuer(1).Y
		if err := a.change(Change{}); err != nil {
			t.Fatal(err)
		}
		h.within(time.Minute, "all hold the charter", func() bool { return h.agreed(2, 3) })
		if c := a.m.Charter(); c.P != p || c.Issuer(1).Y == y {
			t.Error("a refresh keeps the key and changes the shares")
		}

		h.seats[2].stop() // lost for good
		h.seats[3].offer()
		if err := a.change(Change{With: []string{"d"}, Without: []string{"c"}}); err != nil {
			t.Fatal(err)
		}
		h.within(time.Minute, "d is an issuer", func() bool { return h.agreed(2, 3) && h.seats[3].m.Keeper() != nil })
		h.nextEpoch()
		h.within(time.Minute, "keys come from those who are left", h.together)

		h.seats[2].start() // and comes back
		h.within(2*time.Minute, "c follows", func() bool { return h.agreed(2, 3) })
		h.within(time.Minute, "c is no issuer", func() bool { return h.seats[2].m.Keeper() == nil })
		if keys, err := h.seats[2].Keys(); err != nil || keys.Share.Index != 0 {
			t.Errorf("c has kept its share: %v", err)
		}
	})
}

// TestOldShare restores an old state folder of an issuer: it issues nothing until
// it is dealt a new share.
func TestOldShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, 600, "a", "b", "c", "d")
		defer h.end()
		h.electTwoOfThree()
		b := h.seats[1]
		secret, signed := b.secret, b.signed
		if err := h.seats[0].change(Change{}); err != nil {
			t.Fatal(err)
		}
		h.within(time.Minute, "all hold the charter", func() bool { return h.agreed(2, 3) })
		b.stop()
		b.secret, b.signed = secret, signed
		b.start()
		h.within(3*time.Minute, "b knows that its share is an old one", func() bool { return b.status().Stale })
		if b.m.Keeper() != nil {
			t.Error("b is an issuer with an old share")
		}
		if err := b.change(Change{}); !errors.Is(err, ErrStale) {
			t.Errorf("b changes the issuers: %v", err)
		}
		h.nextEpoch()
		h.within(time.Minute, "the others issue keys", h.together)
		if err := h.seats[0].change(Change{}); err != nil {
			t.Fatal(err)
		}
		h.within(time.Minute, "b has a share again", func() bool { return b.m.Keeper() != nil && !b.status().Stale })
	})
}

// TestUnfitDealer holds that one who refused to deal is not asked again in the same
// ceremony, though another session has ended well meanwhile.
func TestUnfitDealer(t *testing.T) {
	c := &issuer.Charter{T: 2, Issuers: []issuer.Issuer{{Index: 1}, {Index: 2}, {Index: 3}}}
	var receivers []issuer.Receiver
	for _, s := range c.Issuers {
		receivers = append(receivers, issuer.Stays(s))
	}
	d := &desk{keys: &issuer.Keys{}, ceremony: &ceremony{plan: &issuer.Plan{}}}
	d.keys.Share.Index = 1
	if got := d.dealers(c, receivers); !slices.Equal(got, []uint8{1, 2}) {
		t.Errorf("at first %v deal", got)
	}
	d.retryCeremony(&issuer.Result{Err: errors.New("refused"), Refused: []issuer.Refusal{{Index: 2, Reason: issuer.ReasonCharter}}})
	d.last = &report{} // of a motion that was carried
	if got := d.dealers(c, receivers); !slices.Equal(got, []uint8{1, 3}) {
		t.Errorf("after 2 refused %v deal", got)
	}
	d.ceremony = nil
	if got := d.dealers(c, receivers); !slices.Equal(got, []uint8{1, 2}) {
		t.Errorf("in the next ceremony %v deal", got)
	}
}

// TestStrictIssuers asks the owners before shares are dealt and a member is removed.
func TestStrictIssuers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, 600, "a", "b", "c", "d")
		defer h.end()
		h.electTwoOfThree()
		b, c := h.seats[1], h.seats[2]
		for _, s := range []*seat{b, c} {
			s.stop()
			s.strict = true
			s.start()
		}
		done := make(chan error, 1)
		time.Sleep(10 * time.Second)
		go func() { done <- h.seats[0].change(Change{}) }()
		h.within(time.Minute, "the owners are asked", func() bool { return len(b.status().Questions) == 1 && len(c.status().Questions) == 1 })
		if agreed, err := b.m.Serve(context.Background(), false); err != nil || len(agreed) != 1 {
			t.Fatalf("b's owner agrees to %q, %v", agreed, err)
		}
		time.Sleep(20 * time.Second)
		if s := h.seats[0].status(); !s.Changing || !slices.Equal(s.Waiting, []uint8{3}) {
			t.Errorf("a waits for %v, changing: %v", s.Waiting, s.Changing)
		}
		if _, err := c.m.Serve(context.Background(), false); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if _, err := b.m.Serve(context.Background(), true); err != nil {
			t.Fatal(err)
		}
		var refused *issuer.RefusalError
		if err := h.seats[0].change(Change{}); !errors.As(err, &refused) {
			t.Errorf("b takes no part, and: %v", err)
		}
		if s := h.seats[0].status(); len(s.Last) < 2 || !b.status().Stopped {
			t.Errorf("the status says %q", s.Last)
		}
	})
}
