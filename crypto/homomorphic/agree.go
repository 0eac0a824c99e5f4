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

// offer is a roster that this device announces as a leader. It acks it only when
// somebody else has, so that one which saw too few hellos, and whose roster nobody
// can take, is free to take that of the others.
type offer struct {
	roster *roster
	data   []byte
	times  int // that it went out
	last   time.Time
}

// seekRoster announces a roster when this device leads, and repeats what may be
// lost.
func (s *Session) seekRoster() {
	switch {
	case s.guard.lost != nil:
	case s.ready():
		s.remind()
	case s.roster != nil:
		s.repeatRoster()
	case s.offer != nil && s.offer.times <= MaxRepeats:
		s.repeatOffer()
	case s.offers < MaxRepeats:
		rank := slices.Index(leaders(&s.c, 0, s.known), s.c.Self)
		pause := s.c.wait(rank)
		if s.offer != nil { // which nobody took
			pause = s.c.wait(s.offers * 2 * MaxRepeats)
		}
		if len(s.known) >= MinRoster && !s.now.Before(s.begun.Add(pause)) {
			s.announce()
		}
	}
}

// announce proposes all members seen.
func (s *Session) announce() {
	m := &rosterMessage{Sub: subRoster, Scope: s.scope(), Mode: s.c.Mode, Members: slices.Clone(s.known)}
	slices.SortFunc(m.Members, func(a, b Key) int { return bytes.Compare(a[:], b[:]) })
	m.Tau = s.c.tau(len(m.Members))
	r, err := newRoster(&s.c, m)
	if err != nil || s.c.fitMemory(r.size(), "") != nil {
		return // a threshold that the members present cannot reach yet
	}
	s.offer = &offer{roster: r, data: wire.MustMarshal(m)}
	s.offers++
	for _, id := range r.ids { // some may have acked another leader's of the same members
		if hash, ok := s.acks[id]; ok && hash == r.hash {
			s.takeOffer()
			return
		}
	}
	s.repeatOffer()
}

// repeatOffer sends the announcement every half wait.
func (s *Session) repeatOffer() {
	o := s.offer
	if o.times > 0 && s.now.Before(o.last.Add(s.c.Wait/2)) {
		return
	}
	o.times++
	o.last = s.now
	self := o.roster.index(signcrypt.PseudonymID(s.c.Self))
	s.out = append(s.out, Message{Type: TypeControl, To: o.roster.names(o.roster.all() &^ only(self)), Data: o.data})
}

// takeOffer acks the roster that this device announced.
func (s *Session) takeOffer() {
	if s.ack(s.offer.roster, s.offer.data) == nil {
		s.proposal = s.offer.data
	}
}

// remind announces a valid roster now and then to members that were not heard
// under it: they may have missed hellos of others.
func (s *Session) remind() {
	late := s.roster.all()
	for i, id := range s.roster.ids {
		if hash, ok := s.acks[id]; ok && hash == s.roster.hash {
			late &^= only(i)
		}
	}
	if s.proposal == nil || late == 0 || s.reminders >= MaxReminders || s.now.Before(s.repeated.Add(s.c.wait(remindEvery))) {
		return
	}
	s.reminders++
	s.repeated = s.now
	s.out = append(s.out, Message{Type: TypeControl, To: s.roster.names(late), Data: s.proposal})
	s.send(TypeControl, late, &ackMessage{Sub: subAck, Scope: s.scope(), Roster: s.roster.hash})
}

// Waits between two reminders, and after which one who acks a valid roster is late.
const (
	remindEvery = 6
	lateAfter   = 2
)

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
	first, ok := s.acks[from]
	if ok && first != hash {
		return fmt.Errorf("%w: the sender acked another roster", ErrTwice)
	}
	s.acks[from] = hash
	if !ok && s.ready() && hash == s.roster.hash && s.now.After(s.agreed.Add(s.c.wait(lateAfter))) {
		// One who comes late has heard no acks.
		if i := s.roster.index(from); i >= 0 {
			s.send(TypeControl, only(i), &ackMessage{Sub: subAck, Scope: s.scope(), Roster: hash})
		}
	}
	if s.roster == nil && s.offer != nil && s.offer.roster.hash == hash {
		s.takeOffer()
		return nil
	}
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
		s.agreed = s.now
		s.deal()
	}
}

// wait returns how long n leaders in a row may be silent.
func (c *Config) wait(n int) time.Duration { return time.Duration(n) * c.Wait }
