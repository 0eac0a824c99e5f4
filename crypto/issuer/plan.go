// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/ed25519"
	"crypto/sha512"
	"errors"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Plan says who deals shares to whom, and for which charter. Where New is set
// the receivers deal a new key among themselves; otherwise exactly t of the
// present issuers hand the present key on.
type Plan struct {
	_         struct{} `cbor:",toarray"`
	Gen       uint32   // of the charter that is to name the shares
	Base      [32]byte // hash of the present key, threshold and issuers
	New       bool
	T         uint8
	Dealers   []uint8    // ascending
	Receivers []Receiver // ascending
}

// Receiver is one who is to hold a share: an issuer under the index that it
// has, or a candidate under one that is free.
type Receiver struct {
	_     struct{} `cbor:",toarray"`
	Index uint8
	Offer Candidacy
}

// Candidacy is a member's offer to be an issuer: its public keys as an issuer,
// signed by its identity. One who is an issuer already needs no signature.
type Candidacy struct {
	_                    struct{} `cbor:",toarray"`
	Member               Pub      // its identity, zero for an issuer
	POPRF, HPKE, Ed25519 Pub
	Signature            [ed25519.SignatureSize]byte
}

func (y Candidacy) signed(nbhd [16]byte) []byte {
	return wire.MustMarshal(struct {
		_                            struct{} `cbor:",toarray"`
		Label                        wire.Label
		Nbhd                         [16]byte
		Member, POPRF, HPKE, Ed25519 Pub
	}{Label: wire.LabelIssuers, Nbhd: nbhd, Member: y.Member, POPRF: y.POPRF, HPKE: y.HPKE, Ed25519: y.Ed25519})
}

// holds reports whether a member of the charter makes the offer.
func (y Candidacy) holds(c *Charter) bool {
	weak := group.WeakEd25519(y.Ed25519) || group.WeakX25519(y.HPKE)
	return !weak && c.Member(y.Member) != nil && ed25519.Verify(y.Member[:], y.signed(c.Nbhd), y.Signature[:])
}

// Candidate returns the offer of a member to be an issuer with the keys k.
func Candidate(k *Keys, id *Identity, nbhd [16]byte) Candidacy {
	p := k.Public()
	y := Candidacy{Member: id.Ed25519(), POPRF: p.POPRF, HPKE: p.HPKE, Ed25519: p.Ed25519}
	y.Signature = [ed25519.SignatureSize]byte(ed25519.Sign(id.Sign, y.signed(nbhd)))
	return y
}

// Stays returns a receiver that is an issuer already.
func Stays(s Issuer) Receiver {
	return Receiver{Index: s.Index, Offer: Candidacy{POPRF: s.POPRF, HPKE: s.HPKE, Ed25519: s.Ed25519}}
}

// baseOf is what a plan changes: a member that joins in the meantime does not
// upset it, another set of issuers does.
func baseOf(c *Charter) [32]byte {
	h := wire.Digest(wire.MustMarshal(struct {
		_       struct{} `cbor:",toarray"`
		P       Pub
		T       uint8
		Issuers []Issuer
	}{P: c.P, T: c.T, Issuers: c.Issuers}))
	return [32]byte(h[:32])
}

// NewPlan returns a plan under a charter for the one of generation gen. Without
// dealers the receivers deal a new key.
func NewPlan(c *Charter, gen uint32, t uint8, dealers []uint8, receivers []Receiver) *Plan {
	p := &Plan{Gen: gen, Base: baseOf(c), T: t, Dealers: slices.Clone(dealers), Receivers: slices.Clone(receivers)}
	slices.SortFunc(p.Receivers, func(a, b Receiver) int { return int(a.Index) - int(b.Index) })
	slices.Sort(p.Dealers)
	if len(dealers) == 0 {
		p.New, p.Dealers = true, p.indices()
	}
	return p
}

// DecodePlan decodes the proposal of [MatterDealing].
func DecodePlan(b []byte) (*Plan, error) {
	var p Plan
	if err := letterDecoder.Unmarshal(b, &p); err != nil {
		return nil, fmt.Errorf("issuer: decode plan: %w", err)
	}
	return &p, nil
}

func (p *Plan) indices() (out []uint8) {
	for _, r := range p.Receivers {
		out = append(out, r.Index)
	}
	return out
}

