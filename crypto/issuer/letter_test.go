// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// exchange runs a signature of two of two issuers and returns its letters: the
// proposal, the commitment, all commitments, the part.
func exchange(t testing.TB, seed string) (h *house, letters [][]byte) {
	t.Helper()
	h = newHouse(t, seed, 2, 2, 0)
	h.send(h.seats[0].council.Propose(MatterRekey, rekey()))(t)
	for len(h.flying) > 0 {
		letters = append(letters, h.flying[0])
		h.deliver(t, h.flying[0])
		h.flying = h.flying[1:]
	}
	if r := h.seats[0].council.Result(); len(letters) != 4 || r == nil || r.Err != nil {
		t.Fatalf("%d letters, %v", len(letters), r)
	}
	return h, letters
}

// TestLetterFlips changes every bit of a request and of an answer.
func TestLetterFlips(t *testing.T) {
	h, letters := exchange(t, "letters")
	h.send(h.seats[0].council.Propose(MatterRekey, rekey()))(t)
	answer := must(h.seats[1].council.Handle(h.flying[0]))(t)[0]
	for i, letter := range [][]byte{letters[2], h.flying[0], answer} {
		to := h.seats[must(decodeLetter(letter))(t).To-1].council
		eachFlip(letter, func(bit int) {
			if out, err := to.Handle(letter); err != ErrRefused || out != nil {
				t.Errorf("letter %d with bit %d of byte %d changed: %v", i, bit%8, bit/8, err)
			}
		})
	}
	if r := h.settle(t, 0); r.Err != nil {
		t.Error(r.Err)
	}
}

// TestOneListForNonces asks a signer that has given its part for another one,
// with a second list and the same commitment of its own.
func TestOneListForNonces(t *testing.T) {
	h, letters := exchange(t, "one list")
	c := h.seats[1].council
	if seat := c.seats[1]; seat.nonces != nil {
		t.Error("nonces outlive the part")
	}
	another := h.rewritten(t, letters[2], func(s *said) {
		list := decoded[[]Commitment](t, s.Body)
		list[0].Hiding, list[0].Binding = list[0].Binding, list[0].Hiding
		s.Body = wire.MustMarshal(list)
	})
	if out, err := c.Handle(another); err != ErrRefused || out != nil {
		t.Errorf("a second list: %v", err)
	}
	if out, err := c.Handle(letters[2]); err != nil || len(out) != 1 {
		t.Errorf("the first list again: %v", err)
	}
}

// TestLettersComeAgain repeats every letter of a session that is over, also to a
// council that was restarted: nothing is signed a second time.
func TestLettersComeAgain(t *testing.T) {
	h, letters := exchange(t, "again and again")
	before := len(h.used)
	part := func(out [][]byte) []byte {
		if len(out) == 0 {
			return nil
		}
		s := must(h.seats[0].council.open(must(decodeLetter(out[0]))(t)))(t)
		if s.Step != stepCommitments+1 {
			return nil
		}
		return s.Body
	}
	first := part([][]byte{letters[3]})
	for _, l := range letters {
		out, err := h.seats[must(decodeLetter(l))(t).To-1].council.Handle(l)
		if err != nil && err != ErrRefused {
			t.Fatal(err)
		}
		if again := part(out); again != nil && !bytes.Equal(again, first) {
			t.Error("the same request gets another part")
		}
	}
	h.now = h.now.Add(time.Second)
	h.restart(t, 1)
	for _, l := range letters {
		if must(decodeLetter(l))(t).To != 2 {
			continue
		}
		out, err := h.seats[1].council.Handle(l)
		if err != nil {
			t.Fatal(err)
		}
		if part(out) != nil {
			t.Error("a part is made after a restart")
		}
	}
	h.now = h.now.Add(CouncilLifetime)
	h.restart(t, 1)
	for _, l := range letters {
		if out, err := h.seats[1].council.Handle(l); err != ErrRefused || out != nil {
			t.Errorf("a letter of long ago: %v", err)
		}
	}
	if len(h.used) != before {
		t.Error("nonces were used")
	}
}

