// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestBounds fills what others can fill, and more.
func TestBounds(t *testing.T) {
	net := newNetwork(t, 8, maskPlan)
	net.runUntil(testStart.Add(testStep))
	d, other := net.devices[0], net.devices[1]

	h := other.own(other.rounds[0])
	h.Dealt = 0
	dealt := 0
	for range 3 * MaxRepeats {
		out, err := d.Handle(other.id, TypeControl, wire.MustMarshal(h), net.now)
		if err != nil {
			t.Fatal(err)
		}
		dealt += len(out)
	}
	if dealt != MaxRepeats {
		t.Errorf("a share was dealt again %d times", dealt)
	}

	for number := range uint32(100) {
		for _, sub := range []uint8{subActive, subSignature} {
			_, _ = d.Handle(other.id, TypeControl, wire.MustMarshal(d.activeMessage(sub, &round{number: number}, &active{Members: 0xff, Openers: 0x3f})), net.now)
		}
	}
	if len(d.rounds) > 2 {
		t.Errorf("%d rounds are under way", len(d.rounds))
	}
	for round := range uint32(2 * MaxOutcomes) {
		net.runUntil(endOf(round))
	}
	if len(d.outcomes) > MaxOutcomes || len(d.rounds) > 2 {
		t.Errorf("%d outcomes, %d rounds", len(d.outcomes), len(d.rounds))
	}
}

// TestCrowd lets a device meet more than a roster has room for.
func TestCrowd(t *testing.T) {
	d := newNetwork(t, 3, maskPlan).devices[0]
	for i := range 3 * MaxRoster {
		d.Meet(keyOf(i))
	}
	if len(d.known) != MaxRoster {
		t.Errorf("%d members are known", len(d.known))
	}
}

// TestRepeats has the leader alone: what it repeats has an end.
func TestRepeats(t *testing.T) {
	net := newNetwork(t, 8, maskPlan)
	leader := net.rankOf(0, 0)
	sent := 0
	for at := time.Duration(0); at < 10*testWait; at += testStep {
		sent += len(leader.Tick(testBegin.Add(at)))
	}
	if want := 2 * (1 + MaxRepeats); sent != want {
		t.Errorf("%d announcements and acks, not %d", sent, want)
	}
}
