// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"slices"
	"testing"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"pgregory.net/rapid"
)

// post is a broker that delays, drops, doubles and reorders what is said at the
// door. Who is asleep hears nothing.
type post struct {
	*rapid.T
	b         *bench
	residents []*resident
	asleep    map[*resident]bool
	mail      []letter
}

type letter struct {
	to  *resident
	key [32]byte // of the door, under which it was said
	msg []byte
}

func (p *post) say(key [32]byte, msg []byte) {
	for _, r := range p.residents {
		for range rapid.SampledFrom([]int{0, 1, 1, 2}).Draw(p.T, "copies") {
			p.mail = append(p.mail, letter{r, key, msg})
		}
	}
}

// deliver hands out some of the mail in any order; the rest is late.
func (p *post) deliver() {
	for n := rapid.IntRange(0, len(p.mail)).Draw(p.T, "delivered"); n > 0; n-- {
		i := rapid.IntRange(0, len(p.mail)-1).Draw(p.T, "letter")
		l := p.mail[i]
		p.mail = slices.Delete(p.mail, i, i+1)
		if !p.asleep[l.to] && slices.Contains(l.to.ring.DoorKeys(), l.key) {
			l.to.hear(l.msg) // refusals are part of it; what counts is what is held in the end
		}
	}
}

// sync has a device ask under its own key until it is up to date; all others
// answer if they can.
func (p *post) sync(r *resident) {
	key := MemberKey(r.ring.Current(p.b.now))
	for _, other := range p.residents {
		if p.asleep[other] || !slices.Contains(other.ring.DoorKeys(), key) {
			continue
		}
		p.b.now = p.b.now.Add(SyncEvery)
		for _, m := range other.archive.Answer(EncodeSync(r.held, r.ring), p.b.now) {
			r.hear(m)
		}
	}
}

// TestEvictionsUnderABadNetwork evicts several while mail is lost and members
// sleep: those who stay all get the last K in the end, and those who went have
// none of those that came after.
func TestEvictionsUnderABadNetwork(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, "bad network")
		p := &post{T: rt, b: b, asleep: map[*resident]bool{}}
		for _, name := range []string{"ann", "bob", "eve", "joe"} {
			p.residents = append(p.residents, b.move(t, name))
		}
		last := p.residents[0].ring.Current(b.now)
		gone := map[*resident][][32]byte{}
		for range rapid.IntRange(1, 2).Draw(rt, "evictions") {
			for _, r := range p.residents[1:] {
				p.asleep[r] = rapid.Bool().Draw(rt, "asleep")
			}
			who := rapid.SampledFrom(p.residents[1:]).Draw(rt, "who")
			if gone[who] != nil {
				continue
			}
			gone[who] = [][32]byte{}
			key := MemberKey(b.rings[0].Current(b.now))
			msg := b.evict(t, 0, who.name)
			for range 3 {
				p.say(key, msg)
				p.deliver()
			}
			p.residents[0].hear(msg) // one is always there
			b.now = b.now.Add(MinNotice)
			last = b.rings[0].Current(b.now)
			for r := range gone {
				gone[r] = append(gone[r], last)
				noSlotOpens(t, msg, who.id, last)
			}
		}
		for _, m := range p.mail { // what was late comes to nothing
			m.to.hear(m.msg)
		}
		p.asleep = map[*resident]bool{}
		for _, r := range p.residents {
			p.sync(r)
			if keys, ok := gone[r]; ok {
				for _, k := range keys {
					if slices.Contains(r.ring.DoorKeys(), MemberKey(k)) {
						rt.Fatalf("%s was removed and has a key from after that", r.name)
					}
				}
			} else if r.ring.Current(b.now) != last || r.evicted {
				rt.Fatalf("%s stays and has another key, evicted %v", r.name, r.evicted)
			}
		}
	})
}

func BenchmarkOpenRekey(b *testing.B) {
	h := newBench(b, "speed")
	h.move(b, "eve")
	for n := range issuer.MaxMembers - 4 {
		h.move(b, "m"+string(rune('a'+n/26))+string(rune('a'+n%26)))
	}
	_, held := h.keeper[0].Charter()
	msg := h.evict(b, 0, "eve")
	for b.Loop() {
		must(OpenRekey(msg, held, h.ids[1]))(b)
	}
	b.ReportMetric(float64(len(msg)), "bytes")
}
