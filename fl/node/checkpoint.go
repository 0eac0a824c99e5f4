// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/tensor"
	"github.com/vecino-edge/vecino/fl/update"
)

// checkpoint is a node's memory between rounds, checkpoint.cddl. Vectors are
// little-endian float32.
type checkpoint struct {
	_          struct{} `cbor:",toarray"`
	Version    uint8
	Task       ID
	Round      uint32 // the last that is in
	Rand       []byte // state of the generator that orders the rows
	Model      []byte
	Correction []byte            // empty with D-PSGD and in summed tasks
	Direction  []byte            // Z; likewise, and on graphs that change
	Settled    []byte            // part of the correction; likewise, and before an epoch has ended
	Epoch      *uint32           // of Z; nil where there is no Z or pseudonyms last
	Shared     *savedShared      // nil but in summed tasks
	Sum        [sha256.Size]byte // SHA-256 of all bytes before it
}

// savedShared is the state of a summed task.
type savedShared struct {
	_       struct{} `cbor:",toarray"`
	Model   []byte   // the common one
	Mean    []byte   // empty with D-PSGD
	Own     []byte   // likewise, and before the device has trained
	Residue []byte
	Scale   int8
	Sums    uint32
	Steps   float32
	Skipped uint8
}

const checkpointVersion = 3

// MaxCheckpoint is the most bytes of a checkpoint: four vectors of the largest
// model of a robust task, whose update takes a byte for each number at least. A
// summed task has five, of a model whose numbers take eight bytes when told.
const MaxCheckpoint = 4*4*update.MaxSize + 1024

// Reasons for which a checkpoint is not restored.
var (
	ErrCheckpoint = errors.New("checkpoint is damaged or of another version")
	ErrOtherTask  = errors.New("checkpoint is of another task")
)

var checkpointDecoder = wire.New(wire.Limits{Bytes: MaxCheckpoint, Items: 16, Depth: 4})

// Checkpoint returns the node's state after a round.
func (n *Node) Checkpoint(task ID, round uint32) []byte {
	state, err := n.pcg.MarshalBinary()
	if err != nil {
		panic("node: " + err.Error()) // a PCG always encodes
	}
	c := checkpoint{Version: checkpointVersion, Task: task, Round: round, Rand: state, Model: encodeFloats(n.x)}
	if n.robust != nil && n.robust.begun {
		c.Direction = encodeFloats(n.robust.momentum)
	}
	if n.track != nil {
		c.Correction, c.Direction = encodeFloats(n.track.c), encodeFloats(n.track.z)
		c.Settled, c.Epoch = encodeFloats(n.track.settled.total), n.track.epoch
	}
	if n.shared != nil {
		c.Shared = n.shared.save()
	}
	b := wire.MustMarshal(c)
	state, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	digest := sha256.Sum256(state)
	copy(sum, digest[:])
	return b
}

// Restore sets the node's state from a checkpoint of the same task and returns
// the round that it was made after. The node is unchanged where it fails, with
// [ErrCheckpoint] or [ErrOtherTask].
func (n *Node) Restore(task ID, b []byte) (round uint32, err error) {
	// The second byte is the version in all of them, whatever follows it.
	if len(b) > 1 && b[0]>>5 == 4 && b[1] < checkpointVersion {
		return 0, fmt.Errorf("%w: version %d, not %d", ErrCheckpoint, b[1], checkpointVersion)
	}
	var c checkpoint
	if err := checkpointDecoder.Unmarshal(b, &c); err != nil {
		return 0, fmt.Errorf("%w: %v", ErrCheckpoint, err)
	}
	switch {
	case sha256.Sum256(b[:len(b)-sha256.Size]) != c.Sum:
		return 0, fmt.Errorf("%w: its checksum differs", ErrCheckpoint)
	case c.Version != checkpointVersion:
		return 0, fmt.Errorf("%w: version %d, not %d", ErrCheckpoint, c.Version, checkpointVersion)
	case c.Task != task:
		return 0, ErrOtherTask
	}
	return c.Round, n.restore(&c)
}

