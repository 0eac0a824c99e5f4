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
	"github.com/vecino-edge/vecino/fl/aggregate"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/feature"
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
	Kind      uint8    // dataset.Classification, dataset.Regression or dataset.Anomaly
	Columns   []string // features, in order
	Target    string   // column
	Classes   uint16   // 0 but in classification
	Scale     uint8    // dataset.Method
	Divisor   float32
	Mean      []float32 // (features), or empty
	Deviation []float32 // likewise
	TargetFit [2]float32
	Features  *Features // of live samples that make a row; nil where rows are columns
	Model     string    // model.Spec
	Algorithm uint8
	Topology  string
	Compress  string // update.Compression
	Aggregate string // aggregate.Rule
	Mode      uint8
	Rate      float32
	Schedule  uint8
	Decay     float32
	Batch     uint32
	Epochs    uint32
	Weights   []float32 // of the classes, or empty
	Privacy   *Privacy  // nil: none
	Personal  Personal
	Budget    Budget // of each device
	Seed      uint64 // of the initial model and the graph
	Rounds    uint32
	Start     uint64 // unix milliseconds at which round 0 begins
	RoundLen  uint32 // milliseconds
}

// Features say of which live samples a row is made: over a window of some channels,
// as package feature does it. The columns of the task are its names.
type Features struct {
	_        struct{} `cbor:",toarray"`
	Channels []string
	Length   uint16 // samples
	Step     uint16 // samples from one row to the next
	Bands    uint8
	Period   uint32 // milliseconds from one sample to the next
}

// settings returns what package feature takes.
func (f *Features) settings(target string) feature.Settings {
	return feature.Settings{
		Channels: f.Channels, Target: target, Window: feature.Window{Length: int(f.Length), Step: int(f.Step)},
		Bands: int(f.Bands), Period: time.Duration(f.Period) * time.Millisecond,
	}
}

// Privacy is how single records are hidden, model.Private.
type Privacy struct {
	_       struct{} `cbor:",toarray"`
	Sigma   float32  // noise multiplier
	Clip    float32  // largest norm of a record's gradient
	Q       float32  // share of the rows in a step; an epoch is one step
	Delta   float32
	Epsilon float32 // that the task may tell of a record; a device may allow less
}

// Personal says what each device keeps to itself.
type Personal struct {
	_    struct{} `cbor:",toarray"`
	Tune uint32   // epochs of training on the own rows alone, after the last round
	Head bool     // the last layer is not shared
}

// Budget is what a task may cost a device; 0 is no limit. A device that has spent
// one of them ends the task.
type Budget struct {
	_       struct{} `cbor:",toarray"`
	Bytes   uint64   // of updates, before shards and envelope
	Seconds uint32   // of processor time
	Joules  uint32   // where the device can measure them
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
	return model.ForKind(spec, dataset.Kind(t.Kind), len(t.Columns), int(t.Classes))
}

// Settings returns how a node learns the task. The task has been checked.
func (t *Task) Settings() (Settings, error) {
	m, err := t.NewModel()
	if err != nil {
		return Settings{}, err
	}
	c, err := update.ParseCompression(t.Compress)
	if err != nil {
		return Settings{}, err
	}
	rule, err := aggregate.Parse(t.Aggregate)
	if err != nil {
		return Settings{}, err
	}
	set := Settings{
		Model: m, Algorithm: Algorithm(t.Algorithm), Mode: Mode(t.Mode), Compression: c, Aggregate: rule, Seed: t.Seed, FixedGraph: t.topology().Fixed(),
		SGD:      model.SGD{Rate: t.Rate, Decay: t.Decay, Batch: int(t.Batch), Epochs: int(t.Epochs)},
		Schedule: Schedule(t.Schedule), Rounds: t.Rounds, Privacy: t.Privacy, KeepHead: t.Personal.Head,
	}
	if len(t.Weights) > 0 {
		set.SGD.ClassWeight = t.Weights
	}
	return set, nil
}

// FeatureSettings returns how rows are made of live samples; ok is false where they
// are not.
func (t *Task) FeatureSettings() (s feature.Settings, ok bool) {
	if t.Features == nil {
		return s, false
	}
	return t.Features.settings(t.Target), true
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
