// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// parcel is a share on its way through the hands of whoever began the session,
// who cannot read it.
type parcel struct {
	_      struct{} `cbor:",toarray"`
	Index  uint8    // the receiver; for the receiver, the dealer
	Sealed []byte
}

// handed is the plaintext of a parcel. The dealer's signature lets the receiver
// prove to others that the share is wrong.
type handed struct {
	_     struct{} `cbor:",toarray"`
	Value [group.Size]byte
	Sig   [ed25519.SignatureSize]byte
}

func parcelInfo(s *seat, dealer, receiver uint8) []byte {
	return lv(wire.LabelDeal, s.round[:], wire.U8(dealer), wire.U8(receiver))
}

func handedText(nbhd [16]byte, round [64]byte, dealer, receiver uint8, value [group.Size]byte) []byte {
	return wire.MustMarshal(struct {
		_                struct{} `cbor:",toarray"`
		Label            wire.Label
		Nbhd             [16]byte
		Round            [64]byte
		Dealer, Receiver uint8
		Value            [group.Size]byte
	}{Label: wire.LabelDeal, Nbhd: nbhd, Round: round, Dealer: dealer, Receiver: receiver, Value: value})
}

// deal takes a plan and answers with a deal, or with nothing where others deal.
func (c *Council) deal(s *seat, body []byte) ([]byte, error) {
	p, err := DecodePlan(body)
	if err != nil {
		return nil, refuse(ReasonProposal, "that is no plan")
	}
	if s.dealing, err = p.dealing(c.charter, s.session, s.from); err != nil {
		return nil, refuse(ReasonCharter, err.Error())
	}
	if !c.takesPart(p, s.index) {
		return nil, refuse(ReasonCharter, "the plan does not name this issuer so")
	}
	if len(c.keys.Pending) >= MaxPending {
		return nil, refuse(ReasonFull, "too many shares wait for their charter")
	}
	if err := c.approve(MatterDealing, body); err != nil {
		return nil, err
	}
	s.plan = p
	if !slices.Contains(p.Dealers, s.index) {
		return []byte{}, nil
	}
	share := Share{Index: s.index}
	if !p.New {
		share = c.keys.Share
	}
	poly, deal, err := s.dealing.Deal(c.Rand, share)
	if err != nil {
		return nil, err
	}
	s.poly = poly
	return wire.MustMarshal(deal), nil
}

// takesPart reports whether a plan means this issuer by an index: as a dealer
// with its present share, or as a receiver with its keys.
func (c *Council) takesPart(p *Plan, index uint8) bool {
	if slices.Contains(p.Dealers, index) && !p.New && (index != c.public.Index || !c.appointed()) {
		return false
	}
	if r := p.receiver(index); r != nil {
		return r.Offer.Ed25519 == c.public.Ed25519 && r.Offer.HPKE == c.public.HPKE && r.Offer.POPRF == c.public.POPRF
	}
	return slices.Contains(p.Dealers, index)
}

// agree checks all deals and signs that these are the first round. It names a
// dealer that cheats.
func (c *Council) agree(s *seat, body []byte) ([]byte, error) {
	if s.plan == nil || s.deals != nil {
		return nil, ErrRefused
	}
	var deals []frost.Deal
	if err := letterDecoder.Unmarshal(body, &deals); err != nil {
		return nil, refuse(ReasonRound, "those are no deals")
	}
	if _, err := s.dealing.Public(deals); err != nil {
		return nil, refuse(ReasonRound, err.Error())
	}
	if s.poly != nil && !slices.ContainsFunc(deals, func(d frost.Deal) bool { return c.isOwn(s, d) }) {
		return nil, refuse(ReasonRound, "our own deal is not among the deals")
	}
	s.deals, s.round = deals, roundOne(s.dealing, deals)
	return wire.MustMarshal(c.vote(s, stageAgreed)), nil
}

// isOwn reports whether d is the deal that we made in this session.
func (c *Council) isOwn(s *seat, d frost.Deal) bool {
	return string(wire.MustMarshal(d)) == string(s.answers[stepPlan].body)
}

func (c *Council) vote(s *seat, stage uint8) vote {
	sig := ed25519.Sign(c.keys.Ed25519, voteText(c.charter.Nbhd, stage, s.index, s.round))
	return vote{Index: s.index, Signature: [ed25519.SignatureSize]byte(sig)}
}

