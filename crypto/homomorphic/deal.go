// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"crypto/subtle"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/rlwe"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// sharesRecord is what the store of shares holds.
type sharesRecord struct {
	_      struct{} `cbor:",toarray"`
	Roster Hash
	Dealer []uint8
	Shares [][]byte
}

var recordDecoder = wire.New(wire.Limits{Bytes: MaxRoster*(rlwe.PolySize+8) + 256, Items: 64, Depth: 4})

// deal sends each member its share of this device's secret.
func (s *Session) deal() {
	shares, err := s.scheme.deal()
	if err != nil {
		_ = s.guard.fail(err)
		return
	}
	s.shares[s.index] = shares[s.index]
	for i, share := range shares {
		if i != s.index && share != nil {
			s.sendShare(i, nil, share)
		}
	}
}

// sendShare sends a share, of the epoch where round is nil.
func (s *Session) sendShare(to int, round *uint32, share []byte) {
	s.send(TypeShare, only(to), &shareMessage{Scope: s.scope(), Roster: s.roster.hash, Round: round, Data: share})
}

// dealAgain sends a member its share once more, if it says that it has none.
func (s *Session) dealAgain(to int, has set) {
	if has.has(s.index) || s.again[to] >= MaxRepeats || !s.ready() {
		return
	}
	s.again[to]++
	shares, err := s.scheme.deal()
	if err == nil && shares[to] != nil {
		s.sendShare(to, nil, shares[to])
	}
}

// member returns the index of a member of the roster whose message is under it.
func (s *Session) member(from signcrypt.PID, sc scope, hash Hash) (int, error) {
	if s.roster == nil || sc != s.scope() || hash != s.roster.hash {
		return 0, ErrScope
	}
	i := s.roster.index(from)
	if i < 0 || i == s.index {
		return 0, ErrStranger
	}
	return i, s.noteAck(from, hash)
}

// handleShare takes a share. Another one from the same dealer is refused, since
// what was opened with the first would not go with the second.
func (s *Session) handleShare(from signcrypt.PID, data []byte) error {
	var m shareMessage
	if err := decode(shareDecoder, data, &m); err != nil {
		return err
	}
	i, err := s.member(from, m.Scope, m.Roster)
	if err != nil {
		return err
	}
	if m.Round != nil {
		return s.roundShare(i, *m.Round, m.Data)
	}
	if err := s.scheme.fits(i, m.Data); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if s.shares[i] != nil && subtle.ConstantTimeCompare(s.shares[i], m.Data) != 1 {
		return fmt.Errorf("%w: another share", ErrTwice)
	}
	if s.shares[i] == nil {
		s.shares[i], s.kept = m.Data, false
	}
	return nil
}

// roundShare takes a share of a round's own mask.
func (s *Session) roundShare(i int, number uint32, data []byte) error {
	r, err := s.near(number)
	if err != nil {
		return err
	}
	if s.c.Mode != Mask || len(data) != secretSize {
		return fmt.Errorf("%w: share of a round", ErrMalformed)
	}
	if r.shares[i] != nil && subtle.ConstantTimeCompare(r.shares[i], data) != 1 {
		return fmt.Errorf("%w: another share", ErrTwice)
	}
	r.shares[i] = data
	return nil
}

// keepShares writes the shares down where they changed. One that is lost is asked
// for again, so a store that fails costs no more than that.
func (s *Session) keepShares() {
	if s.kept {
		return
	}
	record := sharesRecord{Roster: s.roster.hash}
	for i, share := range s.shares {
		if i != s.index && share != nil {
			record.Dealer = append(record.Dealer, uint8(i))
			record.Shares = append(record.Shares, share)
		}
	}
	s.kept = s.c.Shares.Save(wire.MustMarshal(&record)) == nil
}

// resume takes up the roster and the shares of an earlier process.
func (s *Session) resume() error {
	var m rosterMessage
	if err := decode(controlDecoder, s.guard.marks.Roster, &m); err != nil {
		return err
	}
	if m.Scope != s.scope() || m.Mode != s.c.Mode {
		return fmt.Errorf("%w: the stores are of another task, group or mode", ErrConfig)
	}
	r, err := newRoster(&s.c, &m)
	if err != nil {
		return err
	}
	if s.known = r.members; r.index(signcrypt.PseudonymID(s.c.Self)) < 0 {
		return fmt.Errorf("%w: the stores are of another pseudonym", ErrConfig)
	}
	if err := s.take(r); err != nil {
		return err
	}
	own, err := s.scheme.deal()
	if err != nil {
		return err
	}
	s.shares[s.index] = own[s.index]
	return s.loadShares()
}

// loadShares reads the shares that an earlier process kept.
func (s *Session) loadShares() error {
	var record sharesRecord
	ok, err := load(s.c.Shares, &record, "shares")
	if err != nil || !ok || record.Roster != s.roster.hash {
		return err
	}
	if len(record.Dealer) != len(record.Shares) {
		return fmt.Errorf("homomorphic: shares: %d of %d dealers", len(record.Shares), len(record.Dealer))
	}
	for k, i := range record.Dealer {
		if int(i) >= s.roster.size() || int(i) == s.index || s.scheme.fits(int(i), record.Shares[k]) != nil {
			return fmt.Errorf("homomorphic: shares: share %d is not one of this roster", k)
		}
		s.shares[i] = record.Shares[k]
	}
	return nil
}
