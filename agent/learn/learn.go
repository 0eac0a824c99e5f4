// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package learn is the learning of one device: it starts tasks or takes those
// that a neighbour starts, where the device's own data fit, runs their rounds by
// package node over the neighbours' plane, and keeps what it needs to go on after
// a power cut. Several tasks run side by side, of which one at most adds under
// encryption; they train in turns.
//
// A Service is safe for concurrent use; its zero value is not usable.
package learn

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/homomorphic"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
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
	Now() time.Time                   // of the neighbourhood
	Acquaintances
	Adder
}

// Adder is the device among those with whom it can add under encryption.
type Adder interface {
	// Sums returns what a session of an epoch needs of the neighbourhood, and when
	// its members may agree on a roster; ok is false while the device has no keys.
	Sums() (c homomorphic.Config, from time.Time, ok bool)
	// OpenSums fills in the stores of a session, and the group in which the device
	// is already.
	OpenSums(c *homomorphic.Config) error
	SumBudget() int64 // bytes that a device may send in an epoch
	SendParts(typ uint8, to []signcrypt.PID, header []byte, copies int, shards [][]byte) error
	Tell(typ uint8, to []signcrypt.PID, msg []byte) error
}

// Files keeps tasks and checkpoints. Write has them on the disk when it returns;
// Read returns fs.ErrNotExist where there is none, and Remove nothing.
type Files interface {
	Write(name string, data []byte) error
	Read(name string, limit int64) ([]byte, error)
	Remove(name string) error
}

// Data are a device's own rows, not scaled yet, and how they are to be scaled
// in a task that this device starts.
type Data struct {
	Train, Test *dataset.Table
	Scale       dataset.Scale
	Scaler      *dataset.Scaler // nil: fitted to Train
	HeldOut     bool            // Test is a part of the training file, since there is no test file

	status *DataStatus // what is to be known of them; nil until they are prepared
}

// Clone returns a copy whose tables can be scaled.
func (d *Data) Clone() *Data {
	c := *d
	c.Train, c.Test = d.Train.Clone(), d.Test.Clone()
	return &c
}

// prepare scales the tables as the task says.
func (d *Data) prepare(t *node.Task) error {
	if err := t.Prepare(d.Train); err != nil {
		return err
	}
	return t.Prepare(d.Test)
}

// ErrNoData says that the device has no data folder.
var ErrNoData = errors.New("this device has no data: set fl.data to a folder with train.csv and test.csv")

// Options are what a service needs.
type Options struct {
	Member          Member
	Files           Files
	Load            func() (*Data, error) // reads the data folder anew; ErrNoData where none is set
	Accept          bool                  // tasks of neighbours are joined
	Signed          bool                  // but only those that one of Keys signed
	Keys            []ed25519.PublicKey   // of owners who are trusted
	CheckpointEvery time.Duration
	Seed            uint64    // decides the order of the device's own rows
	Rand            io.Reader // safe for concurrent use, as that of crypto/rand is
	Log             *slog.Logger

	Gate  func() (allowed bool, why string) // whether the device may train now; nil: always
	Meter func() (end func() node.Cost)     // of work; nil: nothing is measured

	DataSet string  // the path of the data folder, by which its privacy budget is known
	Epsilon float64 // that all private tasks together may tell of a record; 0: what each task says

	// What live analysis needs; each may be nil. LoadFor stands for Load where the
	// task is known; of one that is to be made it gets the name and the features alone. OnModel is told of the model after each round and when a task
	// resumes, with the rows that were not learned from, scaled; both are the
	// service's own and change after it returns. Aside does local training.
	LoadFor func(*node.Task) (*Data, error)
	OnModel func(t *node.Task, model []float32, held *dataset.Table)
	Aside   func(work func())
}

// Service runs a device's tasks.
type Service struct {
	o     Options
	tasks chan *offer   // of neighbours
	kick  chan struct{} // there may be a job to run
	turn  chan struct{} // whoever has sent to it trains
	purse *purse
	drift drifting

	saving sync.Mutex // is held while the task file changes; before mu

	mu      sync.Mutex
	jobs    []*job // those that are to run, in the order in which they came, and those that rest
	routes  routes
	stopped []node.ID       // tasks that the owner does not want here, oldest first
	refused map[string]bool // tasks that the log has a word about, by reason and id
}

// Bounds of what a device does at a time, and of what waits while it is busy.
const (
	maxJobs  = 8    // tasks
	maxRest  = 8    // tasks that are over, or stopped, of which it still tells
	maxInbox = 1024 // parts of updates, of all tasks: a round of a full neighbourhood
	maxTasks = 4    // of neighbours; they tell them again
)

// New returns a service with the tasks of its last run, and hooks it into the
// member. Call it before the member runs.
func New(o Options) *Service {
	s := &Service{
		o: o, tasks: make(chan *offer, maxTasks), kick: make(chan struct{}, 1), turn: make(chan struct{}, 1), refused: map[string]bool{},
		purse: newPurse(o.Files, o.DataSet),
	}
	o.Member.Handle(typeUpdate, s.onUpdate)
	o.Member.Handle(typeShard, s.onShard)
	o.Member.Handle(typeTask, s.onTask)
	for _, typ := range []uint8{homomorphic.TypeShare, homomorphic.TypeControl, homomorphic.TypeAnswer} {
		o.Member.Handle(typ, func(from signcrypt.PID, round uint32, msg []byte) { s.onSum(typ, from, round, msg) })
	}
	if err := s.load(); err != nil {
		o.Log.Error("the saved tasks are not resumed", "err", err)
	}
	return s
}

