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
	Correction []byte            // empty with D-PSGD
	Direction  []byte            // Z; empty with D-PSGD and on graphs that change
	Sum        [sha256.Size]byte // SHA-256 of all bytes before it
}

const checkpointVersion = 1

// MaxCheckpoint is the most bytes of a checkpoint: three vectors of the largest
// model of a task, whose update takes a byte for each number at least.
const MaxCheckpoint = 3*4*update.MaxSize + 1024

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
	if n.track != nil {
		c.Correction, c.Direction = encodeFloats(n.track.c), encodeFloats(n.track.z)
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
	var c checkpoint
	if err := checkpointDecoder.Unmarshal(b, &c); err != nil {
		return 0, fmt.Errorf("%w: %v", ErrCheckpoint, err)
	}
	switch {
	case sha256.Sum256(b[:len(b)-sha256.Size]) != c.Sum:
		return 0, fmt.Errorf("%w: its checksum differs", ErrCheckpoint)
	case c.Version != checkpointVersion:
		return 0, fmt.Errorf("%w: %d, not %d", ErrCheckpoint, c.Version, checkpointVersion)
	case c.Task != task:
		return 0, ErrOtherTask
	}
	return c.Round, n.restore(&c)
}

func (n *Node) restore(c *checkpoint) error {
	sizes := [3]int{len(n.x), 0, 0}
	if n.track != nil {
		sizes[1], sizes[2] = len(n.track.c), len(n.track.z)
	}
	var decoded [3][]float32
	for i, v := range [3][]byte{c.Model, c.Correction, c.Direction} {
		var err error
		if decoded[i], err = decodeFloats(v, sizes[i]); err != nil {
			return err
		}
	}
	var pcg rand.PCG
	if err := pcg.UnmarshalBinary(c.Rand); err != nil {
		return fmt.Errorf("%w: %v", ErrCheckpoint, err)
	}
	*n.pcg = pcg
	copy(n.x, decoded[0])
	if n.track != nil {
		n.track.restore(decoded[1], decoded[2], c.Round)
	}
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
