// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"fmt"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/node"
)

// TestRestBound ends more tasks than a device tells of: of the oldest neither status
// nor checkpoint is kept, and it does not come back.
func TestRestBound(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, func(_ *resident, o *Options) {
			o.Meter = costing(time.Second, 0)
		})
		var tasks []*node.Task
		for i := range maxRest + 3 {
			p := called(fmt.Sprint("task ", i))
			p.Rounds = 3
			if i == 0 {
				p.Rounds, p.Budget.Seconds = 600, 2
			}
			tasks = append(tasks, r.start(p))
			sleep(5 * time.Minute)
		}
		if n := len(r.Statuses()); n != maxRest {
			t.Errorf("%d are shown", n)
		}
		for i, task := range tasks {
			_, kept := r.disk.files[CheckpointFile(task.ID())]
			if kept != (i >= 3) {
				t.Errorf("checkpoint of task %d: %v", i, kept)
			}
		}
		r.end()
		r.again()
		if n := len(r.Statuses()); n != maxRest {
			t.Errorf("%d are shown after a restart", n)
		}
		if !r.knows(tasks[0].ID()) || r.knows(tasks[1].ID()) { // which is over for all
			t.Error("a task that was spent here, and goes on elsewhere, is forgotten")
		}
	})
}

// TestOldFiles holds that a device whose file and checkpoint are of the time of one
// task goes on where it was, and has the new files then.
func TestOldFiles(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		p := plan()
		p.Rounds = 20
		task := r.start(p)
		sleepUntil(task, 6, 10*time.Second)
		r.end()
		old, err := encodeOld(Running, task, node.ID{5})
		if err != nil {
			t.Fatal(err)
		}
		name := CheckpointFile(task.ID())
		r.disk.files = map[string][]byte{fileTasks: old, fileOldCheckpoint: r.disk.files[name]}
		r.again()
		sleepUntil(task, 8, time.Second)
		if st := r.Status(); st.State != Running || st.ResumedAt == nil || *st.ResumedAt != 7 || !r.knows(node.ID{5}) {
			t.Errorf("%+v", st)
		}
		if _, there := r.disk.files[name]; !there || len(r.disk.files) != 2 {
			t.Errorf("%d files", len(r.disk.files))
		}
		if _, old, err := decodeSaved(r.disk.files[fileTasks]); old || err != nil {
			t.Errorf("the file of tasks is the old one: %v", err)
		}
	})
}

// TestStanding holds that a neighbour whose models are of no use loses reputation,
// and its weight with it, and that one who is honest does not.
func TestStanding(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := settleAll(settle, 3)
		liar := settle(3, func(r *resident, _ *Options) {
			r.load = func() (*Data, error) {
				d := dataOf(3)
				for i := range d.Train.Labels {
					d.Train.Labels[i] = 1 - d.Train.Labels[i]
					d.Train.Y[i] = float32(d.Train.Labels[i])
				}
				return d, nil
			}
		})
		sleep(time.Minute)
		if n := len(all[0].Standing()); n != 0 {
			t.Errorf("%d neighbours are judged while no task runs", n)
		}
		p := plan()
		p.Rounds, p.Epochs, p.Rate, p.Algorithm, p.Schedule = 60, 20, 2, node.DPSGD, node.Constant
		task := all[0].start(p)
		sleepUntil(task, 40, time.Second)
		bad, good := all[0].Standing()[liar.member.id], all[0].Standing()[all[1].member.id]
		if good.Reputation == nil || *good.Reputation < 0.9 || *good.Weight != 0.25 {
			t.Errorf("an honest neighbour: %v, weight %v", *good.Reputation, *good.Weight)
		}
		if bad.Reputation == nil || *bad.Reputation > 0.2 || *bad.Weight != 0 {
			t.Errorf("one whose labels are turned: %v, weight %v", *bad.Reputation, *bad.Weight)
		}
	})
}
