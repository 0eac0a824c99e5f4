// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"slices"
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
	for at := time.Duration(0); at < 100*testWait; at += testStep {
		sent += len(leader.Tick(testBegin.Add(at)))
	}
	if want := MaxRepeats * (1 + MaxRepeats); sent != want {
		t.Errorf("%d announcements, not %d", sent, want)
	}
}

// TestLateHello has the second leader miss the hello of the first. It announces a
// roster that the others do not take, takes theirs as soon as it has seen the hello,
// and adds in the next round; so does one that hears no announcement at first.
func TestLateHello(t *testing.T) {
	for name, deaf := range map[string]bool{"missed a hello": false, "missed the announcement, too": true} {
		t.Run(name, func(t *testing.T) {
			net := newNetwork(t, 5, maskPlan)
			first, late := net.rankOf(0, 0), net.rankOf(0, 1)
			late.known = slices.DeleteFunc(late.known, func(u Key) bool { return u == first.config.Self })
			net.fate = func(p packet) []time.Duration {
				if deaf && p.to == late && net.now.Before(testBegin.Add(3*testWait)) {
					return nil
				}
				return []time.Duration{0}
			}
			net.runUntil(testBegin.Add(3 * testWait))
			for _, d := range net.devices {
				if (d.Status().Roster != nil) != (d != late) {
					t.Errorf("roster of %d members where the late one is %v", len(d.Status().Roster), d == late)
				}
			}
			late.Meet(first.config.Self)
			net.runUntil(testBegin.Add(12 * testWait))
			if n := len(late.Status().Roster); n != 5 {
				t.Fatalf("a roster of %d members after the hello", n)
			}
			round, _ := net.devices[0].config.roundAt(net.now)
			net.play(round + 1)
			if opened := net.check(round + 1); opened != 5 {
				t.Errorf("%d of 5 have the sum", opened)
			}
		})
	}
}
