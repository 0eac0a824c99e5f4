// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TestRequestRefused changes one thing in a request that is otherwise right, and
// has the member sign it again.
func TestRequestRefused(t *testing.T) {
	w := newPlace(t, "refused", 2, 3, 2)
	wallet := NewWallet(w.charter.Nbhd)
	_, a := w.open(t, w.ask(t, wallet, 0, 100, 101).Pending()[0])
	_, msg := w.inRoundB(t, wallet, 0, 100, 101)
	_, b := w.open(t, msg)
	stranger := ed25519.NewKeyFromSeed(w.draw(t))
	grants := func(b *body, f func([]grant) []grant) { b.Items[1].Grants = f(slices.Clone(b.Items[1].Grants)) }
	// granted has issuers sign for other fields than those of the request.
	granted := func(c Charter, member Pub, epoch uint32, blinded [32]byte, by ...ed25519.PrivateKey) func([]grant) []grant {
		return func([]grant) (out []grant) {
			for i, key := range by {
				sig := ed25519.Sign(key, c.grantMessage(member, epoch, blinded))
				out = append(out, grant{Index: uint8(i + 1), Signature: [64]byte(sig)})
			}
			return out
		}
	}
	right, it := *w.charter, b.Items[1]
	one, two, three := w.mints[0].Ed25519, w.mints[1].Ed25519, w.mints[2].Ed25519
	other := func(f func(*Charter)) Charter { c := right; f(&c); return c }

	for name, c := range map[string]struct {
		of     body
		change func(*body)
	}{
		"label":          {a, func(b *body) { b.Label = wire.LabelTokenGrant }},
		"nbhd":           {a, func(b *body) { b.Nbhd[0] ^= 1 }},
		"earlier v":      {a, func(b *body) { b.V-- }},
		"later v":        {a, func(b *body) { b.V++ }},
		"other issuer":   {a, func(b *body) { b.Index = 2 }},
		"no issuer":      {a, func(b *body) { b.Index = 0 }},
		"other member":   {a, func(b *body) { b.Member = w.member(1) }},
		"no member":      {a, func(b *body) { b.Member = Pub(stranger.Public().(ed25519.PublicKey)) }},
		"weak reply":     {a, func(b *body) { b.Reply = Pub{} }},
		"no epochs":      {a, func(b *body) { b.Items = nil }},
		"order":          {a, func(b *body) { slices.Reverse(b.Items) }},
		"epoch twice":    {a, func(b *body) { b.Items[1].Epoch = b.Items[0].Epoch }},
		"identity":       {a, func(b *body) { b.Items[1].Blinded = [32]byte{} }},
		"no point":       {a, func(b *body) { b.Items[1].Blinded = [32]byte{1} }},
		"early grant":    {a, func(x *body) { x.Items[1].Grants = it.Grants }},
		"no grants":      {b, func(b *body) { grants(b, func([]grant) []grant { return nil }) }},
		"one grant":      {b, func(b *body) { grants(b, func(g []grant) []grant { return g[:1] }) }},
		"one twice":      {b, func(b *body) { grants(b, func(g []grant) []grant { return []grant{g[0], g[0]} }) }},
		"one as two":     {b, func(b *body) { grants(b, func(g []grant) []grant { g[1].Signature = g[0].Signature; return g }) }},
		"grants' order":  {b, func(b *body) { grants(b, func(g []grant) []grant { slices.Reverse(g); return g }) }},
		"three of two":   {b, func(b *body) { grants(b, granted(right, w.member(0), 101, it.Blinded, one, two, three)) }},
		"no such issuer": {b, func(b *body) { grants(b, func(g []grant) []grant { g[1].Index = 4; return g }) }},
		"not an issuer":  {b, func(b *body) { grants(b, granted(right, w.member(0), 101, it.Blinded, one, stranger)) }},
		"swapped keys":   {b, func(b *body) { grants(b, granted(right, w.member(0), 101, it.Blinded, two, one)) }},
		"grant's epoch":  {b, func(b *body) { grants(b, granted(right, w.member(0), 100, it.Blinded, one, two)) }},
		"grant's member": {b, func(b *body) { grants(b, granted(right, w.member(1), 101, it.Blinded, one, two)) }},
		"grant's element": {b, func(b *body) {
			grants(b, granted(right, w.member(0), 101, b.Items[0].Blinded, one, two))
		}},
		"grant's v": {b, func(b *body) {
			grants(b, granted(other(func(c *Charter) { c.V = 1 }), w.member(0), 101, it.Blinded, one, two))
		}},
		"grant's nbhd": {b, func(b *body) {
			grants(b, granted(other(func(c *Charter) { c.Nbhd[0]++ }), w.member(0), 101, it.Blinded, one, two))
		}},
		"swapped elements": {b, func(b *body) {
			b.Items[0].Blinded, b.Items[1].Blinded = b.Items[1].Blinded, b.Items[0].Blinded
		}},
	} {
		x := c.of
		x.Items = slices.Clone(x.Items)
		c.change(&x)
		if _, err := w.mints[0].Answer(w.seal(t, w.members[0], 1, x)); err != ErrRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, x := range []body{a, b} {
		if _, err := w.mints[0].Answer(w.seal(t, w.members[1], 1, x)); err != ErrRefused {
			t.Errorf("round %d: signed by another member: %v", x.Round, err)
		}
		raw := wire.MustMarshal(request{Body: wire.MustMarshal(x)})
		if _, err := w.mints[0].Answer(w.sealPlain(t, 1, x.RID, x.Round, raw)); err != ErrRefused {
			t.Errorf("round %d: not signed: %v", x.Round, err)
		}
		raw = wire.MustMarshal(request{Body: wire.MustMarshal(x), Signature: [64]byte(ed25519.Sign(w.members[0], wire.MustMarshal(x)))})
		if _, err := w.mints[0].Answer(w.sealPlain(t, 1, x.RID, 1-x.Round, raw)); err != ErrRefused {
			t.Errorf("round %d as the other: %v", x.Round, err)
		}
		rid := x.RID
		rid[0] ^= 1 // a packet's rid is the one that the member signed
		if _, err := w.mints[0].Answer(w.sealPlain(t, 1, rid, x.Round, raw)); err != ErrRefused {
			t.Errorf("round %d under another rid: %v", x.Round, err)
		}
		if _, err := w.mints[0].Answer(w.sealPlain(t, 1, x.RID, x.Round, raw)); err != nil {
			t.Errorf("round %d as it was: %v", x.Round, err)
		}
	}
}

// TestMintKnowsItsPlace has a mint that the charter does not name refuse all.
func TestMintKnowsItsPlace(t *testing.T) {
	w := newPlace(t, "place", 2, 3, 1)
	msg := w.ask(t, NewWallet(w.charter.Nbhd), 0, 100).Pending()[0]
	right := *w.mints[0]
	key := must(group.RandomScalar(w.rand))(t)
	bare := *w.charter
	for name, change := range map[string]func(*Mint){
		"no charter":        func(m *Mint) { m.Charter = func() *Charter { return nil } },
		"another index":     func(m *Mint) { m.Index = 2 },
		"another POPRF key": func(m *Mint) { m.POPRF = key },
		"another identity":  func(m *Mint) { m.Ed25519 = w.members[0] },
		"another HPKE key":  func(m *Mint) { m.Open = w.mints[1].Open },
		"voted out": func(m *Mint) {
			c := bare
			c.Issuers = c.Issuers[1:]
			m.Charter = func() *Charter { return &c }
		},
		"member removed": func(m *Mint) {
			c := bare
			c.Members = nil
			m.Charter = func() *Charter { return &c }
		},
		"t of half": func(m *Mint) {
			c := bare
			c.T = 1
			m.Charter = func() *Charter { return &c }
		},
	} {
		m := right
		change(&m)
		if _, err := m.Answer(msg); err != ErrRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := right.Answer(msg); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

// TestReplay sends a request twice, and to the other issuers: whoever copies one
// gets an answer that only its member can read, and no issuer binds anything new.
func TestReplay(t *testing.T) {
	w := newPlace(t, "replay", 2, 3, 1)
	a, msg := w.inRoundB(t, NewWallet(w.charter.Nbhd), 0, 100)
	var first, second []evaluation
	answer := must(w.mints[0].Answer(msg))(t)
	answerOf(t, a, answer, &first)
	answerOf(t, a, must(w.mints[0].Answer(msg))(t), &second)
	if first[0].Element != second[0].Element || len(w.books[0].bound) != 1 {
		t.Error("a replay gets another evaluation")
	}
	stranger := must(ecdh.X25519().NewPrivateKey(w.draw(t)))(t)
	p := must(decodePacket(answer))(t)
	if _, err := openWith(stranger, answerInfo(p.RID, p.Round, p.Index, a.pending[1].digest), p.Sealed); err == nil {
		t.Error("a stranger reads the answer")
	}
	for i, m := range w.mints[1:] {
		if _, err := m.Answer(msg); err != ErrRefused {
			t.Errorf("issuer %d takes a message to issuer 1: %v", i+2, err)
		}
	}
	if err := a.Handle(answer); err != nil {
		t.Fatal(err)
	}
	if err := a.Handle(answer); err != ErrRefused {
		t.Errorf("an answer is taken twice: %v", err)
	}
}

// TestBadEncodings feeds the encodings that RFC 9496, A.2, wants refused.
func TestBadEncodings(t *testing.T) {
	var vectors struct {
		Bad []string `json:"bad_encodings"`
	}
	readJSON(t, "../../group/testdata/rfc9496.json", &vectors)
	for _, s := range append(vectors.Bad, hexOf(make([]byte, 32))) {
		b := [32]byte(unhex(t, s))
		if _, err := element(b); err == nil {
			t.Errorf("%s is taken for an element", s)
		}
		if _, err := publicKey(b); err == nil {
			t.Errorf("%s is taken for a key", s)
		}
	}
	if len(vectors.Bad) != 29 {
		t.Errorf("%d vectors", len(vectors.Bad))
	}
	if _, err := Output(group.Reduce([64]byte{}), [16]byte{}, 1, 1, [32]byte{}); err != errKey {
		t.Errorf("the key zero: %v", err)
	}
}

// TestCharterCheck lists charters that neither side works with.
func TestCharterCheck(t *testing.T) {
	w := newPlace(t, "charter", 2, 3, 1)
	for name, f := range map[string]func(*Charter){
		"no issuers":   func(c *Charter) { c.Issuers = nil },
		"t of half":    func(c *Charter) { c.T = 1 },
		"t over n":     func(c *Charter) { c.T = 4 },
		"order":        func(c *Charter) { c.Issuers[0], c.Issuers[1] = c.Issuers[1], c.Issuers[0] },
		"index 0":      func(c *Charter) { c.Issuers[0].Index = 0 },
		"index 17":     func(c *Charter) { c.Issuers[2].Index = 17 },
		"index twice":  func(c *Charter) { c.Issuers[1].Index = 1 },
		"signs twice":  func(c *Charter) { c.Issuers[1].Ed25519 = c.Issuers[0].Ed25519 },
		"POPRF twice":  func(c *Charter) { c.Issuers[1].POPRF = c.Issuers[0].POPRF },
		"17 issuers":   func(c *Charter) { c.T, c.Issuers = 9, make([]Issuer, 17) },
		"many members": func(c *Charter) { c.Members = make([]Pub, 33) },
	} {
		c := *w.charter
		c.Issuers = slices.Clone(c.Issuers)
		f(&c)
		if c.check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := w.charter.check(); err != nil {
		t.Error(err)
	}
}
