// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/sha512"
	"errors"
	"time"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// seat is an issuer's place in a session that somebody began. It lives in memory
// only: after a restart the session is forgotten, and its nonces with it.
type seat struct {
	session sessionID
	from    uint8
	index   uint8 // our own in this session
	since   time.Time
	answers map[uint8]answer // by step of the request

	// A dealing.
	plan    *Plan
	dealing *frost.Dealing
	poly    *frost.Polynomial
	deals   []frost.Deal
	round   [sha512.Size]byte

	// A signature.
	matter     Matter
	proposal   []byte
	evidence   []byte
	p          Pub
	nonces     *frost.Nonces
	commitment Commitment
}

// answer is what was answered to a request. The same request again gets the same
// answer, another one in its place none.
type answer struct {
	asked [sha512.Size]byte
	step  uint8
	body  []byte
}

// erase drops the seat's secrets.
func (s *seat) erase() {
	if s.poly != nil {
		s.poly.Erase()
	}
	s.poly, s.nonces = nil, nil
}

func opens(step uint8) bool { return step == stepPlan || step == stepSign || step == stepRegister }

// serve answers a request of one who began a session, as its participant. It
// returns ErrLater where there is no answer yet, and an error of the ledger.
func (c *Council) serve(from, to uint8, session sessionID, step uint8, body []byte) (uint8, []byte, error) {
	s := c.seats[from]
	known := s != nil && s.session == session
	if !known {
		if !opens(step) {
			return refused(refuse(ReasonForgotten, "this session is not known here, as after a restart"))
		}
		if s != nil && !session.after(s.session) {
			return refused(&refusal{Reason: ReasonLater, Text: "a later session is under way", Data: s.session[:]})
		}
		s = &seat{session: session, from: from, index: to, since: c.Now(), answers: map[uint8]answer{}}
	}
	if s.index != to {
		return 0, nil, ErrRefused
	}
	asked := wire.Digest(wire.U8(step), body)
	if a, ok := s.answers[step]; ok {
		if a.asked != asked {
			return 0, nil, ErrRefused
		}
		return a.step, a.body, nil
	}
	reply, err := c.act(s, step, body)
	if err != nil {
		return refused(err)
	}
	if !known {
		if old := c.seats[from]; old != nil {
			old.erase()
		}
		c.seats[from] = s
	}
	s.answers[step] = answer{asked, step + 1, reply}
	return step + 1, reply, nil
}

// refused turns an error into an answer, unless it is not for others' ears.
func refused(err error) (uint8, []byte, error) {
	var no *refusal
	if !errors.As(err, &no) {
		return 0, nil, err
	}
	no.Text = printable(no.Text)
	return stepRefusal, wire.MustMarshal(no), nil
}

func (c *Council) act(s *seat, step uint8, body []byte) ([]byte, error) {
	switch step {
	case stepPlan:
		return c.deal(s, body)
	case stepDeals:
		return c.agree(s, body)
	case stepAgreed:
		return c.hand(s, body)
	case stepShares:
		return c.receive(s, body)
	case stepSign:
		return c.commit(s, body)
	case stepCommitments:
		return c.part(s, body)
	case stepRegister:
		return c.register(s, body)
	}
	return nil, ErrRefused
}

// approve asks the policy. What it says to a refusal is for people.
func (c *Council) approve(m Matter, proposal []byte) error {
	err := c.Approve(m, proposal)
	if err == nil || errors.Is(err, ErrLater) {
		return err
	}
	return refuse(ReasonDeclined, err.Error())
}

func (c *Council) register(s *seat, body []byte) ([]byte, error) {
	if s.index != c.public.Index {
		return nil, ErrRefused
	}
	var guest []byte
	if err := letterDecoder.Unmarshal(body, &guest); err != nil || len(guest) > MaxGuest {
		return nil, refuse(ReasonProposal, "that is no invite")
	}
	return []byte{}, c.approve(MatterInvite, guest)
}
