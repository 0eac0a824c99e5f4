// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"crypto/sha256"
	"errors"

	"github.com/vecino-edge/vecino/crypto/shard"
)

// Limits of a collector.
const (
	MaxHeld = 2 << 20 // bytes that it holds by default
	MaxDone = 64      // updates that it remembers, so that what comes late is known
)

// Complete is an update that has arrived whole.
type Complete struct {
	From    [16]byte // who signed the header
	Round   uint32
	Header  Header
	Vectors [][]float32 // (Header.Vectors, Header.Params), finite
	Bytes   []byte      // instead, where they were asked for

	Exchange *Exchange // instead, where it was asked for
}

// Stats count what a collector holds and has lost.
type Stats struct {
	Held    int    // bytes
	Updates int    // with a header, not whole yet
	Orphans int    // shards whose header has not come
	Bad     uint64 // shards that do not match the header of their update
	Evicted uint64 // updates and orphans that were dropped for others
}

// Collector joins headers and shards into updates. Shards may come before their
// header. When all that it holds grows beyond its limit, whoever holds most
// loses the oldest of it first, so that a flood from one sender, or of shards
// from nobody, takes nothing from those who hold less. An update's id is bound to
// its sender, so that nobody can take it from another. One goroutine uses a
// collector at a time.
type Collector struct {
	limit   int
	held    int
	pending map[[16]byte]*partial // by the update's id
	senders map[[16]byte]*sender
	orphans orphanage
	done    []finished // oldest first, at most MaxDone
	stats   Stats
}

// partial is an update whose header has come.
type partial struct {
	from    [16]byte
	round   uint32
	header  Header
	message [sha256.Size]byte // hash of the header's message
	joiner  *shard.Joiner
	bytes   int // counted for it
}

// sender holds the updates of one sender, oldest first.
type sender struct {
	updates []*partial
	bytes   int
}

// finished remembers an update that has come whole or was refused as a whole.
type finished struct {
	id    [16]byte
	round uint32
}

// perPartial and perOrphan are what an update and a shard take beside their
// bytes, in bytes.
const (
	perPartial = 1024
	perOrphan  = 128
)

// NewCollector returns a collector that holds so many bytes; 0 means MaxHeld.
func NewCollector(limit int) *Collector {
	if limit <= 0 {
		limit = MaxHeld
	}
	return &Collector{
		limit:   limit,
		pending: make(map[[16]byte]*partial),
		senders: make(map[[16]byte]*sender),
	}
}

// Stats returns the counters.
func (c *Collector) Stats() Stats {
	s := c.stats
	s.Held, s.Updates, s.Orphans = c.held, len(c.pending), len(c.orphans.list)
	return s
}

// Header takes the message of a header that a sender signed for a round. It
// returns the update when that completes it, and nil when shards are to come or
// when the header came before, as its copies do. The error is a [*Refused]; a
// header under another sender's id is refused before anything changes.
func (c *Collector) Header(from [16]byte, round uint32, msg []byte, want Want) (*Complete, error) {
	m, err := DecodeHeader(msg, want)
	if err == nil {
		err = m.Header.checkSender(from)
	}
	if err != nil {
		return nil, signed(err, from)
	}
	sum := sha256.Sum256(msg)
	if p := c.pending[m.Header.ID]; p != nil {
		if p.message != sum || p.round != round {
			return nil, signed(refuse(ReasonDuplicate, "another header for one update"), from)
		}
		return nil, nil
	}
	if c.finished(m.Header.ID) {
		return nil, nil
	}
	p := &partial{from: from, round: round, header: m.Header, message: sum, bytes: perPartial}
	if m.Inline != nil {
		return c.complete(p, *m.Inline)
	}
	if p.joiner, err = shard.NewJoiner(m.Header.code(), int(m.Header.Size), m.Header.ShardHash); err != nil {
		return nil, signed(refuse(ReasonShards, "%v", err), from)
	}
	c.add(p)
	for _, o := range c.orphans.take(m.Header.ID) {
		c.held -= o.bytes()
		_ = c.offer(p, o.index, o.data) // which counts a bad one; there is nobody to tell
	}
	return c.settle(p)
}

// Shard takes a shard. It returns the update when that completes it, and nil
// while more are to come, or when the update is over already. Nobody signs a
// shard: its hash in the header tells whether it is the sender's. The error is a
// [*Refused].
func (c *Collector) Shard(m shard.Message) (*Complete, error) {
	if len(m.Data) < 1 || len(m.Data) > shard.MaxShardSize || m.Index >= shard.MaxShards {
		return nil, refuse(ReasonMalformed, "shard %d of %d bytes", m.Index, len(m.Data))
	}
	p := c.pending[m.ID]
	if p == nil {
		if !c.finished(m.ID) {
			c.keep(m)
			c.makeRoom()
		}
		return nil, nil
	}
	switch err := c.offer(p, m.Index, m.Data); {
	case errors.Is(err, shard.ErrDuplicate):
		return nil, refuse(ReasonDuplicate, "%v", err)
	case err != nil:
		return nil, refuse(ReasonShards, "%v", err)
	}
	return c.settle(p)
}

// Forget drops what belongs to rounds up to this one, and shards whose header
// has not come since the last time that it was called.
func (c *Collector) Forget(round uint32) {
	for _, p := range c.pending {
		if p.round <= round {
			c.drop(p)
		}
	}
	kept := c.done[:0]
	for _, d := range c.done {
		if d.round > round {
			kept = append(kept, d)
		}
	}
	clear(c.done[len(kept):])
	c.done = kept
	c.held -= c.orphans.age()
}

// settle completes an update once it can be, and makes room.
func (c *Collector) settle(p *partial) (*Complete, error) {
	if !p.joiner.Ready() {
		c.makeRoom()
		return nil, nil
	}
	c.drop(p)
	sealed, err := p.joiner.Join()
	if err != nil {
		c.remember(p)
		return nil, signed(refuse(ReasonShards, "%v", err), p.from)
	}
	return c.complete(p, sealed)
}

// complete opens an update.
func (c *Collector) complete(p *partial, sealed []byte) (*Complete, error) {
	c.remember(p)
	payload, err := p.header.unseal(sealed)
	if err != nil {
		return nil, signed(err, p.from)
	}
	done := &Complete{From: p.from, Round: p.round, Header: p.header}
	switch h := &done.Header; h.Quant {
	case Bytes:
		done.Bytes, err = h.unpack(payload)
	case Framed:
		done.Exchange, err = decodeExchange(payload, int(h.Params))
	default:
		done.Vectors, err = decodePayload(payload, h.Quant, int(h.Params), int(h.Vectors))
	}
	if err != nil {
		return nil, signed(err, p.from)
	}
	return done, nil
}

// Knows reports whether an update of that id is under way or over.
func (c *Collector) Knows(id [16]byte) bool { return c.pending[id] != nil || c.finished(id) }

// signed adds the sender to a refusal.
func signed(err error, from [16]byte) error {
	if r, ok := err.(*Refused); ok {
		r.From = from
	}
	return err
}
