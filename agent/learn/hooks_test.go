// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
)

// TestHooks holds that models are offered after each round and when a task resumes,
// with rows that are scaled, that training is done aside, and that rows are asked for
// by the task where it is known.
func TestHooks(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		var mu sync.Mutex // of models, which the device's next round adds to
		var models [][]float32
		seen := func() [][]float32 {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(models)
		}
		var aside, loaded atomic.Int32
		hooks := func(r *resident, o *Options) {
			o.Aside = func(work func()) { aside.Add(1); work() }
			o.LoadFor = func(task *node.Task) (*Data, error) {
				if loaded.Add(1); task.Name != plan().Name {
					t.Errorf("task %q", task.Name)
				}
				return r.load()
			}
			o.OnModel = func(task *node.Task, model []float32, held *dataset.Table) {
				mu.Lock()
				models = append(models, slices.Clone(model))
				mu.Unlock()
				if task.Name != plan().Name || held.Rows() != 40 || slices.Max(held.X) <= 1 {
					t.Errorf("task %q, %d rows, the largest number %v", task.Name, held.Rows(), slices.Max(held.X))
				}
			}
		}
		r := settle(0, hooks)
		task := r.start(plan())
		sleep(time.Until(task.RoundStart(3)) + time.Second)
		got := seen()
		if len(got) != 3 || aside.Load() != 4 || slices.Equal(got[0], got[2]) || loaded.Load() != 0 {
			t.Fatalf("after 3 rounds %d models, %d times aside, loaded %d times", len(got), aside.Load(), loaded.Load())
		}
		first, last := got[0], got[2]
		r.end()
		r.member = r.member.square.join(r.i)
		mu.Lock()
		models = nil
		mu.Unlock()
		r.begin(hooks)
		sleep(time.Second)
		// What training of the round that was broken off gave is in it, too.
		got = seen()
		if len(got) != 1 || len(got[0]) != len(last) || slices.Equal(got[0], first) || loaded.Load() != 1 {
			t.Errorf("%d models after a restart; loaded %d times", len(got), loaded.Load())
		}
		sleep(time.Until(task.End()) + time.Second)
		r.wantState(Done)
	})
}
