// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/frost"
	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// forged returns a request of the first round with a changed plaintext. Where
// mac is true the member makes its MAC anew, as one can who breaks the rules.
func (w *place) forged(t *testing.T, a *Asking, mac bool, change func(r *request)) []byte {
	t.Helper()
	s := a.signers[0]
	r := a.ask.request(a.y[s.Index])
	change(&r)
	if mac {
		r = r.ask().request(a.y[s.Index])
	}
	return must(packetFor(s, a.rid, roundA, r))(t)
}

// TestFirstRoundRefuses shows a signer what it must not commit to. None of it
// reaches the book or leaves a session.
func TestFirstRoundRefuses(t *testing.T) {
	w := newPlace(t, "first round", 1, 1)
	elsewhere := newPlace(t, "elsewhere", 1, 1)
	id, own := w.members[0], w.secrets(t)
	a := w.asking(t, id, 100, own)
	good := a.Pending()[0]
	stranger := must(NewIdentity(w.rand))(t)
	other := w.asking(t, w.members[1], 100, w.secrets(t))
	const withMAC, oldMAC = true, false
	edited := func(change func(p *packet)) []byte {
		p := *must(decodePacket(good))(t)
		change(&p)
		return wire.MustMarshal(p)
	}
	for name, msg := range map[string][]byte{
		"empty":                  nil,
		"over the limit":         make([]byte, MaxPacket+1),
		"trailing byte":          append(slices.Clone(good), 0),
		"a round three":          edited(func(p *packet) { p.Round = 2 }),
		"sealed for round three": must(packetFor(&w.charter.Issuers[0], a.rid, 2, a.ask.request(a.y[1])))(t),
		"said to be round two":   edited(func(p *packet) { p.Round = roundB }),
		"another issuer's":       edited(func(p *packet) { p.Index = 2 }),
		"another number":         edited(func(p *packet) { p.RID[0] ^= 1 }),
		"nothing sealed":         edited(func(p *packet) { p.Sealed = nil }),
		"sealed to somebody":     must(packetFor(&elsewhere.charter.Issuers[0], a.rid, roundA, a.ask.request(a.y[1])))(t),
		"no request":             must(packetFor(&w.charter.Issuers[0], a.rid, roundA, parts{}))(t),
		"a stranger":             w.asking(t, stranger, 100, w.secrets(t)).Pending()[0],
		"two epochs ago":         w.asking(t, id, 98, own).Pending()[0],
		"in two epochs":          w.asking(t, id, 102, own).Pending()[0],
		"in the last epoch":      w.asking(t, id, 0xffffffff, own).Pending()[0],
		"epoch replaced":         w.forged(t, a, oldMAC, func(r *request) { r.Epoch++ }),
		"member replaced":        w.forged(t, a, oldMAC, func(r *request) { r.S = w.members[1].X25519() }),
		"U_sig replaced":         w.forged(t, a, oldMAC, func(r *request) { r.USig = other.ask.USig }),
		"U_kem replaced":         w.forged(t, a, oldMAC, func(r *request) { r.UKem = other.ask.UKem }),
		"proof replaced":         w.forged(t, a, oldMAC, func(r *request) { r.ProofSig = other.ask.ProofSig }),
		"reply key replaced":     w.forged(t, a, oldMAC, func(r *request) { r.Reply = other.ask.Reply }),
		"MAC replaced":           w.forged(t, a, oldMAC, func(r *request) { r.MAC = mac(other.y[1], a.ask) }),
		"MAC of other fields":    w.forged(t, a, oldMAC, func(r *request) { r.MAC = mac(a.y[1], other.ask) }),
		"another's U_sig":        w.forged(t, a, withMAC, func(r *request) { r.USig = other.ask.USig }),
		"another's U_kem":        w.forged(t, a, withMAC, func(r *request) { r.UKem = other.ask.UKem }),
		"another's U and proofs": w.forged(t, a, withMAC, func(r *request) { r.USig, r.ProofSig = other.ask.USig, other.ask.ProofSig }),
		"proof of kem for sig":   w.forged(t, a, withMAC, func(r *request) { r.ProofSig = r.ProofKem }),
		"proof for another key":  w.forged(t, a, withMAC, func(r *request) { r.Reply = other.ask.Reply }),
		"identity for U":         w.forged(t, a, withMAC, func(r *request) { r.USig = [group.Size]byte{} }),
		"challenge no scalar":    w.forged(t, a, withMAC, func(r *request) { r.ProofKem[31] = 0xff }),
		"response no scalar":     w.forged(t, a, withMAC, func(r *request) { r.ProofKem[63] = 0xff }),
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := w.signers[0].Answer(msg)
			if err != ErrRefused || answer != nil {
				t.Errorf("got %x, %v", answer, err)
			}
			if w.books[0].binds != 0 || len(w.signers[0].sessions) != 0 {
				t.Error("a refused request leaves something behind")
			}
		})
	}
	must(w.run(t, a))(t)
}

