// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/crypto/chunk"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/update"
)

// Plan is what an owner says of a task; the data say the rest.
type Plan struct {
	Name      string
	Model     string
	Algorithm node.Algorithm
	Topology  string
	Quant     update.Quant
	Rate      float32
	Decay     float32
	Batch     int
	Epochs    int
	Rounds    int
	RoundLen  time.Duration
	Seed      uint64
}

// Errors that callers tell apart.
var (
	ErrBusy   = errors.New("another task is running; stop it first: vecino learn stop")
	ErrNoTask = errors.New("there is no such task on this device")
)

// maxShare is the part of a round's chunks that an update may take. The rest is
// for hellos, copies of the header and the tail of the Poisson times.
const maxShare = 0.5

// Start starts a task on this device and tells the neighbours.
func (s *Service) Start(p Plan) (*Status, error) {
	data, err := s.o.Load()
	if err != nil {
		return nil, err
	}
	scaler := data.Scaler
	if scaler == nil {
		if scaler, err = dataset.Fit(data.Scale, data.Train); err != nil {
			return nil, err
		}
	}
	t := &node.Task{
		Label: wire.LabelTask, Name: p.Name, Model: p.Model, Algorithm: uint8(p.Algorithm), Topology: p.Topology,
		Quant: uint8(p.Quant), Rate: p.Rate, Decay: p.Decay, Batch: uint32(p.Batch), Epochs: uint32(p.Epochs),
		Seed: p.Seed, Rounds: uint32(p.Rounds), RoundLen: uint32(p.RoundLen.Milliseconds()),
	}
	t.SetData(data.Train, scaler)
	// The neighbours have to hear of it, and it takes them a few chunks' times.
	t.Start = uint64(time.Now().Add(s.o.Member.Wait(startsIn)).UnixMilli())
	if err := t.Check(); err != nil {
		return nil, err
	}
	if err := s.affordable(t); err != nil {
		return nil, err
	}
	if err := s.adopt(t); err != nil {
		return nil, err
	}
	if err := s.o.Member.Broadcast(typeTask, t.Encode()); err != nil {
		s.o.Log.Debug("task not told", "err", err) // it is told again
	}
	select {
	case s.kick <- struct{}{}:
	default:
	}
	return s.Status(), nil
}

// startsIn is how long after its start a task's first round begins, for a
// spread D of 30 s.
const startsIn = 20 * time.Second

// affordable holds an update against the chunks that a round has.
func (s *Service) affordable(t *node.Task) error {
	m, err := t.NewModel()
	if err != nil {
		return err
	}
	bytes := node.Algorithm(t.Algorithm).Vectors() * update.VectorSize(update.Quant(t.Quant), m.Size())
	chunks := update.Chunks(bytes, chunk.Payload)
	perMinute := float64(s.o.Member.ChunksPerMinute())
	need := time.Duration(float64(chunks) / perMinute / maxShare * float64(time.Minute))
	if have := time.Duration(t.RoundLen) * time.Millisecond; have < need {
		return fmt.Errorf("rounds of %v are too short: an update is %d chunks and the neighbourhood allows %g a minute; use rounds of %v or more, or a smaller model",
			have, chunks, perMinute, need.Round(time.Second/10))
	}
	return nil
}

// adopt makes t the device's task and keeps it before anything is done with it.
func (s *Service) adopt(t *node.Task) error {
	s.mu.Lock()
	if s.status != nil && (s.status.State == Running || s.status.State == Waiting) {
		s.mu.Unlock()
		return ErrBusy
	}
	id := t.ID()
	s.task, s.status = t, newStatus(t, id, Waiting)
	s.mu.Unlock()
	return s.saveTask()
}

func newStatus(t *node.Task, id node.ID, state State) *Status {
	return &Status{
		ID: hex.EncodeToString(id[:]), Name: t.Name, State: state, Rounds: t.Rounds,
		Algorithm: node.Algorithm(t.Algorithm).String(), Topology: t.Topology,
	}
}

// join takes a neighbour's task where it fits this device.
func (s *Service) join(t *node.Task) error {
	if time.Now().After(t.End()) {
		return errors.New("it is over")
	}
	s.mu.Lock()
	known := s.task != nil && s.task.ID() == t.ID()
	s.mu.Unlock()
	if known {
		return nil // running here, done, or stopped by the owner
	}
	data, err := s.o.Load()
	if err != nil {
		return err
	}
	for _, table := range []*dataset.Table{data.Train, data.Test} {
		if err := t.Prepare(table); err != nil {
			return err
		}
	}
	if err := s.adopt(t); err != nil {
		return err
	}
	s.o.Log.Info("a neighbour's task is joined", "task", t.Name)
	return nil
}

