// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// answerTo seals what an impostor who has the invite answers to a request.
func answerTo(t testing.TB, j *Joining, r *joinResult) []byte {
	t.Helper()
	sealed := must(issuer.SealTo(issuer.Pub(j.reply.PublicKey().Bytes()), answerInfo(j.invite.J, j.request), wire.MustMarshal(r)))(t)
	return wire.MustMarshal(joinAnswer{Kind: kindJoin, Nonce: j.nonce, Sealed: sealed})
}

// opened returns what is in an answer.
func opened(t testing.TB, j *Joining, answer []byte) *joinResult {
	t.Helper()
	var a joinAnswer
	var r joinResult
	if err := decoder.Unmarshal(answer, &a); err != nil {
		t.Fatal(err)
	}
	plain := must(issuer.OpenWith(j.reply, answerInfo(j.invite.J, j.request), a.Sealed))(t)
	if err := decoder.Unmarshal(plain, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// TestImpostor lets one who knows J, the request and the charter, but no issuer's
// key, answer in the issuer's place. In some cases it is even a member, or an
// issuer of another neighbourhood.
func TestImpostor(t *testing.T) {
	h, evil := newHouse(t, "house"), newHouse(t, "impostor")
	j := h.joining(t, h.invite(t), "kitchen")
	answer, charter, err := h.Answer(j.invite.J, j.Request())
	if err != nil {
		t.Fatal(err)
	}
	resign := func(r *joinResult, keys *issuer.Keys, request []byte) {
		s, c, err := issuer.DecodeCharter(r.Charter)
		if err != nil {
			t.Fatal(err)
		}
		copy(r.Signature[:], ed25519.Sign(keys.Ed25519, r.signed(c.Nbhd, request, s)))
	}
	another := h.joining(t, h.invite(t), "cellar")
	anotherAnswer, next, _ := h.Answer(another.invite.J, another.Request())
	for name, change := range map[string]func(r *joinResult){
		"another K":              func(r *joinResult) { r.K[0] ^= 1 },
		"another time":           func(r *joinResult) { r.UnixMilli++ },
		"a later charter":        func(r *joinResult) { r.Charter = next.Encode() },
		"word to somebody else":  func(r *joinResult) { *r = *opened(t, another, anotherAnswer) },
		"no such issuer":         func(r *joinResult) { r.Index = 2 },
		"signature of zeros":     func(r *joinResult) { r.Signature = [64]byte{} },
		"signature of a member":  func(r *joinResult) { resign(r, evil.keys, j.request) },
		"signature of a request": func(r *joinResult) { resign(r, h.keys, another.request) },
		"its own neighbourhood": func(r *joinResult) {
			_, c := evil.Charter()
			mine := *c
			mine.Members = append(slices.Clone(mine.Members), issuer.Member{Name: "kitchen", Ed25519: j.id.Ed25519(), X25519: j.id.X25519()})
			r.Charter = must(evil.keys.SignCharter(h.rand, &mine))(t).Encode()
			resign(r, evil.keys, j.request)
		},
		"the same P, another place": func(r *joinResult) {
			_, c := h.Charter()
			other := *c
			other.Nbhd[0]++
			r.Charter = must(h.keys.SignCharter(h.rand, &other))(t).Encode()
			resign(r, h.keys, j.request)
		},
		"a charter without us": func(r *joinResult) {
			r.Charter = h.charterOf(t, func(m *issuer.Member) { m.Ed25519[0]++ })
			resign(r, h.keys, j.request)
		},
		"our name, another key": func(r *joinResult) {
			r.Charter = h.charterOf(t, func(m *issuer.Member) { m.X25519[0]++ })
			resign(r, h.keys, j.request)
		},
		"a member swapped": func(r *joinResult) {
			s := *charter
			s.Charter = mustSwap(t, charter)
			r.Charter = s.Encode()
		},
		"no charter":           func(r *joinResult) { r.Charter = nil },
		"no known status":      func(r *joinResult) { *r = joinResult{Status: 3, Reason: "3"} },
		"words with an escape": func(r *joinResult) { *r = joinResult{Status: refused, Reason: "\x1b[2Jyou are in"} },
		"words over the limit": func(r *joinResult) { *r = joinResult{Status: waiting, Reason: strings.Repeat("w", maxReason+1)} },
	} {
		t.Run(name, func(t *testing.T) {
			r := *opened(t, j, answer)
			change(&r)
			if w, err := j.Handle(answerTo(t, j, &r)); err != ErrAnswer || w != nil {
				t.Errorf("got %+v, %v", w, err)
			}
		})
	}
	r := *opened(t, j, answer)
	if _, err := j.Handle(answerTo(t, j, &r)); err != nil {
		t.Errorf("what was not changed: %v", err)
	}
	var wait *WaitError
	forged := answerTo(t, j, &joinResult{Status: refused, Reason: strings.Repeat("w", maxReason)})
	if _, err := j.Handle(forged); !errors.As(err, &wait) { // words are no proof, as WaitError says
		t.Errorf("words of one who has the invite: %v", err)
	}
	must(j.Handle(answer))(t)
}

// charterOf returns a charter of the house in which one entry is changed.
func (h *house) charterOf(t testing.TB, change func(m *issuer.Member)) []byte {
	t.Helper()
	_, c := h.Charter()
	other := *c
	other.Members = slices.Clone(other.Members)
	for i := range other.Members {
		if other.Members[i].Name == "kitchen" {
			change(&other.Members[i])
		}
	}
	return must(h.keys.SignCharter(h.rand, &other))(t).Encode()
}

// mustSwap returns a charter's bytes with two members exchanged.
func mustSwap(t testing.TB, s *issuer.SignedCharter) []byte {
	t.Helper()
	_, c, err := issuer.DecodeCharter(s.Encode())
	if err != nil {
		t.Fatal(err)
	}
	c.Members[0], c.Members[1] = c.Members[1], c.Members[0]
	return wire.MustMarshal(c)
}

// TestWrongInvite has a true issuer answer one whose invite names another key:
// that device was invited by somebody else.
func TestWrongInvite(t *testing.T) {
	for name, change := range map[string]func(i *Invite){
		"issuer's key": func(i *Invite) { i.IssuerHash[31] ^= 1 },
		"J":            func(i *Invite) { i.J[0] ^= 1 },
	} {
		h := newHouse(t, "wrong invite")
		invite := h.invite(t)
		wrong := *invite
		change(&wrong)
		j := h.joining(t, &wrong, "kitchen")
		answer, _, err := h.Answer(invite.J, j.Request())
		if err != nil {
			t.Fatal(err)
		}
		if w, err := j.Handle(answer); err != ErrAnswer || w != nil {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// TestHandleRefuses shows one who joins what is not for it.
func TestHandleRefuses(t *testing.T) {
	h := newHouse(t, "handle")
	i := h.invite(t)
	id := h.identity(t)
	j, other := must(NewJoining(h.rand, i, id, "kitchen"))(t), must(NewJoining(h.rand, i, id, "kitchen"))(t)
	answer, _, err := h.Answer(i.J, j.Request())
	if err != nil {
		t.Fatal(err)
	}
	for name, msg := range map[string][]byte{
		"empty": nil, "a request": j.Request(), "a charter": EncodeCharter(h.signed),
		"trailing byte": append(slices.Clone(answer), 0), "over the limit": make([]byte, maxMessage+1),
	} {
		if w, err := j.Handle(msg); err != ErrAnswer || w != nil {
			t.Errorf("%s: %v, %v", name, w, err)
		}
	}
	if _, err := other.Handle(answer); err != ErrAnswer {
		t.Errorf("the answer to another request: %v", err)
	}
	step := 1
	if testing.Short() {
		step = 11
	}
	for bit := 0; bit < 8*len(answer); bit += step {
		answer[bit/8] ^= 1 << (bit % 8)
		if _, err := j.Handle(answer); err != ErrAnswer {
			t.Errorf("bit %d of byte %d: %v", bit%8, bit/8, err)
		}
		answer[bit/8] ^= 1 << (bit % 8)
	}
	must(j.Handle(answer))(t)
}

func TestNewJoiningRefuses(t *testing.T) {
	h := newHouse(t, "new joining")
	i, id := h.invite(t), h.identity(t)
	for _, name := range []string{"", "Kitchen", "a b", strings.Repeat("a", 33)} {
		if _, err := NewJoining(h.rand, i, id, name); err == nil || !strings.Contains(err.Error(), "does not do") {
			t.Errorf("name %q: %v", name, err)
		}
	}
	if _, err := NewJoining(strings.NewReader("cut"), i, id, "kitchen"); err == nil {
		t.Error("a request without randomness")
	}
}

func BenchmarkJoin(b *testing.B) {
	h := newHouse(b, "bench")
	i := must(h.Invite(24 * time.Hour))(b)
	j := h.joining(b, i, "kitchen")
	must(h.knock(b, j))(b)
	b.ReportAllocs()
	for b.Loop() {
		must(h.knock(b, j))(b)
	}
}
