// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package chunk

import "bytes"

// partial is a message of which some parts are missing. It grows with what has
// arrived, never with what a frame claims is to come.
type partial struct {
	id     messageID
	kind   uint8
	parts  uint8     // 2 or more
	seen   [4]uint64 // set of the parts that have arrived
	size   int       // bytes of data in all pieces
	pieces []piece   // in the order of arrival
}

// piece is the data of one part.
type piece struct {
	part uint8
	data []byte
}

func (p *partial) has(part uint8) bool { return p.seen[part/64]>>(part%64)&1 == 1 }

// add copies the data of a frame, whose part has not arrived before.
func (p *partial) add(f *frame) {
	p.seen[f.part/64] |= 1 << (f.part % 64)
	p.size += len(f.data)
	p.pieces = append(p.pieces, piece{part: f.part, data: bytes.Clone(f.data)})
}

// cost returns what the message holds in bytes, as the assembler reckons.
func (p *partial) cost() int { return costMessage + costPart*len(p.pieces) + p.size }

// join returns the data of all parts in their order.
func (p *partial) join() []byte {
	var sorted [MaxParts][]byte
	for _, pc := range p.pieces {
		sorted[pc.part] = pc.data
	}
	data := make([]byte, 0, p.size)
	for _, d := range sorted[:p.parts] {
		data = append(data, d...)
	}
	return data
}

// recent is a set of the last [Remembered] identifiers. Its zero value is empty.
type recent struct {
	ring []messageID // in the order of their coming, the oldest at next once full
	next int
	set  map[messageID]struct{}
}

func (r *recent) has(id messageID) bool {
	_, ok := r.set[id]
	return ok
}

// add puts in an identifier that the set does not have, in place of the oldest
// where the set is full.
func (r *recent) add(id messageID) {
	if r.set == nil {
		r.set = make(map[messageID]struct{})
	}
	if len(r.ring) < Remembered {
		r.ring = append(r.ring, id)
	} else {
		delete(r.set, r.ring[r.next])
		r.ring[r.next] = id
		r.next = (r.next + 1) % Remembered
	}
	r.set[id] = struct{}{}
}
