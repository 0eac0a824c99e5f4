// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// TestTokenHasFewSessions begins three requests with one token: the oldest makes
// room, and another token's stays.
func TestTokenHasFewSessions(t *testing.T) {
	w := newPlace(t, "few", 1, 1)
	s, own := w.signers[0], w.secrets(t)
	other := w.asking(t, w.members[1], 100, w.secrets(t))
	first := func(a *Asking) {
		t.Helper()
		if _, err := a.Handle(must(s.Answer(a.Pending()[0]))(t)); err != nil {
			t.Fatal(err)
		}
	}
	first(other)
	var all []*Asking
	for range SessionsPerToken + 1 {
		a := w.asking(t, w.members[0], 100, own)
		first(a)
		all = append(all, a)
	}
	if n := len(s.sessions); n != SessionsPerToken+1 {
		t.Errorf("%d sessions, want %d of one token and one of another", n, SessionsPerToken)
	}
	if _, err := s.Answer(all[0].Pending()[0]); err != ErrRefused {
		t.Errorf("the oldest session is still there: %v", err)
	}
	for _, a := range append(all[1:], other) {
		must(w.run(t, a))(t)
	}
}

// TestSessionsAreBounded fills the signer's memory by the tokens of three epochs,
// and waits until the sessions run out.
func TestSessionsAreBounded(t *testing.T) {
	w := newPlace(t, "bounded", 1, 1)
	s := w.signers[0]
	w.charter.Members = nil
	refused := 0
	for i := range MaxMembers*epochsServed + 1 {
		id, own := w.join(t), w.secrets(t)
		for range SessionsPerToken {
			if _, err := s.Answer(w.asking(t, id, uint32(99+i%epochsServed), own).Pending()[0]); err == ErrRefused {
				refused++
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(s.sessions) != MaxSessions || refused != SessionsPerToken {
		t.Errorf("%d sessions, want %d; %d requests refused, want %d", len(s.sessions), MaxSessions, refused, SessionsPerToken)
	}
	w.now = w.now.Add(SessionLifetime)
	last := w.asking(t, w.join(t), 100, w.secrets(t)).Pending()[0]
	if _, err := s.Answer(last); err != ErrRefused {
		t.Errorf("there is room before the sessions run out: %v", err)
	}
	w.now = w.now.Add(time.Second)
	must(s.Answer(last))(t)
	if len(s.sessions) != 1 {
		t.Errorf("%d sessions after all ran out, want the new one", len(s.sessions))
	}
}

// TestNumberBelongsToNobody has a member use the number of another's request,
// which it can see, before that request arrives: both get their keys.
func TestNumberBelongsToNobody(t *testing.T) {
	w := newPlace(t, "number", 1, 1)
	victim := w.asking(t, w.members[0], 100, w.secrets(t))
	thief := w.asking(t, w.members[1], 100, w.secrets(t))
	thief.rid = victim.rid
	thief.pending[1] = must(packetFor(thief.signers[0], thief.rid, roundA, thief.ask.request(thief.y[1])))(t)
	for _, a := range []*Asking{thief, victim} {
		if _, err := a.Handle(must(w.signers[0].Answer(a.Pending()[0]))(t)); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []*Asking{thief, victim} {
		if _, err := w.run(t, a); err != nil {
			t.Error(err)
		}
	}
}

// TestReplay sends every packet of an exchange again: at once, when its session
// is over, and in a later epoch. Nothing new comes of it.
func TestReplay(t *testing.T) {
	w := newPlace(t, "replay", 1, 1)
	s := w.signers[0]
	a := w.asking(t, w.members[0], 100, w.secrets(t))
	request1 := a.Pending()[0]
	answer1 := must(s.Answer(request1))(t)
	must(a.Handle(answer1))(t)
	request2 := a.Pending()[0]
	answer2 := must(s.Answer(request2))(t)
	if _, err := a.Handle(answer1); err != ErrRefused {
		t.Errorf("the first answer again, before the second: %v", err)
	}
	if keys, err := a.Handle(answer2); keys == nil || err != nil {
		t.Fatal(err)
	}
	for i, answer := range [][]byte{answer1, answer2} {
		if keys, err := a.Handle(answer); err != ErrRefused || keys != nil {
			t.Errorf("answer %d after the end: %v", i+1, err)
		}
	}
	for i, request := range [][]byte{request1, request2, request1} {
		if keys, err := a.Handle(must(s.Answer(request))(t)); err != ErrRefused || keys != nil {
			t.Errorf("answer to a repeated request %d: %v, %v", i+1, keys, err)
		}
	}
	w.now = w.now.Add(SessionLifetime + time.Second)
	if _, err := s.Answer(request2); err != ErrRefused {
		t.Errorf("the second request after its session: %v", err)
	}
	again := must(s.Answer(request1))(t) // a member may; fresh nonces, sealed to the old reply key
	if _, err := s.Answer(request2); err != ErrRefused {
		t.Errorf("the second request in a session of other nonces: %v", err)
	}
	if _, err := a.Handle(again); err != ErrRefused {
		t.Errorf("an answer to the request that is over: %v", err)
	}
	w.now = w.now.Add(2 * epochLen * time.Second)
	if _, err := s.Answer(request1); err != ErrRefused {
		t.Errorf("the first request two epochs later: %v", err)
	}
}

// TestSignerIsConcurrent has members ask side by side, on the clock of the
// bubble. It says something under the race detector.
func TestSignerIsConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newPlace(t, "concurrent", 1, 1)
		w.charter.Epoch0 = uint64(time.Now().Add(-time.Hour).Unix())
		s := w.signers[0]
		s.Now = time.Now
		own, asks := w.secrets(t), []*Asking{}
		epoch, _ := w.charter.Epoch(time.Now())
		for _, id := range w.members {
			asks = append(asks, w.asking(t, id, epoch, own)) // the same pair, which the book does not mind
		}
		var wg sync.WaitGroup
		keys := make([]*signcrypt.KeyPair, len(asks))
		for i, a := range asks {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				for range 2 {
					answer, err := s.Answer(a.Pending()[0])
					if err != nil {
						t.Error(err)
						return
					}
					if keys[i], err = a.Handle(answer); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if slices.Contains(keys, nil) {
			t.Error("somebody has no keys")
		}
		time.Sleep(2 * SessionLifetime)
		if _, err := s.Answer(nil); err != ErrRefused || len(s.sessions) != len(asks) {
			t.Errorf("garbage: %v", err) // it costs no look at the sessions
		}
		must(s.Answer(w.asking(t, w.members[0], epoch, own).Pending()[0]))(t)
		if len(s.sessions) != 1 {
			t.Errorf("%d sessions after two lifetimes, want the new one", len(s.sessions))
		}
	})
}
