// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"cmp"
	"slices"
)

// tally is what a leader makes of the members' holdings.
type tally struct {
	s        *Session
	r        *round
	live     set            // who spoke
	members  set            // whose upload tau of them hold, and the leader as well
	supports [MaxRoster]set // whose upload and share each of them has
}

// newTally counts who holds what. An upload is known by its digest, so that two
// uploads of one member never count as one.
func newTally(s *Session, r *round) *tally {
	t := &tally{s: s, r: r}
	for j, h := range r.holdings {
		if h != nil {
			t.live |= only(j)
		}
	}
	for i := range r.held().each() {
		holders := set(0)
		for j := range t.live.each() {
			if d := r.holdings[j].digest(i); d != nil && *d == r.digests[i] {
				holders |= only(j)
			}
		}
		if holders.len() >= s.roster.tau {
			t.members |= only(i)
		}
		for j := range holders.each() {
			if t.secrets(j).has(i) {
				t.supports[j] |= only(i)
			}
		}
	}
	return t
}

// secrets returns whose shares member j needs to open their uploads.
func (t *tally) secrets(j int) set {
	if t.s.c.Mode == Mask {
		return t.r.holdings[j].Shares
	}
	return t.r.holdings[j].Dealt
}

// choose returns the largest active set that it finds, with its openers, or nil.
// Where not enough members can open all, it drops the one that most cannot.
func (t *tally) choose() *active {
	n, tau := t.s.roster.size(), t.s.roster.tau
	for a := t.members; a.len() >= MinActive(n, tau); a &^= only(t.worst(a)) {
		able := set(0)
		for j := range t.live.each() {
			if t.supports[j].holds(a) {
				able |= only(j)
			}
		}
		if able.len() < tau || t.s.c.Mode == Mask && !t.cancels(a, able) {
			continue
		}
		openers := a
		if t.s.c.Mode == Lattice || a == t.s.roster.all() {
			openers = t.pick(able, tau)
		}
		return &active{Members: a, Openers: openers, Uploads: t.r.bundle(a)}
	}
	return nil
}

// cancels reports whether the masks of a cancel within it, and all whose masks
// towards others are left over are able to reveal them.
func (t *tally) cancels(a, able set) bool {
	for i := range a.each() {
		if !t.r.uploads[i].Pairs.holds(a &^ only(i)) {
			return false
		}
	}
	return a == t.s.roster.all() || able.holds(a)
}

// worst returns the member of a that stands most in the way of the others.
func (t *tally) worst(a set) (worst int) {
	most := -1
	for i := range a.each() {
		n := 0
		for j := range t.live.each() {
			if !t.supports[j].has(i) {
				n++
			}
		}
		if t.s.c.Mode == Mask {
			n += (a &^ t.supports[i]).len() + (a &^ only(i) &^ t.r.uploads[i].Pairs).len()
		}
		if n > most {
			worst, most = i, n
		}
	}
	return worst
}

// pick returns tau of those who are able to open, such as answered in the rounds
// before first, and otherwise in the order of the round's leaders.
func (t *tally) pick(able set, tau int) (openers set) {
	order := leaders(&t.s.c, t.r.number, t.s.roster.members)
	candidates := slices.Collect(able.each())
	slices.SortFunc(candidates, func(i, j int) int {
		return cmp.Or(cmp.Compare(t.s.silent[i], t.s.silent[j]),
			cmp.Compare(slices.Index(order, t.s.roster.members[i]), slices.Index(order, t.s.roster.members[j])))
	})
	for _, i := range candidates[:tau] {
		openers |= only(i)
	}
	return openers
}

// bundle returns the digest of the uploads of a.
func (r *round) bundle(a set) Hash {
	var digests []Hash
	for i := range a.each() {
		digests = append(digests, r.digests[i])
	}
	return bundle(digests)
}

// lead proposes an active set, when it is this device's turn and those before it
// were silent, and once more where the first may be lost.
func (s *Session) lead(r *round) {
	if s.now.Before(s.middle(r.number).Add(s.c.Wait)) {
		return
	}
	if r.led > 0 {
		if r.led == 1 && r.decided == nil && s.now.After(r.ledAt.Add(s.c.Wait/2)) {
			s.propose(r)
		}
		return
	}
	if r.done || r.spoken() || s.guard.allows(signing, r.number) != nil {
		return
	}
	rank := slices.Index(leaders(&s.c, r.number, s.roster.members), s.c.Self)
	if s.now.Before(s.middle(r.number).Add(s.c.wait(1 + rank))) {
		return
	}
	if r.proposals[s.index] = newTally(s, r).choose(); r.proposals[s.index] != nil {
		r.ledAt = s.now
		s.propose(r)
	}
}

// spoken reports whether a leader has spoken, or somebody has signed.
func (r *round) spoken() bool {
	is := func(a *active) bool { return a != nil }
	return slices.ContainsFunc(r.proposals[:], is) || slices.ContainsFunc(r.votes[:], is)
}

func (s *Session) propose(r *round) {
	r.led++
	s.send(TypeControl, s.roster.all(), s.activeMessage(subActive, r, r.proposals[s.index]))
}

func (s *Session) activeMessage(sub uint8, r *round, a *active) *activeMessage {
	return &activeMessage{Sub: sub, Scope: s.scope(), Roster: s.roster.hash, Round: r.number, Active: *a}
}
