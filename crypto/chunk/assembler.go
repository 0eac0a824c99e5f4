// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk

import (
	"bytes"
	"container/list"
)

// Limits of an [Assembler].
const (
	MaxHeld    = 2 << 20 // bytes of incomplete messages by default
	Remembered = 2048    // messages whose identifiers are remembered, so that none comes twice
)

// What a message and a part of one are reckoned to hold besides their data, in
// bytes: structs, slices, and their places in the map and the list.
const (
	costMessage = 256
	costPart    = 64
)

// Counts says what became of the frames that an [Assembler] was given.
type Counts struct {
	Delivered uint64 // messages
	Dropped   uint64 // incomplete messages given up, for want of room or because parts contradicted
	Repeated  uint64 // frames that had come before, or belong to a message delivered or contradicted
	Malformed uint64 // payloads refused whole
}

// Assembler puts messages together from the payloads of many senders, in any
// order, with gaps and repetitions. A neighbour can make it drop incomplete
// messages by filling it with others; it cannot make it hold more than its limit.
type Assembler struct {
	limit    int // bytes
	held     int // bytes, as the costs above reckon
	partials map[messageID]*list.Element
	byAge    *list.List // of *partial, oldest first
	recent   recent
	counts   Counts
}

// NewAssembler returns an assembler that holds at most limit bytes of incomplete
// messages, or [MaxHeld] where limit is not positive. A message longer than the
// limit never completes. The identifiers of [Remembered] messages come on top.
func NewAssembler(limit int) *Assembler {
	if limit <= 0 {
		limit = MaxHeld
	}
	return &Assembler{
		limit:    limit,
		partials: make(map[messageID]*list.Element),
		byAge:    list.New(),
	}
}

// Counts returns what has been counted so far.
func (a *Assembler) Counts() Counts { return a.counts }

// Held returns the memory that incomplete messages hold, in bytes. Between calls
// it is at most the limit.
func (a *Assembler) Held() int { return a.held }

// Accept takes the payload of one chunk, [Payload] bytes, and returns copies of
// the messages that it completes. A payload that breaks the layout is refused
// with [ErrMalformed] and has no other effect.
func (a *Assembler) Accept(payload []byte) ([]Message, error) {
	if err := check(payload); err != nil {
		a.counts.Malformed++
		return nil, err
	}
	var messages []Message
	for {
		f, rest, more, _ := next(payload) // checked above
		if !more {
			return messages, nil
		}
		if data := a.accept(&f); data != nil {
			messages = append(messages, Message{Type: f.kind, Data: data})
			a.counts.Delivered++
		}
		payload = rest
	}
}

// accept takes one frame and returns the data of the message that it completes,
// or nil.
func (a *Assembler) accept(f *frame) []byte {
	if a.recent.has(f.id) {
		a.counts.Repeated++
		return nil
	}
	e, known := a.partials[f.id]
	if !known {
		if f.parts == 1 {
			a.recent.add(f.id)
			return bytes.Clone(f.data)
		}
		e = a.start(f)
	}
	p := e.Value.(*partial)
	switch {
	case p.kind != f.kind || p.parts != f.parts:
		a.drop(e)
		a.recent.add(f.id) // else its other parts would begin it anew
		return nil
	case p.has(f.part):
		a.counts.Repeated++
		return nil
	}
	p.add(f)
	a.held += costPart + len(f.data)
	if len(p.pieces) == int(p.parts) {
		a.remove(e)
		a.recent.add(f.id)
		return p.join()
	}
	for a.held > a.limit {
		a.drop(a.byAge.Front())
	}
	return nil
}

// start begins the message of a frame, without its data.
func (a *Assembler) start(f *frame) *list.Element {
	e := a.byAge.PushBack(&partial{id: f.id, kind: f.kind, parts: f.parts})
	a.partials[f.id] = e
	a.held += costMessage
	return e
}

func (a *Assembler) drop(e *list.Element) {
	a.remove(e)
	a.counts.Dropped++
}

func (a *Assembler) remove(e *list.Element) {
	p := a.byAge.Remove(e).(*partial)
	delete(a.partials, p.id)
	a.held -= p.cost()
}
