// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/rlwe"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Key is a public signing value U_sig, by which a member stands in a roster.
type Key = [group.Size]byte

// Hash is a digest that messages name a roster, an upload or an active set by:
// the first 32 bytes of SHA-512.
type Hash [32]byte

// roster is who shares secrets with whom in an epoch and a group. Members are
// known by their index, in the order of their keys.
type roster struct {
	members []Key
	ids     []signcrypt.PID
	points  []rlwe.Point
	tau     int
	hash    Hash
}

// newRoster returns the roster of an announcement. Its hash covers all that a
// session and the rule of the threshold fix, so that whoever encrypts under it
// means the same.
func newRoster(c *Config, m *rosterMessage) (*roster, error) {
	n := len(m.Members)
	if err := checkThreshold(n, int(m.Tau)); err != nil {
		return nil, err
	}
	r := &roster{members: m.Members, tau: int(m.Tau)}
	for i, u := range m.Members {
		if i > 0 && bytes.Compare(m.Members[i-1][:], u[:]) >= 0 {
			return nil, fmt.Errorf("%w: members out of order", ErrRule)
		}
		p := point(u)
		if slices.Contains(r.points, p) {
			return nil, fmt.Errorf("%w: two members at one point", ErrRule)
		}
		r.ids = append(r.ids, signcrypt.PseudonymID(u))
		r.points = append(r.points, p)
	}
	h := wire.Hash(wire.LabelRoster, c.Nbhd[:], wire.U32(c.Epoch), wire.MustMarshal(m))
	r.hash = Hash(h[:len(r.hash)])
	return r, nil
}

// point returns where the polynomials are evaluated for a member.
func point(u Key) rlwe.Point {
	h := wire.Hash(wire.LabelPoint, u[:])
	return 1 + rlwe.Point(binary.BigEndian.Uint64(h[:8])>>16)
}

// size returns the number of members.
func (r *roster) size() int { return len(r.members) }

// index returns the index of a member, or -1.
func (r *roster) index(id signcrypt.PID) int { return slices.Index(r.ids, id) }

// all returns the set of all members.
func (r *roster) all() set { return set(uint64(1)<<r.size() - 1) }

// names returns the pids of a set.
func (r *roster) names(s set) (ids []signcrypt.PID) {
	for i := range s.each() {
		ids = append(ids, r.ids[i])
	}
	return ids
}

// leaders returns the keys in the order in which they lead: the first at once,
// each other if those before it are silent.
func leaders(c *Config, round uint32, keys []Key) []Key {
	rank := make(map[Key][64]byte, len(keys))
	for _, u := range keys {
		rank[u] = wire.Hash(wire.LabelLead, wire.U32(c.Epoch), c.Task[:], wire.U32(round), u[:])
	}
	order := slices.Clone(keys)
	slices.SortFunc(order, func(a, b Key) int {
		x, y := rank[a], rank[b]
		return bytes.Compare(x[:], y[:])
	})
	return order
}

// Groups splits the members present into groups of size or a few more, for tasks
// in mode hybrid: all that see the same members get the same groups, in an
// order that nobody chooses. Fewer than 2 size members are one group. It panics
// on a size below [MinRoster].
func Groups(epoch uint32, task [16]byte, members []Key, size int) [][]Key {
	if size < MinRoster {
		panic("homomorphic: groups of fewer than three")
	}
	order := leaders(&Config{Epoch: epoch, Task: task}, 0, members)
	n := max(1, len(order)/size)
	groups := make([][]Key, 0, n)
	for i := range n {
		groups = append(groups, order[i*len(order)/n:(i+1)*len(order)/n])
	}
	return groups
}

// GroupOf returns the index of the group that has the key, or -1.
func GroupOf(groups [][]Key, u Key) int {
	return slices.IndexFunc(groups, func(g []Key) bool { return slices.Contains(g, u) })
}
