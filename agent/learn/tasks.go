// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"fmt"
	"math"
	"slices"
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
	Schedule  node.Schedule
	Compress  string
	Aggregate string
	Mode      node.Mode
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

// startsIn is how long after its start a task's first round begins, for a
// spread D of 30 s: the neighbours have to hear of it.
const startsIn = 20 * time.Second

// Start starts a task on this device and tells the neighbours.
func (s *Service) Start(p Plan) (*Status, error) {
	if s.busy() {
		return nil, ErrBusy
	}
	data, err := s.o.Load()
	if err != nil {
		return nil, err
	}
	t, err := p.task(data)
	if err != nil {
		return nil, err
	}
	t.Start = uint64(s.o.Member.Now().Add(s.o.Member.Wait(startsIn)).UnixMilli())
	if err := t.Check(); err != nil {
		return nil, err
	}
	if err := s.affordable(t); err != nil {
		return nil, err
	}
	if err := data.prepare(t); err != nil {
		return nil, err
	}
	j := newJob(t, Waiting)
	j.data = data
	if err := s.adopt(j); err != nil {
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

// task returns the task that the plan makes of the data.
func (p *Plan) task(data *Data) (*node.Task, error) {
	scaler := data.Scaler
	if scaler == nil {
		var err error
		if scaler, err = dataset.Fit(data.Scale, data.Train); err != nil {
			return nil, err
		}
	}
	t := &node.Task{
		Label: wire.LabelTask, Name: p.Name, Model: p.Model, Algorithm: uint8(p.Algorithm), Topology: p.Topology,
		Compress: p.Compress, Aggregate: p.Aggregate, Schedule: uint8(p.Schedule), Mode: uint8(p.Mode), Rate: p.Rate, Decay: p.Decay, Batch: clamp(int64(p.Batch)), Epochs: clamp(int64(p.Epochs)),
		Seed: p.Seed, Rounds: clamp(int64(p.Rounds)), RoundLen: clamp(p.RoundLen.Milliseconds()),
	}
	t.SetData(data.Train, scaler)
	return t, nil
}

// clamp keeps a number that is out of range out of range, for Check to find.
func clamp(n int64) uint32 { return uint32(min(max(n, 0), math.MaxUint32)) }

// maxShare is the part of a round's chunks that an update may take. The rest is
// for hellos, copies of the header and the tail of the Poisson times.
const maxShare = 0.5

// affordable holds an update against the chunks that a round has.
func (s *Service) affordable(t *node.Task) error {
	m, err := t.NewModel()
	if err != nil {
		return err
	}
	if node.Mode(t.Mode).Summed() {
		return s.addable(t, m)
	}
	bytes, err := t.UpdateSize()
	if err != nil {
		return err
	}
	chunks := update.Chunks(bytes, chunk.Payload)
	perMinute := s.o.Member.ChunksPerMinute()
	need := timeFor(chunks, perMinute)
	have := time.Duration(t.RoundLen) * time.Millisecond
	if have >= need {
		return nil
	}
	const step = time.Second / 10
	return fmt.Errorf("rounds of %v are too short: an update is %d chunks and the neighbourhood allows %d a minute; use rounds of %v or more, or a smaller model",
		have, chunks, perMinute, (need + step - 1).Truncate(step))
}

// timeFor returns how long so many chunks take.
func timeFor(chunks, perMinute int) time.Duration {
	return time.Duration(float64(chunks) / float64(perMinute) / maxShare * float64(time.Minute))
}

func (s *Service) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.job != nil && s.job.active()
}

// adopt makes j the device's job, once it is kept.
func (s *Service) adopt(j *job) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	if s.busy() {
		return ErrBusy
	}
	if err := s.write(j); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.job = j
	return nil
}

// maxAhead is how long before its first round a neighbour's task is joined. It
// keeps the device from others.
const maxAhead = 24 * time.Hour

// join takes a neighbour's task where it fits this device.
func (s *Service) join(t *node.Task) error {
	switch now := s.o.Member.Now(); {
	case !now.Before(t.End()):
		return errors.New("it is over")
	case t.RoundStart(0).After(now.Add(maxAhead)):
		return fmt.Errorf("it begins at %v only; a device waits for %v at most", t.RoundStart(0), maxAhead)
	case s.knows(t.ID()):
		return nil // running here, over, or stopped by the owner
	}
	if err := s.affordable(t); err != nil {
		return err
	}
	data, err := s.loadFor(t)
	if err != nil {
		return err
	}
	j := newJob(t, Waiting)
	j.data, j.told = data, time.Now()
	if err := s.adopt(j); err != nil {
		return err
	}
	s.o.Log.Info("a neighbour's task is joined", "task", t.Name)
	return nil
}

// knows reports whether the device has or had the task, or is not to have it.
func (s *Service) knows(id node.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.job != nil && s.job.id == id || slices.Contains(s.stopped, id)
}

// maxStopped is how many stopped tasks are remembered.
const maxStopped = 16

// Stop stops the task with the given name or the beginning of its id, of four
// digits at least, on this device alone. It does not come back when a neighbour
// tells of it. A task that is over stays as it is.
func (s *Service) Stop(name string) (*Status, error) {
	s.saving.Lock()
	defer s.saving.Unlock()
	j := s.find(name)
	if j == nil {
		return nil, fmt.Errorf("%w: %q", ErrNoTask, name)
	}
	if s.halt(j) {
		if err := s.write(j); err != nil {
			return nil, fmt.Errorf("the task is stopped, but only until the next start of the agent: %w", err)
		}
	}
	return s.Status(), nil
}

func (s *Service) find(name string) *job {
	s.mu.Lock()
	defer s.mu.Unlock()
	const fewest = 4 // digits of an id
	if j := s.job; j != nil && (j.task.Name == name || len(name) >= fewest && strings.HasPrefix(j.status.ID, name)) {
		return j
	}
	return nil
}

// halt ends a job, unless it is over, and reports whether it did.
func (s *Service) halt(j *job) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !j.active() && j.status.State != Failed {
		return false
	}
	j.status.State = Stopped
	if j.stop != nil {
		j.stop()
	}
	s.stopped = append(s.stopped, j.id)
	s.stopped = s.stopped[max(0, len(s.stopped)-maxStopped):]
	return true
}
