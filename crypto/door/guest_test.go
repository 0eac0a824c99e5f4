// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
	"pgregory.net/rapid"
)

// TestMergeConverges gives issuers bindings that contradict each other, and tells
// them each other's in any order, with losses: in the end they agree.
func TestMergeConverges(t *testing.T) {
	b := newBench(t, "merge")
	var names []Guest
	for _, name := range []string{"one", "two", "three"} {
		id := must(issuer.NewIdentity(b.rand))(t)
		names = append(names, Guest{Bound: true, Name: name, Ed25519: id.Ed25519(), X25519: id.X25519()})
	}
	rapid.Check(t, func(rt *rapid.T) {
		for i := range 3 {
			b.disks[i].guests = nil
			b.restart(rt, i)
			for j := range rapid.IntRange(0, 3).Draw(rt, "invites") {
				g := Guest{J: [16]byte{byte(j)}, Expiry: uint64(b.now.Unix()) + uint64(rapid.IntRange(1, 3).Draw(rt, "expiry"))}
				if n := rapid.IntRange(0, 3).Draw(rt, "bound"); n > 0 {
					who := names[n-1]
					who.J, who.Expiry = g.J, g.Expiry
					g = who
				}
				if err := b.keeper[i].Merge(g); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for range rapid.IntRange(0, 6).Draw(rt, "told") {
			b.tell(rt, rapid.IntRange(0, 2).Draw(rt, "from"), rapid.IntRange(0, 2).Draw(rt, "to"))
		}
		b.tellAll(rt)
		sorted := func(i int) (out []byte) {
			guests := b.keeper[i].Guests()
			slices.SortFunc(guests, func(a, b Guest) int { return bytes.Compare(a.J[:], b.J[:]) })
			return wire.MustMarshal(guests)
		}
		if !bytes.Equal(sorted(0), sorted(1)) || !bytes.Equal(sorted(0), sorted(2)) {
			rt.Fatalf("issuers hold %x, %x, %x", sorted(0), sorted(1), sorted(2))
		}
	})
}

// TestMerge is what becomes of one issuer's invite when another tells its own.
func TestMerge(t *testing.T) {
	bind := func(name byte, change func(*Guest)) Guest {
		g := Guest{J: [16]byte{1}, Expiry: 9, Bound: true, Name: string(rune(name)), Ed25519: issuer.Pub{name}, X25519: issuer.Pub{name, 1}}
		if change != nil {
			change(&g)
		}
		return g
	}
	low, high := bind('a', nil), bind('b', nil)
	if a, b := low.rank(), high.rank(); bytes.Compare(a[:], b[:]) > 0 {
		low, high = high, low
	}
	with := func(g Guest, change func(*Guest)) Guest { change(&g); return g }
	admitted := func(g *Guest) { g.Admit = true }
	joined := func(g *Guest) { g.Joined = true }
	sworn := func(g *Guest) { g.Sworn = 5 }
	for name, tc := range map[string]struct {
		mine, theirs Guest
		gen          uint32
		want         Guest
	}{
		"theirs is bound":         {Guest{J: low.J, Expiry: 9}, high, 4, high},
		"mine is bound":           {high, Guest{J: low.J, Expiry: 9}, 4, high},
		"shorter life":            {high, Guest{J: low.J, Expiry: 7}, 4, with(high, func(g *Guest) { g.Expiry = 7 })},
		"the lower one is mine":   {low, high, 4, low},
		"the lower one is theirs": {with(high, admitted), low, 4, low},
		"same, joined there":      {with(low, admitted), with(low, joined), 4, with(with(low, admitted), joined)},
		"joined here":             {with(high, joined), low, 4, with(high, joined)},
		"joined there":            {low, with(high, joined), 4, with(high, joined)},
		"joined at both":          {with(high, joined), with(low, joined), 4, with(high, joined)},
		"agreed to":               {with(high, sworn), low, 4, with(high, sworn)},
		"agreed to, joined there": {with(high, sworn), with(low, joined), 4, with(high, sworn)},
		"agreed to, overtaken":    {with(high, sworn), low, 5, low},
	} {
		if got := tc.mine.merge(tc.theirs, tc.gen); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

// TestGuestBytes reads what earlier versions wrote, and refuses what says two
// things.
func TestGuestBytes(t *testing.T) {
	id := must(issuer.NewIdentity(newStream("guest")))(t)
	old := savedGuest{J: [16]byte{1}, Expiry: 2, Bound: true, Name: "kitchen", Ed25519: id.Ed25519(), X25519: id.X25519(), Admit: true}
	var g Guest
	if err := wire.Unmarshal(wire.MustMarshal(old), &g); err != nil || g.Name != "kitchen" || !g.Admit {
		t.Fatalf("%+v, %v", g, err)
	}
	g.Sworn = 9
	list := []Guest{g, {J: [16]byte{2}}}
	var again []Guest
	if err := wire.Unmarshal(wire.MustMarshal(list), &again); err != nil || !slices.Equal(again, list) {
		t.Errorf("%+v, %v", again, err)
	}
	if got := must(DecodeGuest(g.Encode()))(t); got.Admit || got.Sworn != 0 || got.Name != g.Name || len(g.Encode()) > MaxGuest {
		t.Errorf("told to others: %+v", got)
	}
	for name, b := range map[string][]byte{
		"nothing":           {},
		"admitted":          wire.MustMarshal(old),
		"sworn":             wire.MustMarshal(g),
		"bound to nobody":   wire.MustMarshal(savedGuest{Bound: true}),
		"unbound, named":    wire.MustMarshal(savedGuest{Name: "kitchen"}),
		"unbound, with key": wire.MustMarshal(savedGuest{Ed25519: id.Ed25519()}),
		"unbound, joined":   wire.MustMarshal(savedGuest{Joined: true}),
		"name of others":    wire.MustMarshal(savedGuest{Bound: true, Name: "Kitchen"}),
		"too long":          wire.MustMarshal(savedGuest{Bound: true, Name: strings.Repeat("k", MaxGuest)}),
	} {
		if _, err := DecodeGuest(b); !errors.Is(err, ErrGuest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	zero := wire.MustMarshal(swornGuest{J: [16]byte{1}})
	if err := wire.Unmarshal(zero, &g); err == nil {
		t.Error("an oath to generation 0 has two encodings")
	}
}

// TestMergeIsBounded refuses more invites than an issuer remembers.
func TestMergeIsBounded(t *testing.T) {
	h := newHouse(t, "many")
	expiry := uint64(h.now.Add(time.Hour).Unix())
	guest := func(n int) Guest { return Guest{J: [16]byte{byte(n), 1}, Expiry: expiry} }
	for n := range MaxInvites {
		if err := h.Merge(guest(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Merge(guest(MaxInvites)); !errors.Is(err, ErrGuest) {
		t.Errorf("one too many: %v", err)
	}
	if err := h.Merge(guest(0)); err != nil {
		t.Errorf("one that is known: %v", err)
	}
	h.now = h.now.Add(time.Hour)
	if len(h.Guests()) != 0 {
		t.Error("invites that ran out are told to others")
	}
	if err := h.Merge(guest(200)); err != nil || len(h.JoinKeys()) != 0 {
		t.Errorf("one that has run out: %v", err)
	}
	if err := (&Keeper{}).Merge(guest(0)); err == nil {
		t.Error("a keeper without a neighbourhood takes an invite")
	}
}
