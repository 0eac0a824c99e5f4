// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/binary"
	"errors"
)

// receipt is what a neighbour says of a node's replica. In an update receipts
// stand one after the other, in the order of the neighbours' pseudonyms,
// exchange.cddl.
type receipt struct {
	round uint32 // of the update that says it; what came in that round is not in it
	known bool   // there is one
	name  uint8  // of the replica that the neighbour holds, cut short
	exact bool
	since uint32 // from that round on; exact only
	have  uint16 // bit b: the frame of round-1-b has come
}

// Sizes of a receipt, in bytes.
const (
	tagSize      = 4
	receiptLeast = tagSize + 4
	receiptMost  = receiptLeast + 4
)

const flagExact = 1

// receipts returns what an update of a round says of the neighbours' replicas.
func (r *replicas) receipts(round uint32, edges []Edge) []byte {
	b := make([]byte, 0, receiptMost*len(edges))
	for _, e := range edges {
		p := r.peers[e.Peer]
		if p == nil {
			p = &neighbour{}
		}
		var flags uint8
		var have uint16
		if p.holds == exact {
			flags = flagExact
		}
		for k := range min(round, window) {
			if p.has(round-1-k) || p.holds == nothing && !p.young(round) { // frames are of no use to it then
				have |= 1 << k
			}
		}
		b = append(append(b, e.Peer[:tagSize]...), flags, uint8(p.first))
		b = binary.BigEndian.AppendUint16(b, have)
		if p.holds == exact {
			b = binary.BigEndian.AppendUint32(b, uint32(p.since))
		}
	}
	return b
}

var errReceipts = errors.New("the receipts have no form")

// readReceipt returns the receipt for a node from an update of a round.
func readReceipt(b []byte, self PeerID, round uint32) (receipt, error) {
	own := receipt{round: round}
	for len(b) > 0 {
		if len(b) < receiptLeast || b[4]&^flagExact != 0 {
			return receipt{}, errReceipts
		}
		one := receipt{round: round, known: true, exact: b[4] == flagExact, name: b[5], have: binary.BigEndian.Uint16(b[6:])}
		tag := [tagSize]byte(b)
		b = b[receiptLeast:]
		if one.exact {
			if len(b) < receiptMost-receiptLeast {
				return receipt{}, errReceipts
			}
			one.since = binary.BigEndian.Uint32(b)
			b = b[receiptMost-receiptLeast:]
		}
		if tag == [tagSize]byte(self[:]) {
			own = one
		}
	}
	return own, nil
}

// of reports whether the receipt says anything about the replica as it is now: the
// neighbour had a chance to get its first frame.
func (h *receipt) of(r *replicas) bool { return h.known && h.round > r.first }

// holds reports whether the neighbour has the own replica as it is now.
func (h *receipt) holds(r *replicas) bool { return h.of(r) && h.exact && h.name == uint8(r.first) }

// has returns whether the neighbour had the own frame of a round.
func (h *receipt) has(r *replicas, round uint32) bool {
	if round >= h.round {
		return false
	}
	back := h.round - 1 - round
	return h.name == uint8(r.first) && (back >= window || h.have>>back&1 == 1)
}

// lacks reports whether the neighbour needs a frame of the own replica again, in the
// update of a round: it had not come when the neighbour spoke, after it had been sent
// last. Who was not heard in the round of that did not hear either, as a rule; for some
// rounds it is sent again then, without knowing more.
func (p *neighbour) lacks(r *replicas, f *frame, round uint32) bool {
	h := &p.heard
	switch {
	case !h.of(r) || h.has(r, f.Round):
		return false
	case h.round < f.sent:
		return round-h.round <= patience
	}
	return h.round > f.sent
}

// lost reports whether the neighbour can only begin anew with slices, after the last
// ones that were sent.
func (p *neighbour) lost(r *replicas) bool {
	h := &p.heard
	return h.of(r) && !h.holds(r) && h.round > r.sliced && len(r.history) > 0 && r.history[0].Prev != nil
}

// young reports whether the first frame of the neighbour's replica may come yet.
func (p *neighbour) young(round uint32) bool { return int64(round)-int64(p.first) < window }
