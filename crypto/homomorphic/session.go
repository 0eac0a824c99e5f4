// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Config is what a session is made of. The waits and the plan are the same for
// all members.
type Config struct {
	Nbhd  [16]byte
	Epoch uint32
	Task  [16]byte
	Group uint8 // of a task in mode hybrid, by Groups; otherwise 0
	Plan        // its Roster is ignored: the roster is agreed on

	Self    Key
	Members []Key // seen so far, with or without Self

	Start    time.Time     // of round 0
	RoundLen time.Duration // 4 Wait at least
	Wait     time.Duration // for a silent leader: 10 s in epochs of 10 minutes or more

	// State lies in the state folder and takes one write in 64 rounds. Runtime and
	// Shares lie where the device's keys of the epoch do: in a folder in memory, or
	// in the program's own. They hold secrets. Each belongs to this task and group.
	State, Runtime, Shares Store
	Rand                   io.Reader
}

// Message is what a session has to say.
type Message struct {
	Type uint8
	To   []signcrypt.PID
	Data []byte
}

// Session is one device's part in the sums of a task, a group and an epoch.
type Session struct {
	c     Config
	begun time.Time // of the search for a roster
	now   time.Time // the latest time seen: within a session none goes back
	known []Key     // members seen, with Self
	guard *guard
	out   []Message

	offer     *offer // own announcement of a roster that is not acked, or nil
	offers    int
	proposal  []byte // own announcement of the roster that is acked
	reminders int
	agreed    time.Time // when the roster became valid here
	repeats   int
	repeated  time.Time
	acks      map[signcrypt.PID]Hash // at most one of each member known

	roster *roster // the one that is acked, or nil
	index  int     // own, in the roster
	scheme scheme
	shares [MaxRoster][]byte // of the secrets of the epoch, by dealer
	kept   bool              // shares are in the store as they are here
	again  [MaxRoster]int    // times that a share was sent again
	silent [MaxRoster]int    // rounds in which an opener did not answer

	rounds   map[uint32]*round // the one under way and the next
	outcomes []outcome         // of the last rounds
}

// outcome is how a round ended.
type outcome struct {
	round  uint32
	result *Result
	skip   *SkipError
}

// NewSession returns the session of a device in an epoch, with what the stores
// have of it. It returns an error that wraps [ErrConfig], [ErrPast] or that of a
// store. Where records show that this device was killed at a bad moment, or
// that one of its folders is an old copy, it sits out, which [Session.Status]
// tells.
func NewSession(c Config, now time.Time) (*Session, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.Width = c.Plan.withDefaults().Width
	s := &Session{
		c: c, begun: now, now: now, known: []Key{c.Self},
		acks: make(map[signcrypt.PID]Hash), rounds: make(map[uint32]*round), kept: true,
	}
	for _, u := range c.Members {
		s.Meet(u)
	}
	next := uint32(0)
	if round, ok := s.present(); ok {
		next = after(round)
	}
	var err error
	if s.guard, err = openGuard(c.State, c.Runtime, c.Rand, c.Epoch, next); err != nil {
		return nil, err
	}
	if len(s.guard.marks.Roster) > 0 {
		return s, s.resume()
	}
	return s, nil
}

// check refuses what cannot work in any neighbourhood.
func (c *Config) check() error {
	if err := c.checkShape(); err != nil {
		return err
	}
	if c.Tau < 0 || c.Tau > MaxRoster { // against the roster it is checked when there is one
		return fmt.Errorf("%w: threshold %d", ErrConfig, c.Tau)
	}
	if c.Wait <= 0 || c.RoundLen < 4*c.Wait {
		return fmt.Errorf("%w: rounds of %v with waits of %v", ErrConfig, c.RoundLen, c.Wait)
	}
	if c.State == nil || c.Runtime == nil || c.Shares == nil || c.Rand == nil {
		return fmt.Errorf("%w: a store or the randomness is missing", ErrConfig)
	}
	return c.Plan.fitMemory(MinRoster, "use a smaller model")
}

// Meet adds a member whose hello was seen. Members that come when the roster is
// acked, or that are more than 32, take part in the next epoch.
func (s *Session) Meet(u Key) {
	if s.roster == nil && len(s.known) < MaxRoster && !slices.Contains(s.known, u) {
		s.known = append(s.known, u)
	}
}

