// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// dealMotion is a dealing that this issuer began.
type dealMotion struct {
	plan    *Plan
	dealing *frost.Dealing
	deals   map[uint8]frost.Deal
	list    []frost.Deal
	agreed  map[uint8]vote
	parcels map[uint8]map[uint8][]byte // by receiver and dealer
	ready   map[uint8]vote
}

// Deal begins a dealing. It needs an answer of all who take part at each step,
// and ends with a [*Dealt] for the charter that is to be proposed, with the name
// of one who cheats or refuses, or with a [*SilentError].
func (c *Council) Deal(p *Plan) ([][]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := &motion{matter: MatterDealing, peers: p.peers(c.charter), proposal: wire.MustMarshal(p)}
	if err := c.begin(m); err != nil {
		return nil, err
	}
	d, err := p.dealing(c.charter, m.session, c.public.Index)
	if err != nil {
		c.own = nil
		return nil, err
	}
	m.deal = &dealMotion{
		plan: p, dealing: d, deals: map[uint8]frost.Deal{}, agreed: map[uint8]vote{},
		parcels: map[uint8]map[uint8][]byte{}, ready: map[uint8]vote{},
	}
	return c.start(stepPlan, bodyForAll(m.peers, m.proposal))
}

func (c *Council) dealAnswer(from uint8, body []byte) error {
	m := c.own
	err := m.deal.take(m.step, from, body, m.peers[from], c.charter.Nbhd)
	if err != nil {
		c.finish(err)
		return nil
	}
	m.drop(from)
	if len(m.bodies) > 0 {
		return nil
	}
	return c.nextDealStep()
}

// take checks one answer and keeps it. An answer that is not right names its
// author: the letter was signed.
func (d *dealMotion) take(step, from uint8, body []byte, who peer, nbhd [16]byte) error {
	switch step {
	case stepPlan:
		return d.takeDeal(from, body)
	case stepDeals:
		return takeVote(d.agreed, from, body, who, nbhd, stageAgreed, roundOne(d.dealing, d.list))
	case stepAgreed:
		return d.takeParcels(from, body)
	default:
		return takeVote(d.ready, from, body, who, nbhd, stageReady, roundOne(d.dealing, d.list))
	}
}

func (d *dealMotion) takeDeal(from uint8, body []byte) error {
	if !slices.Contains(d.plan.Dealers, from) {
		return nil
	}
	var one frost.Deal
	if err := letterDecoder.Unmarshal(body, &one); err != nil || one.Dealer != from {
		return &CheatError{from, "it answered with no deal"}
	}
	if err := d.dealing.CheckDeal(&one); err != nil {
		return &CheatError{from, err.Error()}
	}
	d.deals[from] = one
	return nil
}

func takeVote(votes map[uint8]vote, from uint8, body []byte, who peer, nbhd [16]byte, stage uint8, round [64]byte) error {
	var v vote
	if err := letterDecoder.Unmarshal(body, &v); err != nil || v.Index != from || !v.verify(who.ed25519, nbhd, stage, round) {
		return &CheatError{from, "it signed another first round"}
	}
	votes[from] = v
	return nil
}

func (d *dealMotion) takeParcels(from uint8, body []byte) error {
	if !slices.Contains(d.plan.Dealers, from) {
		return nil
	}
	var parcels []parcel
	if err := letterDecoder.Unmarshal(body, &parcels); err != nil || len(parcels) != len(d.plan.Receivers) {
		return &CheatError{from, "it did not deal a share to each receiver"}
	}
	for i, p := range parcels {
		if p.Index != d.plan.Receivers[i].Index {
			return &CheatError{from, "it did not deal a share to each receiver"}
		}
		if d.parcels[p.Index] == nil {
			d.parcels[p.Index] = map[uint8][]byte{}
		}
		d.parcels[p.Index][from] = p.Sealed
	}
	return nil
}

// nextDealStep goes on once all have answered.
func (c *Council) nextDealStep() error {
	m := c.own
	d := m.deal
	switch m.step {
	case stepPlan:
		for _, i := range d.plan.Dealers {
			d.list = append(d.list, d.deals[i])
		}
		if _, err := d.dealing.Public(d.list); err != nil {
			c.finish(err)
			return nil
		}
		return c.ask(stepDeals, bodyForAll(m.peers, wire.MustMarshal(d.list)))
	case stepDeals:
		return c.ask(stepAgreed, bodyForAll(m.peers, wire.MustMarshal(inOrder(d.agreed))))
	case stepAgreed:
		return c.ask(stepShares, d.forReceivers())
	default:
		c.finish(nil)
		return nil
	}
}

func inOrder(votes map[uint8]vote) (out []vote) {
	for _, i := range slices.Sorted(maps.Keys(votes)) {
		out = append(out, votes[i])
	}
	return out
}

// forReceivers sorts the sealed shares by those who are to open them.
func (d *dealMotion) forReceivers() map[uint8][]byte {
	out := map[uint8][]byte{}
	for _, r := range d.plan.Receivers {
		var list []parcel
		for _, dealer := range d.plan.Dealers {
			list = append(list, parcel{Index: dealer, Sealed: d.parcels[r.Index][dealer]})
		}
		out[r.Index] = wire.MustMarshal(list)
	}
	return out
}

func (d *dealMotion) evidence(m *motion) *Dealt {
	return &Dealt{
		Session: m.session, Initiator: m.self, Plan: m.proposal, Deals: d.list, Ready: inOrder(d.ready),
	}
}

// blame finds out whose fault a refusal in a dealing is: the dealer's where it
// is proved, the complainer's where the proof does not hold.
func (c *Council) blame(from uint8, r *refusal) error {
	m := c.own
	switch r.Reason {
	case ReasonShare:
		var y complaint
		if err := letterDecoder.Unmarshal(r.Data, &y); err != nil {
			return &CheatError{from, "its complaint is none"}
		}
		if !y.proves(m.deal.dealing, m.deal.list, c.charter.Nbhd, from, m.peers[y.Dealer].ed25519) {
			return &CheatError{from, fmt.Sprintf("its complaint about issuer %d does not hold", y.Dealer)}
		}
		return &CheatError{y.Dealer, fmt.Sprintf("it dealt a wrong share to issuer %d", from)}
	case ReasonSealed:
		if len(r.Data) == 1 && slices.Contains(m.deal.plan.Dealers, r.Data[0]) {
			return &DoubtError{Receiver: from, Dealer: r.Data[0]}
		}
	}
	return errors.Join(&RefusalError{Refused: m.refused})
}
