// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/topology"
	"github.com/vecino-edge/vecino/fl/update"
)

// Bounds of a task's numbers.
const (
	MaxTask     = 256 << 10 // bytes of an encoded task
	MaxTaskName = 64        // bytes
	MaxRounds   = 1 << 20
	MaxEpochs   = 1000 // local epochs of a round
	MinRoundLen = 100 * time.Millisecond
	MaxRoundLen = 7 * 24 * time.Hour
	maxColumn   = 128 // bytes of a column's name
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

// Check returns an error that names the field that does not do.
func (t *Task) Check() error {
	wrong := func(field, format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrTask, field, fmt.Sprintf(format, args...))
	}
	switch {
	case t.Label != wire.LabelTask:
		return wrong("label", "%q", t.Label)
	case t.Name == "" || len(t.Name) > MaxTaskName:
		return wrong("name", "it has %d bytes, 1 to %d are possible", len(t.Name), MaxTaskName)
	case int(t.Algorithm) >= len(algorithms):
		return wrong("algorithm", "number %d is unknown", t.Algorithm)
	case !(t.Rate > 0 && t.Rate <= 100):
		return wrong("rate", "%v; it is above 0 and at most 100", t.Rate)
	case !(t.Decay >= 0 && t.Decay < 1):
		return wrong("weight decay", "%v; it is 0 or more and below 1", t.Decay)
	case t.Batch == 0 || t.Batch > model.MaxBatch:
		return wrong("batch", "%d; it is 1 to %d", t.Batch, model.MaxBatch)
	case t.Epochs == 0 || t.Epochs > MaxEpochs:
		return wrong("epochs", "%d; it is 1 to %d", t.Epochs, MaxEpochs)
	case t.Rounds == 0 || t.Rounds > MaxRounds:
		return wrong("rounds", "%d; it is 1 to %d", t.Rounds, MaxRounds)
	case t.roundLen() < MinRoundLen || t.roundLen() > MaxRoundLen:
		return wrong("round length", "%v; it is %v to %v", t.roundLen(), MinRoundLen, MaxRoundLen)
	case t.Start > math.MaxInt64/2:
		return wrong("start", "it is out of range")
	case t.Quant > uint8(update.Q8):
		return wrong("quantization", "number %d is unknown", t.Quant)
	}
	return t.checkData(wrong)
}

func (t *Task) checkData(wrong func(field, format string, args ...any) error) error {
	kind := dataset.Kind(t.Kind)
	switch {
	case kind != dataset.Classification && kind != dataset.Regression:
		return wrong("kind", "number %d is unknown", t.Kind)
	case (kind == dataset.Classification) != (t.Classes > 0) || int(t.Classes) > dataset.MaxClasses:
		return wrong("classes", "%d", t.Classes)
	case len(t.Columns) == 0:
		return wrong("columns", "there is none")
	}
	for _, c := range append(slices.Clone(t.Columns), t.Target) {
		if c == "" || len(c) > maxColumn {
			return wrong("columns", "the name %.40q does not do", c)
		}
	}
	if _, err := topology.Parse(t.Topology); err != nil {
		return wrong("topology", "%v", err)
	}
	if err := t.scaler().Validate(len(t.Columns)); err != nil {
		return wrong("scale", "%v", err)
	}
	if _, err := t.NewModel(); err != nil {
		return wrong("model", "%v", err)
	}
	return nil
}

// scaler returns the scaling that all devices share.
func (t *Task) scaler() *dataset.Scaler {
	return &dataset.Scaler{
		Scale: dataset.Scale{Method: dataset.Method(t.Scale), Divisor: t.Divisor},
		Mean:  t.Mean, Deviation: t.Deviation, TargetMean: t.TargetFit[0], TargetDeviation: t.TargetFit[1],
	}
}

// SetData fills in what the task says of the data, from the publisher's own
// training rows before they are scaled.
func (t *Task) SetData(train *dataset.Table, s *dataset.Scaler) {
	t.Kind, t.Columns, t.Target, t.Classes = uint8(train.Kind), train.Columns, train.Target, uint16(train.Classes)
	t.Scale, t.Divisor, t.Mean, t.Deviation = uint8(s.Scale.Method), s.Scale.Divisor, s.Mean, s.Deviation
	t.TargetFit = [2]float32{s.TargetMean, s.TargetDeviation}
}

// Prepare makes a device's own table one that the task can use: it checks the
// columns, which must be the task's, and scales them as the task says. The
// table has not been scaled before.
func (t *Task) Prepare(table *dataset.Table) error {
	switch {
	case table.Kind != dataset.Kind(t.Kind):
		return fmt.Errorf("the data are for %v, task %q is for %v", table.Kind, t.Name, dataset.Kind(t.Kind))
	case !slices.Equal(table.Columns, t.Columns):
		return fmt.Errorf("the data have other columns than task %q: %s", t.Name, difference(table.Columns, t.Columns))
	case table.Target != t.Target:
		return fmt.Errorf("the data's target is column %q, that of task %q is %q", table.Target, t.Name, t.Target)
	case table.Classes > int(t.Classes):
		return fmt.Errorf("the data have %d classes, task %q has %d", table.Classes, t.Name, t.Classes)
	}
	table.Classes = int(t.Classes)
	return t.scaler().Apply(table)
}

func difference(have, want []string) string {
	for i := range min(len(have), len(want)) {
		if have[i] != want[i] {
			return fmt.Sprintf("column %d is %q, wanted is %q", i+1, have[i], want[i])
		}
	}
	return fmt.Sprintf("there are %d, wanted are %d", len(have), len(want))
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
		Model: m, Algorithm: Algorithm(t.Algorithm), Quant: update.Quant(t.Quant), Seed: t.Seed, FixedGraph: t.topology().Fixed(),
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

// RoundAt returns the round at a time, which is negative before the first.
func (t *Task) RoundAt(now time.Time) int64 {
	since := now.Sub(time.UnixMilli(int64(t.Start)))
	if since < 0 {
		return -1
	}
	return int64(since / t.roundLen())
}

// End returns the time at which the last round ends.
func (t *Task) End() time.Time { return t.RoundStart(t.Rounds) }