// Stop stops the task with the given name or the beginning of its id, on this
// device alone.
func (s *Service) Stop(name string) (*Status, error) {
	s.mu.Lock()
	if s.status == nil || s.status.Name != name && (len(name) < 4 || !strings.HasPrefix(s.status.ID, name)) {
		s.mu.Unlock()
		return nil, fmt.Errorf("%w: %q", ErrNoTask, name)
	}
	if s.status.State == Running || s.status.State == Waiting {
		s.status.State = Stopped
		if s.stop != nil {
			s.stop()
		}
	}
	s.mu.Unlock()
	if err := s.saveTask(); err != nil {
		return nil, err
	}
	return s.Status(), nil
}

// The files of the service.
const (
	fileTask       = "task"
	fileCheckpoint = "checkpoint"
)

// savedTask is the task file.
type savedTask struct {
	_     struct{} `cbor:",toarray"`
	State State
	Task  []byte
}

var savedDecoder = wire.New(wire.Limits{Bytes: node.MaxTask + 256})

func (s *Service) saveTask() error {
	s.mu.Lock()
	saved := savedTask{State: s.status.State, Task: s.task.Encode()}
	s.mu.Unlock()
	return s.o.Files.Write(fileTask, wire.MustMarshal(saved))
}

// loadTask takes up the task of the last run, where it was not ended.
func (s *Service) loadTask() error {
	b, err := s.o.Files.Read(fileTask, node.MaxTask+256)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var saved savedTask
	if err := savedDecoder.Unmarshal(b, &saved); err != nil {
		return err
	}
	t, err := node.DecodeTask(saved.Task)
	if err != nil {
		return err
	}
	if saved.State == Running && time.Now().After(t.End()) {
		saved.State = Done
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.task, s.status = t, newStatus(t, t.ID(), saved.State)
	return nil
}

// checkpoints keeps one file: that of the present task. A checkpoint of another
// task is as good as none.
func (s *Service) checkpoints(id node.ID) node.Store { return &checkpoints{s.o.Files, id} }

type checkpoints struct {
	files Files
	id    node.ID
}

func (c *checkpoints) Save(b []byte) error {
	return c.files.Write(fileCheckpoint, append(c.id[:len(c.id):len(c.id)], b...))
}

func (c *checkpoints) Load() ([]byte, error) {
	b, err := c.files.Read(fileCheckpoint, node.MaxCheckpoint)
	if err != nil {
		return nil, err
	}
	if len(b) < len(c.id) || node.ID(b[:len(c.id)]) != c.id {
		return nil, fs.ErrNotExist
	}
	return b[len(c.id):], nil
}

// tellNewcomers sends the task to those who come, once they can open it, and
// again from time to time for those who missed it. One of the neighbours is
// enough.
func (s *Service) tellNewcomers(ctx context.Context, t *node.Task) {
	msg := t.Encode()
	for {
		changed := s.o.Member.Changed()
		s.tell(ctx, msg)
		again := time.NewTimer(s.o.Member.Wait(tellEvery))
		select {
		case <-ctx.Done():
			again.Stop()
			return
		case <-changed:
			again.Stop()
		case <-again.C:
		}
	}
}

// Waits of telling, for a spread D of 30 s.
const (
	tellAfter = 12 * time.Second // a newcomer knows its neighbours' hellos by then
	tellEvery = 5 * time.Minute
)

func (s *Service) tell(ctx context.Context, msg []byte) {
	begin := time.Now()
	delay := s.o.Member.Wait(tellAfter)
	t := time.NewTimer(delay + time.Duration(s.fraction()*float64(delay)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return
	case <-t.C:
	}
	s.mu.Lock()
	told := s.told.After(begin)
	s.mu.Unlock()
	if all, _ := s.o.Member.Present(); told || len(all) < 2 {
		return
	}
	if err := s.o.Member.Broadcast(typeTask, msg); err != nil {
		s.o.Log.Debug("task not told", "err", err)
	}
}

func (s *Service) fraction() float64 {
	var b [1]byte
	if _, err := s.o.Rand.Read(b[:]); err != nil {
		return 0
	}
	return float64(b[0]) / 256
}