// hand gives the shares away, sealed to their receivers, once all who take part
// have signed the first round that we have seen. The polynomial is gone then.
func (c *Council) hand(s *seat, body []byte) ([]byte, error) {
	if s.deals == nil {
		return nil, ErrRefused
	}
	var votes []vote
	if err := letterDecoder.Unmarshal(body, &votes); err != nil {
		return nil, refuse(ReasonRound, "those are no signatures")
	}
	peers := s.plan.peers(c.charter)
	if len(votes) != len(peers) {
		return nil, refuse(ReasonRound, fmt.Sprintf("%d of %d have signed the first round", len(votes), len(peers)))
	}
	for i, v := range votes {
		who, ok := peers[v.Index]
		if !ok || i > 0 && v.Index <= votes[i-1].Index || !v.verify(who.ed25519, c.charter.Nbhd, stageAgreed, s.round) {
			return nil, refuse(ReasonRound, fmt.Sprintf("issuer %d has signed another first round", v.Index))
		}
	}
	var out []parcel
	if s.poly == nil {
		return wire.MustMarshal(out), nil
	}
	for _, r := range s.plan.Receivers {
		sealed, err := c.parcel(s, &r)
		if err != nil {
			return nil, refuse(ReasonProposal, fmt.Sprintf("the key of receiver %d does not do", r.Index))
		}
		out = append(out, parcel{Index: r.Index, Sealed: sealed})
	}
	s.poly.Erase()
	s.poly = nil
	return wire.MustMarshal(out), nil
}

func (c *Council) parcel(s *seat, to *Receiver) ([]byte, error) {
	h := handed{Value: group.EncodeScalar(s.poly.At(to.Index))}
	sig := ed25519.Sign(c.keys.Ed25519, handedText(c.charter.Nbhd, s.round, s.index, to.Index, h.Value))
	h.Sig = [ed25519.SignatureSize]byte(sig)
	return sealTo(to.Offer.HPKE, parcelInfo(s, s.index, to.Index), wire.MustMarshal(h))
}

// complaint proves that a dealer dealt a wrong share.
type complaint struct {
	_      struct{} `cbor:",toarray"`
	Dealer uint8
	Handed handed
}

// receive takes the shares of all dealers and writes their sum down before it
// says that it is ready. The present share stays what it is.
func (c *Council) receive(s *seat, body []byte) ([]byte, error) {
	if s.deals == nil || s.answers[stepAgreed].body == nil || s.plan.receiver(s.index) == nil {
		return nil, ErrRefused
	}
	var parcels []parcel
	if err := letterDecoder.Unmarshal(body, &parcels); err != nil || len(parcels) != len(s.deals) {
		return nil, refuse(ReasonProposal, "there is not one share of each dealer")
	}
	peers := s.plan.peers(c.charter)
	var values []*group.Scalar
	for i, p := range parcels {
		dealer := s.deals[i].Dealer
		v, err := c.unpack(s, p, dealer, peers[dealer].ed25519)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	share, public, err := s.dealing.Receive(s.index, s.deals, values)
	if err != nil {
		return nil, refuse(ReasonRound, err.Error())
	}
	if len(c.keys.Pending) >= MaxPending {
		return nil, refuse(ReasonFull, "too many shares wait for their charter")
	}
	keys := c.keys.hold(Pending{Gen: s.plan.Gen, Share: share, P: public.P})
	if err := c.Ledger.SaveKeys(keys); err != nil {
		return nil, fmt.Errorf("issuer: save keys: %w", err)
	}
	c.keys = keys
	return wire.MustMarshal(c.vote(s, stageReady)), nil
}

// unpack opens a share and holds it against the dealer's commitments.
func (c *Council) unpack(s *seat, p parcel, dealer uint8, key Pub) (*group.Scalar, error) {
	spoilt := &refusal{Reason: ReasonSealed, Text: fmt.Sprintf("the share of dealer %d does not open", dealer), Data: []byte{dealer}}
	plain, err := OpenWith(c.keys.HPKE, parcelInfo(s, dealer, s.index), p.Sealed)
	if err != nil || p.Index != dealer {
		return nil, spoilt
	}
	var h handed
	if err := letterDecoder.Unmarshal(plain, &h); err != nil {
		return nil, spoilt
	}
	if !ed25519.Verify(key[:], handedText(c.charter.Nbhd, s.round, dealer, s.index, h.Value), h.Sig[:]) {
		return nil, spoilt
	}
	v, err := group.DecodeScalar(h.Value)
	if err == nil {
		i := slices.IndexFunc(s.deals, func(d frost.Deal) bool { return d.Dealer == dealer })
		err = s.dealing.CheckShare(&s.deals[i], s.index, v)
	}
	if err != nil {
		return nil, &refusal{
			Reason: ReasonShare, Text: fmt.Sprintf("the share of dealer %d is wrong", dealer),
			Data: wire.MustMarshal(complaint{Dealer: dealer, Handed: h}),
		}
	}
	return v, nil
}

// proves reports whether a complaint of a receiver about a dealer holds: the
// dealer signed a share that is not what it committed to.
func (y *complaint) proves(d *frost.Dealing, deals []frost.Deal, nbhd [16]byte, receiver uint8, key Pub) bool {
	i := slices.IndexFunc(deals, func(d frost.Deal) bool { return d.Dealer == y.Dealer })
	if i < 0 || !ed25519.Verify(key[:], handedText(nbhd, roundOne(d, deals), y.Dealer, receiver, y.Handed.Value), y.Handed.Sig[:]) {
		return false
	}
	v, err := group.DecodeScalar(y.Handed.Value)
	if err != nil {
		return true
	}
	var wrong *frost.DealError
	return errors.As(d.CheckShare(&deals[i], receiver, v), &wrong)
}
