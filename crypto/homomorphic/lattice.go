// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"

	"github.com/vecino-edge/vecino/crypto/rlwe"
)

// lattice is the scheme of crypto/rlwe.
type lattice struct {
	s      *Session
	secret *rlwe.Secret
}

func newLattice(s *Session) (*lattice, error) {
	secret, err := rlwe.NewSecret(drawer(&s.guard.marks.Seed, s.roster.hash))
	return &lattice{s, secret}, err
}

// deal splits the secret. The order of receivers begins behind this device, so
// that its own share is a polynomial, which is not sent, and so that the seeds
// are spread over the roster.
func (l *lattice) deal() ([][]byte, error) {
	r, self := l.s.roster, l.s.index
	n := r.size()
	points := make([]rlwe.Point, n)
	for k := range points {
		points[k] = r.points[(self+1+k)%n]
	}
	rand := drawer(&l.s.guard.marks.Seed, r.hash)
	if _, err := rlwe.NewSecret(rand); err != nil { // what the secret took of the stream
		return nil, err
	}
	shares, err := l.secret.Split(rand, points, r.tau)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, n)
	for k, share := range shares {
		out[(self+1+k)%n] = share
	}
	return out, nil
}

func (l *lattice) fits(_ int, share []byte) error {
	return new(rlwe.Share).UnmarshalBinary(share)
}

func (l *lattice) dealt() (have set) {
	for i := range l.s.roster.size() {
		if l.s.shares[i] != nil {
			have |= only(i)
		}
	}
	return have
}

// chunks returns the polynomials of one vector.
func (l *lattice) chunks() int { return pieces(1, l.s.c.Params, l.s.c.Width) }

// public returns the public polynomial of a piece.
func (l *lattice) public(round uint32, piece int) *rlwe.Public {
	n := l.chunks()
	return rlwe.NewPublic(seedOf(&l.s.c, l.s.roster, round, piece/n, piece%n))
}

// span returns which values of a vector stand in a chunk.
func (l *lattice) span(chunk int) (from, to int) {
	w := l.s.c.Width.Values()
	return chunk * w, min((chunk+1)*w, l.s.c.Params)
}

func (l *lattice) seal(round uint32, vectors [][]uint16) (set, []byte, [][]byte, error) {
	n := l.chunks()
	data := make([]byte, 0, n*len(vectors)*rlwe.PolySize)
	var m rlwe.Message
	var c rlwe.Ciphertext
	for v, values := range vectors {
		for chunk := range n {
			from, to := l.span(chunk)
			if err := pack(&m, values[from:to], l.s.c.Width); err != nil {
				return 0, nil, nil, err
			}
			if err := l.secret.Encrypt(&c, l.public(round, v*n+chunk), &m, l.s.c.Rand); err != nil {
				return 0, nil, nil, err
			}
			data, _ = c.AppendBinary(data)
		}
	}
	return 0, data, nil, nil
}

// pack fills m with values in the width of the plan.
func pack(m *rlwe.Message, values []uint16, w rlwe.Width) error {
	if w == rlwe.Width16 {
		return rlwe.Pack(m, values)
	}
	narrow := make([]uint8, len(values))
	for k, v := range values {
		narrow[k] = uint8(v)
	}
	return rlwe.Pack(m, narrow)
}

func (l *lattice) whole(_ int, u *upload) error {
	if u.Pairs != 0 {
		return fmt.Errorf("%w: an upload with masks", ErrMalformed)
	}
	var c rlwe.Ciphertext
	for data := u.Data; len(data) > 0; data = data[rlwe.PolySize:] {
		if err := c.UnmarshalBinary(data[:rlwe.PolySize]); err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	}
	return nil
}

func (l *lattice) answerSize(*round, *active, int) (pieces, size int) {
	return l.chunks() * l.s.c.Vectors, rlwe.PolySize
}

func (l *lattice) answer(r *round, a *active) ([][]byte, error) {
	var sum rlwe.ShareSum
	var share rlwe.Share
	defer sum.Wipe()
	defer share.Wipe()
	for i := range a.Members.each() {
		if err := share.UnmarshalBinary(l.s.shares[i]); err != nil {
			return nil, err
		}
		if err := sum.Add(&share); err != nil {
			return nil, err
		}
	}
	var points []rlwe.Point
	for i := range a.Openers.each() {
		points = append(points, l.s.roster.points[i])
	}
	d, err := rlwe.NewDecryptor(&sum, l.s.roster.points[l.s.index], points)
	if err != nil {
		return nil, err
	}
	defer d.Wipe()
	return l.decrypt(d, r.number)
}

// decrypt makes the partial decryption of each piece.
func (l *lattice) decrypt(d *rlwe.Decryptor, round uint32) (out [][]byte, err error) {
	var p rlwe.Partial
	for piece := range l.chunks() * l.s.c.Vectors {
		if err := d.Decrypt(&p, l.public(round, piece), l.s.c.Width, l.s.c.Rand); err != nil {
			return nil, err
		}
		b, _ := p.AppendBinary(make([]byte, 0, rlwe.PolySize))
		out = append(out, b)
	}
	return out, nil
}

func (l *lattice) permits(_ *round, a *active) error {
	if a.Openers.len() != l.s.roster.tau {
		return fmt.Errorf("%w: %d openers, not %d", ErrRule, a.Openers.len(), l.s.roster.tau)
	}
	return nil
}

// latticeOpening adds up what opens a sum, as it comes in.
type latticeOpening struct {
	l     *lattice
	parts []*rlwe.Sum // for each piece
}

func (l *lattice) open(r *round, a *active) (opening, error) {
	o := &latticeOpening{l: l}
	var c rlwe.Ciphertext
	for piece := range l.chunks() * l.s.c.Vectors {
		sum, err := rlwe.NewSum(l.s.c.Width)
		if err != nil {
			return nil, err
		}
		for i := range a.Members.each() {
			if err := c.UnmarshalBinary(r.uploads[i].Data[piece*rlwe.PolySize:][:rlwe.PolySize]); err != nil {
				return nil, err
			}
			if err := sum.Add(&c); err != nil {
				return nil, err
			}
		}
		o.parts = append(o.parts, sum)
	}
	return o, nil
}

func (o *latticeOpening) add(_, piece int, data []byte) error {
	var p rlwe.Partial
	if err := p.UnmarshalBinary(data); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return o.parts[piece].AddPartial(&p)
}

func (o *latticeOpening) sums() ([][]uint32, error) {
	n := o.l.chunks()
	out := make([][]uint32, 0, o.l.s.c.Vectors)
	var m rlwe.Message
	for v := range o.l.s.c.Vectors {
		values := make([]uint32, o.l.s.c.Params)
		for chunk := range n {
			part := o.parts[v*n+chunk]
			if err := part.Open(&m); err != nil {
				return nil, err
			}
			from, to := o.l.span(chunk)
			if err := m.Unpack(values[from:to], part.Parties()); err != nil {
				return nil, err
			}
		}
		out = append(out, values)
	}
	return out, nil
}
