// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/crypto/shard"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/update"
)

type settler = func(i int, change func(*resident, *Options)) *resident

// TestNeighboursJoin holds the plain case: one starts, all join and learn.
func TestNeighboursJoin(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := []*resident{settle(0, nil), settle(1, nil), settle(2, nil)}
		sleep(time.Minute)
		task := all[1].start(plan())
		if begin := task.RoundStart(0); time.Until(begin) != startsIn {
			t.Errorf("it begins at %v, now is %v", begin, time.Now())
		}
		sleep(time.Second)
		for _, r := range all {
			r.wantState(Running)
		}
		sleep(time.Until(task.End()) + time.Second)
		for i, r := range all {
			st := r.Status()
			if st.State != Done || st.Round != 8 || st.Rounds != 8 || st.Neighbours != 2 || st.Heard != 2 || st.Rows != 30 ||
				st.Parameters != 22 || st.PayloadBytes == 0 || st.SavedBytes == 0 || st.ResumedAt != nil || st.Error != "" ||
				st.Algorithm != "kgt" || st.Topology != "full" || st.R2 != nil {
				t.Errorf("device %d: %+v", i, st)
			}
			if st.Accuracy == nil || *st.Accuracy < 0.8 || st.Loss == nil || r.Task().ID() != task.ID() {
				t.Errorf("device %d: accuracy %v, loss %v", i, st.Accuracy, st.Loss)
			}
			if want := 8 * len(r.disk.files[CheckpointFile(task.ID())]); st.SavedBytes != int64(want) {
				t.Errorf("device %d: %d bytes of checkpoints, want %d", i, st.SavedBytes, want)
			}
			if len(r.member.refused) > 0 {
				t.Errorf("device %d refused %v", i, r.member.refused)
			}
		}
	})
}

// TestNewcomers holds that one who comes while the others learn is told once, by
// one of them, and learns with them; and so is the next one, also when the one
// who started the task is gone.
func TestNewcomers(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := []*resident{settle(0, nil), settle(1, nil), settle(2, nil)}
		p := plan()
		p.Rounds = 20
		task := all[0].start(p)
		for i := range 4 {
			sleepUntil(task, uint32(3+i), 10*time.Second)
			if i == 2 {
				all[0].end()
			}
			before := s.told()
			newcomer := settle(3+i, nil)
			if newcomer.Status() != nil || newcomer.Task() != nil {
				t.Error("a device without a task has one")
			}
			sleep(2*tellAfter + time.Second)
			newcomer.wantState(Running)
			sleep(20 * time.Second)
			if n := s.told() - before; n != 1 {
				t.Errorf("newcomer %d was told %d times", i, n)
			}
			all = append(all, newcomer)
		}
		sleep(time.Until(task.End()) + time.Second)
		for i, r := range all[1:] {
			if st := r.Status(); st.State != Done || st.Heard != 5 || st.Accuracy == nil || *st.Accuracy < 0.8 {
				t.Errorf("device %d: %+v", i, st)
			}
		}
	})
}

// TestToldAgain holds that one who missed the word hears it later, and that it is
// one alone who says it each time.
func TestToldAgain(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		p := plan()
		p.Rounds = 60
		all := []*resident{settle(0, nil), settle(1, nil)}
		task := all[0].start(p)
		sleepUntil(task, 1, 0)
		before := s.told()
		sleep(30 * time.Minute)
		if n := s.told() - before; n < 4 || n > 7 {
			t.Errorf("told %d times in half an hour", n)
		}
	})
}

// headerOf returns the header of an update of a task, and its shards.
func headerOf(t *testing.T, from int, task node.ID, seed byte, params int) (header []byte, shards []shard.Message) {
	t.Helper()
	v := make([]float32, params)
	for i := range v {
		v[i] = float32(i) + float32(seed)
	}
	p, err := update.Pack(rand.NewChaCha8([32]byte{seed}), update.Spec{Sender: pid(from), Task: task, Quant: update.F32}, [][]float32{v})
	if err != nil {
		t.Fatal(err)
	}
	return p.Message, p.Shards
}

// TestOtherTasks holds that parts of a task's updates that does not run here are
// not held against those who send them, nor kept.
func TestOtherTasks(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		header, shards := headerOf(t, 1, node.ID{7}, 1, 5000)
		r.member.hear(pid(1), typeShard, 0, shards[0].Encode())
		if len(r.routes.waiting) > 0 {
			t.Error("a shard waits while no task runs")
		}
		r.start(plan())
		sleep(time.Second)
		r.wantState(Running)
		r.member.hear(pid(1), typeUpdate, 0, header)
		sleep(time.Second)
		if len(r.member.refused) > 0 || len(r.routes.of) > 0 {
			t.Errorf("refused %v, %d known", r.member.refused, len(r.routes.of))
		}
	})
}