// Task returns the first task that is to run, or the last that was, and nil before
// the first.
func (s *Service) Task() *node.Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.sorted(); len(first) > 0 {
		return first[0].task
	}
	return nil
}

// Run resumes the tasks that a restart interrupted, and takes tasks until ctx
// ends.
func (s *Service) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for ctx.Err() == nil {
		for _, begin := range s.next(ctx) {
			running.Go(begin)
		}
		select {
		case <-ctx.Done():
		case o := <-s.tasks:
			if err := s.join(o); err != nil {
				s.o.Log.Warn("a neighbour's task is not joined", "task", o.task.Name, "err", err)
			}
		case <-s.kick:
		}
	}
	return nil
}

// next returns what runs the jobs that are to run and do not yet. The context of
// each ends when the owner stops it.
func (s *Service) next(ctx context.Context) (begin []func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.active() && j.stop == nil {
			var own context.Context
			own, j.stop = context.WithCancel(ctx)
			begin = append(begin, func() { s.run(own, j) })
		}
	}
	return begin
}

// run runs a job to its end and beside it tells newcomers of it.
func (s *Service) run(ctx context.Context, j *job) {
	var tell sync.WaitGroup
	tell.Go(func() { s.tellNewcomers(ctx, j) })
	err := s.rounds(ctx, j)
	ended := ctx.Err() != nil
	j.stop()
	tell.Wait()
	var spent *PrivacyError
	status := s.change(j, func(st *Status) {
		st.Paused = ""
		switch {
		case st.State == Stopped || st.State == Spent:
		case errors.As(err, &spent):
			st.State, st.Ended, err = Spent, spent.Error(), nil
		case err != nil:
			st.State, st.Error = Failed, err.Error()
		case !ended: // else the agent ends, and the task goes on with its next start
			st.State = Done
		}
	})
	if err != nil {
		s.o.Log.Error("task failed", "task", j.task.Name, "err", err)
	}
	s.o.Log.Info("task rests", "task", j.task.Name, "state", status.State, "round", status.Round)
	s.rest(j)
}

func (s *Service) rounds(ctx context.Context, j *job) error {
	data, err := s.dataOf(j)
	if err != nil {
		return err
	}
	set, err := j.task.Settings()
	if err != nil {
		return err
	}
	summer, end := s.add(ctx, j, set.Model)
	defer end()
	learner := node.New(set, data.Train, nil, s.o.Seed)
	if !j.summed() && data.Test.Rows() > 0 && j.task.Privacy == nil { // else test rows would tell by whom they trust
		learner.Judge(data.Test)
	}
	unprotect, err := s.protect(j, learner)
	if err != nil {
		return err
	}
	defer unprotect()
	if err := s.begins(j, learner, set.Model.Spec()); err != nil {
		return err
	}
	r := &node.Runner{
		Task: j.task, Node: learner, Transport: &transport{s, j}, Store: checkpoints{s.o.Files, j.id}, Summer: summer, Turn: s.turn,
		CheckpointEvery: s.o.CheckpointEvery, Test: data.Test, Rand: s.o.Rand, Now: s.o.Member.Now, Log: s.o.Log, Refuse: s.o.Member.Refuse,
		Gate: s.o.Gate, Meter: s.o.Meter, Aside: s.o.Aside,
	}
	offer := func() {
		if s.o.OnModel != nil {
			s.o.OnModel(j.task, r.Node.Model(), data.Test)
		}
	}
	r.OnRound = func(report node.Report) {
		s.keepModel(j, learner.Model())
		s.onRound(j, report)
		offer()
	}
	r.OnResume = func(last uint32) {
		ended := last + 1
		s.change(j, func(st *Status) { st.Round, st.ResumedAt = ended, &ended })
		offer()
	}
	status := s.change(j, func(st *Status) {
		if st.State == Waiting {
			st.State = Running
		}
		st.Rows, st.Parameters, st.Data = data.Train.Rows(), set.Model.Size(), data.status
	})
	if status.State != Running {
		return nil // stopped meanwhile
	}
	if err := r.Run(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	if j.task.Personal.Tune == 0 {
		return nil
	}
	return s.measured(j, func() error { return s.personalise(j, set, learner.Model(), data) })
}

// add begins the sums of a job that learns by them, until end is called.
func (s *Service) add(ctx context.Context, j *job, m *model.Model) (summer node.Summer, end func()) {
	if !j.summed() {
		return nil, func() {}
	}
	sums := s.newSums(j, m)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { sums.run(ctx) })
	return sums, func() {
		cancel()
		running.Wait()
		s.mu.Lock()
		j.sums = nil
		s.mu.Unlock()
	}
}

// dataOf returns the job's data, read anew after a restart.
func (s *Service) dataOf(j *job) (*Data, error) {
	s.mu.Lock()
	data := j.data
	j.data = nil
	s.mu.Unlock()
	if data != nil {
		return data, nil
	}
	return s.loadFor(j.task)
}

// loadFor reads the data folder and prepares what is in it for a task.
func (s *Service) loadFor(t *node.Task) (*Data, error) {
	load := s.o.Load
	if s.o.LoadFor != nil {
		load = func() (*Data, error) { return s.o.LoadFor(t) }
	}
	data, err := load()
	if err != nil {
		return nil, err
	}
	return data, s.examine(data, t)
}