// present returns the round under way.
func (s *Session) present() (uint32, bool) {
	return s.c.roundAt(s.now)
}

// roundAt returns the round under way at a time.
func (c *Config) roundAt(t time.Time) (uint32, bool) {
	since := t.Sub(c.Start)
	n := since / c.RoundLen
	if since < 0 || n >= math.MaxUint32 {
		return 0, false
	}
	return uint32(n), true
}

// begins returns when a round begins, which is not far from the present one.
func (s *Session) begins(round uint32) time.Time {
	return s.c.Start.Add(time.Duration(round) * s.c.RoundLen)
}

// scope returns the session's name in messages.
func (s *Session) scope() scope { return scope{Task: s.c.Task, Group: s.c.Group} }

// advance notes the time, ends rounds that are over, and begins the present one.
func (s *Session) advance(now time.Time) {
	if now.After(s.now) {
		s.now = now
	}
	present, ok := s.present()
	if !ok {
		return
	}
	for n, r := range s.rounds {
		if n < present {
			s.end(r)
			delete(s.rounds, n)
		}
	}
	if s.rounds[present] == nil {
		s.rounds[present] = &round{number: present}
	}
}

// Tick lets the session do what is due. It is called at least every quarter of
// Wait.
func (s *Session) Tick(now time.Time) []Message {
	s.advance(now)
	s.seekRoster()
	if present, ok := s.present(); ok && s.ready() {
		r := s.rounds[present]
		s.tellHoldings(r)
		s.lead(r)
		s.progress(r)
	}
	s.keepShares()
	return s.flush()
}

// Handle takes a message of type 5, 6 or 7 from the member that signed it. A
// message that is refused changes nothing; the error says why.
func (s *Session) Handle(from signcrypt.PID, kind uint8, data []byte, now time.Time) ([]Message, error) {
	s.advance(now)
	var err error
	switch kind {
	case TypeShare:
		err = s.handleShare(from, data)
	case TypeControl:
		err = s.handleControl(from, data)
	case TypeAnswer:
		err = s.handleAnswer(from, data)
	default:
		err = fmt.Errorf("%w: type %d", ErrMalformed, kind)
	}
	s.progressAll()
	return s.flush(), err
}

func (s *Session) handleControl(from signcrypt.PID, data []byte) error {
	switch subtype(data) {
	case subRoster:
		return s.handleRoster(from, data)
	case subAck:
		return s.handleAck(from, data)
	case subHoldings:
		return s.handleHoldings(from, data)
	case subActive, subSignature:
		return s.handleActive(from, data)
	}
	return fmt.Errorf("%w: control message", ErrMalformed)
}

func (s *Session) flush() []Message {
	out := s.out
	s.out = nil
	return out
}

// send queues a message to members of the roster.
func (s *Session) send(kind uint8, to set, message any) {
	ids := s.roster.names(to &^ only(s.index))
	s.out = append(s.out, Message{Type: kind, To: ids, Data: wire.MustMarshal(message)})
}

// Close wipes the session's secrets from its memory. It must not be used
// afterwards.
func (s *Session) Close() {
	if l, ok := s.scheme.(*lattice); ok {
		l.secret.Wipe()
	}
	if m, ok := s.scheme.(*masks); ok {
		m.seeds = [MaxRoster][32]byte{}
	}
	for _, share := range s.shares {
		clear(share)
	}
	clear(s.guard.marks.Seed[:])
	clear(s.rounds)
}

// Status is what a session tells of itself.
type Status struct {
	Roster    []signcrypt.PID // agreed on, or nil
	Tau       int
	Tolerance int    // colluders, with all active
	Shares    int    // members whose secrets this device holds a share of
	Floor     uint32 // the first round that this device takes part in
	SitsOut   error  // why it takes part in none, or nil
}

// Status returns the session's state.
func (s *Session) Status() Status {
	out := Status{Floor: s.guard.floor, SitsOut: s.guard.lost}
	if s.ready() {
		n := s.roster.size()
		out.Roster, out.Tau = slices.Clone(s.roster.ids), s.roster.tau
		out.Tolerance = Tolerance(n, s.roster.tau, n)
		out.Shares = s.scheme.dealt().len()
	}
	return out
}

// ready reports whether the roster is agreed on.
func (s *Session) ready() bool { return s.roster != nil && s.guard.marks.Valid }
