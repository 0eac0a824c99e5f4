// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package live has the models that a device has learned look at every sample as it
// comes: a class, a value or how far from normal it is, each with its confidence. It
// reads samples from MQTT, a program, a file or the sensors of the board, makes rows
// of them (package feature), keeps these to be learned from, scores them, and
// publishes the scores on the owner's plane and to Home Assistant by its MQTT device
// discovery. Scoring goes on where the broker is gone, and never waits for training:
// it works on immutable copies of models, on a thread of its own, and training can be
// put behind it by [Aside].
//
// A Service is safe for concurrent use, and its zero value is not usable.
package live

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/board"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
)

// MaxTasks is how many tasks are scored at a time; one more takes the place of the
// one whose model is the oldest.
const MaxTasks = 4

// Plane is the owner's plane of the device.
type Plane interface {
	// Topic returns the topic of the device with the given end.
	Topic(end string) string
	// Publish hands a message over, to go out once, and does not wait. It reports
	// false where there is no connection.
	Publish(topic string, payload []byte) bool
	// Keep publishes a message that the broker keeps, now or once there is a
	// connection, and again with every other.
	Keep(topic string, payload []byte)
	// Subscribe waits for the first connection.
	Subscribe(ctx context.Context, filter string, handle func(bus.Message)) error
	// OnConnect has f called with every connection from now on.
	OnConnect(f func())
	Connected() bool
}

// Files keeps rows and models. Write has them on the disk when it returns; Read
// returns fs.ErrNotExist where there is none.
type Files interface {
	Write(name string, data []byte) error
	Read(name string, limit int64) ([]byte, error)
}

// Options are what a service needs.
type Options struct {
	Source  Spec
	Sensors []board.Sensor // of a source that is the board
	Period  time.Duration  // from one reading of the board to the next, above 0

	// What samples are to be learned from: the kind, of a classification the number
	// of classes, and the name of the value that is the target, empty for none.
	Kind    dataset.Kind
	Classes int
	Target  string

	Site, Device string
	Version      string // of the program, for Home Assistant
	Name         string // begins the names of scores; may be empty
	Discovery    string // prefix of Home Assistant's topics; empty: nothing is announced
	Plane        Plane
	Files        Files
	SaveEvery    time.Duration // from one writing of rows to the next, above 0
	Log          *slog.Logger
}

// Service scores what a source gives.
type Service struct {
	o       Options
	queue   *queue
	tally   tally
	base    base
	records chan record
	saveNow chan struct{}

	lanes atomic.Pointer[[]*lane] // the scorer reads it; replaced under mu

	mu      sync.Mutex
	gone    []string // names of components that Home Assistant is to forget
	changed bool     // models since they were saved

	lastMu sync.Mutex
	last   map[string]kept
}

// kept is the latest score of a name.
type kept struct {
	score   Score
	payload []byte
}

// New returns a service with the models and the rows of the last run.
func New(o Options) *Service {
	s := &Service{o: o, queue: newQueue(), records: make(chan record, maxRecord), saveNow: make(chan struct{}, 1), last: map[string]kept{}}
	s.lanes.Store(&[]*lane{})
	target := o.Target
	if target == "" {
		target = noTarget
	}
	s.base.set, s.base.target = dataset.RingSettings{Kind: o.Kind, Classes: o.Classes, Target: target}, o.Target
	s.restore()
	if err := s.loadModels(); err != nil {
		o.Log.Error("the models of live scores are not restored; the next round brings them", "err", err)
	}
	return s
}

// noTarget names the target of rows that have none: all count as normal.
const noTarget = "anomaly"

// Run scores until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	s.o.Plane.OnConnect(s.connected)
	s.announce()
	var all sync.WaitGroup
	all.Go(func() { s.feed(ctx) })
	all.Go(func() { s.record(ctx) })
	all.Go(func() { s.scoring(ctx) })
	all.Wait()
	return nil
}

// scoring takes samples to scores. It has a thread to itself, so that the kernel
// sees who is waiting for what.
func (s *Service) scoring(ctx context.Context) {
	runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
	ahead()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.queue.ready:
		}
		for sample, ok := s.queue.pop(); ok; sample, ok = s.queue.pop() {
			s.look(sample)
		}
	}
}

