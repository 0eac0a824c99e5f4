// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/token"
)

// sizes are the neighbourhoods of the tests: the founder's, and one that the
// interface is ready for.
var sizes = []struct{ t, n int }{{1, 1}, {2, 3}}

func eachSize(t *testing.T, run func(t *testing.T, w *place)) {
	for _, s := range sizes {
		t.Run(fmt.Sprintf("%d of %d", s.t, s.n), func(t *testing.T) {
			run(t, newPlace(t, t.Name(), s.t, s.n))
		})
	}
}

// TestKeysSpeak asks for keys of the epochs that may be asked for, and uses them.
func TestKeysSpeak(t *testing.T) {
	eachSize(t, func(t *testing.T, w *place) {
		now := w.epoch(t)
		for _, epoch := range []uint32{now - 1, now, now + 1} {
			scope := w.scope(t, epoch)
			sender := must(w.run(t, w.asking(t, w.members[0], epoch, w.secrets(t))))(t)
			receiver := must(w.run(t, w.asking(t, w.members[1], epoch, w.secrets(t))))(t)
			from := must(scope.NewPeer(sender.Sig.PublicKey, sender.Kem.PublicKey))(t)
			to := must(scope.NewPeer(receiver.Sig.PublicKey, receiver.Kem.PublicKey))(t)
			s := &signcrypt.Sealer{Scope: scope, Key: sender.Sig, Rand: w.rand}
			env := must(s.Seal([]*signcrypt.Peer{to}, 1, 1, []byte("hello")))(t)
			o := &signcrypt.Opener{
				Scope: scope, Key: receiver.Kem, Guard: &signcrypt.Guard{},
				Peer:  func(signcrypt.PID) *signcrypt.Peer { return from },
				Fresh: func(uint8, uint32) bool { return true },
			}
			if m, err := o.Open(env); err != nil || string(m.Msg) != "hello" {
				t.Errorf("epoch %d: %v", epoch, err)
			}
		}
	})
}

// TestEverySetOfIssuers asks any t issuers, in any order.
func TestEverySetOfIssuers(t *testing.T) {
	w := newPlace(t, "sets", 2, 3)
	for i, set := range [][]uint8{{1, 2}, {2, 1}, {1, 3}, {3, 2}} {
		id := w.join(t)
		a := w.asking(t, id, w.epoch(t), w.secrets(t), set...)
		if !slices.IsSorted(a.Silent()) || len(a.Silent()) != 2 {
			t.Errorf("set %d: silent are %v", i, a.Silent())
		}
		if _, err := w.run(t, a); err != nil {
			t.Errorf("issuers %v: %v", set, err)
		}
		if len(a.Silent()) != 0 || len(a.Pending()) != 0 || a.Round() != 2 {
			t.Errorf("issuers %v: pending after the end", set)
		}
	}
}

