// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/ed25519"
	"math/rand/v2"
	"testing"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// colluders are members that share what they get. Issuers 4 and 5 of the five
// are theirs: those sign whatever they want. Of the four that a token needs, two
// must then be honest.
type colluders struct {
	*place
	elements []*blinding // one for each serial, known to all of them
	inputs   [][32]byte
}

const (
	needed = 4
	honest = 3
	enough = 2 // honest issuers that a usable token needs: t - f
)

func newColluders(t testing.TB, members, serials int) *colluders {
	w := &colluders{place: newPlace(t, "colluders", needed, 5, members)}
	key := must(publicKey(w.charter.Issuers[0].POPRF))(t)
	for range serials {
		s := [32]byte(w.draw(t))
		w.inputs = append(w.inputs, s)
		w.elements = append(w.elements, must(blind(key, s[:], must(group.RandomScalar(w.rand))(t)))(t))
	}
	return w
}

// ask has an honest issuer answer a member's request for one element, without the
// encryption around it.
func (w *colluders) ask(t testing.TB, issuer, member int, round uint8, element int, grants []grant) (any, error) {
	t.Helper()
	m := w.mints[issuer]
	b := body{
		Label: wire.LabelTokenRequest, Nbhd: w.charter.Nbhd, Round: round, Index: m.Index, V: w.charter.V, Member: w.member(member),
		Items: []item{{Epoch: w.epoch, Blinded: w.elements[element].blinded, Grants: grants}},
	}
	raw := wire.MustMarshal(b)
	plain := wire.MustMarshal(request{Body: raw, Signature: [64]byte(ed25519.Sign(w.members[member], raw))})
	back, err := (&packet{Round: round, Index: m.Index}).body(w.charter, plain)
	if err != nil {
		return nil, err
	}
	return m.serve(w.charter, back)
}

// tokens plays one split: member k shows split[honest*k+i] to honest issuer i. It
// returns how many serials end with evaluations of enough honest issuers.
func (w *colluders) tokens(t testing.TB, split []int) (usable int) {
	t.Helper()
	for i := range w.mints {
		w.books[i] = &memBook{}
		w.mints[i].Book = w.books[i]
	}
	evaluated := map[int]map[int]bool{} // serial, honest issuer
	for member := range w.members {
		signed := map[int][]grant{}
		for issuer := range honest {
			element := split[honest*member+issuer]
			list := must(w.ask(t, issuer, member, roundA, element, nil))(t).([]granted)
			signed[element] = append(signed[element], grant{Index: uint8(issuer + 1), Signature: list[0].Signature})
		}
		for element, grants := range signed {
			w.evaluate(t, member, element, grants, evaluated)
		}
	}
	for _, at := range evaluated {
		if len(at) >= enough {
			usable++
		}
	}
	return usable
}

// evaluate adds the corrupt issuers' grants and asks all honest issuers.
func (w *colluders) evaluate(t testing.TB, member, element int, grants []grant, evaluated map[int]map[int]bool) {
	t.Helper()
	for i := honest; i < len(w.mints); i++ {
		msg := w.charter.grantMessage(w.member(member), w.epoch, w.elements[element].blinded)
		grants = append(grants, grant{Index: uint8(i + 1), Signature: [64]byte(ed25519.Sign(w.mints[i].Ed25519, msg))})
	}
	if len(grants) > needed {
		grants = grants[len(grants)-needed:]
	}
	for issuer := range honest {
		got, err := w.ask(t, issuer, member, roundB, element, grants)
		if err != nil || len(got.([]evaluation)) == 0 {
			continue
		}
		if evaluated[element] == nil {
			evaluated[element] = map[int]bool{}
		}
		evaluated[element][issuer] = true
	}
}

// withoutGrants returns what the split gives where each issuer evaluates the
// first element that a member shows, and asks for nothing more.
func withoutGrants(split []int) (usable int) {
	at := map[int]map[int]bool{}
	for i, element := range split {
		if at[element] == nil {
			at[element] = map[int]bool{}
		}
		at[element][i%honest] = true
	}
	for _, issuers := range at {
		if len(issuers) >= enough {
			usable++
		}
	}
	return usable
}

// eachSplit calls f with every way to split n places among serials, up to their
// names: the restricted growth strings of length n.
func eachSplit(n int, f func([]int)) {
	split := make([]int, n)
	var next func(i, most int)
	next = func(i, most int) {
		if i == n {
			f(split)
			return
		}
		for v := 0; v <= most; v++ {
			split[i] = v
			next(i+1, max(most, v+1))
		}
	}
	next(0, 0)
}

// TestOneTokenEach plays all splits of two colluding members. With grants they
// get two tokens at most, and get them; without, some split gives three.
func TestOneTokenEach(t *testing.T) {
	const members = 2
	w := newColluders(t, members, members*honest)
	n, most, control := 0, 0, 0
	var worst []int
	eachSplit(members*honest, func(split []int) {
		n++
		if c := withoutGrants(split); c > control {
			control, worst = c, append([]int(nil), split...)
		}
		if testing.Short() && n%40 != 1 {
			return
		}
		got := w.tokens(t, split)
		if most = max(most, got); got > members {
			t.Errorf("split %v gives %d tokens", split, got)
		}
	})
	if n != 203 || most != members {
		t.Errorf("%d splits, at most %d tokens", n, most)
	}
	if bound := members * honest / enough; control != bound || control <= members {
		t.Errorf("without grants: at most %d tokens, want %d", control, bound)
	}
	w.control(t, worst, control)
}

// control evaluates a split for real without grants, and wants as many serials
// whose outputs enough honest issuers take.
func (w *colluders) control(t testing.TB, split []int, want int) {
	t.Helper()
	good := map[int]int{}
	for i, element := range split {
		m := w.mints[i%honest]
		public := info(w.charter.Nbhd, w.epoch, w.charter.V)
		e := must(evaluate(must(secretKey(m.POPRF))(t), public, w.elements[element].blinded))(t)
		y := must(w.elements[element].finalize(must(publicKey(w.charter.Issuers[i%honest].POPRF))(t), public, &e))(t)
		if y == must(Output(m.POPRF, w.charter.Nbhd, w.epoch, w.charter.V, w.inputs[element]))(t) {
			good[element]++
		}
	}
	usable := 0
	for _, n := range good {
		if n >= enough {
			usable++
		}
	}
	if usable != want {
		t.Errorf("split %v without grants: %d tokens are taken, want %d", split, usable, want)
	}
}

// TestOneTokenEachOfMore plays random splits of four members.
func TestOneTokenEachOfMore(t *testing.T) {
	const members = 4
	w := newColluders(t, members, members+2)
	draw := rand.New(rand.NewPCG(1, 2))
	splits, control := 30, 0
	if testing.Short() {
		splits = 2
	}
	for range splits {
		split := make([]int, members*honest)
		for i := range split {
			split[i] = draw.IntN(len(w.elements))
		}
		if got := w.tokens(t, split); got > members {
			t.Errorf("split %v gives %d tokens", split, got)
		}
		control = max(control, withoutGrants(split))
	}
	if !testing.Short() && control <= members {
		t.Errorf("without grants: at most %d tokens", control)
	}
}
