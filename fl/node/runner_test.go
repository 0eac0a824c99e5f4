// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/fl/model"
)

// TestRunnersLearn holds the plain case: all hear all in every round, know more
// than one that is alone, and agree. That no goroutine stays, synctest holds.
func TestRunnersLearn(t *testing.T) {
	for name, change := range map[string]func(*Task){
		"kgt":              func(*Task) {},
		"kgt q8, in parts": func(t *Task) { t.Compress, t.Model = "q8", "mlp:400" },
		"dpsgd on a ring":  func(t *Task) { t.Algorithm, t.Topology = uint8(DPSGD), "ring" },
		"kgt, fresh edges": func(t *Task) { t.Topology = "random:2" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runnersLearn(t, change) })
		})
	}
}

func runnersLearn(t *testing.T, change func(*Task)) {
	s, task := newStreet(), soon(15)
	change(task)
	all := devices(t, s, task, 5)
	alone := newDevice(t, newStreet(), task, 0)
	startAll(append(all, alone))
	waitAll(t, append(all, alone))
	for i, d := range all {
		if len(d.reports) != int(task.Rounds) || len(d.refused) > 0 {
			t.Errorf("device %d: %d rounds, refused %v", i, len(d.reports), d.refused)
		}
		for j, r := range d.reports {
			if r.Round != uint32(j) || r.Heard != r.Neighbours || r.Heard == 0 || r.Payload == 0 || !d.ended[j].Equal(task.RoundStart(r.Round+1)) {
				t.Errorf("device %d: %+v at %v", i, r, d.ended[j])
			}
		}
	}
	last := all[0].reports[task.Rounds-1]
	if by := alone.reports[task.Rounds-1]; last.Score.Accuracy < by.Score.Accuracy+0.1 || by.Payload != 0 {
		t.Errorf("together %v, alone %v", last, by)
	}
}

// TestDeadNeighbour holds that rounds do not wait for one who is still seen and
// says nothing any more.
func TestDeadNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), soon(8)
		all := devices(t, s, task, 4)
		startAll(all)
		sleepUntil(task, 3, time.Second)
		if err := all[3].stop(); err != nil {
			t.Error(err)
		}
		waitAll(t, all[:3])
		for i, d := range all[:3] {
			for j, r := range d.reports {
				want := 3
				if j > 3 {
					want = 2
				}
				if r.Heard != want || !d.ended[j].Equal(task.RoundStart(uint32(j)+1)) {
					t.Errorf("device %d, round %d: heard %d, want %d, ended %v", i, j, r.Heard, want, d.ended[j])
				}
			}
		}
	})
}

// TestSkewedClocks gives the devices clocks that differ by nearly a round, and
// by more than one.
func TestSkewedClocks(t *testing.T) {
	for _, tt := range []struct {
		skew  [3]time.Duration
		heard [3]int // updates in ten rounds
		late  [3]int // that came too late
		early [3]int // or too early
	}{
		{[3]time.Duration{-roundLen / 2, 0, roundLen * 2 / 5}, [3]int{20, 20, 20}, [3]int{}, [3]int{}},
		{[3]time.Duration{-roundLen / 2, 0, roundLen * 3 / 5}, [3]int{10, 20, 11}, [3]int{9, 0, 0}, [3]int{0, 0, 9}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, task := newStreet(), soon(10)
			id := task.ID()
			all := devices(t, s, task, 3)
			for i, skew := range tt.skew {
				own := *task
				own.Start = uint64(task.RoundStart(0).Add(skew).UnixMilli())
				all[i].Task, all[i].id = &own, id
			}
			startAll(all)
			waitAll(t, all)
			for i, d := range all {
				heard := 0
				for _, r := range d.reports {
					heard += r.Heard
				}
				if heard != tt.heard[i] || d.refused[ReasonLate] != tt.late[i] || d.refused[ReasonFuture] != tt.early[i] {
					t.Errorf("skew %v: device %d heard %d updates, refused %v", tt.skew, i, heard, d.refused)
				}
			}
		})
	}
}

// mute is a house whose letters are not taken.
type mute struct{ *house }

func (mute) Send([]PeerID, uint32, []byte, int, [][]byte) error { return errors.New("no network") }

// TestNotSent holds that a device that cannot send still hears and learns.
func TestNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), soon(5)
		all := devices(t, s, task, 3)
		all[0].Transport = mute{all[0].Transport.(*house)}
		all[1].Rand = strings.NewReader("too few")
		startAll(all)
		waitAll(t, all)
		for i, want := range []int{1, 1, 0} {
			for _, r := range all[i].reports {
				if r.Heard != want || (r.Payload > 0) != (i == 2) {
					t.Errorf("device %d: %+v", i, r)
				}
			}
		}
	})
}

