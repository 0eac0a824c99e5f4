// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"sync"

	"github.com/vecino-edge/vecino/crypto/group"
)

// MaxRemembered is how many envelopes a [Guard] remembers before it forgets the
// oldest. At 256 opened a minute that is an hour, longer than any window of
// rounds in which an old one could still be fresh.
const MaxRemembered = 16384

// Guard refuses what was opened before: an envelope that comes again, and a
// second message where one is allowed for each sender and round. The zero value
// allows any number of messages; it is safe for concurrent use.
type Guard struct {
	// Once names the types of which a sender may send one message a round.
	Once map[uint8]bool

	mu       sync.Mutex
	seen     map[[group.Size]byte]struct{}
	order    [][group.Size]byte // ring of seen, oldest at next
	next     int
	messages map[onceKey]struct{}
	rounds   []onceKey // ring of messages, oldest at oldest
	oldest   int
}

type onceKey struct {
	from  PID
	typ   uint8
	round uint32
}

// Seen reports whether the envelope with this form was opened before.
func (g *Guard) Seen(p *Peeked) bool { return !g.unseen(p.env.E) }

func (g *Guard) unseen(e [group.Size]byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, was := g.seen[e]
	return !was
}

// accept records a verified message and reports whether it is the first.
func (g *Guard) accept(e [group.Size]byte, from PID, typ uint8, round uint32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, was := g.seen[e]; was {
		return false
	}
	if g.seen == nil {
		g.seen, g.messages = map[[group.Size]byte]struct{}{}, map[onceKey]struct{}{}
	}
	remember(g.seen, &g.order, &g.next, e)
	if !g.Once[typ] {
		return true
	}
	key := onceKey{from: from, typ: typ, round: round}
	if _, was := g.messages[key]; was {
		return false
	}
	remember(g.messages, &g.rounds, &g.oldest, key)
	return true
}

// remember adds key to a set that holds the newest MaxRemembered keys.
func remember[K comparable](set map[K]struct{}, ring *[]K, next *int, key K) {
	if len(*ring) < MaxRemembered {
		*ring = append(*ring, key)
	} else {
		delete(set, (*ring)[*next])
		(*ring)[*next] = key
		*next = (*next + 1) % MaxRemembered
	}
	set[key] = struct{}{}
}
