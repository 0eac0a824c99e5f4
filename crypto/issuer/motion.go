// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// motion is the session that this issuer began: whom it asks what, and what it
// has heard. There is one at a time.
type motion struct {
	matter  Matter
	self    uint8 // our own index
	session sessionID
	since   time.Time // the beginning, over all attempts
	asked   time.Time // the beginning of the present step
	step    uint8
	peers   map[uint8]peer
	bodies  map[uint8][]byte // requests that have no answer yet
	letters map[uint8][]byte // the same, sealed
	unsent  [][]byte

	deal     *dealMotion
	sign     *signMotion
	proposal []byte
	refused  []Refusal
	cheats   []error
	passed   map[uint8]bool // those passed over once for their silence
	acked    []uint8
}

// begin opens a session.
func (c *Council) begin(m *motion) error {
	if c.own != nil {
		return ErrBusy
	}
	if !c.appointed() {
		return errors.New("issuer: only an issuer of the charter begins a session")
	}
	var err error
	if m.session, err = c.newSession(); err != nil {
		return err
	}
	m.self, m.since, m.passed = c.public.Index, c.Now(), map[uint8]bool{}
	c.own, c.result = m, nil
	return nil
}

// ask begins a step: a request to each of several peers. Our own answer comes at
// once, and may be all that was missing.
func (c *Council) ask(step uint8, bodies map[uint8][]byte) error {
	m := c.own
	m.step, m.asked, m.bodies, m.letters, m.unsent = step, c.Now(), bodies, map[uint8][]byte{}, nil
	for _, i := range slices.Sorted(maps.Keys(bodies)) {
		if i == c.public.Index {
			continue
		}
		l, err := c.write(c.public.Index, m.peers[i], m.session, step, bodies[i])
		if err != nil {
			continue // a peer whose key does not do is silent
		}
		m.letters[i], m.unsent = l, append(m.unsent, l)
	}
	return c.askSelf()
}

// askSelf answers our own request, where it has no answer yet.
func (c *Council) askSelf() error {
	m, self := c.own, c.public.Index
	body, ok := m.bodies[self]
	if !ok {
		return nil
	}
	step, reply, err := c.serve(self, self, m.session, m.step, body)
	if errors.Is(err, ErrLater) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.answered(self, step, reply)
}

// answered takes a peer's answer to the present step.
func (c *Council) answered(from, step uint8, body []byte) error {
	m := c.own
	if _, ok := m.bodies[from]; !ok {
		return ErrRefused
	}
	if step == stepRefusal {
		return c.declined(from, body)
	}
	if step != m.step+1 {
		return ErrRefused
	}
	switch {
	case m.deal != nil:
		return c.dealAnswer(from, body)
	case m.sign != nil:
		return c.signAnswer(from, body)
	}
	m.drop(from)
	m.acked = append(m.acked, from)
	if len(m.bodies) == 0 {
		c.finish(nil)
	}
	return nil
}

// drop notes that a peer has answered the present step.
func (m *motion) drop(from uint8) {
	delete(m.bodies, from)
	delete(m.letters, from)
}

// silent returns those who have yet to answer.
func (m *motion) silent() []uint8 { return slices.Sorted(maps.Keys(m.bodies)) }

// declined takes a refusal. A dealing needs all, a signature can do without.
func (c *Council) declined(from uint8, body []byte) error {
	m := c.own
	var r refusal
	if err := letterDecoder.Unmarshal(body, &r); err != nil {
		return ErrRefused
	}
	if r.Reason == ReasonLater {
		c.catchUp(r.Data)
	}
	said := Refusal{Index: from, Reason: r.Reason, Text: printable(r.Text)}
	if m.sign != nil {
		return c.signRefused(from, &r, said)
	}
	m.refused = append(m.refused, said)
	if m.deal != nil {
		c.finish(c.blame(from, &r))
		return nil
	}
	m.drop(from)
	if len(m.bodies) == 0 {
		c.finish(nil)
	}
	return nil
}

// flush returns the messages that were made and not sent yet.
func (c *Council) flush() [][]byte {
	if c.own == nil {
		return nil
	}
	out := c.own.unsent
	c.own.unsent = nil
	return out
}

// again returns the messages of the present step that have no answer.
func (c *Council) again() ([][]byte, error) {
	if c.own == nil {
		return nil, nil
	}
	if err := c.askSelf(); err != nil && !errors.Is(err, ErrRefused) {
		return nil, err
	}
	if c.own == nil {
		return nil, nil
	}
	var out [][]byte
	for _, i := range c.own.silent() {
		if l := c.own.letters[i]; l != nil {
			out = append(out, l)
		}
	}
	c.own.unsent = nil
	return out, nil
}

// patience passes over those who keep a signature waiting.
func (c *Council) patience() error {
	m := c.own
	if m.sign == nil || c.Now().Sub(m.asked) < AnswerWait {
		return nil
	}
	return c.signLate()
}

// finish ends the session that this issuer began.
func (c *Council) finish(err error) {
	m := c.own
	r := &Result{Matter: m.matter, Err: err, Refused: m.refused, Cheats: m.cheats, Noted: m.acked}
	late := maps.Clone(m.passed)
	for _, i := range m.silent() {
		late[i] = true
	}
	r.Silent = slices.Sorted(maps.Keys(late))
	slices.Sort(r.Noted)
	if err == nil && m.deal != nil {
		r.Dealt = m.deal.evidence(m)
	}
	if err == nil && m.sign != nil {
		m.sign.fill(m, r)
	}
	c.own, c.result = nil, r
}

// Register begins to register an invite with all other issuers, as bytes that
// their Approve takes. It ends when all have answered, or with a [*SilentError].
func (c *Council) Register(guest []byte) ([][]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(guest) > MaxGuest {
		return nil, fmt.Errorf("issuer: an invite of %d bytes, at most %d", len(guest), MaxGuest)
	}
	m := &motion{matter: MatterInvite, peers: issuersOf(c.charter)}
	if err := c.begin(m); err != nil {
		return nil, err
	}
	return c.start(stepRegister, bodyForAll(m.peers, wire.MustMarshal(guest)))
}

// start asks the first question of a session, which does not begin where the
// ledger or the randomness fails.
func (c *Council) start(step uint8, bodies map[uint8][]byte) ([][]byte, error) {
	if err := c.ask(step, bodies); err != nil {
		c.own = nil
		return nil, err
	}
	return c.flush(), nil
}

func issuersOf(c *Charter) map[uint8]peer {
	out := map[uint8]peer{}
	for _, s := range c.Issuers {
		out[s.Index] = peer{s.Index, s.HPKE, s.Ed25519}
	}
	return out
}

func bodyForAll(peers map[uint8]peer, body []byte) map[uint8][]byte {
	out := map[uint8][]byte{}
	for i := range peers {
		out[i] = body
	}
	return out
}
