// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
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

	Weights  []float32 // of the classes
	Balanced bool      // instead: so that all classes count alike in the training rows
	Privacy  *node.Privacy
	Personal node.Personal
	Budget   node.Budget
	Features *node.Features
}

// Errors that callers tell apart.
var (
	ErrBusy   = errors.New("the device has too much to do")
	ErrNoTask = errors.New("there is no such task on this device")
)

// busyError is an ErrBusy that says with what, and what to do.
type busyError struct{ text string }

func (e *busyError) Error() string { return e.text }

func (e *busyError) Is(target error) bool { return target == ErrBusy }

func busy(format string, args ...any) error { return &busyError{fmt.Sprintf(format, args...)} }

// startsIn is how long after its start a task's first round begins, for a
// spread D of 30 s: the neighbours have to hear of it.
const startsIn = 20 * time.Second

// Start starts a task on this device and tells the neighbours.
func (s *Service) Start(p Plan) (*Status, error) {
	if err := s.nameFree(p.Name); err != nil {
		return nil, err
	}
	data, err := s.loadBy(&p)
	if err != nil {
		return nil, err
	}
	if err := s.takeScale(&p, data); err != nil {
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
	return s.start(&offer{task: t, msg: t.Encode()}, data)
}

// loadBy reads the data that a plan is made of. Windows of live samples are gathered from
// when a plan first asks for them.
func (s *Service) loadBy(p *Plan) (*Data, error) {
	switch {
	case p.Features == nil:
		return s.o.Load()
	case s.o.LoadFor == nil:
		return nil, fmt.Errorf("%w: features: windows are made of live samples: name their source by live.source, and leave fl.data empty", node.ErrTask)
	}
	return s.o.LoadFor(&node.Task{Name: p.Name, Features: p.Features})
}

// start starts a task that has been checked, by data that are not scaled yet.
func (s *Service) start(o *offer, data *Data) (*Status, error) {
	if err := s.admit(o.task); err != nil {
		return nil, err
	}
	if err := s.examine(data, o.task); err != nil {
		return nil, err
	}
	j := jobOf(o, Waiting)
	j.data = data
	if err := s.adopt(j, s.nameFree); err != nil {
		return nil, err
	}
	if err := s.o.Member.Broadcast(typeTask, j.msg); err != nil {
		s.o.Log.Debug("task not told", "err", err) // it is told again
	}
	select {
	case s.kick <- struct{}{}:
	default:
	}
	return s.statusOf(j), nil
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
	weights := p.Weights
	if p.Balanced {
		if data.Train.Kind != dataset.Classification {
			return nil, fmt.Errorf("class weights are for a classification, and the data are for %v", data.Train.Kind)
		}
		weights = model.BalancedWeights(model.CountClasses(data.Train, nil))
	}
	t := &node.Task{
		Label: wire.LabelTask, Name: p.Name, Model: p.Model, Algorithm: uint8(p.Algorithm), Topology: p.Topology,
		Compress: p.Compress, Aggregate: p.Aggregate, Schedule: uint8(p.Schedule), Mode: uint8(p.Mode), Rate: p.Rate, Decay: p.Decay, Batch: clamp(int64(p.Batch)), Epochs: clamp(int64(p.Epochs)),
		Seed: p.Seed, Rounds: clamp(int64(p.Rounds)), RoundLen: clamp(p.RoundLen.Milliseconds()),
		Weights: weights, Privacy: p.Privacy, Personal: p.Personal, Budget: p.Budget, Features: p.Features,
	}
	t.SetData(data.Train, scaler)
	return t, nil
}

// clamp keeps a number that is out of range out of range, for Check to find.
func clamp(n int64) uint32 { return uint32(min(max(n, 0), math.MaxUint32)) }

// maxAhead is how long before its first round a neighbour's task is joined. It
// keeps the device from others.
const maxAhead = 24 * time.Hour

// join takes a neighbour's task where it fits this device.
func (s *Service) join(o *offer) error {
	t := o.task
	switch now := s.o.Member.Now(); {
	case !now.Before(t.End()):
		return errors.New("it is over")
	case t.RoundStart(0).After(now.Add(maxAhead)):
		return fmt.Errorf("it begins at %v only; a device waits for %v at most", t.RoundStart(0), maxAhead)
	case s.knows(t.ID()):
		return nil // running here, over, or stopped by the owner
	}
	if err := s.admit(t); err != nil {
		return err
	}
	data, err := s.loadFor(t)
	if err != nil {
		return err
	}
	j := jobOf(o, Waiting)
	j.data, j.told = data, time.Now()
	if err := s.adopt(j, nil); err != nil {
		return err
	}
	s.o.Log.Info("a neighbour's task is joined", "task", t.Name)
	return nil
}

// maxStopped is how many stopped tasks are remembered.
const maxStopped = 16

// Stop stops the task with the given name or the beginning of its id, of four
// digits at least, on this device alone. It does not come back when a neighbour
// tells of it. A task that is over stays as it is.
func (s *Service) Stop(name string) (*Status, error) {
	s.saving.Lock()
	defer s.saving.Unlock()
	j, err := s.find(name)
	if err != nil {
		return nil, err
	}
	if s.halt(j) {
		if err := s.write(nil); err != nil {
			return nil, fmt.Errorf("the task is stopped, but only until the next start of the agent: %w", err)
		}
	}
	return s.statusOf(j), nil
}

// find returns the task that is meant: the first in the order in which they are
// shown, unless several that run have the name.
func (s *Service) find(name string) (*job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *job
	for _, j := range s.sorted() {
		switch {
		case !j.named(name):
		case found == nil:
			found = j
		case j.active():
			return nil, fmt.Errorf("several tasks are meant by %q; give more of the id, as vecino learn status --json shows it", name)
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: %q", ErrNoTask, name)
	}
	return found, nil
}

// named reports whether that is the job's name, or the beginning of its id.
func (j *job) named(name string) bool {
	const fewest = 4 // digits of an id
	return j.task.Name == name || len(name) >= fewest && strings.HasPrefix(j.status.ID, name)
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
	s.forbid(j.id)
	return true
}

// forbid notes that a task is not to run here again, under mu.
func (s *Service) forbid(id node.ID) {
	s.stopped = append(s.stopped, id)
	s.stopped = s.stopped[max(0, len(s.stopped)-maxStopped):]
}
