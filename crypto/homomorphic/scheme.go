// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"crypto/sha3"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// scheme is the arithmetic of a mode: how secrets are shared, uploads hidden and
// sums opened. What a device may do, and when, is the session's.
type scheme interface {
	// deal returns what each member gets of this device's secret of the epoch,
	// the same each time; nil for who gets nothing. It is also what this device
	// keeps for itself.
	deal() ([][]byte, error)
	// fits checks a share of a secret of the epoch.
	fits(from int, share []byte) error
	// dealt returns whose secrets of the epoch this device can work with.
	dealt() set
	// seal hides the vectors, once in a round. The shares are for the members,
	// by index, or none.
	seal(round uint32, vectors [][]uint16) (pairs set, data []byte, shares [][]byte, err error)
	// whole checks what an upload of the right size holds.
	whole(from int, u *upload) error
	// answerSize returns how many pieces an opener's part has, and their size.
	answerSize(r *round, a *active, from int) (pieces, size int)
	// answer returns this device's part in opening a sum, once in a round.
	answer(r *round, a *active) ([][]byte, error)
	// open begins to open the sum over the uploads in r.
	open(r *round, a *active) (opening, error)
	// permits checks what only this scheme asks of an active set.
	permits(r *round, a *active) error
}

// opening collects the openers' parts.
type opening interface {
	add(from, piece int, data []byte) error
	// sums returns the sums when all parts are there.
	sums() ([][]uint32, error)
}

// newScheme returns the scheme of a session, whose secrets all derive from seed.
func newScheme(s *Session) (scheme, error) {
	if s.c.Mode == Mask {
		return newMasks(s), nil
	}
	return newLattice(s)
}

// drawer returns the stream of randomness that a device draws its secrets of an
// epoch from: SHAKE256(lv("vecino/secret/1", seed, roster)). With it a device
// deals the same shares again, and has 32 bytes to keep.
func drawer(seed *[32]byte, roster Hash) io.Reader {
	xof := sha3.NewSHAKE256()
	xof.Write(wire.LV([]byte(wire.LabelSecret), seed[:], roster[:]))
	return xof
}

// checkVectors refuses vectors that are not of the plan's shape and range.
func (p *Plan) checkVectors(vectors [][]uint16) error {
	if len(vectors) != p.Vectors {
		return fmt.Errorf("%w: %d vectors, not %d", ErrShape, len(vectors), p.Vectors)
	}
	for i, v := range vectors {
		if len(v) != p.Params {
			return fmt.Errorf("%w: vector %d of %d values, not %d", ErrShape, i, len(v), p.Params)
		}
		for k, x := range v {
			if x>>p.Width != 0 {
				return fmt.Errorf("%w: value %d of vector %d is %d, over %d bits", ErrShape, k, i, x, p.Width)
			}
		}
	}
	return nil
}

// addLanes adds the 16-bit lanes of data to sums, modulo 2^16.
func addLanes(sums []uint16, data []byte) {
	for k := range sums {
		sums[k] += binary.BigEndian.Uint16(data[2*k:])
	}
}
