// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/fl/update"
)

// TestAttacks injects what a bad neighbour may send, and holds that it is
// refused with its reason and that all learn what they learn without it.
func TestAttacks(t *testing.T) {
	nan := float32(math.NaN())
	fill := func(d *device, x float32) []float32 {
		v := make([]float32, d.Node.set.Model.Size())
		v[0] = x
		return v
	}
	const friend, stranger, during = 1, 77, 3
	tests := []struct {
		name   string
		from   int
		ahead  int // rounds that it claims beside the one under way
		msg    func(d *device, from PeerID) []byte
		reason string
	}{
		{"late", friend, -1, func(d *device, from PeerID) []byte { return forged(d, from, 1, fill(d, 1), fill(d, 1)) }, ReasonLate},
		{"future", friend, 2, func(d *device, from PeerID) []byte { return forged(d, from, 1, fill(d, 1), fill(d, 1)) }, ReasonFuture},
		{"far future", friend, 1 << 30, func(d *device, from PeerID) []byte { return forged(d, from, 1, fill(d, 1), fill(d, 1)) }, ReasonFuture},
		{"stranger", stranger, 0, func(d *device, from PeerID) []byte { return forged(d, from, 1, fill(d, 1), fill(d, 1)) }, ReasonStranger},
		{"stranger, early", stranger, 1, func(d *device, from PeerID) []byte { return forged(d, from, 1, fill(d, 1), fill(d, 1)) }, ReasonStranger},
		{"second update", friend, 0, func(d *device, from PeerID) []byte { return forged(d, from, 1, fill(d, 1), fill(d, 1)) }, string(update.ReasonDuplicate)},
		{"wrong shape", friend, 0, func(d *device, from PeerID) []byte { return forged(d, from, 1, fill(d, 1)) }, string(update.ReasonShape)},
		{"other model", friend, 0, func(d *device, from PeerID) []byte { return forged(d, from, 1, fill(d, 1)[1:], fill(d, 1)[1:]) }, string(update.ReasonShape)},
		{"NaN", friend, 0, func(d *device, from PeerID) []byte { return forged(d, from, 1, fill(d, 1), fill(d, nan)) }, string(update.ReasonFinite)},
		{"another's update", friend, 0, func(d *device, _ PeerID) []byte { return forged(d, peer(2), 1, fill(d, 1), fill(d, 1)) }, string(update.ReasonSender)},
		{"no header", friend, 0, func(*device, PeerID) []byte { return nil }, string(update.ReasonMalformed)},
		{"garbage", friend, 0, func(*device, PeerID) []byte { return []byte("update") }, string(update.ReasonMalformed)},
		{"other task", friend, 0, func(d *device, from PeerID) []byte {
			d.id[0]++
			defer func() { d.id[0]-- }()
			return forged(d, from, 1, fill(d, 1), fill(d, 1))
		}, string(update.ReasonTask)},
		{"other base", friend, 0, func(d *device, from PeerID) []byte {
			d.base[0]++
			defer func() { d.base[0]-- }()
			return forged(d, from, 1, fill(d, 1), fill(d, 1))
		}, string(update.ReasonBase)},
	}
	honest := attacked(t, 0, nil)
	if len(honest.refused) > 0 {
		t.Fatalf("without an attack: %v", honest.refused)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := attacked(t, during, func(d *device) {
				d.Transport.(*house).doors[peer(0)] <- Inbound{From: peer(tt.from), Round: uint32(during + tt.ahead), Header: tt.msg(d, peer(tt.from))}
			})
			if d := cmp.Diff(map[string]int{tt.reason: 1}, got.refused); d != "" {
				t.Errorf("-want +refused:\n%s", d)
			}
			if !sameBits(got.Node.x, honest.Node.x) {
				t.Error("the model is changed")
			}
		})
	}
	t.Run("shards of nobody", func(t *testing.T) {
		got := attacked(t, during, func(d *device) {
			for i := range 3000 {
				m := shard.Message{ID: [16]byte{byte(i), byte(i >> 8)}, Index: uint8(i % 60), Data: make([]byte, 4000)}
				d.Transport.(*house).doors[peer(0)] <- Inbound{Shard: &m}
				synctest.Wait()
			}
		})
		if !sameBits(got.Node.x, honest.Node.x) {
			t.Error("the model is changed")
		}
		if held := got.inbox.collector.Stats().Held; held > update.MaxHeld {
			t.Errorf("%d bytes are held", held)
		}
	})
}

// attacked lets three devices learn, the first of them attacked in a round, and
// returns that one.
func attacked(t *testing.T, during uint32, attack func(d *device)) (victim *device) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), soon(8)
		all := devices(t, s, task, 3)
		startAll(all)
		sleepUntil(task, during, time.Second)
		if attack != nil {
			attack(all[0])
		}
		waitAll(t, all)
		victim = all[0]
	})
	return victim
}

// TestOversized sends, instead of an honest update, one that is far from
// anything that training gives: it counts as if there were none.
func TestOversized(t *testing.T) {
	lose := func(d *device) {
		s := d.Transport.(*house).street
		s.change(func() { s.lost = func(from, to PeerID) bool { return from == peer(1) } })
	}
	silent := attacked(t, 3, lose)
	got := attacked(t, 3, func(d *device) {
		lose(d)
		v := make([]float32, d.Node.set.Model.Size())
		huge := slices.Repeat([]float32{1e9}, len(v))
		for i, msg := range [][]byte{forged(d, peer(1), 1, huge, v), forged(d, peer(1), 2, v, huge)} {
			d.Transport.(*house).doors[peer(0)] <- Inbound{From: peer(1), Round: uint32(4 + i), Header: msg}
			time.Sleep(roundLen)
		}
	})
	if n := got.refused[string(update.ReasonNorm)]; n != 2 || len(got.refused) != 1 {
		t.Errorf("refused %v", got.refused)
	}
	if !sameBits(got.Node.x, silent.Node.x) {
		t.Error("the model is changed")
	}
}