// TestRun holds that Run is what the tests' devices do in parts.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := soon(5)
		parts, whole := newDevice(t, newStreet(), task, 0), newDevice(t, newStreet(), task, 0)
		parts.start()
		if err := whole.Run(t.Context()); err != nil {
			t.Error(err)
		}
		waitAll(t, []*device{parts})
		if !sameBits(parts.Node.x, whole.Node.x) || len(whole.reports) != 5 {
			t.Errorf("%d rounds", len(whole.reports))
		}
	})
}

// TestSlowTraining lets one device train for longer than a round. The others do
// not wait, it leaves out what it cannot do, and follows them.
func TestSlowTraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), soon(24)
		all := devices(t, s, task, 3)
		slow := all[2]
		train := slow.begin
		slow.begin = func(round uint32, edges []Edge, ws *model.Workspace) (Update, error) {
			time.Sleep(roundLen*5/2 - latency)
			return train(round, edges, ws)
		}
		startAll(all)
		waitAll(t, all)
		for i, d := range all[:2] {
			for j, r := range d.reports {
				if r.Heard != 1 || !d.ended[j].Equal(task.RoundStart(uint32(j)+1)) {
					t.Errorf("device %d, round %d: heard %d, ended %v", i, j, r.Heard, d.ended[j])
				}
			}
			if n := d.refused[ReasonLate]; n > 0 {
				t.Errorf("device %d: %d late updates were sent to it for nothing", i, n)
			}
		}
		var rounds []uint32
		for _, r := range slow.reports {
			rounds = append(rounds, r.Round)
			if r.Heard != 2 {
				t.Errorf("the slow one, round %d: heard %d", r.Round, r.Heard)
			}
		}
		if len(rounds) < 8 || len(slow.refused) > 0 {
			t.Errorf("the slow one took part in rounds %v, refused %v", rounds, slow.refused)
		}
		if own, others := slow.reports[len(rounds)-1].Score.Accuracy, all[0].reports[23].Score.Accuracy; own < others-0.15 {
			t.Errorf("the slow one ends with %v, the others with %v", own, others)
		}
	})
}

func TestDivergedTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := soon(50)
		task.Rate, task.Decay = MaxRate, 0.9
		d := newDevice(t, newStreet(), task, 0)
		d.start()
		if err := d.wait(); !errors.Is(err, model.ErrDiverged) || !strings.HasPrefix(err.Error(), "round ") {
			t.Errorf("a rate of 100: %v", err)
		}
	})
}

// TestOver holds that a task whose time is over is not begun.
func TestOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := soon(5)
		task.Start -= 3600_000
		d := newDevice(t, newStreet(), task, 0)
		d.start()
		if err := d.wait(); err != nil || len(d.reports) > 0 || d.shelf.saves.Load() > 0 {
			t.Errorf("%v, %d rounds, %d checkpoints", err, len(d.reports), d.shelf.saves.Load())
		}
	})
}

// TestNotThere holds that a device without keys learns alone until it has some.
func TestNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), soon(8)
		all := devices(t, s, task, 3)
		s.gone[peer(2)] = true
		startAll(all)
		sleepUntil(task, 4, time.Second)
		s.change(func() { delete(s.gone, peer(2)) })
		waitAll(t, all)
		var heard []int
		for _, r := range all[2].reports {
			heard = append(heard, r.Heard)
		}
		if d := cmp.Diff([]int{0, 0, 0, 0, 0, 2, 2, 2}, heard); d != "" {
			t.Errorf("-want +heard:\n%s", d)
		}
	})
}

// TestAlarm holds that a clock that is set late is noticed.
func TestAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := soon(3)
		r := &Runner{Task: task, Now: time.Now}
		a := r.alarm(2)
		defer a.Stop()
		var after []time.Duration
		for begin := time.Now(); ; {
			<-a.C
			after = append(after, time.Since(begin))
			if !a.again(2) {
				break
			}
		}
		if d := cmp.Diff([]time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute}, after); d != "" {
			t.Errorf("-want +looked at the clock:\n%s", d)
		}
		early := r.alarm(2)
		defer early.Stop()
		<-early.C
		if early.again(2) {
			t.Error("a round that has begun is waited for")
		}
	})
}
