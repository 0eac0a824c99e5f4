// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk

import (
	"errors"
	"fmt"
	"io"
)

// MaxQueued bounds the payloads that wait in a [Packer], in bytes. It holds the
// longest message twice, or the largest update with its parity.
const MaxQueued = 512 * Payload

// Reasons for which a packer refuses messages. Each refusal wraps one of them.
var (
	ErrFull = errors.New("chunk: queue is full")
	ErrSize = errors.New("chunk: bad message size")
)

// Packer lays messages into payloads and hands them out in turn. A message that
// fits a payload is never cut, and later messages fill the room that earlier
// ones left, so that a short one does not wait behind a long one.
type Packer struct {
	rand  io.Reader
	queue []page // oldest first
}

// page is a payload in the making.
type page struct {
	buf  *[Payload]byte
	used int // bytes of frames at its beginning
}

// NewPacker returns an empty packer that draws the messages' identifiers from
// rand.
func NewPacker(rand io.Reader) *Packer { return &Packer{rand: rand} }

// Queued returns the number of payloads that wait.
func (p *Packer) Queued() int { return len(p.queue) }

// Next takes the oldest payload from the queue, or returns false where none
// waits: then an all-zero payload serves as cover.
func (p *Packer) Next() (*[Payload]byte, bool) {
	if len(p.queue) == 0 {
		return nil, false
	}
	first := p.queue[0]
	p.queue[0] = page{} // else the queue's array would hold it
	p.queue = p.queue[1:]
	return first.buf, true
}

// Add queues one message, in the first place where it fits. It copies the data.
// The error wraps [ErrSize] or [ErrFull], or is that of the packer's randomness;
// the queue is then as it was.
func (p *Packer) Add(m Message) error { return p.Spread([][]Message{{m}}) }

// Spread queues groups of messages so that no two groups share a payload: the
// loss of a chunk then touches one group of the call only. A group lies in one
// payload where it fits one. An update goes out as one group for each shard, some
// with a copy of the header besides. The errors are those of [Packer.Add]; the
// queue takes all of the groups or none.
func (p *Packer) Spread(groups [][]Message) error {
	pl := newPlan(p.queue)
	for i, g := range groups {
		if err := pl.add(i, g); err != nil {
			return err
		}
	}
	ids := make([]messageID, pl.messages)
	for i := range ids {
		if _, err := io.ReadFull(p.rand, ids[i][:]); err != nil {
			return fmt.Errorf("chunk: read message identifier: %w", err)
		}
	}
	for len(p.queue) < len(pl.used) {
		p.queue = append(p.queue, page{buf: new([Payload]byte)})
	}
	for _, place := range pl.places {
		pg := &p.queue[place.page]
		f := place.frame
		f.id = ids[place.message]
		pg.used += f.put(pg.buf[pg.used:])
	}
	return nil
}