// TestSignerOfAnotherCharter holds that an issuer whom the charter does not name
// signs nothing, nor before there is a charter.
func TestSignerOfAnotherCharter(t *testing.T) {
	w := newPlace(t, "charter", 2, 3)
	msg := w.asking(t, w.members[0], 100, w.secrets(t)).Pending()[0]
	good := *w.charter
	for name, c := range map[string]*Charter{
		"none":       nil,
		"another P":  {P: Pub{1}, Issuers: good.Issuers, Members: good.Members, Epoch0: good.Epoch0, EpochLen: good.EpochLen, Nbhd: good.Nbhd, T: 2},
		"voted out":  {P: good.P, Issuers: good.Issuers[1:], Members: good.Members, Epoch0: good.Epoch0, EpochLen: good.EpochLen, Nbhd: good.Nbhd, T: 2},
		"not begun":  {P: good.P, Issuers: good.Issuers, Members: good.Members, Epoch0: good.Epoch0 * 2, EpochLen: good.EpochLen, Nbhd: good.Nbhd, T: 2},
		"no members": {P: good.P, Issuers: good.Issuers, Epoch0: good.Epoch0, EpochLen: good.EpochLen, Nbhd: good.Nbhd, T: 2},
	} {
		w.charter = c
		if _, err := w.signers[0].Answer(msg); err != ErrRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	changed := good
	changed.Issuers = slices.Clone(good.Issuers)
	changed.Issuers[0].Y = good.Issuers[1].Y
	w.charter = &changed
	if _, err := w.signers[0].Answer(msg); err != ErrRefused {
		t.Errorf("another share: %v", err)
	}
	w.charter = &good
	must(w.signers[0].Answer(msg))(t)
}

// TestFirstRoundAgain asks again in a session that is open: only the very same
// request is answered.
func TestFirstRoundAgain(t *testing.T) {
	w := newPlace(t, "open", 1, 1)
	a := w.asking(t, w.members[0], 100, w.secrets(t))
	must(w.signers[0].Answer(a.Pending()[0]))(t)
	other := must(NewIdentity(w.rand))(t).X25519()
	for name, msg := range map[string][]byte{
		"another reply key": w.forged(t, a, true, func(r *request) { r.Reply = other }),
		"another proof":     w.forged(t, a, true, func(r *request) { r.ProofSig[0] ^= 1 }),
		"another MAC":       w.forged(t, a, false, func(r *request) { r.MAC[0] ^= 1 }),
	} {
		if answer, err := w.signers[0].Answer(msg); err != ErrRefused || answer != nil {
			t.Errorf("%s: %x, %v", name, answer, err)
		}
	}
	must(w.run(t, a))(t)
}

// secondRound brings a fresh request to its second round and returns it with the
// lists that it asks to sign.
func (w *place) secondRound(t *testing.T) (*Asking, lists) {
	t.Helper()
	a := w.asking(t, w.join(t), 100, w.secrets(t))
	var l lists
	for _, msg := range a.Pending() {
		if _, err := a.Handle(must(w.signer(t, msg).Answer(msg))(t)); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range a.signers {
		l.Sig, l.Kem = append(l.Sig, a.commits[s.Index].Sig), append(l.Kem, a.commits[s.Index].Kem)
	}
	return a, l
}

// asks returns a request of the second round with a right MAC.
func (a *Asking) asks(t *testing.T, l lists) []byte {
	t.Helper()
	s := a.signers[0]
	return must(packetFor(s, a.rid, roundB, signers{Sig: l.Sig, Kem: l.Kem, MAC: mac(a.y[s.Index], l)}))(t)
}

// TestSecondRoundRefuses has a member ask for parts that no honest one asks for.
func TestSecondRoundRefuses(t *testing.T) {
	w := newPlace(t, "second round", 2, 3)
	_, foreign := w.secondRound(t)
	third := must(func() (c Commitment, err error) { _, c, err = frost.Commit(w.rand, w.keys[2].Share); return }())(t)
	nobody := third
	nobody.Index = 9
	for name, change := range map[string]func(l *lists){
		"nothing":                  func(l *lists) { *l = lists{} },
		"fewer than t":             func(l *lists) { l.Sig, l.Kem = l.Sig[:1], l.Kem[:1] },
		"fewer than t for kem":     func(l *lists) { l.Kem = l.Kem[:1] },
		"fewer than t for sig":     func(l *lists) { l.Sig = l.Sig[:1] },
		"more than t":              func(l *lists) { l.Sig, l.Kem = append(l.Sig, third), append(l.Kem, third) },
		"different signers":        func(l *lists) { l.Kem[1] = third },
		"a signer that is nobody":  func(l *lists) { l.Sig[1], l.Kem[1] = nobody, nobody },
		"lists exchanged":          func(l *lists) { l.Sig, l.Kem = l.Kem, l.Sig },
		"one signer twice":         func(l *lists) { l.Sig[1], l.Kem[1] = l.Sig[0], l.Kem[0] },
		"out of order":             func(l *lists) { slices.Reverse(l.Sig); slices.Reverse(l.Kem) },
		"without our own":          func(l *lists) { l.Sig[0], l.Kem[0] = l.Sig[1], l.Kem[1]; l.Sig[1], l.Kem[1] = third, third },
		"another session's":        func(l *lists) { l.Sig[0], l.Kem[0] = foreign.Sig[0], foreign.Kem[0] },
		"one of another session's": func(l *lists) { l.Kem[0] = foreign.Kem[0] },
		"a commitment no point":    func(l *lists) { l.Sig[1].Binding[31] |= 0x80 },
		"identity for another's":   func(l *lists) { l.Kem[1].Hiding = [32]byte{} },
	} {
		t.Run(name, func(t *testing.T) {
			a, l := w.secondRound(t)
			change(&l)
			if answer, err := w.signers[0].Answer(a.asks(t, l)); err != ErrRefused || answer != nil {
				t.Errorf("got %x, %v", answer, err)
			}
		})
	}
	t.Run("said to be round three", func(t *testing.T) {
		a, l := w.secondRound(t)
		msg := must(packetFor(a.signers[0], a.rid, 2, signers{Sig: l.Sig, Kem: l.Kem, MAC: mac(a.y[1], l)}))(t)
		if _, err := w.signers[0].Answer(msg); err != ErrRefused {
			t.Errorf("got %v", err)
		}
	})
	t.Run("wrong MAC", func(t *testing.T) {
		a, l := w.secondRound(t)
		other, _ := w.secondRound(t)
		msg := must(packetFor(a.signers[0], a.rid, roundB, signers{Sig: l.Sig, Kem: l.Kem, MAC: mac(other.y[1], l)}))(t)
		if _, err := w.signers[0].Answer(msg); err != ErrRefused {
			t.Errorf("got %v", err)
		}
	})
}

// TestSecondRoundAgain asks a second time after the parts were sent: the same
// lists give the same parts, others give nothing.
func TestSecondRoundAgain(t *testing.T) {
	w := newPlace(t, "again", 2, 3)
	a, l := w.secondRound(t)
	s := w.signers[0]
	open := func(answer []byte) (p parts) {
		t.Helper()
		plain := must(OpenWith(a.reply, answerInfo(a.rid, 1, a.y[1]), must(decodePacket(answer))(t).Sealed))(t)
		if err := packetDecoder.Unmarshal(plain, &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := open(must(s.Answer(a.asks(t, l)))(t))
	if again := open(must(s.Answer(a.asks(t, l)))(t)); again != first {
		t.Error("a repeated request gets other parts")
	}
	_, third, _ := frost.Commit(w.rand, w.keys[2].Share)
	other := lists{Sig: []Commitment{l.Sig[0], third}, Kem: []Commitment{l.Kem[0], third}}
	if _, err := s.Answer(a.asks(t, other)); err != ErrRefused {
		t.Errorf("nonces are used for a second list: %v", err)
	}
	if sess := s.sessions[0]; sess.sig != nil || sess.kem != nil {
		t.Error("nonces outlive their use")
	}
}

// TestBookComesFirst has the book fail: there is no answer and no session, and
// the error is not that of a bad request.
func TestBookComesFirst(t *testing.T) {
	w := newPlace(t, "book", 1, 1)
	full := errors.New("disk full")
	w.books[0].err = full
	a := w.asking(t, w.members[0], 100, w.secrets(t))
	if answer, err := w.signers[0].Answer(a.Pending()[0]); !errors.Is(err, full) || errors.Is(err, ErrRefused) || answer != nil {
		t.Errorf("got %x, %v", answer, err)
	}
	if len(w.signers[0].sessions) != 0 {
		t.Error("a session begins before the book is written")
	}
	w.books[0].err = nil
	must(w.run(t, a))(t)
	if w.books[0].binds != 1 {
		t.Errorf("the book was written %d times", w.books[0].binds)
	}
}

// TestEvictionVoidsTokens evicts a member between the rounds: its token and all
// others are worth nothing from then on.
func TestEvictionVoidsTokens(t *testing.T) {
	w := newPlace(t, "evicted", 2, 3)
	a, l := w.secondRound(t)
	first := w.forged(t, a, true, func(*request) {})
	w.charter.V++
	for _, msg := range [][]byte{a.asks(t, l), first} {
		if _, err := w.signers[0].Answer(msg); err != ErrRefused {
			t.Errorf("a void token is served: %v", err)
		}
	}
	w.charter.V--
	must(w.signers[0].Answer(a.asks(t, l)))(t)
}
