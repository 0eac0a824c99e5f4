// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"
	"time"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// round is what a device knows of a round under way. All that others fill is
// bounded by the roster: one upload, one word of each kind, one answer of each.
type round struct {
	number uint32

	uploads  [MaxRoster]*upload
	digests  [MaxRoster]Hash // of uploads
	shares   [MaxRoster][]byte
	holdings [MaxRoster]*holdings
	told     int // times that the own holdings went out

	proposals [MaxRoster]*active // by leader
	led       int                // times that the own proposal went out
	ledAt     time.Time

	votes    [MaxRoster]*active // the active set that each signed first
	signed   *active
	signedAt time.Time
	again    bool // the signature was sent again

	decided  *active // signed by tau
	answered bool
	parts    [MaxRoster][][]byte // of answers that wait until the sum is open
	got      [MaxRoster]uint64   // pieces of answers, bit by bit
	opening  opening
	done     bool
}

// near returns a round that may be spoken of: the one under way, or the next
// where it is a wait away at most, as clocks differ.
func (s *Session) near(number uint32) (*round, error) {
	present, under := s.present()
	soon, ok := s.c.roundAt(s.now.Add(s.c.Wait))
	if !(under && number == present || ok && number == soon) {
		return nil, fmt.Errorf("%w: round %d", ErrRound, number)
	}
	if s.rounds[number] == nil {
		s.rounds[number] = &round{number: number}
	}
	return s.rounds[number], nil
}

// middle returns when members say what they hold: no upload is made later.
func (s *Session) middle(round uint32) time.Time {
	return s.begins(round).Add(s.c.RoundLen / 2)
}

// Encrypt hides the vectors, once in a round, and returns the upload for all
// members of the roster, which travels like an update. It is for the present
// round, before its middle. Values are below 2^8 or 2^16, as the plan says. The
// messages are to be sent too. An error wraps [ErrPending] while there is no
// roster, [ErrSitOut], [ErrTwice], [ErrRound] or [ErrShape].
func (s *Session) Encrypt(number uint32, vectors [][]uint16, now time.Time) ([]byte, []Message, error) {
	s.advance(now)
	if !s.ready() {
		return nil, nil, fmt.Errorf("%w: no roster", ErrPending)
	}
	present, ok := s.present()
	if !ok || number != present || !s.now.Before(s.middle(number)) {
		return nil, nil, fmt.Errorf("%w: round %d is not in its first half", ErrRound, number)
	}
	if err := s.c.checkVectors(vectors); err != nil {
		return nil, nil, err
	}
	if err := s.guard.use(encrypting, number); err != nil {
		return nil, nil, err
	}
	pairs, data, shares, err := s.scheme.seal(number, vectors)
	if err != nil {
		return nil, nil, err
	}
	u := &upload{Scope: s.scope(), Roster: s.roster.hash, Round: number, Pairs: pairs, Data: data}
	encoded := wire.MustMarshal(u)
	r := s.rounds[number]
	r.uploads[s.index], r.digests[s.index] = u, digestOf(encoded)
	for i, share := range shares {
		if i == s.index {
			r.shares[i] = share
			continue
		}
		s.sendShare(i, &number, share)
	}
	return encoded, s.flush(), nil
}

// Uploaded takes a member's upload, complete and from the member that signed it.
func (s *Session) Uploaded(from signcrypt.PID, data []byte, now time.Time) ([]Message, error) {
	s.advance(now)
	var u upload
	if err := decode(uploadDecoder, data, &u); err != nil {
		return nil, err
	}
	i, err := s.member(from, u.Scope, u.Roster)
	if err != nil {
		return nil, err
	}
	r, err := s.near(u.Round)
	if err != nil {
		return nil, err
	}
	if len(u.Data) != s.c.UploadBytes() {
		return nil, fmt.Errorf("%w: an upload of %d bytes, not %d", ErrMalformed, len(u.Data), s.c.UploadBytes())
	}
	if err := s.scheme.whole(i, &u); err != nil {
		return nil, err
	}
	if r.uploads[i] != nil {
		return nil, fmt.Errorf("%w: another upload", ErrTwice)
	}
	r.uploads[i], r.digests[i] = &u, digestOf(data)
	if r.opening != nil || r.done {
		u.Data = nil // too late to be of use
	}
	s.progress(r)
	return s.flush(), nil
}

// held returns whose uploads this device has.
func (r *round) held() (have set) {
	for i, u := range r.uploads {
		if u != nil {
			have |= only(i)
		}
	}
	return have
}

// shared returns whose shares of the round this device has.
func (r *round) shared() (have set) {
	for i, share := range r.shares {
		if share != nil {
			have |= only(i)
		}
	}
	return have
}

// own returns this device's holdings.
func (s *Session) own(r *round) *holdings {
	h := &holdings{Sub: subHoldings, Scope: s.scope(), Roster: s.roster.hash, Round: r.number}
	h.Dealt, h.Shares, h.Held = s.scheme.dealt(), r.shared(), r.held()
	for i := range h.Held.each() {
		h.Digests = append(h.Digests, r.digests[i])
	}
	return h
}

// tellHoldings says at the middle of the round what this device holds, and once
// more a half wait later, if that has changed. A device that sits out says
// nothing, so that nobody counts on it.
func (s *Session) tellHoldings(r *round) {
	due := s.middle(r.number).Add(time.Duration(r.told) * s.c.Wait / 2)
	if r.told > 1 || s.now.Before(due) || s.guard.allows(signing, r.number) != nil || s.guard.allows(answering, r.number) != nil {
		return
	}
	h := s.own(r)
	last := r.holdings[s.index]
	r.told++
	if last != nil && last.Held == h.Held && last.Dealt == h.Dealt && last.Shares == h.Shares {
		return
	}
	r.holdings[s.index] = h
	s.send(TypeControl, s.roster.all(), h)
}

// handleHoldings notes what a member holds; what it says later counts.
func (s *Session) handleHoldings(from signcrypt.PID, data []byte) error {
	var h holdings
	if err := decode(controlDecoder, data, &h); err != nil {
		return err
	}
	i, err := s.member(from, h.Scope, h.Roster)
	if err != nil {
		return err
	}
	r, err := s.near(h.Round)
	if err != nil {
		return err
	}
	if err := h.check(); err != nil {
		return err
	}
	if !s.roster.all().holds(h.Held | h.Dealt | h.Shares) {
		return fmt.Errorf("%w: holdings of members that do not exist", ErrMalformed)
	}
	if last := r.holdings[i]; last == nil || h.Held.holds(last.Held) {
		r.holdings[i] = &h // the later one, also if they come in another order
	}
	s.dealAgain(i, h.Dealt)
	return nil
}
