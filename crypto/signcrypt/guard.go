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

// Guard refuses an envelope that was opened before. The zero value has seen
// none; it is safe for concurrent use.
type Guard struct {
	mu   sync.Mutex
	seen map[[group.Size]byte]struct{}
	ring [][group.Size]byte // of seen, the oldest at next
	next int
}

// Seen reports whether the envelope with this form was opened before.
func (g *Guard) Seen(p *Peeked) bool { return !g.unseen(p.env.E) }

func (g *Guard) unseen(e [group.Size]byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, was := g.seen[e]
	return !was
}

// accept records a verified envelope and reports whether it is the first.
func (g *Guard) accept(e [group.Size]byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, was := g.seen[e]; was {
		return false
	}
	if g.seen == nil {
		g.seen = map[[group.Size]byte]struct{}{}
	}
	if len(g.ring) < MaxRemembered {
		g.ring = append(g.ring, e)
	} else {
		delete(g.seen, g.ring[g.next])
		g.ring[g.next] = e
		g.next = (g.next + 1) % MaxRemembered
	}
	g.seen[e] = struct{}{}
	return true
}