// TestInboxFull fills what waits for runners that do not come to it: each task has
// its share, and no other's.
func TestInboxFull(t *testing.T) {
	s := newSquare()
	m := s.join(0)
	service := New(Options{Member: m, Files: &disk{files: map[string][]byte{}}})
	p := plan()
	task, err := p.task(dataOf(0))
	if err != nil {
		t.Fatal(err)
	}
	other := *task
	other.Name = "other"
	header, shards := headerOf(t, 1, task.ID(), 1, 5000)
	m.hear(pid(1), typeUpdate, 0, header)
	first, second := newJob(task, Running), newJob(&other, Running)
	service.jobs = []*job{first, second}
	for i := range maxInbox/2 + 5 {
		if i%2 == 0 {
			m.hear(pid(1), typeUpdate, 3, header)
		} else {
			m.hear(pid(1), typeShard, 0, shards[0].Encode())
		}
	}
	m.hear(pid(1), typeShard, 0, []byte("no part"))
	m.hear(pid(1), typeUpdate, 0, []byte("no header"))
	m.hear(pid(2), typeUpdate, 0, header) // another's
	want := map[string]int{reasonBusy: 5, reasonShard: 1, string(update.ReasonMalformed): 1, string(update.ReasonSender): 1}
	if d := cmp.Diff(want, m.refused); d != "" || len(first.inbox) != maxInbox/2 {
		t.Errorf("%d wait, refused -want +got:\n%s", len(first.inbox), d)
	}
	if in := <-first.inbox; in.Shard != nil || in.From != node.PeerID(pid(1)) || in.Round != 3 {
		t.Errorf("%+v", in)
	}
	header, shards = headerOf(t, 1, other.ID(), 2, 5000)
	m.hear(pid(1), typeShard, 0, shards[1].Encode()) // before its header
	m.hear(pid(1), typeUpdate, 3, header)
	m.hear(pid(1), typeShard, 0, shards[2].Encode())
	if len(second.inbox) != 3 || len(first.inbox) != maxInbox/2-1 {
		t.Errorf("%d wait for the other task, %d for the first", len(second.inbox), len(first.inbox))
	}
	if in := <-second.inbox; in.Header == nil {
		t.Error("a shard is passed on before its header")
	}
}

// TestRegression holds which numbers a regression has.
func TestRegression(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, func(r *resident, _ *Options) {
			r.load = func() (*Data, error) {
				d := dataOf(0)
				for _, table := range []*dataset.Table{d.Train, d.Test} {
					table.Kind, table.Classes, table.Labels = dataset.Regression, 0, nil
				}
				return d, nil
			}
		})
		p := plan()
		p.Model = "linear"
		task := r.start(p)
		sleep(time.Until(task.End()) + time.Second)
		st := r.Status()
		if st.State != Done || st.Accuracy != nil || st.R2 == nil || *st.R2 < 0.3 {
			t.Errorf("%+v", st)
		}
		if b, err := json.Marshal(st); err != nil || !strings.Contains(string(b), `"accuracy":null`) || !strings.Contains(string(b), `"r2":0.`) {
			t.Errorf("%s, %v", b, err)
		}
	})
}

// TestDiverges holds that a task that runs away fails with a sentence.
func TestDiverges(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		p := plan()
		p.Rate, p.Decay, p.Rounds = 100, 0.9, 50
		task := r.start(p)
		sleep(time.Until(task.End()) + time.Second)
		if st := r.Status(); st.State != Failed || !strings.Contains(st.Error, "lower the learning rate") {
			t.Errorf("%+v", st)
		}
	})
}

// TestStatusIsACopy holds that nobody changes a service by what it gives away.
func TestStatusIsACopy(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		r.start(plan())
		r.Status().State = Failed
		if r.state() == Failed {
			t.Error("the status was changed from outside")
		}
	})
}

func TestFinite(t *testing.T) {
	var zero float64
	for _, v := range []float64{0, 1, -1e300} {
		if p := finite(v); p == nil || *p != v {
			t.Errorf("%v: %v", v, p)
		}
	}
	for _, v := range []float64{zero / zero, 1 / zero, -1 / zero} {
		if p := finite(v); p != nil {
			t.Errorf("%v: %v", v, *p)
		}
	}
}