// TestLetterRefuses shows an issuer letters that no honest one sends.
func TestLetterRefuses(t *testing.T) {
	h, letters := exchange(t, "refuses")
	c, other := h.seats[1].council, h.seats[0].council
	body := must(c.open(must(decodeLetter(letters[0]))(t)))(t).Body
	fresh := func() sessionID { return must(other.newSession())(t) }
	to := peer{2, c.public.HPKE, c.public.Ed25519}
	written := func(from uint8, session sessionID, step uint8, body []byte, edit func(s *said)) []byte {
		s := said{Session: session, Step: step, Body: body}
		copy(s.Sig[:], ed25519.Sign(other.keys.Ed25519, s.signed(h.charter.Nbhd, from, 2)))
		if edit != nil {
			edit(&s)
		}
		sealed := must(SealTo(to.hpke, letterInfo(h.charter.Nbhd, from, 2), wire.MustMarshal(s)))(t)
		return wire.MustMarshal(letter{From: from, To: 2, Sealed: sealed})
	}
	old := fresh()
	old[0], old[1], old[2] = 0, 0, 0
	ahead := fresh()
	ahead[2]++
	elsewhere := said{Session: fresh(), Step: stepSign, Body: body}
	copy(elsewhere.Sig[:], ed25519.Sign(other.keys.Ed25519, elsewhere.signed([16]byte{1}, 1, 2)))
	for name, msg := range map[string][]byte{
		"nothing":              nil,
		"null":                 {0xf6},
		"another behind":       append(slices.Clone(letters[0]), 0),
		"from nobody":          written(9, fresh(), stepSign, body, nil),
		"from a candidate":     written(0, fresh(), stepSign, body, nil),
		"in another's name":    written(2, fresh(), stepSign, body, nil),
		"step changed":         written(1, fresh(), stepSign, body, func(s *said) { s.Step = stepRegister }),
		"body changed":         written(1, fresh(), stepSign, body, func(s *said) { s.Body = rekey() }),
		"session changed":      written(1, fresh(), stepSign, body, func(s *said) { s.Session[15] ^= 1 }),
		"signature changed":    written(1, fresh(), stepSign, body, func(s *said) { s.Sig[0] ^= 1 }),
		"another's signature":  written(1, fresh(), stepSign, body, func(s *said) { copy(s.Sig[:], ed25519.Sign(c.keys.Ed25519, s.signed(h.charter.Nbhd, 1, 2))) }),
		"another's place":      written(1, fresh(), stepSign, body, func(s *said) { s.Sig = elsewhere.Sig; s.Session = elsewhere.Session }),
		"long ago":             written(1, old, stepSign, body, nil),
		"years ahead":          written(1, ahead, stepSign, body, nil),
		"an answer to nothing": written(1, fresh(), stepSign+1, body, nil),
		"a step that is none":  written(1, fresh(), 199, body, nil),
	} {
		out, err := c.Handle(msg)
		if name == "a step that is none" { // told that the session is not known
			if err != nil || len(out) != 1 {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != ErrRefused || out != nil {
			t.Errorf("%s: got %d letters, %v", name, len(out), err)
		}
	}
	if _, err := c.Handle(written(1, fresh(), stepSign, body, nil)); err != nil {
		t.Error(err)
	}
}

// TestLedgerComesFirst has the ledger fail: nothing is said that depends on it.
func TestLedgerComesFirst(t *testing.T) {
	full := errors.New("disk full")
	h := newHouse(t, "ledger", 2, 3, 0)
	next := h.nextCharter("a")
	h.send(h.seats[0].council.ProposeCharter(next, nil))(t)
	h.seats[1].saveErr, h.seats[2].saveErr = full, full
	failed := 0
	for len(h.flying) > 0 {
		msg := h.flying[0]
		h.flying = h.flying[1:]
		out, err := h.seats[must(decodeLetter(msg))(t).To-1].council.Handle(msg)
		if errors.Is(err, full) {
			failed++
		} else if err != nil && err != ErrRefused {
			t.Fatal(err)
		}
		h.flying = append(h.flying, out...)
	}
	if failed == 0 || h.seats[0].council.Result() != nil {
		t.Errorf("%d ledgers failed, and the charter is signed: %v", failed, h.seats[0].council.Result())
	}
	h.seats[1].saveErr, h.seats[2].saveErr = nil, nil
	if r := h.settle(t, 0); r.Err != nil {
		t.Error(r.Err)
	}

	h = newHouse(t, "ledger of shares", 2, 3, 0)
	c := h.seats[0].council
	h.send(c.Deal(NewPlan(c.charter, 4, 2, []uint8{1, 2}, h.receivers(t, 1, 2, 3))))(t)
	h.seats[2].saveErr = full
	for len(h.flying) > 0 {
		msg := h.flying[0]
		h.flying = h.flying[1:]
		out, err := h.seats[must(decodeLetter(msg))(t).To-1].council.Handle(msg)
		if err != nil && !errors.Is(err, full) && err != ErrRefused {
			t.Fatal(err)
		}
		h.flying = append(h.flying, out...)
	}
	if c.Result() != nil || len(h.seats[2].council.Keys().Pending) != 0 {
		t.Error("an issuer is ready before its share is on the disk")
	}
	h.seats[2].saveErr = nil
	if r := h.settle(t, 0); r.Err != nil {
		t.Error(r.Err)
	}
}

// TestDenyRefuses changes a signed deny list.
func TestDenyRefuses(t *testing.T) {
	h := newHouse(t, "deny", 1, 1, 0)
	r := h.deny(t, 0)
	signed := wire.MustMarshal(SignedDeny{Deny: r.Proposal, Signature: r.Sig})
	if d, err := DecodeDeny(signed, h.charter); err != nil || d.Epoch != 100 || len(d.PIDs) != 2 {
		t.Fatalf("got %v, %v", d, err)
	}
	eachFlip(signed, func(bit int) {
		if _, err := DecodeDeny(signed, h.charter); !errors.Is(err, ErrDeny) {
			t.Errorf("bit %d of byte %d changed: %v", bit%8, bit/8, err)
		}
	})
	many := make([][16]byte, MaxMembers+1)
	for i := range many {
		many[i][0] = byte(i + 1)
	}
	for name, tc := range map[string]struct {
		d  Deny
		ok bool
	}{
		"32":            {Deny{Label: wire.LabelDeny, Nbhd: h.charter.Nbhd, PIDs: many[:32]}, true},
		"33":            {Deny{Label: wire.LabelDeny, Nbhd: h.charter.Nbhd, PIDs: many}, false},
		"nobody":        {Deny{Label: wire.LabelDeny, Nbhd: h.charter.Nbhd}, false},
		"twice":         {Deny{Label: wire.LabelDeny, Nbhd: h.charter.Nbhd, PIDs: [][16]byte{{1}, {1}}}, false},
		"out of order":  {Deny{Label: wire.LabelDeny, Nbhd: h.charter.Nbhd, PIDs: [][16]byte{{2}, {1}}}, false},
		"another label": {Deny{Label: wire.LabelTask, Nbhd: h.charter.Nbhd, PIDs: many[:1]}, false},
		"another place": {Deny{Label: wire.LabelDeny, PIDs: many[:1]}, false},
	} {
		_, err := h.seats[0].council.Propose(MatterDeny, tc.d.Encode())
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
