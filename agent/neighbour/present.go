// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"errors"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// Version is the version of the neighbours' protocol that this program speaks.
const Version = 1

// How often a device says hello again, and how long it waits at most before it
// answers one, for a spread D of 30 s; see [Member.Wait].
const (
	helloEvery  = 60 * time.Second
	helloAnswer = 10 * time.Second
)

// present says hello, answers hellos, and says it again from time to time so
// that a lost one is mended and the living are told from the dead.
func (s *session) present(ctx context.Context) error {
	if err := s.sayHello(); err != nil {
		return err
	}
	every := s.m.Wait(helloEvery)
	next := time.Now().Add(every)
	deny := time.Now().Add(s.m.Wait(denyEvery))
	for {
		if err := sleep(ctx, min(every, s.m.Wait(time.Second))/2); err != nil {
			return err
		}
		now := time.Now()
		if now.After(next) || s.due(&s.replyAt, now) {
			if err := s.sayHello(); err != nil {
				return err
			}
			next = now.Add(every)
		}
		if now.After(deny) {
			s.repeatDenials()
			deny = now.Add(s.m.Wait(denyEvery))
		}
	}
}

// showCharters shows the charter to those who hold another, also while this
// device has no keys: without the newest charter it may get none.
func (s *session) showCharters(ctx context.Context) error {
	for {
		if err := sleep(ctx, s.m.Wait(time.Second)/2); err != nil {
			return err
		}
		if s.due(&s.charterAt, time.Now()) {
			if err := s.giveCharter(); err != nil {
				return err
			}
		}
	}
}

// due reports once that a time has come.
func (s *session) due(at *time.Time, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.IsZero() || now.Before(*at) {
		return false
	}
	*at = time.Time{}
	return true
}

// oweHello plans an answer to a newcomer, under s.mu.
func (s *session) oweHello(now time.Time) {
	if s.replyAt.IsZero() {
		s.replyAt = now.Add(uniform(s.m.o.Rand, s.m.Wait(helloAnswer)))
	}
}

// oweCharter plans to show the charter to one who holds another, under s.mu.
func (s *session) oweCharter(now time.Time) {
	if s.charterAt.IsZero() {
		s.charterAt = now.Add(uniform(s.m.o.Rand, s.m.Wait(helloAnswer)))
	}
}

// sayHello queues the hello, which stays the same until the charter changes.
func (s *session) sayHello() error {
	signed, _ := s.m.current()
	s.mu.Lock()
	defer s.mu.Unlock()
	if hash := signed.Hash(); s.hello == nil || hash != s.helloOf {
		tags, err := s.tags()
		if err != nil {
			return err
		}
		s.hello, err = pseudonym.Encode(s.scope, s.keys.Sig, s.m.o.Rand, pseudonym.Hello{
			Sig: s.keys.Sig.PublicKey, Kem: s.keys.Kem.PublicKey, Charter: hash, Versions: []uint8{Version}, Tags: tags,
		})
		if err != nil {
			return err
		}
		s.helloOf = hash
	}
	s.replyAt = time.Time{}
	s.queue(chunk.Message{Type: pseudonym.TypeHello, Data: s.hello})
	return nil
}

// presentIDs returns the pseudonyms of those who are there, under s.mu.
func (s *session) presentIDs() []signcrypt.PID {
	return s.roster.present(time.Now(), s.m.Wait(helloEvery))
}

// Present returns the pseudonyms of all who are there, the device's own among
// them at index self, in ascending order. Without keys it returns none.
func (m *Member) Present() (all []signcrypt.PID, self int) {
	s := m.live()
	if s == nil {
		return nil, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all = s.presentIDs()
	for i, id := range all {
		if id == s.roster.self.ID {
			return all, i
		}
	}
	return nil, 0
}

// Neighbour is one who said hello, for people to look at.
type Neighbour struct {
	PID     signcrypt.PID
	Since   time.Time
	Heard   time.Time
	Present bool
	Opened  uint64 // envelopes from it
	Known   bool   // recognised, or paired with in this epoch
}

// Neighbours returns all who said hello in this epoch.
func (m *Member) Neighbours() []Neighbour {
	s := m.live()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Neighbour{}
	now, every := time.Now(), m.Wait(helloEvery)
	for id, e := range s.roster.peers {
		out = append(out, Neighbour{
			PID: id, Since: e.since, Heard: e.heard, Present: now.Sub(e.heard) < missedHellos*every, Opened: e.updates,
			Known: e.handle != (pseudonym.Handle{}),
		})
	}
	return out
}

// Changed returns a channel that is closed when somebody comes, or the device
// itself enters or leaves.
func (m *Member) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *Member) notify() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.changed)
	m.changed = make(chan struct{})
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
