// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/fl/model"
)

// TestTurn holds that tasks that share a turn train one at a time, that each keeps
// to its own rounds all the same, and that a task that is stopped while it waits for
// its turn does not train any more.
func TestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := soon(4)
		turn := make(chan struct{}, 1)
		var training, most, trained atomic.Int32
		var all []*device
		for i := range 3 {
			d := newDevice(t, newStreet(), task, i)
			d.Turn = turn
			train := d.begin
			d.begin = func(round uint32, edges []Edge, ws *model.Workspace) (Update, error) {
				most.Store(max(most.Load(), training.Add(1)))
				defer training.Add(-1)
				trained.Add(1)
				time.Sleep(roundLen / 4)
				return train(round, edges, ws)
			}
			all = append(all, d)
		}
		startAll(all)
		sleepUntil(task, 1, 0)
		for i, d := range all {
			if len(d.reports) != 1 || !d.ended[0].Equal(task.RoundStart(1)) {
				t.Errorf("device %d: %d rounds, ended %v", i, len(d.reports), d.ended)
			}
		}
		sleepUntil(task, 1, time.Second) // one trains, two wait
		for _, d := range all {
			d.cancel()
		}
		for _, d := range all {
			if err := d.wait(); err != nil {
				t.Error(err)
			}
		}
		if most.Load() != 1 || trained.Load() != 3+1 {
			t.Errorf("%d trained at once, %d times in all", most.Load(), trained.Load())
		}
	})
}

// TestReported holds what a round says of its cost and of the neighbours.
func TestReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), soon(6)
		all := devices(t, s, task, 3)
		all[0].Node.Judge(points(40, 77))
		all[0].Meter = func() (end func() Cost) {
			return func() Cost { return Cost{CPU: time.Second, Joules: 2, Counter: "test"} }
		}
		startAll(all)
		waitAll(t, all)
		for i, d := range all {
			for j, r := range d.reports {
				if i == 0 && r.Cost != (Cost{CPU: 3 * time.Second, Joules: 6, Counter: "test"}) || i > 0 && r.Cost.CPU != 0 {
					t.Errorf("device %d, round %d: cost %v", i, j, r.Cost)
				}
				if len(r.Peers) != 2 {
					t.Fatalf("device %d, round %d: %+v", i, j, r.Peers)
				}
				for _, p := range r.Peers {
					if p.Weight <= 0 || p.Weight >= 1 || (p.Reputation != nil) != (i == 0) {
						t.Errorf("device %d, round %d: %+v", i, j, p)
					}
				}
			}
		}
	})
}
