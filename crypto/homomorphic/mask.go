// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/vecino-edge/vecino/crypto/wire"
	"golang.org/x/crypto/chacha20"
)

// Uses of the label of masks.
const (
	pairMask = 1
	ownMask  = 2
)

// masks is the scheme of pairwise and own masks. Of each pair the member with
// the lower index draws a seed for the epoch; a round's keys derive from it, and
// only those are ever revealed, towards members whose uploads do not count. What
// a member has on top, its own mask, comes from a seed that it shares anew in each
// round, and is revealed for those whose uploads count: never both for one.
type masks struct {
	s     *Session
	seeds [MaxRoster][32]byte // drawn for those with a higher index
}

func newMasks(s *Session) *masks {
	m := &masks{s: s}
	rand := drawer(&s.guard.marks.Seed, s.roster.hash)
	for i := range m.seeds {
		_, _ = io.ReadFull(rand, m.seeds[i][:]) // a stream without end
	}
	return m
}

func (m *masks) deal() ([][]byte, error) {
	out := make([][]byte, m.s.roster.size())
	for i := m.s.index + 1; i < len(out); i++ {
		out[i] = m.seeds[i][:]
	}
	return out, nil
}

func (m *masks) fits(from int, share []byte) error {
	if from >= m.s.index || len(share) != secretSize {
		return fmt.Errorf("%w: a seed of %d bytes from member %d", ErrMalformed, len(share), from)
	}
	return nil
}

func (m *masks) dealt() set {
	have := m.s.roster.all() &^ (only(m.s.index) - 1)
	for i := range m.s.index {
		if m.s.shares[i] != nil {
			have |= only(i)
		}
	}
	return have
}

// key returns the key of a round's mask in common with member i.
func (m *masks) key(round uint32, i int) (k [32]byte) {
	seed := m.seeds[i][:]
	if i < m.s.index {
		seed = m.s.shares[i]
	}
	return m.derive(pairMask, seed, round)
}

func (m *masks) derive(use uint8, seed []byte, round uint32) (k [32]byte) {
	h := wire.Hash(wire.LabelMask, wire.U8(use), seed, m.s.roster.hash[:], wire.U32(round))
	copy(k[:], h[:])
	return k
}

// apply adds the mask of a key to all lanes, or takes it away. Lane k of vector v
// is masked by bytes 2k and 2k + 1, big-endian, of ChaCha20 (RFC 8439) under the
// key, counter 0, a nonce of zeros but for v in its last byte.
func apply(lanes []uint16, params int, key *[32]byte, add bool) {
	var stream [4096]byte
	var sign uint16 = 1
	if !add {
		sign = 0xffff
	}
	for v := 0; v*params < len(lanes); v++ {
		nonce := [chacha20.NonceSize]byte{chacha20.NonceSize - 1: byte(v)}
		c, err := chacha20.NewUnauthenticatedCipher(key[:], nonce[:])
		if err != nil {
			panic("homomorphic: " + err.Error()) // only for other sizes
		}
		for rest := lanes[v*params:][:params]; len(rest) > 0; {
			n := min(len(rest), len(stream)/2)
			clear(stream[:])
			c.XORKeyStream(stream[:2*n], stream[:2*n])
			for k := range n {
				rest[k] += sign * binary.BigEndian.Uint16(stream[2*k:])
			}
			rest = rest[n:]
		}
	}
	clear(stream[:])
}

func (m *masks) seal(round uint32, vectors [][]uint16) (pairs set, data []byte, shares [][]byte, err error) {
	var own [secretSize]byte
	if _, err := io.ReadFull(m.s.c.Rand, own[:]); err != nil {
		return 0, nil, nil, fmt.Errorf("homomorphic: read randomness: %w", err)
	}
	if shares, err = split(&own, m.s.roster.size(), m.s.roster.tau, m.s.c.Rand); err != nil {
		return 0, nil, nil, err
	}
	lanes := make([]uint16, 0, m.s.c.Vectors*m.s.c.Params)
	for _, v := range vectors {
		lanes = append(lanes, v...)
	}
	k := m.derive(ownMask, own[:], round)
	apply(lanes, m.s.c.Params, &k, true)
	pairs = m.dealt() &^ only(m.s.index)
	for i := range pairs.each() {
		k := m.key(round, i)
		apply(lanes, m.s.c.Params, &k, m.s.index < i)
	}
	data = make([]byte, 0, 2*len(lanes))
	for _, x := range lanes {
		data = binary.BigEndian.AppendUint16(data, x)
	}
	return pairs, data, shares, nil
}

