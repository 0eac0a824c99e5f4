// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/update"
)

// letterbox is an inbox and what it refused.
type letterbox struct {
	*inbox
	t       *testing.T
	device  *device
	refused []string
	packed  byte
}

func newLetterbox(t *testing.T, round int64) *letterbox {
	task := thirds()
	task.Model = "softmax" // an update of it is a single part
	b := &letterbox{t: t, device: newDevice(t, newStreet(), task, 0)}
	want := update.Want{Task: b.device.id, Base: b.device.base, Params: len(b.device.Node.x), Vectors: 2}
	b.inbox = newInbox(want, round, func(err error) {
		var refused *update.Refused
		if !errors.As(err, &refused) {
			t.Fatal(err)
		}
		b.refused = append(b.refused, string(refused.Reason))
	})
	return b
}

// update delivers an update whose numbers are all x.
func (b *letterbox) update(from PeerID, round uint32, x float32, now int64) {
	b.t.Helper()
	v := slices.Repeat([]float32{x}, b.want.Params)
	b.packed++
	packed, err := update.Pack(rand.NewChaCha8([32]byte{b.packed}), update.Spec{Sender: from, Task: b.want.Task, Base: b.want.Base}, Vectors{v, v})
	if err != nil || len(packed.Shards) > 0 {
		b.t.Fatalf("%d shards, %v", len(packed.Shards), err)
	}
	for range 2 { // copies of a header are no second update
		b.take(Inbound{From: from, Round: round, Header: packed.Message}, now)
	}
}

// arrivals closes the round and returns the first number of each update.
func (b *letterbox) arrivals() map[PeerID]float32 {
	got := map[PeerID]float32{}
	for from, u := range b.close() {
		got[from] = u.Vectors[0][0]
	}
	return got
}

func (b *letterbox) wantRefused(reasons ...string) {
	b.t.Helper()
	if d := cmp.Diff(reasons, b.refused); d != "" {
		b.t.Errorf("-want +refused:\n%s", d)
	}
	b.refused = nil
}

var friends = []Edge{{peer(1), 0.3}, {peer(2), 0.3}}

// TestInbox follows updates through three rounds.
func TestInbox(t *testing.T) {
	b := newLetterbox(t, -1)
	b.update(peer(1), 0, 1, -1)
	b.update(peer(1), 1, 1, -1)
	b.wantRefused(ReasonFuture, ReasonFuture)
	b.open(0, friends)
	b.update(peer(2), 0, 2, 0)
	b.update(peer(2), 0, 3, 0) // the first one counts
	b.update(peer(7), 0, 4, 0)
	b.update(peer(2), 1, 5, 0)
	b.update(peer(2), 1, 6, 0)
	b.update(peer(7), 1, 7, 0)
	b.wantRefused(string(update.ReasonDuplicate), ReasonStranger, ReasonStranger, string(update.ReasonDuplicate))
	if d := cmp.Diff(map[PeerID]float32{peer(1): 1, peer(2): 2}, b.arrivals()); d != "" {
		t.Errorf("round 0: %s", d)
	}
	b.update(peer(1), 0, 8, 0) // between rounds: over, and nobody's fault
	b.wantRefused()
	b.open(1, friends)
	b.wantRefused(ReasonStranger)
	b.update(peer(1), 0, 9, 1)
	b.wantRefused(ReasonLate, ReasonLate)
	if d := cmp.Diff(map[PeerID]float32{peer(2): 5}, b.arrivals()); d != "" {
		t.Errorf("round 1: %s", d)
	}
	b.open(2, friends)
	if d := cmp.Diff(map[PeerID]float32{}, b.arrivals()); d != "" {
		t.Errorf("round 2: %s", d)
	}
}

// TestInboxHeldUp holds that mail of the round by the clock is kept while
// training holds up an earlier one, and that of the rounds between is dropped.
func TestInboxHeldUp(t *testing.T) {
	b := newLetterbox(t, 3)
	b.open(4, friends)
	b.update(peer(1), 5, 1, 5)
	b.update(peer(1), 6, 2, 6)
	b.update(peer(1), 7, 3, 6)
	b.update(peer(1), 8, 4, 6)
	b.wantRefused(ReasonFuture, ReasonFuture)
	b.update(peer(2), 5, 5, 6)
	b.arrivals()
	b.open(7, friends)
	if d := cmp.Diff(map[PeerID]float32{peer(1): 3}, b.arrivals()); d != "" {
		t.Error(d)
	}
	if len(b.early) > 0 {
		t.Errorf("%d updates of past rounds are kept", len(b.early))
	}
}

// TestInboxLateParts holds that an update whose last part comes when its round
// is over is late.
func TestInboxLateParts(t *testing.T) {
	b := newLetterbox(t, 3)
	v := slices.Repeat([]float32{1}, 5000)
	b.want.Params = len(v)
	packed, err := update.Pack(rand.NewChaCha8([32]byte{}), update.Spec{Sender: peer(1), Task: b.want.Task, Base: b.want.Base}, Vectors{v, v})
	if err != nil {
		t.Fatal(err)
	}
	b.open(4, friends)
	b.take(Inbound{From: peer(1), Round: 5, Header: packed.Message}, 4)
	b.arrivals()
	b.open(6, friends)
	for _, m := range packed.Shards {
		b.take(Inbound{Shard: &m}, 6)
	}
	b.wantRefused(ReasonLate)
	if got := b.arrivals(); len(got) > 0 {
		t.Errorf("it counts in round 6: %v", got)
	}
}

// TestInboxBound fills the place for later rounds.
func TestInboxBound(t *testing.T) {
	b := newLetterbox(t, 3)
	b.open(4, friends)
	for i := range maxEarly + 10 {
		b.update(peer(i), 5, 1, 4)
	}
	b.wantRefused(slices.Repeat([]string{ReasonFull}, 10)...)
	if len(b.early) != maxEarly {
		t.Errorf("%d updates are kept", len(b.early))
	}
	b.arrivals()
	b.open(5, friends)
	if d := cmp.Diff(map[PeerID]float32{peer(1): 1, peer(2): 1}, b.arrivals()); d != "" {
		t.Error(d)
	}
}
