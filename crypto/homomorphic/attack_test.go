// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/rlwe"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// rankOf returns the device that leads at a rank in a round.
func (net *network) rankOf(round uint32, rank int) *device {
	var keys []Key
	for _, d := range net.devices {
		keys = append(keys, d.config.Self)
	}
	u := leaders(&net.devices[0].config, round, keys)[rank]
	return net.devices[slices.IndexFunc(net.devices, func(d *device) bool { return d.config.Self == u })]
}

// TestTwoRosters has the leader announce one roster to half of the members and
// another to the rest: at most one of them becomes valid.
func TestTwoRosters(t *testing.T) {
	for _, half := range []int{2, 4, 6} {
		net := newNetwork(t, 8, maskPlan)
		leader := net.rankOf(0, 0)
		net.tamper = func(p packet) []byte {
			if p.from != leader || p.kind != TypeControl || subtype(p.data) != subRoster || slices.Index(net.devices, p.to) >= half {
				return p.data
			}
			var m rosterMessage
			if err := decode(controlDecoder, p.data, &m); err != nil {
				t.Fatal(err)
			}
			k := slices.IndexFunc(m.Members, func(u Key) bool { return u != p.to.config.Self && u != leader.config.Self })
			m.Members = slices.Delete(m.Members, k, k+1)
			m.Tau = uint8(Threshold(len(m.Members)))
			return wire.MustMarshal(&m)
		}
		net.play(0)
		hashes := make(map[Hash]int)
		for _, d := range net.devices {
			if d.ready() {
				hashes[d.roster.hash]++
			}
		}
		if len(hashes) > 1 {
			t.Errorf("half %d: rosters %v", half, hashes)
		}
		if opened := net.check(0); half == 2 && opened < 5 {
			t.Errorf("two of eight were told of another roster, and %d opened", opened)
		}
	}
}

// TestTwoActiveSets has the leader propose different active sets: nobody
// answers twice, and at most one sum is opened.
func TestTwoActiveSets(t *testing.T) {
	for _, half := range []int{1, 4, 7} {
		net := newNetwork(t, 8, latticePlan)
		leader := net.rankOf(0, 0)
		watch(net, t.Errorf)
		watched := net.tamper
		net.tamper = func(p packet) []byte {
			if p.from != leader || p.kind != TypeControl || subtype(p.data) != subActive || slices.Index(net.devices, p.to) >= half {
				return watched(p)
			}
			var m activeMessage
			if err := decode(controlDecoder, p.data, &m); err != nil {
				t.Fatal(err)
			}
			m.Active.Members &^= only(slices.Index(net.devices, leader))
			m.Active.Uploads = p.to.rounds[0].bundle(m.Active.Members)
			return wire.MustMarshal(&m)
		}
		net.play(0)
		net.check(0)
		sets := make(map[int]bool)
		for _, d := range net.devices {
			if r, err := d.Result(0); err == nil {
				sets[len(r.Active)] = true
			}
		}
		if len(sets) > 1 {
			t.Errorf("half %d: sums over %v members", half, sets)
		}
	}
}

