// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/agent/learn"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
)

// shelf keeps the files of a learner.
type shelf struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (s *shelf) Write(name string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = slices.Clone(data)
	return nil
}

func (s *shelf) Read(name string, _ int64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.files[name]; ok {
		return slices.Clone(b), nil
	}
	return nil, fs.ErrNotExist
}

func (s *shelf) Remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, name)
	return nil
}

// corners returns rows of two features whose class is the larger one; the device
// with an even number has few of one class and the others few of the other.
func corners(n, i int) *dataset.Table {
	t := &dataset.Table{Kind: dataset.Classification, Columns: []string{"a", "b"}, Target: "larger", Classes: 2}
	r := mathrand.New(mathrand.NewPCG(uint64(i), 3))
	for range n {
		a, b := r.Float32(), r.Float32()
		if i >= 0 && (a > b) != (i%2 == 0) && r.Float32() < 0.8 {
			a, b = b, a
		}
		label := int32(0)
		if a > b {
			label = 1
		}
		t.X, t.Y, t.Labels = append(t.X, a, b), append(t.Y, float32(label)), append(t.Labels, label)
	}
	return t
}

// house is a member that learns.
type house struct {
	p     *place
	i     int
	o     Options
	files *shelf

	member  *Member
	learner *learn.Service
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// live starts member and learner, as the agent does.
func (h *house) live(m *Member) {
	h.member = m
	h.learner = learn.New(learn.Options{
		Member: m, Files: h.files, Accept: true, Seed: uint64(h.i), Rand: rand.Reader,
		Load: func() (*learn.Data, error) { return &learn.Data{Train: corners(30, h.i), Test: corners(60, -1)}, nil },
		Log:  slog.New(slog.NewTextHandler(h.p.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(context.Background())
	h.p.t.Cleanup(h.die)
	h.done.Go(func() {
		if err := m.Run(ctx); err != nil {
			h.p.t.Error(err)
		}
	})
	h.done.Go(func() { _ = h.learner.Run(ctx) })
}

func (h *house) die() {
	h.cancel()
	h.done.Wait()
}

// again starts the device anew with what its stores hold.
func (h *house) again() {
	m, err := New(h.o)
	if err != nil {
		h.p.t.Fatal(err)
	}
	h.live(m)
}

// street makes n houses of a neighbourhood, whose epochs are half an hour long.
func street(t *testing.T, h *hub, n int) (all []*house) {
	time.Sleep(time.Until(plausible))
	p, founder := foundWith(t, h, CoverOff, func(c *issuer.Charter) { c.EpochLen, c.ChunksPerMinute, c.D = 1800, 600, 10 })
	for i := range n {
		x := &house{p: p, i: i, files: &shelf{files: map[string][]byte{}}}
		m := founder
		if i > 0 {
			id, w := p.join(fmt.Sprintf("house-%d", i))
			m = p.member(id, w.Signed, newMemory(), nil)
		}
		x.o = m.o
		x.live(m)
		all = append(all, x)
	}
	return all
}

// adds is a task of sums with rounds of a minute.
func adds(mode node.Mode, rounds int) learn.Plan {
	return learn.Plan{
		Name: "corners", Model: "mlp:4", Algorithm: node.KGT, Topology: "full", Compress: "q8", Aggregate: "mean", Mode: mode, Rate: 0.5, Decay: 1e-4,
		Batch: 4, Epochs: 1, Rounds: rounds, RoundLen: time.Minute, Seed: 5,
	}
}

// learned holds how a task ended.
func (h *house) learned(skipped int) {
	h.p.t.Helper()
	st := h.learner.Status()
	if st == nil || st.State != learn.Done || st.Skipped > skipped || st.Accuracy == nil || *st.Accuracy < 0.8 {
		h.p.t.Errorf("house %d: %+v", h.i, st)
	}
}

// TestSumsOverTheHub has five devices learn by sums over chunks of which a broker
// loses one in twenty, from one epoch into the next, in which all have other names.
// One dies within a round and comes back.
func TestSumsOverTheHub(t *testing.T) {
	for _, mode := range []node.Mode{node.Private, node.Mask} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &hub{}
				all := street(t, h, 5)
				time.Sleep(20 * time.Minute)
				names, _ := all[0].member.Present()
				if _, err := all[1].learner.Start(adds(mode, 20)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * time.Second)
				dice := mathrand.New(mathrand.NewPCG(1, 1))
				h.mu.Lock()
				// Who gets its keys late misses the roster, and adds nothing until the next
				// epoch: the edge itself is left alone.
				edge := all[0].member.Charter().EpochStart(1)
				h.drop = func(string, []byte) bool {
					atEdge := time.Since(edge) > 0 && time.Since(edge) < time.Minute
					return !atEdge && dice.Float64() < 0.05
				}
				h.mu.Unlock()
				time.Sleep(4 * time.Minute)
				st := all[2].learner.Status()
				if st.Sums == nil || st.Sums.Roster != 5 || st.Sums.Tau != 4 || st.Sums.Tolerated != 2 || st.Heard != 4 {
					t.Errorf("%+v, %+v", st, st.Sums)
				}
				all[4].die()
				time.Sleep(70 * time.Second)
				all[4].again()
				time.Sleep(17 * time.Minute)
				now, _ := all[0].member.Present()
				if len(now) < 4 || slices.Contains(now, names[0]) { // a lost hello may leave one out for a while
					t.Error("the names did not change with the epoch")
				}
				for _, x := range all {
					x.learned(9)
					t.Logf("house %d: %d rounds skipped, the last for %q, refused %v", x.i, x.learner.Status().Skipped, x.learner.Status().LastSkip, x.member.Refused())
				}
			})
		})
	}
}
