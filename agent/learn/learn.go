// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package learn is the learning of one device: it starts tasks or takes those
// that a neighbour starts, where the device's own data fit, runs their rounds by
// package node over the neighbours' plane, and keeps what it needs to go on after
// a power cut. One task runs at a time.
//
// A Service is safe for concurrent use; its zero value is not usable.
package learn

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
)

// Message types of the neighbours' plane that are used here.
const (
	typeUpdate = 1
	typeShard  = 2
	typeTask   = 14
)

// Member is the device among its neighbours.
type Member interface {
	Handle(typ uint8, h func(from signcrypt.PID, round uint32, msg []byte))
	Present() (all []signcrypt.PID, self int)
	Changed() <-chan struct{}
	SendUpdate(to []signcrypt.PID, round uint32, header []byte, copies int, shards [][]byte) error
	Broadcast(typ uint8, msg []byte) error
	Refuse(reason string)
	ChunksPerMinute() int
	Wait(time.Duration) time.Duration // scales the protocol's waits
}

// Files keeps tasks and checkpoints. Write has them on the disk when it returns;
// Read returns fs.ErrNotExist where there is none.
type Files interface {
	Write(name string, data []byte) error
	Read(name string, limit int64) ([]byte, error)
}

// Data are a device's own rows, not scaled yet, and how they are to be scaled
// in a task that this device starts.
type Data struct {
	Train, Test *dataset.Table
	Scale       dataset.Scale
	Scaler      *dataset.Scaler // nil: fitted to Train
}

// Clone returns a copy whose tables can be scaled.
func (d *Data) Clone() *Data {
	c := *d
	c.Train, c.Test = d.Train.Clone(), d.Test.Clone()
	return &c
}

// Options are what a service needs.
type Options struct {
	Member          Member
	Files           Files
	Load            func() (*Data, error) // reads the data folder anew; ErrNoData where none is set
	Accept          bool                  // tasks of neighbours are joined
	CheckpointEvery time.Duration
	Seed            uint64 // decides the order of the device's own rows
	Rand            io.Reader
	Log             *slog.Logger
}

// ErrNoData says that the device has no data folder.
var ErrNoData = errors.New("this device has no data: set fl.data to a folder with train.csv and test.csv")

// State is what a task is at.
type State string

// The states of a task.
const (
	Waiting State = "waiting" // its first round is to come
	Running State = "running"
	Done    State = "done"
	Stopped State = "stopped"
	Failed  State = "failed"
)

// Status is a task as people see it. Accuracy is a fraction; it is nil in a
// regression, as R2 is in a classification.
type Status struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	State        State    `json:"state"`
	Error        string   `json:"error,omitempty"`
	Round        uint32   `json:"round"` // rounds that ended
	Rounds       uint32   `json:"rounds"`
	Neighbours   int      `json:"neighbours"`
	Heard        int      `json:"heard"`
	Rows         int      `json:"rows"`
	Parameters   int      `json:"parameters"`
	Loss         *float64 `json:"loss"`
	Accuracy     *float64 `json:"accuracy"`
	R2           *float64 `json:"r2,omitempty"`
	Algorithm    string   `json:"algorithm"`
	Topology     string   `json:"topology"`
	PayloadBytes int      `json:"payload_bytes"`
	SavedBytes   int64    `json:"checkpoint_bytes"` // written since the start
	ResumedAt    *uint32  `json:"resumed_at,omitempty"`
}

// Service runs a device's tasks.
type Service struct {
	o     Options
	inbox chan node.Inbound
	tasks chan *node.Task // from neighbours
	kick  chan struct{}   // a task was started here

	mu     sync.Mutex
	task   *node.Task
	status *Status
	stop   context.CancelFunc // of the running task
	told   time.Time          // when a neighbour last spoke of the task
}

// maxInbox is how many parts of updates may wait while the device is busy: a
// round of a full neighbourhood.
const maxInbox = 1024

// New returns a service and hooks it into the member. Call it before the member
// runs.
func New(o Options) *Service {
	s := &Service{
		o: o, inbox: make(chan node.Inbound, maxInbox), tasks: make(chan *node.Task, 4), kick: make(chan struct{}, 1),
	}
	o.Member.Handle(typeUpdate, s.onUpdate)
	o.Member.Handle(typeShard, s.onShard)
	o.Member.Handle(typeTask, s.onTask)
	return s
}

