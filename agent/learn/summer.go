// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/fl/node"
)

// Words for why a round has no sum, by which it is counted.
const (
	skipEpoch = "sum-epoch" // the epoch has no session yet
	skipUnfit = "sum-unfit" // the members present cannot add vectors so long
	skipLate  = "sum-late"  // it could still have come when the round ended
)

var skipWords = map[homomorphic.Reason]string{
	homomorphic.ReasonRoster:     "sum-roster",
	homomorphic.ReasonSitsOut:    "sum-sits-out",
	homomorphic.ReasonUploads:    "sum-uploads",
	homomorphic.ReasonActive:     "sum-active",
	homomorphic.ReasonSignatures: "sum-signatures",
	homomorphic.ReasonIncomplete: "sum-incomplete",
	homomorphic.ReasonAnswers:    "sum-answers",
	homomorphic.ReasonNoise:      "sum-noise",
	homomorphic.ReasonAbsent:     "sum-absent",
}

// Submit encrypts the values for a round and sends them, once there is a roster.
func (s *sums) Submit(round uint32, values []uint8) error {
	wide := make([]uint16, len(values))
	for i, v := range values {
		wide[i] = uint16(v)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = &submission{round, wide}
	return s.submitPending(s.member.Now())
}

// submitPending encrypts what is submitted, in the first half of its round, under
// mu. While there is no roster it keeps it.
func (s *sums) submitPending(now time.Time) error {
	p := s.pending
	if p == nil {
		return nil
	}
	length := time.Duration(s.task.RoundLen) * time.Millisecond
	if !now.Before(s.task.RoundStart(p.round).Add(length / 2)) {
		s.pending = nil
		return fmt.Errorf("round %d is in its second half", p.round)
	}
	if s.session == nil {
		return nil
	}
	upload, messages, err := s.session.Encrypt(p.round, [][]uint16{p.values}, now)
	if errors.Is(err, homomorphic.ErrPending) {
		return nil
	}
	s.pending = nil
	if err != nil {
		return err
	}
	if err := s.post.parcel(typeUpdate, s.session.Status().Roster, p.round, upload); err != nil {
		return err
	}
	s.send(messages)
	return nil
}

// Sums returns the sums of a round that has ended: that of all, or those of the
// groups that are known, in the groups' order.
func (s *sums) Sums(_ context.Context, round uint32) (known []node.Sum, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	own, err := s.sum(round)
	for g := range max(1, len(s.groups.members)) {
		sum := &own
		if g != s.groups.own {
			sum = s.groups.sum(g, round)
		}
		if sum != nil && sum.Count > 0 {
			known = append(known, *sum)
		}
	}
	s.partial = len(known) < len(s.groups.members)
	if len(known) == 0 {
		return nil, err
	}
	return known, nil
}

// Partial reports whether groups are missing in the sums returned last, which
// other devices may have.
func (s *sums) Partial() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.partial
}

func (s *sums) sum(round uint32) (node.Sum, error) {
	if sum, ok := s.kept[round]; ok {
		return sum, nil
	}
	var unfit *homomorphic.UnfitError
	switch {
	case errors.As(s.why, &unfit):
		return node.Sum{}, &node.SkipError{Reason: skipUnfit, Detail: s.why.Error()}
	case s.why != nil:
		return node.Sum{}, &node.SkipError{Reason: skipEpoch, Detail: s.why.Error()}
	case s.session == nil:
		return node.Sum{}, &node.SkipError{Reason: skipEpoch}
	}
	result, err := s.session.Result(round)
	var skip *homomorphic.SkipError
	switch {
	case errors.As(err, &skip):
		return node.Sum{}, &node.SkipError{Reason: skipWords[skip.Reason], Detail: skip.Error()}
	case err != nil:
		return node.Sum{}, &node.SkipError{Reason: skipLate, Detail: err.Error()}
	}
	return s.sumOf(result), nil
}

func (s *sums) sumOf(r *homomorphic.Result) node.Sum {
	return node.Sum{
		Values: r.Sums[0], Count: len(r.Active),
		Own: slices.Contains(r.Active, signcrypt.PseudonymID(s.config.Self)),
	}
}

// SumStatus is how the members of a task add, as people see it.
type SumStatus struct {
	Roster    int    `json:"roster"`              // members, 0 before they agreed on who they are
	Tau       int    `json:"tau"`                 // how many of them open a sum
	Tolerated int    `json:"tolerated"`           // may put together what they know, and still see the sum alone
	Shares    int    `json:"shares"`              // members whose secrets the device holds a share of
	Group     *int   `json:"group,omitempty"`     // in mode hybrid
	Waits     string `json:"waits_for,omitempty"` // why the device takes part in no sums at the moment
}

func (s *sums) status() *SumStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.why != nil:
		return &SumStatus{Waits: s.why.Error()}
	case s.session == nil:
		return &SumStatus{Waits: "the epoch's roster is sought when its members have come"}
	}
	st := s.session.Status()
	out := &SumStatus{Roster: len(st.Roster), Tau: st.Tau, Tolerated: st.Tolerance, Shares: st.Shares}
	if node.Mode(s.task.Mode) == node.Hybrid {
		group := int(s.config.Group)
		out.Group = &group
	}
	switch {
	case st.SitsOut != nil:
		out.Waits = "the next epoch: " + st.SitsOut.Error()
	case out.Roster == 0:
		out.Waits = "three members or more, most of whom agree on a roster"
	}
	return out
}
