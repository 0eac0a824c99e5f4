// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"pgregory.net/rapid"
)

// network carries the messages between a request and the issuers, and does to
// them what networks do.
type network struct {
	w      *place
	a      *Asking
	flying [][]byte // requests and answers on their way
	keys   *signcrypt.KeyPair
}

// send puts what is pending on its way.
func (n *network) send() { n.flying = append(n.flying, n.a.Pending()...) }

// deliver brings message i to where it goes. It fails where an honest issuer is
// taken for a cheater, or keys come twice.
func (n *network) deliver(t testing.TB, i int, keep bool) error {
	t.Helper()
	msg := n.flying[i]
	if !keep {
		n.flying = slices.Delete(slices.Clone(n.flying), i, i+1)
	}
	if n.isRequest(t, msg) {
		if answer, err := n.w.signer(t, msg).Answer(msg); err == nil {
			n.flying = append(n.flying, answer)
		} else if err != ErrRefused {
			return err
		}
		return nil
	}
	keys, err := n.a.Handle(msg)
	if keys != nil {
		if n.keys != nil {
			return errors.New("keys come twice")
		}
		n.keys = keys
	}
	if err != nil && err != ErrRefused {
		return err
	}
	return nil
}

// isRequest tells a request from an answer: only the former opens with an
// issuer's key.
func (n *network) isRequest(t testing.TB, msg []byte) bool {
	t.Helper()
	p := must(decodePacket(msg))(t)
	_, err := OpenWith(n.w.keys[p.Index-1].HPKE, requestInfo(p.RID, p.Round, p.Index), p.Sealed)
	return err == nil
}

// settle delivers and sends again until there are keys.
func (n *network) settle(t testing.TB) error {
	t.Helper()
	for range 5 {
		n.send()
		for len(n.flying) > 0 {
			if err := n.deliver(t, 0, false); err != nil {
				return err
			}
		}
		if n.keys != nil {
			return nil
		}
	}
	return fmt.Errorf("no keys, %v are silent", n.a.Silent())
}

// faults are what can happen to the first message on its way. Each says whether
// the message stays in the network after it was delivered, or is never delivered.
var faults = map[string]func(n *network) (keep, lose bool){
	"none":       func(*network) (keep, lose bool) { return false, false },
	"lost":       func(*network) (keep, lose bool) { return false, true },
	"duplicated": func(*network) (keep, lose bool) { return true, false },
	"reordered":  func(n *network) (keep, lose bool) { slices.Reverse(n.flying); return false, false },
	"delayed": func(n *network) (keep, lose bool) {
		n.flying = append(n.flying[1:], n.flying[0])
		return false, false
	},
	"stalled for almost a minute": func(n *network) (keep, lose bool) {
		n.w.now = n.w.now.Add(SessionLifetime - time.Second)
		return false, false
	},
}

// TestFaultAtEveryStep does one thing to the message of each step of an exchange,
// which ends well nevertheless. The short form takes every third step.
func TestFaultAtEveryStep(t *testing.T) {
	stride := 1
	if testing.Short() {
		stride = 3
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			eachSize(t, func(t *testing.T, w *place) {
				least := 4 * int(w.charter.T) // two requests and answers of each issuer
				for at := 0; at < least; at += stride {
					if steps := exchangeWithFault(t, w, at, fault); steps < least {
						t.Errorf("fault at %d: over after %d steps, at least %d make an exchange", at, steps, least)
					}
				}
			})
		})
	}
}

// exchangeWithFault runs an exchange with a fault at one step and returns the
// number of its steps. What is lost is sent again when nothing is on its way.
func exchangeWithFault(t *testing.T, w *place, at int, fault func(*network) (keep, lose bool)) (steps int) {
	t.Helper()
	start := w.now
	defer func() { w.now = start }()
	for i := range w.signers {
		w.books[i] = &memBook{}
		w.restart(i)
	}
	n := &network{w: w, a: w.asking(t, w.members[0], 100, w.secrets(t))}
	for ; n.keys == nil; steps++ {
		if steps > 100 {
			t.Fatalf("fault at %d: the exchange does not end", at)
		}
		if len(n.flying) == 0 {
			n.send()
		}
		keep, lose := false, false
		if steps == at {
			keep, lose = fault(n)
		}
		if lose {
			n.flying = n.flying[1:]
		} else if err := n.deliver(t, 0, keep); err != nil {
			t.Fatalf("fault at %d: %v", at, err)
		}
	}
	return steps
}

// TestLateAnswers has a session run out at the signer: its second round is
// refused, and the nonces are gone with it.
func TestLateAnswers(t *testing.T) {
	eachSize(t, func(t *testing.T, w *place) {
		own := w.secrets(t)
		a := w.asking(t, w.members[0], 100, own)
		for _, msg := range a.Pending() {
			if _, err := a.Handle(must(w.signer(t, msg).Answer(msg))(t)); err != nil {
				t.Fatal(err)
			}
		}
		w.now = w.now.Add(SessionLifetime + time.Second)
		for _, msg := range a.Pending() {
			s := w.signer(t, msg)
			if _, err := s.Answer(msg); err != ErrRefused || len(s.sessions) != 0 {
				t.Errorf("a session of a minute ago: %v, %d sessions", err, len(s.sessions))
			}
		}
		must(w.run(t, w.asking(t, w.members[0], 100, own)))(t)
	})
}

// TestChaos lets a network lose, repeat and mix messages, and issuers restart,
// for a while. Then things calm down: the same request ends well if nobody
// restarted, and a new one with the same secret values always does.
func TestChaos(t *testing.T) {
	w := newPlace(t, "chaos", 2, 3)
	start := w.now
	rapid.Check(t, func(r *rapid.T) {
		w.now = start
		for i := range w.signers {
			w.books[i] = &memBook{}
			w.restart(i)
		}
		own := w.secrets(t)
		n := &network{w: w, a: w.asking(t, w.members[0], 100, own)}
		restarted := false
		for range rapid.IntRange(0, 30).Draw(r, "events") {
			event := rapid.SampledFrom([]string{"send", "deliver", "deliver", "repeat", "lose", "restart", "wait"}).Draw(r, "event")
			i := 0
			if event != "send" && event != "restart" && event != "wait" {
				if len(n.flying) == 0 {
					continue
				}
				i = rapid.IntRange(0, len(n.flying)-1).Draw(r, "message")
			}
			switch event {
			case "send":
				n.send()
			case "lose":
				n.flying = slices.Delete(n.flying, i, i+1)
			case "restart":
				w.restart(rapid.IntRange(0, 2).Draw(r, "issuer"))
				restarted = true
			case "wait":
				w.now = w.now.Add(time.Second)
			default:
				if err := n.deliver(t, i, event == "repeat"); err != nil {
					r.Fatal(err)
				}
			}
		}
		err := n.settle(t)
		if err != nil && restarted {
			n = &network{w: w, a: w.asking(t, w.members[0], 100, own), flying: n.flying}
			err = n.settle(t)
		}
		if err != nil {
			r.Fatal(err)
		}
	})
}
