// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Element is a member's blinded element for an epoch.
type Element struct {
	Epoch   uint32
	Blinded [group.Size]byte
}

// Book remembers, durably, which blinded element each member has in each epoch.
// It belongs to one neighbourhood and is never restored from a backup: an issuer
// that forgets what it granted counts among the corrupt ones.
type Book interface {
	// Bind records each element, of ascending epochs, as the member's under v
	// unless another is recorded, and returns the recorded ones in their order.
	// What it returns is on the disk, by one sync for all. Records of a lower v
	// and of epochs that are over may be dropped; Bind then fails for them, so
	// that a clock set back does not bring them to life.
	Bind(member Pub, v uint32, elements []Element) ([][group.Size]byte, error)
}

// Mint answers token requests for one issuer. Its fields are set before use and
// then left alone.
type Mint struct {
	Index   uint8
	POPRF   *group.Scalar // not zero
	Ed25519 ed25519.PrivateKey
	Open    func(info, sealed []byte) ([]byte, error) // by the issuer's HPKE key
	Book    Book
	Charter func() *Charter       // the newest, verified; nil where there is none yet
	Epoch   func() (uint32, bool) // the present one, and whether there is one
}

// Answer returns the answer to a token request. It returns [ErrRefused] for one
// that is not for this issuer, not made by a member of the charter or not in
// order, and another error where the book cannot be written. Epochs that are not
// served, or in which the member has another blinded element, are left out of the
// answer.
func (m *Mint) Answer(msg []byte) ([]byte, error) {
	p, err := decodePacket(msg)
	if err != nil || p.Index != m.Index {
		return nil, ErrRefused
	}
	plain, err := m.Open(requestInfo(p.RID, p.Round, p.Index), p.Sealed)
	if err != nil {
		return nil, ErrRefused
	}
	c := m.Charter()
	if c == nil || !m.appointed(c) {
		return nil, ErrRefused
	}
	b, err := p.body(c, plain)
	if err != nil {
		return nil, err
	}
	answer, err := m.serve(c, b)
	if err != nil {
		return nil, err
	}
	sealed, err := sealTo(b.Reply, answerInfo(p.RID, p.Round, p.Index, wire.Digest(plain)), wire.MustMarshal(answer))
	if err != nil {
		return nil, err
	}
	return wire.Marshal(packet{Round: p.Round, RID: p.RID, Index: p.Index, Sealed: sealed})
}

// appointed reports whether the charter names this issuer with these keys.
func (m *Mint) appointed(c *Charter) bool {
	own := c.issuer(m.Index)
	return own != nil && c.check() == nil && own.Ed25519 == Pub(m.Ed25519.Public().(ed25519.PublicKey)) &&
		own.POPRF == group.EncodePoint(group.Base(m.POPRF))
}

// body decodes a request's plaintext and checks all of it that does not depend
// on the epoch.
func (p *packet) body(c *Charter, plain []byte) (*body, error) {
	var r request
	var b body
	if packetDecoder.Unmarshal(plain, &r) != nil || packetDecoder.Unmarshal(r.Body, &b) != nil {
		return nil, ErrRefused
	}
	if b.Label != wire.LabelTokenRequest || b.Nbhd != c.Nbhd || b.V != c.V || b.Round != p.Round || b.RID != p.RID || b.Index != p.Index {
		return nil, ErrRefused
	}
	if !slices.Contains(c.Members, b.Member) || !ed25519.Verify(b.Member[:], r.Body, r.Signature[:]) {
		return nil, ErrRefused
	}
	if len(b.Items) == 0 {
		return nil, ErrRefused
	}
	for i, it := range b.Items {
		if i > 0 && it.Epoch <= b.Items[i-1].Epoch || !c.granted(b.Round, b.Member, it) {
			return nil, ErrRefused
		}
		if _, err := group.DecodePoint(it.Blinded); err != nil {
			return nil, ErrRefused
		}
	}
	return &b, nil
}

// granted reports whether an item has the grants that its round wants: none, or
// those of t issuers of the charter, by ascending index.
func (c *Charter) granted(round uint8, member Pub, it item) bool {
	if round == roundA {
		return len(it.Grants) == 0
	}
	if len(it.Grants) != int(c.T) {
		return false
	}
	msg := c.grantMessage(member, it.Epoch, it.Blinded)
	for i, g := range it.Grants {
		by := c.issuer(g.Index)
		if by == nil || i > 0 && g.Index <= it.Grants[i-1].Index || !ed25519.Verify(by.Ed25519[:], msg, g.Signature[:]) {
			return false
		}
	}
	return true
}

// serve binds the elements and then grants or evaluates those that are bound. It
// binds in round b as well, since issuers come and go within one v: what t others
// granted must not be a second element here.
func (m *Mint) serve(c *Charter, b *body) (any, error) {
	now, ok := m.Epoch()
	var elements []Element
	for _, it := range b.Items {
		if ok && c.serves(now, it.Epoch) {
			elements = append(elements, Element{Epoch: it.Epoch, Blinded: it.Blinded})
		}
	}
	if len(elements) > 0 {
		bound, err := m.Book.Bind(b.Member, c.V, elements)
		if err != nil {
			return nil, fmt.Errorf("token: record elements of epoch %d and after: %w", elements[0].Epoch, err)
		}
		if len(bound) != len(elements) {
			return nil, fmt.Errorf("token: record elements: the book holds %d of %d", len(bound), len(elements))
		}
		elements = keep(elements, bound)
	}
	if b.Round == roundA {
		return m.grant(c, b.Member, elements), nil
	}
	return m.evaluate(c, elements)
}

// serves reports whether tokens of an epoch may be had in the present one.
func (c *Charter) serves(now, epoch uint32) bool {
	ahead := int64(epoch) - int64(now)
	return epoch >= c.From && -Behind <= ahead && ahead <= Ahead
}

// keep returns the elements that are the bound ones.
func keep(elements []Element, bound [][group.Size]byte) []Element {
	kept := elements[:0]
	for i, e := range elements {
		if e.Blinded == bound[i] {
			kept = append(kept, e)
		}
	}
	return kept
}

func (m *Mint) grant(c *Charter, member Pub, elements []Element) []granted {
	var out []granted
	for _, e := range elements {
		sig := ed25519.Sign(m.Ed25519, c.grantMessage(member, e.Epoch, e.Blinded))
		out = append(out, granted{Epoch: e.Epoch, Signature: [ed25519.SignatureSize]byte(sig)})
	}
	return out
}

func (m *Mint) evaluate(c *Charter, elements []Element) ([]evaluation, error) {
	key, err := secretKey(m.POPRF)
	if err != nil {
		return nil, err
	}
	var out []evaluation
	for _, e := range elements {
		one, err := evaluate(key, info(c.Nbhd, e.Epoch, c.V), e.Blinded)
		if err != nil {
			return nil, err
		}
		one.Epoch = e.Epoch
		out = append(out, one)
	}
	return out, nil
}
