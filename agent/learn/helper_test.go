// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
)

// halves returns rows of two features; their class is whether the first is the
// larger.
func halves(n int, seed uint64) *dataset.Table {
	t := &dataset.Table{Kind: dataset.Classification, Columns: []string{"a", "b"}, Target: "larger", Classes: 2}
	r := rand.New(rand.NewPCG(seed, 8))
	for range n {
		a, b := r.Float32(), r.Float32()
		label := int32(0)
		if a > b {
			label = 1
		}
		t.X, t.Y, t.Labels = append(t.X, a, b), append(t.Y, float32(label)), append(t.Labels, label)
	}
	return t
}

func dataOf(i int) *Data { return &Data{Train: halves(30, uint64(i)), Test: halves(40, 99)} }

// notes is a log that a test can read.
type notes struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (n *notes) has(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return bytes.Contains(n.buf.Bytes(), []byte(text))
}

// dice are random bytes that are the same each time, for many.
type dice struct {
	mu sync.Mutex
	r  *rand.ChaCha8
}

// resident is a device with a service.
type resident struct {
	*Service
	t      *testing.T
	i      int
	member *member
	disk   *disk
	log    *notes
	load   func() (*Data, error)
	cancel context.CancelFunc
	done   chan struct{}
}

// settle puts a device on the square and starts its service, with change, if
// any, made before.
func settle(t *testing.T, s *square, i int, change func(*resident, *Options)) *resident {
	t.Helper()
	r := &resident{
		t: t, i: i, member: s.join(i), disk: &disk{files: map[string][]byte{}}, log: &notes{},
		load: func() (*Data, error) { return dataOf(i), nil },
	}
	r.begin(change)
	return r
}

func (r *resident) begin(change func(*resident, *Options)) {
	o := Options{
		Member: r.member, Files: r.disk, Accept: true, Seed: uint64(r.i), Rand: &dice{r: rand.NewChaCha8([32]byte{byte(r.i)})},
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	}
	if change != nil {
		change(r, &o)
	}
	o.Load = func() (*Data, error) { return r.load() }
	r.Service = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.done = cancel, make(chan struct{})
	service := r.Service
	go func() {
		defer close(r.done)
		if err := service.Run(ctx); err != nil {
			r.t.Error(err)
		}
	}()
}

// end stops the agent, as a reboot does.
func (r *resident) end() {
	r.cancel()
	<-r.done
	r.member.leave()
}

// again starts the agent anew with what is on the disk.
func (r *resident) again() {
	r.member = r.member.square.join(r.i)
	r.begin(nil)
}

func (r *resident) state() State {
	if s := r.Status(); s != nil {
		return s.State
	}
	return ""
}

func (r *resident) wantState(want State) {
	r.t.Helper()
	if got := r.state(); got != want {
		r.t.Fatalf("device %d: the task is %q, want %q: %+v", r.i, got, want, r.Status())
	}
}

func plan() Plan {
	return Plan{
		Name: "halves", Model: "mlp:4", Algorithm: node.KGT, Topology: "full", Compress: "q8", Aggregate: "mean", Rate: 0.5, Decay: 1e-4,
		Batch: 4, Epochs: 1, Rounds: 8, RoundLen: time.Minute, Seed: 5,
	}
}

// start starts the plan's task on a device.
func (r *resident) start(p Plan) *node.Task {
	r.t.Helper()
	if s, err := r.Start(p); err != nil || s.Name != p.Name {
		r.t.Fatalf("%+v, %v", s, err)
	}
	return r.Task()
}

// sleep waits, and until all is quiet.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// sleepUntil waits until a moment in a round of a task.
func sleepUntil(t *node.Task, round uint32, into time.Duration) {
	sleep(time.Until(t.RoundStart(round)) + into)
}

// bubble runs a test in a bubble of its own time and ends its devices.
func bubble(t *testing.T, f func(t *testing.T, s *square, settle func(i int, change func(*resident, *Options)) *resident)) {
	synctest.Test(t, func(t *testing.T) {
		s := newSquare()
		var all []*resident
		defer func() {
			for _, r := range all {
				r.cancel()
				<-r.done
			}
		}()
		f(t, s, func(i int, change func(*resident, *Options)) *resident {
			r := settle(t, s, i, change)
			all = append(all, r)
			return r
		})
	})
}
