// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package update

import (
	"bytes"
	"errors"
	"slices"

	"github.com/vecino-edge/vecino/crypto/shard"
)

// add holds an update from now on.
func (c *Collector) add(p *partial) {
	s := c.senders[p.from]
	if s == nil {
		s = &sender{}
		c.senders[p.from] = s
	}
	s.updates = append(s.updates, p)
	c.pending[p.header.ID] = p
	n := p.bytes + p.joiner.Bytes()
	p.bytes = 0
	c.charge(p, n)
}

// charge counts n more bytes for an update.
func (c *Collector) charge(p *partial, n int) {
	p.bytes += n
	c.senders[p.from].bytes += n
	c.held += n
}

// drop holds an update no longer.
func (c *Collector) drop(p *partial) {
	c.charge(p, -p.bytes)
	delete(c.pending, p.header.ID)
	s := c.senders[p.from]
	i := slices.Index(s.updates, p)
	s.updates = slices.Delete(s.updates, i, i+1)
	if len(s.updates) == 0 {
		delete(c.senders, p.from)
	}
}

// offer gives a shard to an update. The error is shard.ErrDuplicate, or the
// shard is not the sender's.
func (c *Collector) offer(p *partial, index uint8, data []byte) error {
	before := p.joiner.Bytes()
	err := p.joiner.Add(int(index), data)
	c.charge(p, p.joiner.Bytes()-before)
	if err != nil && !errors.Is(err, shard.ErrDuplicate) {
		c.stats.Bad++
	}
	return err
}

// keep holds a shard whose header has not come.
func (c *Collector) keep(m shard.Message) {
	o := orphan{id: m.ID, index: m.Index, data: bytes.Clone(m.Data)}
	c.orphans.list = append(c.orphans.list, o)
	c.orphans.bytes += o.bytes()
	c.held += o.bytes()
}

// makeRoom drops what is oldest of whoever holds most until the limit is kept.
func (c *Collector) makeRoom() {
	for c.held > c.limit {
		c.stats.Evicted++
		most := c.largest()
		if most == nil || c.orphans.bytes >= most.bytes {
			c.held -= c.orphans.shift()
			continue
		}
		c.drop(most.updates[0])
	}
}

// largest returns the sender that holds most, of equal ones that with the
// lowest name, or nil.
func (c *Collector) largest() *sender {
	var name [16]byte
	var most *sender
	for from, s := range c.senders {
		if most == nil || s.bytes > most.bytes || s.bytes == most.bytes && bytes.Compare(from[:], name[:]) < 0 {
			name, most = from, s
		}
	}
	return most
}

// remember notes that an update is over.
func (c *Collector) remember(p *partial) {
	if len(c.done) == MaxDone {
		c.done = slices.Delete(c.done, 0, 1)
	}
	c.done = append(c.done, finished{id: p.header.ID, round: p.round})
}

// finished reports whether an update is over.
func (c *Collector) finished(id [16]byte) bool {
	return slices.ContainsFunc(c.done, func(d finished) bool { return d.id == id })
}

// orphan is a shard whose header has not come.
type orphan struct {
	id    [16]byte
	index uint8
	old   bool // was there when the last round was forgotten
	data  []byte
}

func (o *orphan) bytes() int { return perOrphan + len(o.data) }

// orphanage holds orphans, oldest first.
type orphanage struct {
	list  []orphan
	bytes int
}

// shift drops the oldest one and returns its bytes.
func (h *orphanage) shift() int {
	n := h.list[0].bytes()
	h.bytes -= n
	h.list[0] = orphan{} // its data must not stay with the list
	h.list = h.list[1:]
	return n
}

// take removes and returns those of an update.
func (h *orphanage) take(id [16]byte) []orphan {
	var taken []orphan
	h.list = slices.DeleteFunc(h.list, func(o orphan) bool {
		if o.id != id {
			return false
		}
		taken = append(taken, o)
		h.bytes -= o.bytes()
		return true
	})
	return taken
}

// age drops those that were there the last time, and returns their bytes.
func (h *orphanage) age() int {
	before := h.bytes
	h.list = slices.DeleteFunc(h.list, func(o orphan) bool {
		if o.old {
			h.bytes -= o.bytes()
		}
		return o.old
	})
	for i := range h.list {
		h.list[i].old = true
	}
	return before - h.bytes
}
