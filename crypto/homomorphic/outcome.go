// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// Result is the sum of a round.
type Result struct {
	Sums   [][]uint32      // (vectors, params), over the active members
	Active []signcrypt.PID // whose vectors are in it, weight 1 each
}

// Reason says why a round has no sum.
type Reason string

// The reasons, in the order in which a round can fail.
const (
	ReasonRoster     Reason = "no roster was agreed on"
	ReasonSitsOut    Reason = "this device sits out"
	ReasonUploads    Reason = "too few uploads were complete"
	ReasonActive     Reason = "no active set was proposed that could be signed"
	ReasonSignatures Reason = "too few members signed one active set"
	ReasonIncomplete Reason = "an upload of the active set did not arrive here"
	ReasonAnswers    Reason = "openers did not answer"
	ReasonNoise      Reason = "the answers do not open the sum"
	ReasonAbsent     Reason = "this device was absent"
)

// SkipError says why a round was skipped, and who was missing for it: who sent
// no upload, did not sign, or did not answer.
type SkipError struct {
	Round   uint32
	Reason  Reason
	Missing []signcrypt.PID
}

// Error returns the reason with the number of those missing.
func (e *SkipError) Error() string {
	return fmt.Sprintf("homomorphic: round %d is skipped: %s (%d missing)", e.Round, e.Reason, len(e.Missing))
}

// Result returns the sums of a round. The error wraps [ErrPending] as long as
// they may still come, and is a [*SkipError] when they will not.
func (s *Session) Result(number uint32) (*Result, error) {
	for _, o := range s.outcomes {
		if o.round != number {
			continue
		}
		if o.skip != nil {
			return nil, o.skip
		}
		return o.result, nil
	}
	if present, ok := s.present(); !ok || number >= present {
		return nil, fmt.Errorf("%w: sum of round %d", ErrPending, number)
	}
	return nil, &SkipError{Round: number, Reason: ReasonAbsent}
}

// conclude notes the outcome of a round and lets go of what it held.
func (s *Session) conclude(r *round, o outcome) {
	if len(s.outcomes) >= MaxOutcomes {
		s.outcomes = s.outcomes[1:]
	}
	s.outcomes = append(s.outcomes, o)
	r.done, r.opening = true, nil
	r.parts = [MaxRoster][][]byte{}
	for _, u := range r.uploads {
		if u != nil {
			u.Data = nil
		}
	}
}

func (s *Session) skip(r *round, reason Reason, missing set) {
	e := &SkipError{Round: r.number, Reason: reason}
	if s.roster != nil {
		e.Missing = s.roster.names(missing)
	}
	s.conclude(r, outcome{round: r.number, skip: e})
}

// end gives a round that is over its outcome, if it has none.
func (s *Session) end(r *round) {
	if r.decided != nil {
		for i := range s.missing(r).each() {
			s.silent[i]++
		}
	}
	if r.done {
		return
	}
	reason, missing := s.blame(r)
	s.skip(r, reason, missing)
}

// blame returns how far a round came, and who was missing.
func (s *Session) blame(r *round) (Reason, set) {
	switch {
	case !s.ready():
		return ReasonRoster, 0
	case r.opening != nil:
		return ReasonAnswers, s.missing(r)
	case r.decided != nil:
		return ReasonIncomplete, r.decided.Members &^ r.held()
	case s.guard.lost != nil || r.number < s.guard.floor:
		return ReasonSitsOut, 0
	case r.signed != nil:
		return ReasonSignatures, s.roster.all() &^ r.voters(r.signed)
	case !r.spoken():
		return ReasonUploads, s.roster.all() &^ r.held()
	}
	return ReasonActive, s.roster.all() &^ r.held()
}

// voters returns who signed an active set.
func (r *round) voters(a *active) (voters set) {
	for i, b := range r.votes {
		if b != nil && *b == *a {
			voters |= only(i)
		}
	}
	return voters
}
