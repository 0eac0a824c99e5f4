// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// handleActive notes a leader's proposal, or a member's signature.
func (s *Session) handleActive(from signcrypt.PID, data []byte) error {
	var m activeMessage
	if err := decode(controlDecoder, data, &m); err != nil {
		return err
	}
	i, err := s.member(from, m.Scope, m.Roster)
	if err != nil {
		return err
	}
	r, err := s.near(m.Round)
	if err != nil {
		return err
	}
	if err := s.wellFormed(&m.Active); err != nil {
		return err
	}
	if m.Sub == subSignature {
		return r.vote(i, &m.Active)
	}
	order := leaders(&s.c, r.number, s.roster.members)
	rank := slices.Index(order, s.roster.members[i])
	if s.now.Before(s.middle(r.number).Add(s.c.wait(rank))) { // a wait early, as clocks differ
		return fmt.Errorf("%w: a leader before its time", ErrRule)
	}
	if first := r.proposals[i]; first != nil && *first != m.Active {
		return fmt.Errorf("%w: another active set", ErrTwice)
	}
	r.proposals[i] = &m.Active
	return nil
}

// wellFormed checks the sizes of an active set. Fewer members would leave too few
// honest ones in the sum.
func (s *Session) wellFormed(a *active) error {
	n, tau := s.roster.size(), s.roster.tau
	switch {
	case !s.roster.all().holds(a.Members | a.Openers):
		return fmt.Errorf("%w: an active set of members that do not exist", ErrRule)
	case a.Members.len() < MinActive(n, tau):
		return fmt.Errorf("%w: an active set of %d, fewer than %d", ErrRule, a.Members.len(), MinActive(n, tau))
	case a.Openers.len() < tau:
		return fmt.Errorf("%w: %d openers, fewer than %d", ErrRule, a.Openers.len(), tau)
	}
	return nil
}

// vote counts the first active set that a member signs.
func (r *round) vote(i int, a *active) error {
	if first := r.votes[i]; first != nil && *first != *a {
		return fmt.Errorf("%w: another active set", ErrTwice)
	}
	r.votes[i] = a
	return nil
}

// progressAll lets all rounds go on after a message.
func (s *Session) progressAll() {
	if present, ok := s.present(); ok && s.ready() {
		s.progress(s.rounds[present])
	}
}

// progress does whatever has become possible in a round.
func (s *Session) progress(r *round) {
	if present, ok := s.present(); !ok || r.number != present || !s.ready() || r.done {
		return
	}
	s.sign(r)
	s.decide(r)
	s.answer(r)
	s.begin(r)
	s.finish(r)
}

// sign signs the first proposal that can be signed, and only that one.
func (s *Session) sign(r *round) {
	if !r.spoken() {
		return
	}
	if r.signed != nil {
		if !r.again && s.now.After(r.signedAt.Add(s.c.Wait/2)) {
			r.again = true
			s.send(TypeControl, s.roster.all(), s.activeMessage(subSignature, r, r.signed))
		}
		return
	}
	for _, u := range leaders(&s.c, r.number, s.roster.members) {
		a := r.proposals[slices.Index(s.roster.members, u)]
		if a == nil || s.signable(r, a) != nil {
			continue
		}
		s.guard.marks.Active = a.hash(s.roster.hash, r.number)
		if s.guard.use(signing, r.number) != nil {
			return
		}
		r.signed, r.signedAt, r.votes[s.index] = a, s.now, a
		s.send(TypeControl, s.roster.all(), s.activeMessage(subSignature, r, a))
		return
	}
}

// signable checks what only a member that holds the uploads can: that they are
// those meant, and that this device can open the sum if it is to.
func (s *Session) signable(r *round, a *active) error {
	if err := s.guard.allows(signing, r.number); err != nil {
		return err
	}
	if !r.held().holds(a.Members) || r.bundle(a.Members) != a.Uploads {
		return fmt.Errorf("%w: uploads of the active set", ErrPending)
	}
	if a.Openers.has(s.index) && !s.secrets(r).holds(a.Members) {
		return fmt.Errorf("%w: shares of the active set", ErrPending)
	}
	return s.scheme.permits(r, a)
}

// secrets returns whose shares this device could open a sum with.
func (s *Session) secrets(r *round) set {
	if s.c.Mode == Mask {
		return r.shared()
	}
	return s.scheme.dealt()
}

