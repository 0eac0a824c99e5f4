// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// seekRoster announces a roster when this device leads, and repeats what may be
// lost.
func (s *Session) seekRoster() {
	if s.guard.lost != nil || s.ready() {
		return
	}
	if s.roster != nil {
		s.repeatRoster()
		return
	}
	rank := slices.Index(leaders(&s.c, 0, s.known), s.c.Self)
	if len(s.known) >= MinRoster && !s.now.Before(s.begun.Add(s.c.wait(rank))) {
		s.announce()
	}
}

// announce proposes all members seen, and acks that itself.
func (s *Session) announce() {
	m := &rosterMessage{Sub: subRoster, Scope: s.scope(), Mode: s.c.Mode, Members: slices.Clone(s.known)}
	slices.SortFunc(m.Members, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	m.Tau = s.c.tau(len(m.Members))
	r, err := newRoster(&s.c, m)
	if err != nil || s.c.fitMemory(r.size(), "") != nil {
		return // a threshold that the members present cannot reach yet
	}
	s.proposal = wire.MustMarshal(m)
	if s.ack(r, s.proposal) != nil {
		s.proposal = nil
	}
}

// tau returns the threshold for n members.
func (c *Config) tau(n int) uint8 {
	if c.Tau != 0 {
		return uint8(c.Tau)
	}
	return uint8(Threshold(n))
}

// repeatRoster sends the announcement that this device made, and its ack, every
// half wait until the roster is valid.
func (s *Session) repeatRoster() {
	if s.repeats > MaxRepeats || s.repeats > 0 && s.now.Before(s.repeated.Add(s.c.Wait/2)) {
		return
	}
	s.repeats++
	s.repeated = s.now
	if s.proposal != nil {
		to := s.roster.names(s.roster.all() &^ only(s.index))
		s.out = append(s.out, Message{Type: TypeControl, To: to, Data: s.proposal})
	}
	s.send(TypeControl, s.roster.all(), &ackMessage{Sub: subAck, Scope: s.scope(), Roster: s.roster.hash})
}

// handleRoster acks the first roster that is as it should be.
func (s *Session) handleRoster(from signcrypt.PID, data []byte) error {
	var m rosterMessage
	if err := decode(controlDecoder, data, &m); err != nil {
		return err
	}
	if m.Scope != s.scope() || m.Mode != s.c.Mode {
		return ErrScope
	}
	r, err := newRoster(&s.c, &m)
	if err != nil {
		return err
	}
	if s.roster != nil {
		if r.hash != s.roster.hash {
			return fmt.Errorf("%w: another roster is acked", ErrTwice)
		}
		return nil
	}
	if err := s.suits(from, r); err != nil {
		return err
	}
	return s.ack(r, data)
}

// suits checks who announces a roster, when, and that it is of those whom this
// device sees: a leader that leaves out a third of them wants to be among its own.
func (s *Session) suits(from signcrypt.PID, r *roster) error {
	order := leaders(&s.c, 0, s.known)
	rank := slices.IndexFunc(order, func(u Key) bool { return signcrypt.PseudonymID(u) == from })
	if rank < 0 || r.index(from) < 0 {
		return ErrStranger
	}
	if rank > 0 && s.now.Before(s.begun.Add(s.c.wait(rank-1))) {
		return fmt.Errorf("%w: a leader before its time", ErrRule)
	}
	for _, u := range r.members {
		if !slices.Contains(s.known, u) {
			return fmt.Errorf("%w: a roster of members that were never seen", ErrRule)
		}
	}
	if !slices.Contains(r.members, s.c.Self) || 3*r.size() < 2*len(s.known) {
		return fmt.Errorf("%w: a roster that leaves out who is present", ErrRule)
	}
	if r.tau != int(s.c.tau(r.size())) {
		return fmt.Errorf("%w: threshold %d", ErrRule, r.tau)
	}
	return s.c.fitMemory(r.size(), "use a smaller model")
}

// ack takes on a roster, durably, before it says so.
func (s *Session) ack(r *roster, announcement []byte) error {
	var seed [32]byte
	if _, err := io.ReadFull(s.c.Rand, seed[:]); err != nil {
		return fmt.Errorf("homomorphic: read randomness: %w", err)
	}
	present, _ := s.present()
	if err := s.guard.begin(announcement, seed, present); err != nil {
		return err
	}
	if err := s.take(r); err != nil {
		return err
	}
	s.repeatRoster()
	s.settle()
	return nil
}

// take makes a roster that is acked the session's.
func (s *Session) take(r *roster) (err error) {
	s.roster, s.index = r, slices.Index(r.members, s.c.Self)
	s.acks[r.ids[s.index]] = r.hash
	s.scheme, err = newScheme(s)
	return err
}

// handleAck counts an ack.
func (s *Session) handleAck(from signcrypt.PID, data []byte) error {
	var m ackMessage
	if err := decode(controlDecoder, data, &m); err != nil {
		return err
	}
	if m.Scope != s.scope() {
		return ErrScope
	}
	if !slices.ContainsFunc(s.known, func(u Key) bool { return signcrypt.PseudonymID(u) == from }) {
		return ErrStranger
	}
	return s.noteAck(from, m.Roster)
}

// noteAck counts that a member stands by a roster, which it says by every message
// under it.
func (s *Session) noteAck(from signcrypt.PID, hash Hash) error {
	if first, ok := s.acks[from]; ok && first != hash {
		return fmt.Errorf("%w: the sender acked another roster", ErrTwice)
	}
	s.acks[from] = hash
	s.settle()
	return nil
}

// settle makes the roster valid once tau members have acked it, and deals.
func (s *Session) settle() {
	if s.roster == nil || s.ready() {
		return
	}
	n := 0
	for _, id := range s.roster.ids {
		if hash, ok := s.acks[id]; ok && hash == s.roster.hash {
			n++
		}
	}
	if n >= s.roster.tau && s.guard.confirm() == nil {
		s.deal()
	}
}

// wait returns how long n leaders in a row may be silent.
func (c *Config) wait(n int) time.Duration { return time.Duration(n) * c.Wait }
