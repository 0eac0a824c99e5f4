// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/fl/node"
)

// scenes are the protocol's sequences (crypto/PROTOCOL.md), as far as one issuer
// plays them.
var scenes = []scene{
	{
		name:  "found",
		ready: func(*town) {},
		begin: func(h *town) { h.live("founder") },
		lasts: 150 * time.Second,
		after: func(h *town) {
			if h.knock("b", nil) {
				h.live("b")
			}
		},
		steps: []step{
			{what: what{0, anyKind}, name: "hello", to: "founder", shows: alone("founder")},
			{what: what{17, 2}, name: "time request", to: "founder", shows: alone("founder")},
		},
	},
	{
		name:  "join",
		ready: func(h *town) { h.settle("b"); h.until(0, 180*time.Second) },
		begin: func(h *town) {
			go func() {
				if h.knock("new", nil) {
					h.live("new")
				}
			}()
		},
		lasts: 150 * time.Second,
		steps: slices.Concat([]step{
			{what: what{17, 0}, name: "join request", to: "founder", shows: outside},
			{what: what{18, 0}, name: "join answer", to: "new", shows: func(h *town) bool { return h.member("new") == nil }},
			{what: what{18, 1}, name: "charter", to: "b", shows: func(h *town) bool { return len(h.member("b").Charter().Members) == 2 }},
			{what: what{0, anyKind}, name: "hello", to: "new", shows: alone("new")},
		}, tokenSteps("new"), keySteps("new")),
	},
	{
		name:  "edge",
		ready: func(h *town) { h.settle("b", "c"); h.until(1, -40*time.Second) },
		begin: func(*town) {},
		lasts: 190 * time.Second,
		steps: slices.Concat([]step{{what: what{0, anyKind}, name: "hello", to: "c", shows: alone("c")}}, keySteps("c")),
	},
	{
		name:  "clock",
		ready: func(h *town) { h.settle("b"); h.until(0, 180*time.Second) },
		begin: func(h *town) {
			started := time.Now()
			wrong := func() time.Time { return time.Unix(1000, 0).Add(time.Since(started)) }
			if h.knock("c", func(o *Options) { o.Now = wrong }) {
				h.live("c")
			}
		},
		lasts: 150 * time.Second,
		steps: []step{
			{what: what{17, 2}, name: "time request", to: "founder", by: "c", says: "does not know the time"},
			{what: what{18, 2}, name: "time answer", to: "c", says: "does not know the time"},
		},
	},
	{
		name:  "pairing",
		ready: func(h *town) { h.settle("b", "c"); h.until(0, 180*time.Second) },
		begin: exchange,
		lasts: 150 * time.Second,
		after: func(h *town) { h.until(h.epoch()+1, 180*time.Second); exchange(h) },
		check: func(h *town) {
			for _, m := range h.members() {
				if n := len(handles(m)); n != 2 {
					h.t.Errorf("a device recognises %d neighbours", n)
				}
			}
		},
		steps: []step{
			{what: what{16, 0}, name: "pair offer", to: "b", quiet: true},
			{what: what{16, 1}, name: "pair answer", to: "b", quiet: true},
			{what: what{1, anyKind}, name: "update", to: "b", quiet: true},
			{what: what{2, anyKind}, name: "shard", to: "b", quiet: true},
		},
	},
	{
		name: "eviction",
		ready: func(h *town) {
			h.settle("b", "sleeps", "goes")
			h.until(0, 120*time.Second)
			h.stops["sleeps"]()
		},
		begin: func(h *town) {
			if _, err := h.member("founder").Evict("goes"); err != nil {
				h.t.Error(err)
			}
			h.forgo("goes")
			time.AfterFunc(190*time.Second, func() {
				again, err := New(h.member("sleeps").o)
				if err != nil {
					h.t.Error(err)
					return
				}
				h.admit("sleeps", again)
				h.live("sleeps")
			})
		},
		lasts: 400 * time.Second,
		check: func(h *town) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if err := h.ended["goes"]; !errors.Is(err, door.ErrEvicted) {
				h.t.Errorf("the one who is removed ends with %v", err)
			}
		},
		steps: []step{
			{what: what{18, 3}, name: "rekey", to: "b", shows: gone("b", "founder")},
			{what: what{17, 3}, name: "sync", to: "founder", by: "sleeps", says: "nobody says hello"},
			{what: what{0, anyKind}, name: "hello", to: "b", shows: alone("b")},
		},
	},
	{
		name:  "tokens after an eviction",
		ready: func(h *town) { h.settle("c", "goes"); h.until(0, 120*time.Second) },
		begin: func(h *town) {
			if _, err := h.member("founder").Evict("goes"); err != nil {
				h.t.Error(err)
			}
			h.forgo("goes")
		},
		lasts: 630 * time.Second,
		steps: tokenSteps("c"),
	},
	{
		name:  "deny",
		ready: func(h *town) { h.settle("b", "c"); h.until(0, 120*time.Second) },
		begin: func(h *town) {
			all, self := h.member("c").Present()
			if _, err := h.member("founder").Deny(hex.EncodeToString(all[self][:])); err != nil {
				h.t.Error(err)
			}
		},
		lasts: 150 * time.Second,
		after: func(h *town) {
			time.Sleep(150 * time.Second)
			if n := len(h.seenBy("b")); n != 1 && h.broker.deed != delaysFar {
				h.t.Errorf("b sees %d others while one is denied", n)
			}
		},
		steps: []step{{what: what{15, anyKind}, name: "deny list", to: "b", shows: func(h *town) bool { return len(h.seenBy("b")) == 2 }}},
	},
	sumScene("sums of masks", node.Mask, maskSteps),
	sumScene("sums of lattices", node.Private, latticeSteps, holdsAll),
}

