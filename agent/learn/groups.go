// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/node"
)

// groupSum is what some members of a group tell those of the others in mode
// hybrid, groups.cddl. It travels under type 7, as answers do, which have another
// number of fields.
type groupSum struct {
	_      struct{} `cbor:",toarray"`
	Task   [16]byte
	Group  uint8
	Round  uint32
	Count  uint8  // members in the sum
	Values []byte // 16 bits each, big-endian
}

// firstOfGroupSum is the first byte of a group's sum: an array of five.
const firstOfGroupSum = 0x85

// Of the members of a group so many tell its sum, and so many must tell the same.
const (
	tellers    = 3
	enoughTold = 2
)

var groupDecoder = wire.New(wire.Limits{Bytes: homomorphic.MaxAnswer, Items: 16, Depth: 4})

var errGroupSum = errors.New("a group's sum that does not hold")

// groups are the groups of an epoch in mode hybrid, and what others told of their
// sums in the round under way and the one before. With one group there is nothing
// to tell. The zero groups is that of the other modes.
type groups struct {
	own     int
	members [][]signcrypt.PID
	heard   map[uint32]map[signcrypt.PID]*groupSum
	told    map[uint32]bool // rounds whose sum this device has told
}

func newGroups(keys [][]homomorphic.Key, own int) groups {
	g := groups{own: own, heard: map[uint32]map[signcrypt.PID]*groupSum{}, told: map[uint32]bool{}}
	for _, group := range keys {
		ids := make([]signcrypt.PID, len(group))
		for i, u := range group {
			ids[i] = signcrypt.PseudonymID(u)
		}
		g.members = append(g.members, ids)
	}
	return g
}

// stay notes that the device is in a group since before a restart.
func (g *groups) stay(own int) {
	g.own = own
	for len(g.members) > 0 && len(g.members) <= own {
		g.members = append(g.members, nil)
	}
}

// several reports whether there is more than one group.
func (g *groups) several() bool { return len(g.members) > 1 }

// turn forgets the rounds before the last.
func (g *groups) turn(round int64) {
	for r := range g.heard {
		if int64(r) < round-1 {
			delete(g.heard, r)
		}
	}
	for r := range g.told {
		if int64(r) < round-1 {
			delete(g.told, r)
		}
	}
}

// tells returns to whom this device tells its group's sum of a round: to all of
// the other groups, where it is one of the three that do.
func (g *groups) tells(id node.ID, round uint32, self signcrypt.PID) (to []signcrypt.PID) {
	if !g.several() || g.told[round] {
		return nil
	}
	g.told[round] = true
	if !slices.Contains(speakers(id, round, g.members[g.own]), self) {
		return nil
	}
	for i, ids := range g.members {
		if i != g.own {
			to = append(to, ids...)
		}
	}
	return to
}

// speakers returns the three of a group that tell its sum of a round.
func speakers(id node.ID, round uint32, group []signcrypt.PID) []signcrypt.PID {
	rank := make(map[signcrypt.PID][64]byte, len(group))
	for _, m := range group {
		rank[m] = wire.Hash(wire.LabelTell, id[:], wire.U32(round), m[:])
	}
	order := slices.Clone(group)
	slices.SortFunc(order, func(a, b signcrypt.PID) int {
		x, y := rank[a], rank[b]
		return bytes.Compare(x[:], y[:])
	})
	return order[:min(tellers, len(order))]
}

// hear takes what a member of another group tells, the first in a round.
func (g *groups) hear(from signcrypt.PID, msg []byte, task [16]byte, params int, round int64) error {
	var s groupSum
	if err := groupDecoder.Unmarshal(msg, &s); err != nil {
		return fmt.Errorf("%w: %v", errGroupSum, err)
	}
	group := slices.IndexFunc(g.members, func(ids []signcrypt.PID) bool { return slices.Contains(ids, from) })
	switch {
	case s.Task != task || int64(s.Round) < round-1 || int64(s.Round) > round+1:
		return fmt.Errorf("%w: of round %d", errGroupSum, s.Round)
	case group < 0 || group == g.own || group != int(s.Group):
		return fmt.Errorf("%w: of group %d", errGroupSum, s.Group)
	case len(s.Values) != 2*params || s.Count == 0 || s.Count > node.MaxSummed:
		return fmt.Errorf("%w: %d bytes of %d members", errGroupSum, len(s.Values), s.Count)
	case g.heard[s.Round][from] != nil:
		return fmt.Errorf("%w: a second time", errGroupSum)
	}
	if g.heard[s.Round] == nil {
		g.heard[s.Round] = map[signcrypt.PID]*groupSum{}
	}
	g.heard[s.Round][from] = &s
	return nil
}

// sum returns what enough members of a group told alike, or nil.
func (g *groups) sum(group int, round uint32) *node.Sum {
	votes := map[[sha256.Size]byte]int{}
	for _, id := range g.members[group] {
		s := g.heard[round][id]
		if s == nil {
			continue
		}
		h := sha256.Sum256(append([]byte{s.Count}, s.Values...))
		if votes[h]++; votes[h] == enoughTold {
			return &node.Sum{Values: unpack(s.Values), Count: int(s.Count)}
		}
	}
	return nil
}

// pack returns sums of values in 16 bits each: at most 32 times 255.
func pack(values []uint32) []byte {
	out := make([]byte, 0, 2*len(values))
	for _, v := range values {
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	return out
}

func unpack(b []byte) []uint32 {
	out := make([]uint32, len(b)/2)
	for i := range out {
		out[i] = uint32(binary.BigEndian.Uint16(b[2*i:]))
	}
	return out
}
