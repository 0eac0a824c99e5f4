// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// ringVersion is that of ring.cddl.
const ringVersion = 1

// MaxRing is the most bytes of an encoded ring: features, targets and numbers
// of the samples, and the names of the columns.
const MaxRing = 4*MaxRingCells + 12*MaxRingSamples + (MaxColumns+1)*(MaxField+3) + 1024

// ErrRing says that bytes are not an encoded ring.
var ErrRing = errors.New("ring is damaged or of another version")

// maxSequence bounds the numbers of samples, far beyond what can be reached.
const maxSequence = math.MaxInt64

// savedRing is ring.cddl.
type savedRing struct {
	_        struct{} `cbor:",toarray"`
	Version  uint8
	Columns  []string
	Target   string
	Kind     uint8
	Classes  uint16
	Capacity uint32
	HoldOut  uint16
	Run      uint16
	Seed     uint64
	Sequence uint64
	Train    savedPart
	Held     savedPart
	Sum      [sha256.Size]byte // SHA-256 of all bytes before it
}

type savedPart struct {
	_      struct{} `cbor:",toarray"`
	Number []byte
	X      []byte
	Y      []byte
}

var ringDecoder = wire.New(wire.Limits{Bytes: MaxRing, Items: MaxColumns, Depth: 4})

// Encode returns the samples in the form of ring.cddl, so that a restart need
// not lose them. The ring is not locked for long meanwhile.
func (r *Ring) Encode() []byte {
	r.mu.Lock()
	sequence := r.sequence
	r.mu.Unlock()
	s := &r.set
	saved := savedRing{
		Version: ringVersion, Columns: s.Columns, Target: s.Target, Kind: uint8(s.Kind), Classes: uint16(s.Classes),
		Capacity: uint32(s.Capacity), HoldOut: uint16(s.HoldOut), Run: uint16(s.Run), Seed: s.Seed, Sequence: sequence,
		Train: r.train.copy(&r.mu).save(sequence), Held: r.held.copy(&r.mu).save(sequence),
	}
	b := wire.MustMarshal(saved)
	state, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	digest := sha256.Sum256(state)
	copy(sum, digest[:])
	return b
}

// save encodes the samples that came before a number.
func (s samples) save(sequence uint64) savedPart {
	rows := len(s.number)
	for rows > 0 && s.number[rows-1] >= sequence {
		rows--
	}
	p := savedPart{Number: make([]byte, 0, 8*rows)}
	for _, n := range s.number[:rows] {
		p.Number = binary.LittleEndian.AppendUint64(p.Number, n)
	}
	features := len(s.x) / max(len(s.y), 1)
	p.X, p.Y = encodeFloats(s.x[:rows*features]), encodeFloats(s.y[:rows])
	return p
}

// DecodeRing returns the ring that was encoded, or an error that wraps
// [ErrRing].
func DecodeRing(b []byte) (*Ring, error) {
	var saved savedRing
	if err := ringDecoder.Unmarshal(b, &saved); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRing, err)
	}
	switch {
	case sha256.Sum256(b[:len(b)-sha256.Size]) != saved.Sum:
		return nil, fmt.Errorf("%w: its checksum differs", ErrRing)
	case saved.Version != ringVersion:
		return nil, fmt.Errorf("%w: version %d, not %d", ErrRing, saved.Version, ringVersion)
	case saved.Sequence >= maxSequence:
		return nil, fmt.Errorf("%w: %d samples", ErrRing, saved.Sequence)
	}
	r, err := NewRing(RingSettings{
		Columns: saved.Columns, Target: saved.Target, Kind: Kind(saved.Kind), Classes: int(saved.Classes),
		Capacity: int(saved.Capacity), HoldOut: int(saved.HoldOut), Run: int(saved.Run), Seed: saved.Seed,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRing, err)
	}
	r.sequence = saved.Sequence
	err = r.restore(&r.train, &saved.Train)
	if err == nil {
		err = r.restore(&r.held, &saved.Held)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRing, err)
	}
	return r, nil
}

// restore fills an empty part.
func (r *Ring) restore(p *part, from *savedPart) error {
	rows, features := len(from.Y)/4, len(r.set.Columns)
	if rows > len(p.y) || len(from.Y) != 4*rows || len(from.X) != 4*rows*features || len(from.Number) != 8*rows {
		return fmt.Errorf("%d, %d and %d bytes of samples for a capacity of %d", len(from.Number), len(from.X), len(from.Y), len(p.y))
	}
	var least uint64
	x := make([]float32, features)
	for i := range rows {
		number := binary.LittleEndian.Uint64(from.Number[8*i:])
		if number < least || number >= r.sequence || r.part(number) != p {
			return fmt.Errorf("the number %d of a sample is out of place", number)
		}
		least = number + 1
		decodeFloats(x, from.X[4*i*features:])
		y := math.Float32frombits(binary.LittleEndian.Uint32(from.Y[4*i:]))
		if err := r.checkSaved(x, y); err != nil {
			return err
		}
		p.add(number, x, y)
	}
	return nil
}

// checkSaved returns an error unless Add could have left these numbers.
func (r *Ring) checkSaved(x []float32, y float32) error {
	for _, v := range x {
		if v-v != 0 && math.Float32bits(v) != math.Float32bits(nan) {
			return errors.New("a feature is not finite")
		}
	}
	if math.Float32bits(y) == math.Float32bits(nan) && r.set.Kind != Anomaly {
		return nil
	}
	return r.checkTarget(y)
}

func encodeFloats(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// decodeFloats fills v from the beginning of b.
func decodeFloats(v []float32, b []byte) {
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}