func TestNewAskingRefuses(t *testing.T) {
	w := newPlace(t, "refuses", 2, 3)
	own, tok := w.secrets(t), w.token(t, w.members[0], 100)
	later, void, partial := w.token(t, w.members[0], 101), *tok, *tok
	void.V++
	partial.Y = map[uint8]output{1: tok.Y[1], 3: tok.Y[3]}
	p := group.EncodePoint(group.Base(group.Reduce([64]byte{9})))
	weak := *w.charter
	weak.Issuers = slices.Clone(weak.Issuers)
	weak.Issuers[0].HPKE = Pub{} // a point of small order
	for _, tc := range []struct {
		name, want string
		scope      *signcrypt.Scope
		c          *Charter
		token      *token.Token
		rand       string
		indices    []uint8
	}{
		{name: "too few", indices: []uint8{1}, want: "wants 2 different issuers"},
		{name: "too many", indices: []uint8{1, 2, 3}, want: "wants 2 different issuers"},
		{name: "one twice", indices: []uint8{2, 2}, want: "wants 2 different issuers"},
		{name: "twice and another", indices: []uint8{2, 2, 1}, want: "wants 2 different issuers"},
		{name: "nobody", indices: []uint8{1, 4}, want: "no issuer 4"},
		{name: "another P", scope: must(signcrypt.NewScope(p, w.charter.Nbhd, 100))(t), want: "another charter"},
		{name: "another place", scope: must(signcrypt.NewScope(w.charter.P, [16]byte{}, 100))(t), want: "another charter"},
		{name: "weak issuer", c: &weak, want: "low order"},
		{name: "another epoch's token", token: later, want: "another epoch"},
		{name: "void token", token: &void, want: "or void"},
		{name: "token without one issuer", token: &partial, want: "issuer 2 has not evaluated"},
		{name: "no randomness", rand: "cut", want: "EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.scope == nil {
				tc.scope = w.scope(t, 100)
			}
			if tc.c == nil {
				tc.c = w.charter
			}
			if tc.indices == nil {
				tc.indices = []uint8{1, 2}
			}
			if tc.token == nil {
				tc.token = tok
			}
			_, err := NewAsking(w.rand, tc.scope, tc.c, tc.token, tc.indices, own.sig, own.kem)
			if tc.rand != "" {
				_, err = NewAsking(strings.NewReader(tc.rand), tc.scope, tc.c, tc.token, tc.indices, own.sig, own.kem)
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

// TestRestartedSigner takes an issuer's sessions away between the rounds. The
// old request is dead; a new one with the same secret values gets keys, and one
// with other values does not, in that epoch.
func TestRestartedSigner(t *testing.T) {
	eachSize(t, func(t *testing.T, w *place) {
		id, own, epoch := w.members[0], w.secrets(t), w.epoch(t)
		a := w.asking(t, id, epoch, own)
		for _, msg := range a.Pending() {
			if _, err := a.Handle(must(w.signer(t, msg).Answer(msg))(t)); err != nil {
				t.Fatal(err)
			}
		}
		if a.Round() != 2 {
			t.Fatal("round one is not over")
		}
		for i := range w.signers {
			w.restart(i)
		}
		for _, msg := range a.Pending() {
			if _, err := w.signer(t, msg).Answer(msg); err != ErrRefused {
				t.Errorf("a forgotten session is served: %v", err)
			}
		}
		keys := must(w.run(t, w.asking(t, id, epoch, own)))(t)
		again := must(w.run(t, w.asking(t, id, epoch, own)))(t)
		if keys.Sig.U != own.sig.U || again.Sig.U != own.sig.U || keys.Sig.R == again.Sig.R {
			t.Error("issuing again does not give another R for one U")
		}
		if _, err := w.run(t, w.asking(t, id, epoch, w.secrets(t))); err != ErrRefused {
			t.Errorf("another pair in the same epoch: %v", err)
		}
		half := secrets{own.sig, w.secrets(t).kem}
		if _, err := w.run(t, w.asking(t, id, epoch, half)); err != ErrRefused {
			t.Errorf("half another pair in the same epoch: %v", err)
		}
		if _, err := w.run(t, w.asking(t, id, epoch+1, w.secrets(t))); err != nil {
			t.Errorf("another pair in the next epoch: %v", err)
		}
	})
}

// TestOneSilentIssuer asks another set of issuers with the same secret values.
func TestOneSilentIssuer(t *testing.T) {
	w := newPlace(t, "silent", 2, 3)
	own := w.secrets(t)
	a := w.asking(t, w.members[0], 100, own, 1, 2)
	msg := a.Pending()[0]
	if _, err := a.Handle(must(w.signer(t, msg).Answer(msg))(t)); err != nil {
		t.Fatal(err)
	}
	if got := a.Silent(); !slices.Equal(got, []uint8{2}) {
		t.Fatalf("silent are %v, want issuer 2", got)
	}
	must(w.run(t, w.asking(t, w.members[0], 100, own, 1, 3)))(t)
	if _, err := w.run(t, w.asking(t, w.members[0], 100, w.secrets(t), 2, 3)); err != ErrRefused {
		t.Errorf("issuer 3 signs another pair: %v", err)
	}
}

// cheating are the ways in which an issuer that knows the rules can break them.
var cheating = map[string]func(s *Signer, sess *session) (round uint8, plain any){
	"another's index": func(_ *Signer, sess *session) (uint8, any) {
		c := sess.first
		c.Kem.Index++
		return roundA, c
	},
	"identity for a commitment": func(_ *Signer, sess *session) (uint8, any) {
		c := sess.first
		c.Sig.Hiding = [group.Size]byte{}
		return roundA, c
	},
	"wrong part for sig": func(_ *Signer, sess *session) (uint8, any) {
		return roundB, parts{Sig: [32]byte{1}, Kem: sess.parts.Kem}
	},
	"wrong part for kem": func(_ *Signer, sess *session) (uint8, any) {
		return roundB, parts{Sig: sess.parts.Sig, Kem: sess.parts.Sig}
	},
	"no scalar": func(_ *Signer, sess *session) (uint8, any) {
		p := *sess.parts
		p.Kem[31] = 0xff
		return roundB, p
	},
}

// TestCheatIsNamed has the second of two issuers answer wrongly.
func TestCheatIsNamed(t *testing.T) {
	for name, cheat := range cheating {
		t.Run(name, func(t *testing.T) {
			w := newPlace(t, "cheat", 2, 3)
			a := w.asking(t, w.members[0], 100, w.secrets(t), 1, 3)
			var cheated bool
			for range 2 {
				for _, msg := range a.Pending() {
					s := w.signer(t, msg)
					p := must(decodePacket(msg))(t)
					answer := must(s.Answer(msg))(t)
					sess := s.sessions[0]
					if s.Keys.Share.Index == 3 && (p.Round == roundB || sess.parts == nil) {
						if round, plain := cheat(s, withParts(sess)); round == p.Round {
							cheated = true
							answer = must(s.answer(p.RID, round, sess, plain))(t)
						}
					}
					keys, err := a.Handle(answer)
					var who *CheatError
					if errors.As(err, &who) != cheated || keys != nil {
						t.Fatalf("got %v, %v, cheated: %v", keys, err, cheated)
					}
					if cheated {
						if who.Index != 3 || !strings.Contains(who.Error(), "issuer 3") {
							t.Errorf("%v is named, want issuer 3", who)
						}
						return
					}
				}
			}
			t.Fatal("nobody cheated")
		})
	}
}

// withParts gives a session of the first round parts, which a cheat may ask for.
func withParts(s *session) *session {
	c := *s
	if c.parts == nil {
		c.parts = &parts{}
	}
	return &c
}

// TestKeysOfAnotherP holds that an issuer whose public share belongs to another
// P, and who signs correctly with it, makes no keys.
func TestKeysOfAnotherP(t *testing.T) {
	w := newPlace(t, "another P", 1, 1)
	other := newPlace(t, "yet another", 1, 1)
	w.keys[0].Share = other.keys[0].Share
	w.charter.Issuers[0] = w.keys[0].Public()
	w.restart(0)
	if keys, err := w.run(t, w.asking(t, w.members[0], 100, w.secrets(t))); err == nil || keys != nil {
		t.Fatalf("got %v, %v", keys, err)
	}
}

func BenchmarkIssue(b *testing.B) {
	w := newPlace(b, "bench", 1, 1)
	own := w.secrets(b)
	b.ReportAllocs()
	for b.Loop() {
		w.now = w.now.Add(time.Millisecond)
		if _, err := w.run(b, w.asking(b, w.members[0], 100, own)); err != nil {
			b.Fatal(err)
		}
	}
}
