// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"
)

// TypeIssuers is the message type of what issuers say to one another.
const TypeIssuers = 21

// Limits of a council. An issuer takes part in one session of each other issuer
// at a time, so that there are at most [MaxIssuers] of them.
const (
	MaxLetter       = 48 << 10                         // bytes of one message
	MaxProposal     = MaxCharter - 2*signatureInCBOR   // bytes of what is to be signed
	MaxGuest        = 1 << 10                          // bytes of an invite to be registered
	MaxReason       = 200                              // bytes of the reason of a refusal
	MaxAhead        = 16                               // generations by which a proposed charter may be ahead
	MaxAttempts     = 2 * MaxIssuers                   // to sign one proposal in one session
	CouncilLifetime = 10 * time.Minute                 // of a session, from its first message
	AnswerWait      = 10 * time.Second                 // until those who have not answered are passed over
	signatureInCBOR = 2 + len(Signature{}) + 2*3 + 2*2 // with the heads of the arrays around it
)

// Matter is what a session of the council is about.
type Matter uint8

// The matters. The first is about new shares; the next three are signed under P;
// the last is only taken note of.
const (
	MatterDealing Matter = iota // the proposal is a [Plan]
	MatterCharter               // a [Charter]
	MatterDeny                  // a [Deny]
	MatterRekey                 // an array that begins with wire.LabelRekey
	MatterInvite                // an invite, of at most MaxGuest bytes
)

// ErrLater is what Approve returns while the owner has yet to decide: there is
// no answer then, and the same question comes again.
var ErrLater = errors.New("issuer: not decided yet")

// Ledger is what an issuer writes down durably before it speaks.
type Ledger interface {
	// SaveKeys writes the issuer's keys in the place of the old ones.
	SaveKeys(*Keys) error
	// BindCharter records a charter as the one of its generation that this
	// issuer signs under P, unless one is recorded, and returns the recorded
	// one. Records belong to one neighbourhood and are never restored from a
	// backup; those of generations that were adopted may be dropped.
	BindCharter(p Pub, gen uint32, charter []byte) ([]byte, error)
}

// Council is an issuer, or a member that is to become one, among the issuers of
// a neighbourhood. Whoever begins a session asks the others, collects their
// answers and passes on what they have for one another. The fields are set
// before use and then left alone.
type Council struct {
	Ledger  Ledger
	Rand    io.Reader
	Now     func() time.Time
	Approve func(m Matter, proposal []byte) error // policy, asked before an answer; it must not call the council

	mu         sync.Mutex
	keys       *Keys
	public     Issuer // of keys
	charter    *Charter
	seats      map[uint8]*seat // by who began the session
	own        *motion         // the session that this issuer began
	last       sessionID       // the newest of them
	result     *Result
	candidates map[Pub]Candidacy // by member
}

// ErrShare says that the charter names another share than this issuer holds, as
// after an old state folder was restored. Such an issuer signs nothing until new
// shares are dealt.
var ErrShare = errors.New("issuer: the charter names another share than the one held; deal new shares")

// Load sets what the disk holds: the keys and the newest charter, verified. It
// takes up a share that waited for that charter, and fails with [ErrShare] as
// Adopt does.
func (c *Council) Load(k *Keys, charter *Charter) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seats, c.candidates = map[uint8]*seat{}, map[Pub]Candidacy{}
	c.charter, c.own, c.result = nil, nil, nil
	c.keys, c.public = k, k.Public()
	return c.take(charter)
}

// Adopt takes a newer charter, which the caller has verified and written to the
// disk. Only now a share that was dealt for it becomes the issuer's own, and the
// old one is dropped. It reports whether the keys changed: a [Signer] of the old
// ones then belongs replaced.
func (c *Council) Adopt(s *SignedCharter, charter *Charter) (changed bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.Follows(charter, c.charter) {
		return false, fmt.Errorf("%w: it does not follow generation %d", ErrCharter, c.charter.Gen)
	}
	before := c.keys
	err = c.take(charter)
	return c.keys != before, err
}