// TestLiar has a member say that it holds everything, and never answer, or that
// others' uploads are other ones.
func TestLiar(t *testing.T) {
	tests := []struct {
		name   string
		lie    func(h *holdings)
		answer bool
		opens  bool
	}{
		{"holds nothing", func(h *holdings) { h.Held, h.Digests = 0, nil }, true, true},
		{"holds others", func(h *holdings) {
			for i := range h.Digests {
				h.Digests[i][0]++
			}
		}, true, true},
		{"lacks shares", func(h *holdings) { h.Dealt = 0 }, true, true},
		{"never answers", func(h *holdings) {}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			net := newNetwork(t, 8, latticePlan)
			liar := net.rankOf(0, 1) // of the openers that a leader picks
			net.tamper = func(p packet) []byte {
				if p.from != liar {
					return p.data
				}
				if p.kind == TypeAnswer && !tt.answer {
					return nil
				}
				if p.kind != TypeControl || subtype(p.data) != subHoldings {
					return p.data
				}
				var h holdings
				if err := decode(controlDecoder, p.data, &h); err != nil {
					t.Fatal(err)
				}
				tt.lie(&h)
				return wire.MustMarshal(&h)
			}
			net.play(0)
			honest := 0
			for _, d := range net.devices {
				if _, err := d.Result(0); err == nil && d != liar {
					honest++
				}
			}
			net.check(0)
			if (honest == 7) != tt.opens || honest != 0 && honest != 7 {
				t.Fatalf("%d opened", honest)
			}
			if tt.opens {
				return
			}
			_, err := net.rankOf(0, 2).Result(0)
			var skip *SkipError
			if !errors.As(err, &skip) || skip.Reason != ReasonAnswers || len(skip.Missing) != 1 || skip.Missing[0] != liar.id {
				t.Errorf("got %v", err)
			}
			net.play(1) // the leader of the next round picks others, unless it is the liar
			if opened := net.check(1); opened != 8 {
				t.Errorf("in the next round %d opened; %v", opened, reason(net.devices[0], 1))
			}
		})
	}
}

// TestForgedAnswer has an opener answer with something else.
func TestForgedAnswer(t *testing.T) {
	for _, plan := range []Plan{latticePlan, maskPlan} {
		net := newNetwork(t, 4, plan)
		forger := net.devices[0]
		net.tamper = func(p packet) []byte {
			if p.from != forger || p.kind != TypeAnswer {
				return p.data
			}
			b := bytes.Clone(p.data)
			b[len(b)-9]++
			return b
		}
		for round := range uint32(4) {
			net.play(round)
			for _, d := range net.devices[1:] {
				if r, err := d.Result(round); err == nil {
					net.exact(d, round, r)
				} else if got := reason(d, round); got != ReasonNoise {
					t.Errorf("round %d: %v", round, err)
				}
			}
		}
	}
}

