// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/tensor"
)

// checkpoint is a node's memory between rounds, checkpoint.cddl. Vectors are
// little-endian float32.
type checkpoint struct {
	_          struct{} `cbor:",toarray"`
	Version    uint8
	Task       [16]byte
	Round      uint32 // the last that is in
	Rand       []byte // state of the generator that orders the rows
	Model      []byte
	Correction []byte // empty with D-PSGD
	Direction  []byte // likewise
}

const checkpointVersion = 1

// MaxCheckpoint is the most bytes of a checkpoint: three vectors of the largest
// model.
const MaxCheckpoint = 3*4*model.MaxParams + 1024

// ErrCheckpoint refuses a checkpoint that is damaged or of another task.
var ErrCheckpoint = errors.New("checkpoint does not fit")

var checkpointDecoder = wire.New(wire.Limits{Bytes: MaxCheckpoint})

// Checkpoint returns the node's state after a round.
func (n *Node) Checkpoint(task [16]byte, round uint32) []byte {
	state, err := n.pcg.MarshalBinary()
	if err != nil {
		panic("node: " + err.Error()) // a PCG always encodes
	}
	c := checkpoint{Version: checkpointVersion, Task: task, Round: round, Rand: state, Model: encodeFloats(n.x)}
	if n.track != nil {
		c.Correction, c.Direction = encodeFloats(n.track.c), encodeFloats(n.track.z)
	}
	return wire.MustMarshal(c)
}

// Restore sets the node's state from a checkpoint of the same task and returns
// the round that it was made after. The node is unchanged where it fails.
func (n *Node) Restore(task [16]byte, b []byte) (round uint32, err error) {
	var c checkpoint
	if err := checkpointDecoder.Unmarshal(b, &c); err != nil {
		return 0, fmt.Errorf("%w: %v", ErrCheckpoint, err)
	}
	if c.Version != checkpointVersion || c.Task != task {
		return 0, fmt.Errorf("%w: it is of another version or task", ErrCheckpoint)
	}
	vectors := [][]byte{c.Model}
	if n.track != nil {
		vectors = append(vectors, c.Correction, c.Direction)
	}
	decoded := make([][]float32, len(vectors))
	for i, v := range vectors {
		if decoded[i], err = decodeFloats(v, len(n.x)); err != nil {
			return 0, err
		}
	}
	var pcg rand.PCG
	if err := pcg.UnmarshalBinary(c.Rand); err != nil {
		return 0, fmt.Errorf("%w: %v", ErrCheckpoint, err)
	}
	*n.pcg = pcg
	copy(n.x, decoded[0])
	if n.track != nil {
		n.track.restore(decoded[1], decoded[2], c.Round)
	}
	return c.Round, nil
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
		return nil, fmt.Errorf("%w: %d bytes of parameters, %d expected", ErrCheckpoint, len(b), 4*n)
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
