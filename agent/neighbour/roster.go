// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"bytes"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
)

// missedHellos is how many hellos a neighbour may leave out before it counts as
// gone.
const missedHellos = 3

// roster holds those who said hello in an epoch. It is bounded by the members
// that a neighbourhood may have, one pseudonym each.
type roster struct {
	self  *signcrypt.Peer
	peers map[signcrypt.PID]*entry
}

type entry struct {
	peer    *signcrypt.Peer
	hello   pseudonym.Hello
	raw     [32]byte // digest of the hello's bytes
	since   time.Time
	heard   time.Time
	updates uint64           // opened so far
	handle  pseudonym.Handle // zero: it is not recognised
	offered bool             // a pair, in this epoch
}

func newRoster() roster { return roster{peers: map[signcrypt.PID]*entry{}} }

// add takes a verified hello and reports whether its sender is new.
func (r *roster) add(p *signcrypt.Peer, h *pseudonym.Hello, raw [32]byte, now time.Time) (fresh, ok bool) {
	e := r.peers[p.ID]
	if e == nil {
		if len(r.peers) >= issuer.MaxMembers {
			return false, false
		}
		e = &entry{since: now}
		r.peers[p.ID] = e
		fresh = true
	}
	e.peer, e.hello, e.raw, e.heard = p, *h, raw, now
	return fresh, true
}

// known reports whether this very hello was verified before, and notes that
// its sender is alive.
func (r *roster) known(raw [32]byte, now time.Time) bool {
	for _, e := range r.peers {
		if e.raw == raw {
			e.heard = now
			return true
		}
	}
	return false
}

// present returns those who are there and the device itself, in the order of
// their pids, on which all agree.
func (r *roster) present(now time.Time, every time.Duration) (ids []signcrypt.PID) {
	if r.self == nil {
		return nil
	}
	ids = append(ids, r.self.ID)
	for id, e := range r.peers {
		if now.Sub(e.heard) < missedHellos*every {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b signcrypt.PID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// anybody reports whether somebody else is there.
func (r *roster) anybody(now time.Time, every time.Duration) bool {
	for _, e := range r.peers {
		if now.Sub(e.heard) < missedHellos*every {
			return true
		}
	}
	return false
}

// nonces remembers the newest chunks, to know those that come again.
type nonces struct {
	seen map[[nonceSize]byte]struct{}
	ring [][nonceSize]byte
	next int
}

const (
	nonceSize = 24
	maxNonces = 8192 // chunks: two minutes of a full neighbourhood at the default rate and more
)

func (n *nonces) has(chunk []byte) bool {
	_, was := n.seen[[nonceSize]byte(chunk)]
	return was
}

func (n *nonces) add(chunk []byte) {
	key := [nonceSize]byte(chunk)
	if n.seen == nil {
		n.seen = map[[nonceSize]byte]struct{}{}
	}
	if len(n.ring) < maxNonces {
		n.ring = append(n.ring, key)
	} else {
		delete(n.seen, n.ring[n.next])
		n.ring[n.next] = key
		n.next = (n.next + 1) % maxNonces
	}
	n.seen[key] = struct{}{}
}