func (n *Node) restore(c *checkpoint) error {
	sizes := [4]int{len(n.x)}
	byEdges := n.track != nil && n.track.edges()
	switch {
	case n.track != nil:
		sizes[1], sizes[2] = len(n.track.c), len(n.track.z)
	case n.robust != nil && len(c.Direction) > 0:
		sizes[2] = len(n.robust.momentum)
	}
	if len(c.Settled) > 0 && byEdges {
		sizes[3] = len(n.track.c)
	}
	if c.Epoch != nil && !byEdges {
		return fmt.Errorf("%w: an epoch, and no edges", ErrCheckpoint)
	}
	var decoded [4][]float32
	for i, v := range [4][]byte{c.Model, c.Correction, c.Direction, c.Settled} {
		var err error
		if decoded[i], err = decodeFloats(v, sizes[i]); err != nil {
			return err
		}
	}
	var pcg rand.PCG
	if err := pcg.UnmarshalBinary(c.Rand); err != nil {
		return fmt.Errorf("%w: %v", ErrCheckpoint, err)
	}
	if (n.shared != nil) != (c.Shared != nil) {
		return fmt.Errorf("%w: it is of a task of another mode", ErrCheckpoint)
	}
	if n.shared != nil {
		if err := n.shared.restore(c.Shared); err != nil {
			return err
		}
	}
	*n.pcg = pcg
	copy(n.x, decoded[0])
	if n.robust != nil {
		n.robust.begun = len(decoded[2]) > 0
		copy(n.robust.momentum, decoded[2])
	}
	if n.track != nil {
		n.track.restore(decoded[1], decoded[2], decoded[3], c.Epoch, c.Round)
	}
	return nil
}

// save returns what is kept of the shared state.
func (s *shared) save() *savedShared {
	saved := &savedShared{
		Model: encodeFloats(s.model), Mean: encodeFloats(s.mean), Own: []byte{}, Residue: encodeFloats(s.residue),
		Scale: int8(s.scale), Sums: s.sums, Steps: s.steps, Skipped: uint8(s.skipped),
	}
	if s.placed {
		saved.Own = encodeFloats(s.own)
	}
	return saved
}

// restore sets what a checkpoint held. While the device was away there may have
// been a sum, so that it is unsure. It changes nothing where it fails.
func (s *shared) restore(c *savedShared) error {
	own := len(s.own)
	if len(c.Own) == 0 {
		own = 0
	}
	var decoded [4][]float32
	for i, v := range [4][]byte{c.Model, c.Mean, c.Residue, c.Own} {
		var err error
		if decoded[i], err = decodeFloats(v, [4]int{len(s.model), len(s.mean), len(s.residue), own}[i]); err != nil {
			return err
		}
	}
	if c.Scale < minScale || c.Scale > maxScale || !(c.Steps >= 0 && c.Steps <= maxSteps) ||
		c.Sums > MaxRounds || c.Skipped > MaxStale+1 {
		return fmt.Errorf("%w: a scale of %d, %d sums, %v steps, %d rounds skipped", ErrCheckpoint, c.Scale, c.Sums, c.Steps, c.Skipped)
	}
	copy(s.model, decoded[0])
	copy(s.mean, decoded[1])
	copy(s.residue, decoded[2])
	copy(s.own, decoded[3])
	s.scale, s.sums, s.steps, s.skipped = int(c.Scale), c.Sums, c.Steps, int(c.Skipped)
	s.placed, s.unsure, s.fresh = own > 0, true, false
	return nil
}

func encodeFloats(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

func decodeFloats(b []byte, n int) ([]float32, error) {
	if len(b) != 4*n {
		return nil, fmt.Errorf("%w: it has %d bytes of parameters, not %d", ErrCheckpoint, len(b), 4*n)
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	if !tensor.Finite(v) {
		return nil, fmt.Errorf("%w: it holds numbers that are not finite", ErrCheckpoint)
	}
	return v, nil
}