// Status returns the present task, or the last one, and nil before the first.
func (s *Service) Status() *Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status == nil {
		return nil
	}
	copied := *s.status
	return &copied
}

// Task returns the present task, or the last one, and nil before the first.
func (s *Service) Task() *node.Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.task
}

// change changes the status under the lock and returns a copy.
func (s *Service) change(f func(*Status)) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.status)
	return *s.status
}

// Run resumes the task that a restart interrupted, and takes tasks until ctx
// ends.
func (s *Service) Run(ctx context.Context) error {
	if err := s.loadTask(); err != nil {
		s.o.Log.Error("the saved task is not resumed", "err", err)
	}
	for ctx.Err() == nil {
		if task := s.next(); task != nil {
			s.runTask(ctx, task)
			continue
		}
		select {
		case <-ctx.Done():
		case t := <-s.tasks:
			if err := s.join(t); err != nil {
				s.o.Log.Warn("a neighbour's task is not joined", "task", t.Name, "err", err)
			}
		case <-s.kick:
		}
	}
	return nil
}

// next returns the task that is to run.
func (s *Service) next() *node.Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.task == nil || s.status == nil || (s.status.State != Waiting && s.status.State != Running) {
		return nil
	}
	return s.task
}

// runTask runs a task to its end and beside it tells newcomers of it.
func (s *Service) runTask(ctx context.Context, t *node.Task) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.stop = cancel
	s.mu.Unlock()
	var tell sync.WaitGroup
	tell.Go(func() { s.tellNewcomers(ctx, t) })
	err := s.rounds(ctx, t)
	owner := ctx.Err() != nil
	cancel()
	tell.Wait()
	status := s.change(func(st *Status) {
		switch {
		case err != nil:
			st.State, st.Error = Failed, err.Error()
		case owner && st.State != Stopped: // the agent ends; the task goes on with the next start
		case !owner:
			st.State = Done
		}
	})
	if err != nil {
		s.o.Log.Error("task failed", "task", t.Name, "err", err)
	} else {
		s.o.Log.Info("task rests", "task", t.Name, "state", status.State, "round", status.Round)
	}
	if err := s.saveTask(); err != nil {
		s.o.Log.Error("task not saved", "err", err)
	}
}

func (s *Service) rounds(ctx context.Context, t *node.Task) error {
	data, err := s.o.Load()
	if err != nil {
		return err
	}
	for _, table := range []*dataset.Table{data.Train, data.Test} {
		if err := t.Prepare(table); err != nil {
			return err
		}
	}
	set, err := t.Settings()
	if err != nil {
		return err
	}
	r := &node.Runner{
		Task: t, Node: node.New(set, data.Train, nil, s.o.Seed), Transport: (*transport)(s), Store: s.checkpoints(t.ID()),
		CheckpointEvery: s.o.CheckpointEvery, Test: data.Test, Rand: s.o.Rand, Log: s.o.Log,
		OnRound: s.onRound, Refuse: s.o.Member.Refuse,
	}
	s.change(func(st *Status) { st.State, st.Rows, st.Parameters = Running, data.Train.Rows(), set.Model.Size() })
	return r.Run(ctx)
}

func (s *Service) onRound(r node.Report) {
	if r.SaveErr != nil {
		s.o.Log.Error("checkpoint not saved; a power cut now would lose rounds", "round", r.Round, "err", r.SaveErr)
	}
	s.change(func(st *Status) {
		st.Round, st.Neighbours, st.Heard = r.Round+1, r.Neighbours, r.Heard
		st.Loss = finite(r.Loss)
		st.Accuracy, st.R2 = scores(r.Score, s.task.Classes == 0)
		st.PayloadBytes = r.Payload
		st.SavedBytes += int64(r.Saved)
	})
	s.o.Log.Debug("round", "round", r.Round, "heard", r.Heard, "of", r.Neighbours, "loss", r.Loss, "accuracy", r.Score.Accuracy)
}

func finite(v float64) *float64 {
	if v-v != 0 { // NaN or infinite
		return nil
	}
	return &v
}