// TestRefused sends what a member refuses, in the middle of a round.
func TestRefused(t *testing.T) {
	net := newNetwork(t, 8, latticePlan)
	net.runUntil(testStart.Add(testStep))
	net.encryptAll(0)
	net.runUntil(middleOf(0))
	first, d, other, early := net.rankOf(0, 0), net.rankOf(0, 3), net.rankOf(0, 4), net.rankOf(0, 7)
	openers := 0xff &^ only(slices.Index(net.devices, first)) &^ only(slices.Index(net.devices, early))
	good := d.activeMessage(subActive, d.rounds[0], &active{Members: 0xff, Openers: openers, Uploads: d.rounds[0].bundle(0xff)})
	set := func(change func(m *activeMessage)) []byte {
		m := *good
		change(&m)
		return wire.MustMarshal(&m)
	}
	answer := func(change func(m *answerMessage)) []byte {
		m := answerMessage{Scope: d.scope(), Roster: d.roster.hash, Active: good.Active, Data: make([]byte, rlwe.PolySize)}
		change(&m)
		return wire.MustMarshal(&m)
	}
	share := func(round *uint32, data []byte) []byte {
		return wire.MustMarshal(&shareMessage{Scope: d.scope(), Roster: d.roster.hash, Round: round, Data: data})
	}
	zero := uint32(0)
	tests := []struct {
		name string
		from *device
		kind uint8
		data []byte
		want error
	}{
		{"nothing", other, TypeControl, nil, ErrMalformed},
		{"no message", other, TypeControl, []byte{0x81, 5}, ErrMalformed},
		{"of no type", other, 9, nil, ErrMalformed},
		{"trailing byte", other, TypeControl, append(set(func(*activeMessage) {}), 0), ErrMalformed},
		{"too long", other, TypeControl, make([]byte, MaxControl+1), ErrMalformed},
		{"a leader before its time", early, TypeControl, set(func(*activeMessage) {}), ErrRule},
		{"too few active", first, TypeControl, set(func(m *activeMessage) { m.Active.Members = 0x1f }), ErrRule},
		{"too few openers", first, TypeControl, set(func(m *activeMessage) { m.Active.Openers = 0x1f }), ErrRule},
		{"of nobody", first, TypeControl, set(func(m *activeMessage) { m.Active.Members |= 0x100 }), ErrRule},
		{"another round", first, TypeControl, set(func(m *activeMessage) { m.Round = 2 }), ErrRound},
		{"another roster", first, TypeControl, set(func(m *activeMessage) { m.Roster[0]++ }), ErrScope},
		{"another task", first, TypeControl, set(func(m *activeMessage) { m.Scope.Task[0]++ }), ErrScope},
		{"answer of no opener", early, TypeAnswer, answer(func(*answerMessage) {}), ErrRule},
		{"answer of no piece", other, TypeAnswer, answer(func(m *answerMessage) { m.Piece = 1 }), ErrRule},
		{"answer too long", other, TypeAnswer, answer(func(m *answerMessage) { m.Data = make([]byte, MaxAnswer) }), ErrMalformed},
		{"share too short", other, TypeShare, share(nil, make([]byte, 31)), ErrMalformed},
		{"another share", other, TypeShare, share(nil, make([]byte, 32)), ErrTwice},
		{"share of a round", other, TypeShare, share(&zero, make([]byte, 32)), ErrMalformed},
		{"another upload", other, 1, wire.MustMarshal(&upload{Scope: d.scope(), Roster: d.roster.hash, Data: make([]byte, rlwe.PolySize)}), ErrTwice},
		{"short upload", other, 1, wire.MustMarshal(&upload{Scope: d.scope(), Roster: d.roster.hash, Data: make([]byte, 9)}), ErrMalformed},
		{"upload of another round", other, 1, wire.MustMarshal(&upload{Scope: d.scope(), Roster: d.roster.hash, Round: 1, Data: make([]byte, rlwe.PolySize)}), ErrRound},
		{"upload over its primes", other, 1, wire.MustMarshal(&upload{Scope: d.scope(), Roster: d.roster.hash, Data: bytes.Repeat([]byte{0xff}, rlwe.PolySize)}), ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			if tt.kind == 1 {
				_, err = d.Uploaded(tt.from.id, tt.data, net.now)
			} else {
				_, err = d.Handle(tt.from.id, tt.kind, tt.data, net.now)
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if _, err := d.Handle([16]byte{9}, TypeControl, set(func(*activeMessage) {}), net.now); !errors.Is(err, ErrStranger) {
		t.Errorf("a stranger: %v", err)
	}
	net.runUntil(endOf(0).Add(testStep))
	if opened := net.check(0); opened != 8 {
		t.Errorf("after all that %d opened; %v", opened, reason(d, 0))
	}
}

// TestEncryptRefused calls Encrypt when it must not.
func TestEncryptRefused(t *testing.T) {
	net := newNetwork(t, 3, latticePlan)
	d := net.devices[0]
	good := [][]uint16{make([]uint16, latticePlan.Params)}
	if _, _, err := d.Encrypt(0, good, net.now); !errors.Is(err, ErrPending) {
		t.Errorf("without a roster: %v", err)
	}
	net.runUntil(testStart.Add(testStep))
	tests := []struct {
		name    string
		round   uint32
		vectors [][]uint16
		want    error
	}{
		{"next round", 1, good, ErrRound},
		{"no vector", 0, nil, ErrShape},
		{"two vectors", 0, [][]uint16{good[0], good[0]}, ErrShape},
		{"short", 0, [][]uint16{good[0][1:]}, ErrShape},
		{"too large a value", 0, [][]uint16{append(slices.Clone(good[0][1:]), 256)}, ErrShape},
		{"as it should be", 0, good, nil},
		{"again", 0, good, ErrTwice},
	}
	for _, tt := range tests {
		if _, _, err := d.Encrypt(tt.round, tt.vectors, net.now); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, _, err := net.devices[1].Encrypt(0, good, middleOf(0)); !errors.Is(err, ErrRound) {
		t.Errorf("too late: %v", err)
	}
}
