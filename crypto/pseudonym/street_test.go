// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPairsUnderABadNetwork lets devices meet over a network that drops, doubles
// and reorders, with restarts between. Nobody is ever taken for another, and two
// that both hold a pair of an epoch recognise each other in the next.
func TestPairsUnderABadNetwork(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &street{T: rt, whose: map[byte]map[Handle]byte{}}
		for id := range byte(4) {
			s.devices = append(s.devices, newAcquaintance(t, id))
			s.whose[id] = map[Handle]byte{}
		}
		for epoch := uint32(1); epoch <= 4; epoch++ {
			s.hellos(t, epoch)
			s.exchange(t, epoch)
		}
	})
}

// street is the devices and, for each, whom a handle was given to.
type street struct {
	*rapid.T
	devices []*acquaintance
	whose   map[byte]map[Handle]byte
}

type letter struct {
	from, to *acquaintance
	msg      []byte
}

func (s *street) note(at, of *acquaintance, h Handle) {
	if was, ok := s.whose[at.id][h]; ok && was != of.id {
		s.Fatalf("device %d takes %d for %d", at.id, of.id, was)
	}
	s.whose[at.id][h] = of.id
}

// mutual reports whether both hold one secret since before the epoch.
func mutual(a, b *acquaintance, epoch uint32) bool {
	for _, p := range a.pairs {
		for _, q := range b.pairs {
			if p.Secret == q.Secret && p.Since < epoch && q.Since < epoch {
				return true
			}
		}
	}
	return false
}

func (s *street) hellos(t *testing.T, epoch uint32) {
	type sight struct{ at, of *acquaintance }
	must := map[sight]bool{}
	for _, a := range s.devices {
		a.hello(t, epoch)
		for _, b := range s.devices {
			must[sight{a, b}] = a != b && mutual(a, b, epoch)
		}
	}
	for _, a := range s.devices {
		for _, b := range s.devices {
			if a == b || rapid.IntRange(0, 9).Draw(s.T, "hello lost") == 0 {
				continue
			}
			r := a.sees(t, b, epoch)
			if r.Known != must[sight{a, b}] {
				s.Fatalf("epoch %d: device %d recognises %d: %v", epoch, a.id, b.id, r.Known)
			}
			if r.Known {
				s.note(a, b, r.Handle)
			}
		}
	}
}

func (s *street) exchange(t *testing.T, epoch uint32) {
	var mail []letter
	for range rapid.IntRange(0, 4).Draw(s.T, "offers") {
		a := s.devices[rapid.IntRange(0, 3).Draw(s.T, "from")]
		b := s.devices[rapid.IntRange(0, 3).Draw(s.T, "to")]
		if a != b {
			mail = append(mail, letter{a, b, a.Offer(epoch, a.as(epoch), b.as(epoch), 1)})
		}
	}
	for len(mail) > 0 {
		i := rapid.IntRange(0, len(mail)-1).Draw(s.T, "next")
		l := mail[i]
		if rapid.IntRange(0, 3).Draw(s.T, "twice") > 0 {
			mail = slices.Delete(mail, i, i+1)
		}
		if rapid.IntRange(0, 4).Draw(s.T, "lost") == 0 {
			continue
		}
		if rapid.Bool().Draw(s.T, "restart") {
			l.to.restart(s.T)
		}
		e, err := l.to.Handle(l.to.rand, epoch, l.to.as(epoch), l.from.as(epoch), l.msg, rapid.IntRange(0, 1).Draw(s.T, "places"))
		if err != nil {
			s.Fatal(err)
		}
		if e.Paired {
			s.note(l.to, l.from, e.Handle)
		}
		if e.Answer != nil {
			mail = append(mail, letter{l.to, l.from, e.Answer})
		}
	}
}

func BenchmarkRecognise(b *testing.B) {
	a := newAcquaintance(b, 0)
	for n := range byte(MaxPairs) {
		meet(b, a, newAcquaintance(b, n+1), 1)
	}
	stranger := newAcquaintance(b, 200)
	tags := stranger.hello(b, 2)
	for b.Loop() {
		a.Recognise(tags, stranger.as(2), 2)
	}
}