// decide finds the active set that tau members signed.
func (s *Session) decide(r *round) {
	for _, a := range r.votes {
		if r.decided != nil || a == nil {
			continue
		}
		n := 0
		for _, b := range r.votes {
			if b != nil && *b == *a {
				n++
			}
		}
		if n >= s.roster.tau {
			r.decided = a
		}
	}
}

// answer sends this device's part, once, in opening the sum that it signed and
// tau members signed.
func (s *Session) answer(r *round) {
	if r.decided == nil || r.signed == nil || *r.signed != *r.decided || r.answered || !r.decided.Openers.has(s.index) {
		return
	}
	if s.guard.use(answering, r.number) != nil {
		return
	}
	r.answered = true
	parts, err := s.scheme.answer(r, r.decided)
	if err != nil {
		return // the round is skipped; the part is never made again
	}
	for k, data := range parts {
		if s.part(r, s.index, k, data) != nil {
			return
		}
		s.send(TypeAnswer, s.roster.all(), &answerMessage{
			Scope: s.scope(), Roster: s.roster.hash, Round: r.number, Active: *r.decided, Piece: uint8(k), Data: data,
		})
	}
}

// handleAnswer takes a piece of an opener's part, which counts as its signature.
func (s *Session) handleAnswer(from signcrypt.PID, data []byte) error {
	var m answerMessage
	if err := decode(answerDecoder, data, &m); err != nil {
		return err
	}
	i, err := s.member(from, m.Scope, m.Roster)
	if err != nil {
		return err
	}
	r, err := s.near(m.Round)
	if err != nil {
		return err
	}
	if err := s.wellFormed(&m.Active); err != nil {
		return err
	}
	if !m.Active.Openers.has(i) || int(m.Piece) >= s.c.Pieces() {
		return fmt.Errorf("%w: an answer of who is no opener, or of no piece", ErrRule)
	}
	if err := r.vote(i, &m.Active); err != nil {
		return err
	}
	if r.got[i]>>m.Piece&1 == 1 {
		return fmt.Errorf("%w: another answer", ErrTwice)
	}
	return s.part(r, i, int(m.Piece), m.Data)
}

// part keeps a piece, or adds it where the sum is open already.
func (s *Session) part(r *round, i, piece int, data []byte) error {
	if r.done {
		return nil
	}
	if r.opening != nil {
		if *r.votes[i] != *r.decided {
			return fmt.Errorf("%w: an answer for another active set", ErrRule)
		}
		if err := s.add(r, i, piece, data); err != nil {
			return err
		}
	} else {
		if r.parts[i] == nil {
			r.parts[i] = make([][]byte, s.c.Pieces())
		}
		r.parts[i][piece] = data
	}
	r.got[i] |= 1 << piece
	return nil
}

// add adds a piece to the sum.
func (s *Session) add(r *round, i, piece int, data []byte) error {
	if _, size := s.scheme.answerSize(r, r.decided, i); len(data) != size {
		return fmt.Errorf("%w: an answer of %d bytes, not %d", ErrMalformed, len(data), size)
	}
	return r.opening.add(i, piece, data)
}

// begin adds up the uploads of the active set, when all are here, and what came
// of the answers. The uploads themselves are not needed any more.
func (s *Session) begin(r *round) {
	if r.decided == nil || r.opening != nil || !r.held().holds(r.decided.Members) || r.bundle(r.decided.Members) != r.decided.Uploads {
		return
	}
	if s.scheme.permits(r, r.decided) != nil {
		return
	}
	var err error
	if r.opening, err = s.scheme.open(r, r.decided); err != nil {
		r.opening = nil
		return
	}
	for i, pieces := range r.parts {
		for k, data := range pieces {
			if data == nil || *r.votes[i] != *r.decided || s.add(r, i, k, data) != nil {
				r.got[i] &^= 1 << k
			}
		}
		r.parts[i] = nil
	}
	for _, u := range r.uploads {
		if u != nil {
			u.Data = nil
		}
	}
}

// finish opens the sum once all openers have answered.
func (s *Session) finish(r *round) {
	if r.opening == nil || s.missing(r) != 0 {
		return
	}
	sums, err := r.opening.sums()
	if err != nil {
		s.skip(r, ReasonNoise, 0)
		return
	}
	s.conclude(r, outcome{round: r.number, result: &Result{Sums: sums, Active: s.roster.names(r.decided.Members)}})
}

// missing returns the openers that have not answered in full.
func (s *Session) missing(r *round) (silent set) {
	for i := range r.decided.Openers.each() {
		if r.got[i] != 1<<s.c.Pieces()-1 {
			silent |= only(i)
		}
	}
	return silent
}