func (m *masks) whole(from int, u *upload) error {
	if !(m.s.roster.all() &^ only(from)).holds(u.Pairs) {
		return fmt.Errorf("%w: masks with members that do not exist", ErrMalformed)
	}
	return nil
}

// revealed returns towards whom an opener reveals the round's key: who does not
// count, but has a mask in its upload.
func revealed(r *round, a *active, from int) set {
	if !a.Members.has(from) || r.uploads[from] == nil {
		return 0
	}
	return r.uploads[from].Pairs &^ a.Members
}

func (m *masks) answerSize(r *round, a *active, from int) (pieces, size int) {
	return 1, secretSize * (revealed(r, a, from).len() + a.Members.len())
}

func (m *masks) answer(r *round, a *active) ([][]byte, error) {
	var out []byte
	for i := range revealed(r, a, m.s.index).each() {
		k := m.key(r.number, i)
		out = append(out, k[:]...)
	}
	for i := range a.Members.each() {
		out = append(out, r.shares[i]...)
	}
	return [][]byte{out}, nil
}

// permits asks that each mask within the active set cancels, since an upload
// whose masks are revealed rests on its own mask alone, and that those whose
// masks are left over reveal them themselves.
func (m *masks) permits(r *round, a *active) error {
	if a.Members != m.s.roster.all() && !a.Openers.holds(a.Members) {
		return fmt.Errorf("%w: not all active members open", ErrRule)
	}
	for i := range a.Members.each() {
		if u := r.uploads[i]; u == nil || !u.Pairs.holds(a.Members&^only(i)) {
			return fmt.Errorf("%w: masks within the active set that do not cancel", ErrRule)
		}
	}
	return nil
}

// maskOpening has the sum of the masked uploads, and what takes the masks away.
type maskOpening struct {
	m       *masks
	active  active
	round   uint32
	lanes   []uint16
	reveals [MaxRoster]set
	parts   [MaxRoster][]byte
}

func (m *masks) open(r *round, a *active) (opening, error) {
	o := &maskOpening{m: m, active: *a, round: r.number, lanes: make([]uint16, m.s.c.Vectors*m.s.c.Params)}
	for i := range a.Members.each() {
		addLanes(o.lanes, r.uploads[i].Data)
	}
	for i := range a.Openers.each() {
		o.reveals[i] = revealed(r, a, i)
	}
	return o, nil
}

func (o *maskOpening) add(from, _ int, data []byte) error {
	o.parts[from] = data
	return nil
}

func (o *maskOpening) sums() ([][]uint32, error) {
	params := o.m.s.c.Params
	for j := range o.active.Openers.each() {
		n := 0
		for i := range o.reveals[j].each() {
			k := [32]byte(o.parts[j][n*secretSize:])
			apply(o.lanes, params, &k, j > i)
			n++
		}
	}
	o.unmaskOwn()
	out := make([][]uint32, o.m.s.c.Vectors)
	greatest := uint16(o.active.Members.len() * (1<<o.m.s.c.Width - 1))
	for v := range out {
		out[v] = make([]uint32, params)
		for k, x := range o.lanes[v*params:][:params] {
			if x > greatest {
				return nil, fmt.Errorf("%w: sum %d of vector %d is %d, over %d", ErrShape, k, v, x, greatest)
			}
			out[v][k] = uint32(x)
		}
	}
	return out, nil
}

// unmaskOwn finds the seeds of the active members' own masks and takes them away.
func (o *maskOpening) unmaskOwn() {
	n := 0
	for range o.active.Members.each() {
		var shares [][]byte
		for j := range o.active.Openers.each() {
			at := (o.reveals[j].len() + n) * secretSize
			shares = append(shares, o.parts[j][at:][:secretSize])
		}
		seed := combine(o.active.Openers, shares)
		k := o.m.derive(ownMask, seed[:], o.round)
		apply(o.lanes, o.m.s.c.Params, &k, false)
		n++
	}
}
