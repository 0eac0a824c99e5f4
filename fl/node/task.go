// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

// Task is what neighbours learn together, task.cddl. Whoever starts it makes it
// once; its id is a hash of it, so that all speak of the same.
type Task struct {
	_         struct{} `cbor:",toarray"`
	Label     wire.Label
	Name      string
	Kind      uint8    // dataset.Classification or dataset.Regression
	Columns   []string // features, in order
	Target    string   // column
	Classes   uint16   // 0 in regression
	Scale     uint8    // dataset.Method
	Divisor   float32
	Mean      []float32 // (features), or empty
	Deviation []float32 // likewise
	TargetFit [2]float32
	Model     string // model.Spec
	Algorithm uint8
	Topology  string
	Quant     uint8
	Mode      uint8
	Rate      float32
	Decay     float32
	Batch     uint32
	Epochs    uint32
	Seed      uint64 // of the initial model and the graph
	Rounds    uint32
	Start     uint64 // unix milliseconds at which round 0 begins
	RoundLen  uint32 // milliseconds
}

// ID names a task.
type ID [16]byte

// ErrTask refuses a task that cannot be learned.
var ErrTask = errors.New("task refused")

var taskDecoder = wire.New(wire.Limits{Bytes: MaxTask, Items: dataset.MaxColumns, Depth: 4})

// Encode returns the task's bytes.
func (t *Task) Encode() []byte { return wire.MustMarshal(t) }

// ID returns the first half of SHA-256 over the task's bytes.
func (t *Task) ID() ID {
	h := sha256.Sum256(t.Encode())
	return ID(h[:16])
}

// DecodeTask reads a task and checks it.
func DecodeTask(b []byte) (*Task, error) {
	var t Task
	if err := taskDecoder.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrTask, err)
	}
	if err := t.Check(); err != nil {
		return nil, err
	}
	return &t, nil
}

// NewModel returns the model that the task trains.
func (t *Task) NewModel() (*model.Model, error) {
	spec, err := model.ParseSpec(t.Model)
	if err != nil {
		return nil, err
	}
	outputs, loss := int(t.Classes), model.CrossEntropy
	if dataset.Kind(t.Kind) == dataset.Regression {
		outputs, loss = 1, model.MeanSquare
	}
	return model.New(spec, len(t.Columns), outputs, loss)
}

// Settings returns how a node learns the task. The task has been checked.
func (t *Task) Settings() (Settings, error) {
	m, err := t.NewModel()
	if err != nil {
		return Settings{}, err
	}
	return Settings{
		Model: m, Algorithm: Algorithm(t.Algorithm), Mode: Mode(t.Mode), Quant: update.Quant(t.Quant), Seed: t.Seed, FixedGraph: t.topology().Fixed(),
		SGD: model.SGD{Rate: t.Rate, Decay: t.Decay, Batch: int(t.Batch), Epochs: int(t.Epochs)},
	}, nil
}

func (t *Task) topology() topology.Topology {
	top, err := topology.Parse(t.Topology)
	if err != nil {
		panic("node: task was not checked: " + err.Error())
	}
	return top
}

// Base is what updates refer to: a hash of the model that all began with, so
// that devices that disagree about it notice.
func (t *Task) Base(m *model.Model) [32]byte {
	theta := make([]float32, m.Size())
	m.Init(theta, t.Seed)
	h := sha256.New()
	var b [4]byte
	for _, v := range theta {
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
		h.Write(b[:])
	}
	return [32]byte(h.Sum(nil))
}

func (t *Task) roundLen() time.Duration { return time.Duration(t.RoundLen) * time.Millisecond }

// RoundStart returns the time at which a round begins.
func (t *Task) RoundStart(round uint32) time.Time {
	return time.UnixMilli(int64(t.Start)).Add(time.Duration(round) * t.roundLen())
}

// RoundAt returns the round at a time: -1 before the first, and the number of
// rounds after the last.
func (t *Task) RoundAt(now time.Time) int64 {
	since := now.Sub(time.UnixMilli(int64(t.Start)))
	if since < 0 {
		return -1
	}
	return min(int64(since/t.roundLen()), int64(t.Rounds))
}

// End returns the time at which the last round ends.
func (t *Task) End() time.Time { return t.RoundStart(t.Rounds) }