func (p *Plan) receiver(index uint8) *Receiver {
	for i := range p.Receivers {
		if p.Receivers[i].Index == index {
			return &p.Receivers[i]
		}
	}
	return nil
}

// publicOf returns what a charter says of its issuers' shares.
func publicOf(c *Charter) *frost.Public {
	out := &frost.Public{P: c.P, T: c.T}
	for _, s := range c.Issuers {
		out.Shares = append(out.Shares, frost.PublicShare{Index: s.Index, Y: s.Y})
	}
	return out
}

// dealing checks a plan against the charter and returns what is to be dealt.
func (p *Plan) dealing(c *Charter, session sessionID, initiator uint8) (*frost.Dealing, error) {
	if p.Base != baseOf(c) || !ahead(c.Gen, p.Gen) {
		return nil, errors.New("issuer: the plan is for another charter")
	}
	h := wire.Hash(wire.LabelIssuers, c.Nbhd[:], session[:], wire.U8(initiator), wire.MustMarshal(p))
	d := &frost.Dealing{Session: [32]byte(h[:32]), T: p.T, Dealers: p.Dealers, Receivers: p.indices()}
	if !p.New {
		d.Old = publicOf(c)
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	for i, r := range p.Receivers {
		if err := r.check(c); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(p.Receivers[:i], func(o Receiver) bool { return o.Offer.Ed25519 == r.Offer.Ed25519 || o.Offer.HPKE == r.Offer.HPKE }) {
			return nil, fmt.Errorf("issuer: receiver %d has the keys of another", r.Index)
		}
	}
	return d, nil
}

// check wants an issuer to keep its index and its keys, and a candidate to be a
// member and to take an index that is free: an index stands for one key in
// everything that is said while shares are dealt.
func (r *Receiver) check(c *Charter) error {
	for _, s := range c.Issuers {
		switch {
		case s.Ed25519 == r.Offer.Ed25519 && *r != Stays(s):
			return fmt.Errorf("issuer: issuer %d cannot change its index or its keys", s.Index)
		case s.Ed25519 == r.Offer.Ed25519:
			return nil
		case s.Index == r.Index:
			return fmt.Errorf("issuer: index %d belongs to another issuer", r.Index)
		}
	}
	if !r.Offer.holds(c) {
		return fmt.Errorf("issuer: receiver %d is neither an issuer nor a member that offers to be one", r.Index)
	}
	return nil
}

func ahead(gen, next uint32) bool {
	return next > gen && uint64(next) <= uint64(gen)+MaxAhead
}

// peers returns all who take part: dealers and receivers, by index.
func (p *Plan) peers(c *Charter) map[uint8]peer {
	out := map[uint8]peer{}
	for _, i := range p.Dealers {
		if s := c.Issuer(i); s != nil {
			out[i] = peer{i, s.HPKE, s.Ed25519}
		}
	}
	for _, r := range p.Receivers {
		out[r.Index] = peer{r.Index, r.Offer.HPKE, r.Offer.Ed25519}
	}
	return out
}

// roundOne is the hash of the first round, which all who take part sign: of the
// dealing, and with it of the plan and the session, and of all deals.
func roundOne(d *frost.Dealing, deals []frost.Deal) [sha512.Size]byte {
	return wire.Hash(wire.LabelRound, d.Session[:], wire.MustMarshal(deals))
}

// Stages of a dealing that are signed.
const (
	stageAgreed = 0 // the first round is the one that I have seen
	stageReady  = 1 // my share of it is on my disk
)

// vote is the signature of one who takes part.
type vote struct {
	_         struct{} `cbor:",toarray"`
	Index     uint8
	Signature [ed25519.SignatureSize]byte
}

func voteText(nbhd [16]byte, stage, index uint8, round [sha512.Size]byte) []byte {
	return wire.MustMarshal(struct {
		_            struct{} `cbor:",toarray"`
		Label        wire.Label
		Nbhd         [16]byte
		Stage, Index uint8
		Round        [sha512.Size]byte
	}{Label: wire.LabelRound, Nbhd: nbhd, Stage: stage, Index: index, Round: round})
}

func (v vote) verify(key Pub, nbhd [16]byte, stage uint8, round [sha512.Size]byte) bool {
	return ed25519.Verify(key[:], voteText(nbhd, stage, v.Index, round), v.Signature[:])
}