// look scores a sample for every task, and keeps it.
func (s *Service) look(sample Sample) {
	s.tally.samples.Add(1)
	fits := false
	for _, l := range *s.lanes.Load() {
		fits = l.take(sample) || fits
	}
	if !fits && len(*s.lanes.Load()) > 0 {
		s.tally.refused(refuse(reasonUnfit, "it has no value of a task"))
	}
	s.gather(sample)
}

// scored makes and publishes the score of a row.
func (s *Service) scored(l *lane, arrived time.Time, x []float32) {
	snap := l.snapshot.Load()
	if snap == nil {
		return
	}
	score, err := snap.score(x)
	if err != nil {
		s.tally.refused(err)
		return
	}
	took := time.Since(arrived)
	score.Task, score.Time, score.Latency = l.task.Name, arrived.UTC(), millis(took)
	payload := score.encode()
	s.lastMu.Lock()
	s.last[l.name] = kept{score, payload}
	s.lastMu.Unlock()
	s.tally.scored.Add(1)
	if !s.o.Plane.Publish(s.sensor(l.name), payload) {
		s.tally.dropped.Add(1)
		return
	}
	s.tally.published.Add(1)
	s.tally.latency.add(time.Since(arrived))
}

func (s *Service) sensor(name string) string { return s.o.Plane.Topic("sensor/" + name) }

// connected publishes the latest score of each name, of which the broker may have
// missed some.
func (s *Service) connected() {
	s.lastMu.Lock()
	defer s.lastMu.Unlock()
	for name, k := range s.last {
		if s.o.Plane.Publish(s.sensor(name), k.payload) {
			s.tally.repeated.Add(1)
		}
	}
}

// Offer has the samples from now on scored by a model that a task has learned.
// Held are rows that were not learned from, scaled as the task says, which tell how
// far the model is to be believed; there may be none. Theta may change afterwards.
// The work is done by the caller, for which no score waits.
func (s *Service) Offer(t *node.Task, theta []float32, held *dataset.Table) {
	snap, err := newSnapshot(t, theta, held)
	if err != nil {
		s.o.Log.Warn("a model is not taken for live scores", "task", t.Name, "err", err)
		return
	}
	l, err := s.lane(t)
	if err != nil {
		s.o.Log.Warn("a task has no live scores", "task", t.Name, "err", err)
		return
	}
	first := l.snapshot.Swap(snap) == nil
	s.mu.Lock()
	s.changed = true
	s.mu.Unlock()
	if first {
		s.announce()
	}
}

// lane returns that of a task, which takes the place of one of the same name, or of
// the oldest where there are too many.
func (s *Service) lane(t *node.Task) (*lane, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, id, name := *s.lanes.Load(), t.ID(), s.nameOf(t)
	for _, l := range old {
		if l.id == id {
			return l, nil
		}
	}
	var before *lane
	named := func(l *lane) bool { return l.name == name }
	if i := slices.IndexFunc(old, named); i >= 0 {
		before = old[i]
	}
	all := slices.DeleteFunc(slices.Clone(old), named)
	if len(all) == MaxTasks {
		s.gone = append(s.gone, all[0].name)
		all = slices.Delete(all, 0, 1)
	}
	s.gone = slices.DeleteFunc(s.gone, func(n string) bool { return n == name })
	s.gone = s.gone[max(0, len(s.gone)-maxGone):]
	var r *rows
	if t.Features != nil {
		var err error
		if r, err = s.openRows(t, before, all); err != nil {
			return nil, err
		}
	}
	l, err := newLane(t, name, r, s.scored, s.keep)
	if err != nil {
		return nil, err
	}
	all = append(all, l)
	s.lanes.Store(&all)
	return l, nil
}

// maxScoreName is how many of a-z, 0-9 and - the name of a score has at most.
const maxScoreName = 32

// nameOf returns under which name the scores of a task are published.
func (s *Service) nameOf(t *node.Task) string {
	words := strings.FieldsFunc(strings.ToLower(s.o.Name+" "+t.Name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	name := strings.Join(words, "-")
	if name == "" {
		name = "score"
	}
	return strings.TrimRight(name[:min(len(name), maxScoreName)], "-")
}