// tokenSteps and keySteps are the messages by which a device gets tokens, the time,
// and keys.
func tokenSteps(who string) []step {
	const says = "issuers gave no tokens"
	return []step{
		{what: what{19, 0}, name: "token request a", to: "founder", by: who, says: says},
		{what: what{20, 0}, name: "token answer a", to: who, says: says},
		{what: what{19, 1}, name: "token request b", to: "founder", by: who, says: says},
		{what: what{20, 1}, name: "token answer b", to: who, says: says},
	}
}

func keySteps(who string) []step {
	const says, time = "no keys from the issuers", "issuers do not tell the time"
	return []step{
		{what: what{17, 2}, name: "time request", to: "founder", by: who, says: time},
		{what: what{18, 2}, name: "time answer", to: who, says: time},
		{what: what{3, 0}, name: "key request a", to: "founder", by: who, says: says},
		{what: what{4, 0}, name: "key answer a", to: who, says: says},
		{what: what{3, 1}, name: "key request b", to: "founder", by: who, says: says},
		{what: what{4, 1}, name: "key answer b", to: who, says: says},
	}
}

// alone is the state of a device that sees nobody.
func alone(name string) func(*town) bool {
	return func(h *town) bool { return len(h.seenBy(name)) == 0 }
}

// gone is the state of a device that has not heard another for a while.
func gone(name, other string) func(*town) bool {
	return func(h *town) bool {
		s := h.member(other).live()
		return s == nil || !slices.Contains(h.seenBy(name), s.roster.self.ID)
	}
}

// outside is the state of a device that was not let in: it is told that nobody
// answers at the door.
func outside(h *town) bool {
	invite, err := h.keeper.Invite(time.Hour)
	if err != nil {
		h.t.Error(err)
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = Join(ctx, h.broker.dialer("another"), rand.Reader, invite, h.kit.people["goes"], "another", func(string) {})
	return errors.Is(err, context.DeadlineExceeded) && h.member("new") == nil
}

// exchange has everybody send an update to everybody.
func exchange(h *town) {
	for i, m := range h.members() {
		if err := m.SendUpdate(h.seenBy(h.names[i]), 0, []byte("header"), 2, [][]byte{[]byte("a shard"), []byte("another")}); err != nil {
			h.t.Error(err)
		}
	}
}
