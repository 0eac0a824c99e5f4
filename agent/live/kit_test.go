// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/crypto/wire"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/model"
	"github.com/vecino-edge/vecino/fl/node"
)

// plane is the owner's plane of a test, with a broker that can go.
type plane struct {
	mu     sync.Mutex
	up     bool
	sent   []bus.Message
	kept   map[string][]byte
	hooks  []func()
	handle func(bus.Message)
	refuse error // of Subscribe
}

func newPlane() *plane { return &plane{up: true, kept: map[string][]byte{}} }

func (p *plane) Topic(end string) string { return "vecino/1/home/kitchen/" + end }

func (p *plane) Publish(topic string, payload []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up {
		p.sent = append(p.sent, bus.Message{Topic: topic, Payload: payload})
	}
	return p.up
}

func (p *plane) Keep(topic string, payload []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[topic] = payload
}

func (p *plane) Subscribe(_ context.Context, _ string, handle func(bus.Message)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handle = handle
	return p.refuse
}

func (p *plane) OnConnect(f func()) { p.hooks = append(p.hooks, f) }

func (p *plane) Connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up
}

// set lets the broker go or come back.
func (p *plane) set(up bool) {
	p.mu.Lock()
	p.up = up
	p.mu.Unlock()
	if up {
		for _, f := range p.hooks {
			f()
		}
	}
}

// said returns what was published since it was asked last.
func (p *plane) said() (out []bus.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out, p.sent = p.sent, nil
	return out
}

// disk keeps files in memory.
type disk struct {
	mu    sync.Mutex
	files map[string][]byte
	full  error
}

func (d *disk) Write(name string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full != nil {
		return d.full
	}
	if d.files == nil {
		d.files = map[string][]byte{}
	}
	d.files[name] = data
	return nil
}

func (d *disk) Read(name string, limit int64) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, ok := d.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return b, nil
}

// taskOf returns a task over a table, and its scaled rows.
func taskOf(name, spec string, scale dataset.Scale, table *dataset.Table) (*node.Task, *dataset.Table) {
	scaler, err := dataset.Fit(scale, table)
	must(err)
	task := &node.Task{
		Label: wire.LabelTask, Name: name, Model: spec, Topology: "full", Compress: "q8", Aggregate: "mean", Rate: 0.3, Batch: 16, Epochs: 1,
		Seed: 5, Rounds: 8, Start: 1_800_000_000_000, RoundLen: 60_000,
	}
	task.SetData(table, scaler)
	must(task.Check())
	scaled := table.Clone()
	must(task.Prepare(scaled))
	return task, scaled
}

// learn trains a task's model on scaled rows.
func learn(task *node.Task, rows *dataset.Table, epochs int) []float32 {
	m, err := task.NewModel()
	must(err)
	theta := make([]float32, m.Size())
	m.Init(theta, task.Seed)
	sgd := model.SGD{Rate: task.Rate, Batch: 16, Epochs: epochs}
	_, _, err = sgd.Train(m, theta, rows, nil, nil, rand.New(rand.NewPCG(1, 2)), m.NewWorkspace(64))
	must(err)
	return theta
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// table makes rows of the columns a and b; f gives the target.
func table(kind dataset.Kind, classes, rows int, f func(a, b float32) float32) *dataset.Table {
	t := &dataset.Table{Kind: kind, Columns: []string{"a", "b"}, Target: "t", Classes: classes}
	r := rand.New(rand.NewPCG(7, 8))
	for range rows {
		a, b := r.Float32(), r.Float32()
		if kind == dataset.Anomaly {
			b = a
		}
		y := f(a, b)
		t.X, t.Y = append(t.X, a, b), append(t.Y, y)
		if kind != dataset.Regression {
			t.Labels = append(t.Labels, int32(y))
		}
	}
	return t
}

func larger(a, b float32) float32 {
	if a > b {
		return 1
	}
	return 0
}

// notes is a log that a test can read.
type notes struct {
	mu sync.Mutex
	b  strings.Builder
}

func (n *notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(b)
}

func (n *notes) has(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Contains(n.b.String(), text)
}

// options returns those of a service in a test.
func options(source string) (Options, *plane, *disk, *notes) {
	p, d, n := newPlane(), &disk{}, &notes{}
	spec, err := ParseSpec(source)
	if err != nil {
		panic(err)
	}
	return Options{
		Source: spec, Period: time.Second, Kind: dataset.Anomaly, Site: "home", Device: "kitchen", Version: "v1", Discovery: "homeassistant",
		Plane: p, Files: d, SaveEvery: time.Minute, Log: slog.New(slog.NewTextHandler(n, nil)),
	}, p, d, n
}

// run runs a service until the test calls what is returned.
func run(t *testing.T, s *Service) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	return func() { cancel(); <-done }
}
