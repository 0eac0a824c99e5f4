// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/door"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// maxQuestions bounds what waits for the owner; more is refused until it has said
// something, or those who ask have given up.
const maxQuestions = 16

// question is something that another issuer proposes and the owner decides.
type question struct {
	hash  [64]byte
	about string // for people
	asked time.Time
	yes   bool
}

var (
	errStopped  = errors.New("the owner of this device takes no part")
	errNotAsked = errors.New("this device has not offered to be an issuer")
	errNotDealt = errors.New("this device took no part in dealing these shares")
	errMany     = errors.New("too much waits for the owner of this device")
)

var charterDecoder = wire.New(wire.Limits{Bytes: issuer.MaxCharter, Items: issuer.MaxMembers})

// approve is this device's word on what issuers propose. It runs within the
// council, which it must not call.
func (d *desk) approve(matter issuer.Matter, proposal []byte) error {
	if d.standing.Stopped && matter != issuer.MatterInvite {
		return errStopped
	}
	err := d.judge(matter, proposal)
	if errors.Is(err, door.ErrUndecided) {
		return issuer.ErrLater
	}
	return err
}

func (d *desk) judge(matter issuer.Matter, proposal []byte) error {
	keeper := d.m.office().Keeper
	switch matter {
	case issuer.MatterDealing:
		return d.judgePlan(proposal)
	case issuer.MatterCharter:
		return d.judgeCharter(keeper, proposal)
	}
	if keeper == nil {
		return ErrNotIssuer
	}
	switch matter {
	case issuer.MatterInvite:
		guest, err := door.DecodeGuest(proposal)
		if err != nil {
			return err
		}
		return keeper.Merge(guest)
	case issuer.MatterRekey:
		return keeper.JudgeRekey(proposal, d.m.o.Identity)
	case issuer.MatterDeny:
		if d.own(matter, proposal) {
			return nil
		}
		return d.decide(proposal, "a pseudonym is to be denied until its epoch ends")
	}
	return fmt.Errorf("matter %d is unknown here", matter)
}

// decide asks the owner where the policy says so.
func (d *desk) decide(proposal []byte, about string) error {
	if !d.m.o.Strict {
		return nil
	}
	hash := wire.Digest(proposal)
	i := slices.IndexFunc(d.questions, func(q *question) bool { return q.hash == hash })
	if i < 0 {
		if len(d.questions) >= maxQuestions {
			return errMany
		}
		d.m.o.Log.Warn("the issuers ask for the owner's word", "about", about, "hint", "vecino key issuer serve")
		d.questions = append(d.questions, &question{hash: hash, about: about})
		i = len(d.questions) - 1
	}
	q := d.questions[i]
	q.asked = time.Now()
	if !q.yes {
		return issuer.ErrLater
	}
	return nil
}

// forgetQuestions drops what nobody asks any more.
func (d *desk) forgetQuestions() {
	d.questions = slices.DeleteFunc(d.questions, func(q *question) bool { return time.Since(q.asked) > issuer.CouncilLifetime })
}

// judgePlan is the word on who is to deal shares to whom. One who offers itself
// has said yes.
func (d *desk) judgePlan(proposal []byte) error {
	p, err := issuer.DecodePlan(proposal)
	if err != nil {
		return err
	}
	c := d.m.Charter()
	switch {
	case d.ceremony != nil && bytes.Equal(d.ceremony.proposal, proposal):
	case d.officeOf != nil || d.stale != nil:
		names := d.standing.named(c, p)
		if err := d.decide(proposal, fmt.Sprintf("new shares are to be dealt to %s, of whom %d sign", names, p.T)); err != nil {
			return err
		}
	case !d.standing.Offers:
		return errNotAsked
	}
	d.plans[p.Gen] = p
	d.standing.learn(c, p)
	d.saveStanding()
	return nil
}

// judgeCharter is the word on a charter: of an eviction, with other issuers, or
// with more members.
func (d *desk) judgeCharter(keeper *door.Keeper, proposal []byte) error {
	var c issuer.Charter
	if err := charterDecoder.Unmarshal(proposal, &c); err != nil {
		return err
	}
	held := d.m.Charter()
	if c.P != held.P || c.T != held.T || !slices.Equal(c.Issuers, held.Issuers) {
		return d.judgeIssuers(held, &c)
	}
	if keeper == nil {
		return ErrNotIssuer
	}
	gone := door.Evicts(held, &c)
	if gone == nil {
		return keeper.Approve(&c)
	}
	if !d.own(issuer.MatterCharter, proposal) {
		if err := d.decide(proposal, fmt.Sprintf("%s is to be removed", gone.Name)); err != nil {
			return err
		}
	}
	return keeper.Judge(&c)
}

// judgeIssuers is the word on a charter with other issuers: yes where this device
// agreed to deal the shares that it names, or holds one of them, and nothing else
// is changed along with that.
func (d *desk) judgeIssuers(held, c *issuer.Charter) error {
	same := *held
	same.Gen, same.P, same.T, same.Issuers = c.Gen, c.P, c.T, c.Issuers
	if !bytes.Equal(wire.MustMarshal(&same), wire.MustMarshal(c)) {
		return errors.New("it changes more than the issuers")
	}
	for _, p := range d.keys.Pending {
		own := c.Issuer(p.Share.Index)
		if p.Gen == c.Gen && p.P == c.P && own != nil && own.Y == group.EncodePoint(p.Share.Public()) {
			return nil
		}
	}
	p := d.plans[c.Gen]
	if p == nil || p.T != c.T || !slices.EqualFunc(p.Receivers, c.Issuers, func(r issuer.Receiver, s issuer.Issuer) bool {
		return r.Index == s.Index && r.Offer.Ed25519 == s.Ed25519
	}) {
		return errNotDealt
	}
	return nil
}