func (c *Council) take(charter *Charter) error {
	keys, changed := c.keys.adopt(charter)
	if changed {
		if err := c.Ledger.SaveKeys(keys); err != nil {
			return fmt.Errorf("issuer: save keys: %w", err)
		}
		c.keys, c.public = keys, keys.Public()
	}
	if c.charter != nil && (changed || baseOf(c.charter) != baseOf(charter)) {
		c.dissolve()
	}
	c.charter = charter
	maps.DeleteFunc(c.candidates, func(member Pub, _ Candidacy) bool { return charter.Member(member) == nil })
	if c.public.Index != 0 && !c.appointed() {
		return ErrShare
	}
	return nil
}

// dissolve ends all sessions: they are among issuers that are no longer these.
func (c *Council) dissolve() {
	for _, s := range c.seats {
		s.erase()
	}
	clear(c.seats)
	if c.own != nil {
		c.finish(errDissolved)
	}
}

var errDissolved = errors.New("issuer: the issuers have changed; begin again")

// Keys returns the issuer's keys as they are now.
func (c *Council) Keys() *Keys {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys
}

// appointed reports whether the charter names this issuer with its share.
func (c *Council) appointed() bool {
	own := c.charter.Issuer(c.public.Index)
	return own != nil && *own == c.public && c.charter.P == c.keys.P
}

// Handle takes a message of type 21 and returns messages to send. It returns
// [ErrRefused] for one that is not for this issuer or not right, and another
// error where the ledger cannot be written.
func (c *Council) Handle(msg []byte) ([][]byte, error) {
	l, err := decodeLetter(msg)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.open(l)
	if err != nil {
		return nil, err
	}
	switch {
	case s.Step == stepCandidacy:
		return nil, c.note(l, s)
	case s.Step%2 == 0:
		return c.collect(l, s)
	}
	from := c.charter.Issuer(l.From)
	if from == nil || !c.fresh(s.Session) || !s.verify(from.Ed25519, c.charter.Nbhd, l) {
		return nil, ErrRefused
	}
	step, answer, err := c.serve(l.From, l.To, s.Session, s.Step, s.Body)
	if err == ErrLater {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	reply, err := c.write(l.To, peer{from.Index, from.HPKE, from.Ed25519}, s.Session, step, answer)
	if err != nil {
		return nil, ErrRefused
	}
	return [][]byte{reply}, nil
}

// collect takes an answer in the session that this issuer began.
func (c *Council) collect(l *letter, s *said) ([][]byte, error) {
	m := c.own
	if m == nil || m.session != s.Session || l.To != c.public.Index {
		return nil, ErrRefused
	}
	from, ok := m.peers[l.From]
	if !ok || !s.verify(from.ed25519, c.charter.Nbhd, l) {
		return nil, ErrRefused
	}
	if err := c.answered(l.From, s.Step, s.Body); err != nil {
		return nil, err
	}
	return c.flush(), nil
}

// Tick lets time pass: it ends what has lasted too long, passes over those who
// do not answer, and returns the messages that have no answer yet, to be sent
// again. It belongs called every few seconds.
func (c *Council) Tick() ([][]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for from, s := range c.seats {
		if c.Now().Sub(s.since) > CouncilLifetime {
			s.erase()
			delete(c.seats, from)
		}
	}
	if c.own == nil {
		return nil, nil
	}
	if c.Now().Sub(c.own.since) > CouncilLifetime {
		c.finish(&SilentError{Silent: c.own.silent()})
		return nil, nil
	}
	if err := c.patience(); err != nil {
		return nil, err
	}
	c.flush()
	return c.again()
}

// Result returns how the last session that this issuer began has ended, nil
// where none has ended yet or one is under way.
func (c *Council) Result() *Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.result
}

// sessionID is the time in milliseconds at which a session began, and eight
// random bytes: a later session of an issuer takes the place of an earlier one.
type sessionID [16]byte

func (s sessionID) after(other sessionID) bool { return bytes.Compare(s[:], other[:]) > 0 }

// fresh reports whether a session began not too long ago, so that what was
// recorded is worthless later, also to an issuer that has forgotten all.
func (c *Council) fresh(s sessionID) bool {
	age := c.Now().Sub(s.time())
	return -CouncilLifetime <= age && age <= CouncilLifetime
}
