// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// announcement returns a roster of some devices.
func (net *network) announcement(devices ...*device) *rosterMessage {
	m := &rosterMessage{Sub: subRoster, Scope: net.devices[0].scope(), Mode: net.devices[0].config.Mode}
	for _, d := range devices {
		m.Members = append(m.Members, d.config.Self)
	}
	slices.SortFunc(m.Members, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	m.Tau = uint8(Threshold(len(m.Members)))
	return m
}

// TestRosterRefused announces rosters to a device that has none yet.
func TestRosterRefused(t *testing.T) {
	net := newNetwork(t, 8, maskPlan)
	first, self, third := net.rankOf(0, 0), net.rankOf(0, 1), net.rankOf(0, 2)
	others := slices.DeleteFunc(slices.Clone(net.devices), func(d *device) bool { return d == first || d == self })
	all := net.announcement(net.devices...)
	change := func(f func(m *rosterMessage)) *rosterMessage {
		m := *all
		m.Members = slices.Clone(all.Members)
		f(&m)
		return &m
	}
	tests := []struct {
		name string
		from *device
		m    *rosterMessage
		want error
	}{
		{"third leader, too early", third, all, ErrRule},
		{"of half of those present", first, net.announcement(append(others[:2:2], first, self)...), ErrRule},
		{"without this device", first, net.announcement(append(others, first)...), ErrRule},
		{"without its sender", first, net.announcement(append(others, self)...), ErrStranger},
		{"of two", first, net.announcement(first, self), ErrRule},
		{"with a stranger", first, change(func(m *rosterMessage) { m.Members[7] = Key{0xff} }), ErrRule},
		{"one member twice", first, change(func(m *rosterMessage) { m.Members[7] = m.Members[6] }), ErrRule},
		{"out of order", first, change(func(m *rosterMessage) { slices.Reverse(m.Members) }), ErrRule},
		{"another threshold", first, change(func(m *rosterMessage) { m.Tau = 7 }), ErrRule},
		{"another mode", first, change(func(m *rosterMessage) { m.Mode = Lattice }), ErrScope},
		{"another group", first, change(func(m *rosterMessage) { m.Scope.Group++ }), ErrScope},
		{"33 members", first, change(func(m *rosterMessage) { m.Members = make([]Key, 33) }), ErrMalformed},
		{"as it should be", first, all, nil},
		{"once more", first, all, nil},
		{"another one", first, net.announcement(append(others[:5:5], first, self)...), ErrTwice},
	}
	for _, tt := range tests {
		if _, err := self.Handle(tt.from.id, TypeControl, wire.MustMarshal(tt.m), testBegin); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	other := &ackMessage{Sub: subAck, Scope: self.scope(), Roster: Hash{1}}
	for k, want := range []error{nil, ErrTwice} {
		other.Roster[0] += byte(k)
		if _, err := self.Handle(third.id, TypeControl, wire.MustMarshal(other), testBegin); !errors.Is(err, want) {
			t.Errorf("ack %d: %v", k, err)
		}
	}
	if self.ready() {
		t.Error("one ack makes a roster")
	}
}

// TestLateLeader has a member ack the third leader's roster when its turn has
// come, since the first two are silent.
func TestLateLeader(t *testing.T) {
	net := newNetwork(t, 8, maskPlan)
	net.rankOf(0, 0).dead, net.rankOf(0, 1).dead = true, true
	net.play(0)
	if opened := net.check(0); opened != 6 {
		t.Errorf("%d of six opened; %v", opened, reason(net.rankOf(0, 2), 0))
	}
}

// TestTwoUploads has a member send one upload to some and another to the rest:
// those who open a sum all open the same one, and it holds none or one of both.
func TestTwoUploads(t *testing.T) {
	for _, plan := range []Plan{latticePlan, maskPlan} {
		for _, half := range []int{1, 4, 7} {
			net := newNetwork(t, 8, plan)
			forger := net.devices[7]
			net.tamper = func(p packet) []byte {
				if p.from == forger && p.kind == 1 && slices.Index(net.devices, p.to) < half {
					b := bytes.Clone(p.data)
					b[len(b)-1] ^= 1
					return b
				}
				return p.data
			}
			net.play(0)
			var first *Result
			for i, d := range net.devices[:7] {
				r, err := d.Result(0)
				if err != nil {
					if got := reason(d, 0); got == ReasonNoise || got == "" {
						t.Errorf("half %d, device %d: %v", half, i, err)
					}
					continue
				}
				if first == nil {
					first = r
				}
				if !slices.EqualFunc(r.Sums, first.Sums, slices.Equal[[]uint32]) {
					t.Errorf("half %d: two sums", half)
				}
			}
			if first == nil {
				t.Errorf("half %d: nobody opened; %v", half, reason(net.devices[0], 0))
			}
		}
	}
}

// TestSecondSignature has a member sign two active sets: the first one counts.
func TestSecondSignature(t *testing.T) {
	net := newNetwork(t, 8, latticePlan)
	net.runUntil(testStart.Add(testStep))
	net.encryptAll(0)
	net.runUntil(middleOf(0))
	d, other := net.devices[0], net.devices[1]
	m := d.activeMessage(subSignature, d.rounds[0], &active{Members: 0xff, Openers: 0x3f})
	for k, want := range []error{nil, nil, ErrTwice} {
		if k == 2 {
			m.Active.Members = 0x7f
		}
		if _, err := d.Handle(other.id, TypeControl, wire.MustMarshal(m), net.now); !errors.Is(err, want) {
			t.Errorf("signature %d: %v", k, err)
		}
	}
	if got := *d.rounds[0].votes[1]; got.Members != 0xff {
		t.Errorf("the vote is for %x", got.Members)
	}
}

// TestResumed restarts devices one after the other: they keep roster, secrets and
// shares, and nothing is dealt again.
func TestResumed(t *testing.T) {
	for _, plan := range []Plan{latticePlan, maskPlan} {
		net := newNetwork(t, 4, plan)
		net.runUntil(testStart.Add(-3 * testStep))
		for _, d := range net.devices {
			net.restart(d)
			if got := d.Status(); len(got.Roster) != 4 || got.Shares != 4 || got.Tau != 3 || got.Tolerance != 1 || got.SitsOut != nil {
				t.Errorf("after its restart: %+v", got)
			}
		}
		net.tamper = func(p packet) []byte {
			var m shareMessage
			if p.kind == TypeShare && decode(shareDecoder, p.data, &m) == nil && m.Round == nil {
				t.Error("a share is dealt again")
			}
			return p.data
		}
		net.play(0)
		if opened := net.check(0); opened != 4 {
			t.Errorf("%d opened; %v", opened, reason(net.devices[0], 0))
		}
		d := net.devices[0]
		d.config.Self = keyOf(9)
		if _, err := NewSession(d.config, net.now); !errors.Is(err, ErrConfig) {
			t.Errorf("stores of another pseudonym: %v", err)
		}
	}
}

// TestClockBack sets the clock back while a session runs: its time stands still
// until the clock has caught up.
func TestClockBack(t *testing.T) {
	net := newNetwork(t, 3, latticePlan)
	net.play(0)
	d := net.devices[0]
	d.clock = -testRound
	if err := net.encrypt(d, 0); !errors.Is(err, ErrRound) {
		t.Errorf("a round that is over: %v", err)
	}
	if got, _ := d.present(); got != 1 {
		t.Errorf("it is round %d", got)
	}
	if err := net.encrypt(d, 1); err != nil {
		t.Errorf("the present round: %v", err)
	}
}

func TestClose(t *testing.T) {
	for _, plan := range []Plan{latticePlan, maskPlan} {
		net := newNetwork(t, 3, plan)
		net.play(0)
		d := net.devices[0]
		d.Close()
		if d.guard.marks.Seed != [32]byte{} || len(d.rounds) > 0 {
			t.Error("a secret is left")
		}
	}
}

// TestUnsignable has a leader propose what a member does not sign.
func TestUnsignable(t *testing.T) {
	for _, plan := range []Plan{latticePlan, maskPlan} {
		net := newNetwork(t, 8, plan)
		net.runUntil(testStart.Add(testStep))
		net.encryptAll(0)
		net.runUntil(middleOf(0))
		d := net.devices[0]
		r := d.rounds[0]
		lone := *r // in which members 3 and 4 have no mask in common
		four := *r.uploads[4]
		four.Pairs &^= only(3)
		lone.uploads[4] = &four
		without := *r // in which the upload of member 5 did not arrive
		without.uploads[5] = nil
		tests := []struct {
			name            string
			r               *round
			members, open   set
			bundled         set
			lattice, masked error
		}{
			{"all", r, 0xff, 0x3f, 0xff, nil, nil},
			{"seven, opened by six", r, 0x7f, 0x3f, 0x7f, nil, ErrRule},
			{"seven, opened by all of them", r, 0x7f, 0x7f, 0x7f, ErrRule, nil},
			{"other uploads", r, 0xff, 0x3f, 0x7f, ErrPending, ErrPending},
			{"an upload that is missing", &without, 0xff, 0x3f, 0xff, ErrPending, ErrPending},
			{"masks that do not cancel", &lone, 0xff, 0x3f, 0xff, nil, ErrRule},
			{"masks that need not cancel", &lone, 0xef, 0xef, 0xef, ErrRule, nil},
		}
		for _, tt := range tests {
			want := tt.lattice
			if plan.Mode == Mask {
				want = tt.masked
			}
			a := &active{Members: tt.members, Openers: tt.open, Uploads: r.bundle(tt.bundled)}
			if err := d.signable(tt.r, a); !errors.Is(err, want) {
				t.Errorf("mode %d, %s: got %v, want %v", plan.Mode, tt.name, err, want)
			}
		}
		a := &active{Members: 0xff, Openers: 0x3f, Uploads: r.bundle(0xff)}
		d.Session.shares[3], r.shares[3] = nil, nil
		if err := d.signable(r, a); !errors.Is(err, ErrPending) {
			t.Errorf("mode %d: an opener without a share signs: %v", plan.Mode, err)
		}
		if a.Openers = 0x7e; d.signable(r, a) != nil {
			t.Errorf("mode %d: a member that does not open needs no share: %v", plan.Mode, d.signable(r, a))
		}
	}
}
