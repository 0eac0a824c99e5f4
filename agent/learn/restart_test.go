// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/node"
)

// TestReboot holds that a running task goes on after a restart, from where it
// was, and that the others take note of nothing else.
func TestReboot(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := []*resident{settle(0, nil), settle(1, nil), settle(2, nil)}
		p := plan()
		p.Rounds = 20
		task := all[0].start(p)
		sleepUntil(task, 6, 30*time.Second)
		all[2].end()
		all[2].wantState(Running)
		sleepUntil(task, 9, 30*time.Second)
		all[2].again()
		sleepUntil(task, 11, time.Second)
		st := all[2].Status()
		if st.State != Running || st.ResumedAt == nil || *st.ResumedAt != 7 || st.Round != 11 || st.Heard != 2 {
			t.Errorf("%+v", st)
		}
		sleep(time.Until(task.End()) + time.Second)
		for i, r := range all {
			if st := r.Status(); st.State != Done || st.Heard != 2 || st.Accuracy == nil || *st.Accuracy < 0.8 {
				t.Errorf("device %d: %+v", i, st)
			}
		}
		if *all[2].Status().ResumedAt != 7 {
			t.Errorf("resumed at %d", *all[2].Status().ResumedAt)
		}
	})
}

// TestRebootBeforeStart holds that a task which has not begun is not forgotten.
func TestRebootBeforeStart(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		task := r.start(plan())
		sleep(time.Second)
		r.end()
		r.again()
		sleep(time.Until(task.End()) + time.Second)
		if st := r.Status(); st.State != Done || st.Round != 8 || st.ResumedAt != nil {
			t.Errorf("%+v", st)
		}
	})
}

// TestRebootTooLate holds that a task which ended meanwhile is over.
func TestRebootTooLate(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		task := r.start(plan())
		sleepUntil(task, 2, 0)
		r.end()
		sleep(time.Until(task.End()) + time.Second)
		r.again()
		sleep(time.Second)
		r.wantState(Done)
	})
}

// TestStopped holds that a task which the owner stopped stays stopped here:
// whatever the neighbours tell, after a restart, and when another one has come
// and gone. The neighbours go on.
func TestStopped(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		first, second := settle(0, nil), settle(1, nil)
		p := plan()
		p.Rounds = 120
		task := first.start(p)
		sleepUntil(task, 3, 10*time.Second)
		st, err := second.Stop(second.Status().ID[:4])
		if err != nil || st.State != Stopped {
			t.Fatalf("%+v, %v", st, err)
		}
		sleep(12 * time.Minute)
		second.wantState(Stopped)
		if st := second.Status(); st.Round != 3 {
			t.Errorf("it went on to round %d", st.Round)
		}
		second.end()
		second.again()
		sleep(12 * time.Minute)
		second.wantState(Stopped)

		other := plan()
		other.Name = "other"
		own := second.start(other)
		sleep(time.Until(own.End()) + time.Second)
		if st := second.Status(); st.Name != "other" || st.State != Done {
			t.Errorf("%+v", st)
		}
		sleep(12 * time.Minute)
		second.end()
		second.again()
		sleep(12 * time.Minute)
		if st := second.Status(); st.Name != "other" || st.State != Done {
			t.Errorf("the stopped task is back: %+v", st)
		}
		first.wantState(Running)
	})
}

func TestStopUnknown(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		if _, err := r.Stop("halves"); !errors.Is(err, ErrNoTask) {
			t.Errorf("no task at all: %v", err)
		}
		task := r.start(plan())
		for _, name := range []string{"", "half", r.Status().ID[:3], r.Status().ID + "0"} {
			if _, err := r.Stop(name); !errors.Is(err, ErrNoTask) || !strings.Contains(err.Error(), name) {
				t.Errorf("%q: %v", name, err)
			}
		}
		sleep(time.Until(task.End()) + time.Second)
		if st, err := r.Stop("halves"); err != nil || st.State != Done {
			t.Errorf("a task that is over: %+v, %v", st, err)
		}
	})
}

// TestStopWhileLoading stops a task while its data are read, which takes a
// while on a small device.
func TestStopWhileLoading(t *testing.T) {
	for _, loadErr := range []error{nil, errors.New("the disk is gone")} {
		bubble(t, func(t *testing.T, s *square, settle settler) {
			r := settle(0, nil)
			task := r.start(plan())
			r.end() // before it was taken up
			r.load = func() (*Data, error) {
				time.Sleep(time.Minute)
				return dataOf(0), loadErr
			}
			r.again()
			sleep(time.Second)
			if _, err := r.Stop("halves"); err != nil {
				t.Error(err)
			}
			sleep(time.Until(task.End()) + time.Second)
			r.wantState(Stopped)
			r.end()
			r.again()
			sleep(2 * time.Minute)
			r.wantState(Stopped)
		})
	}
}

// TestStopAndStart starts a task while the one before it is still ending: what
// that one reports is not taken for the new one's.
func TestStopAndStart(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		task := r.start(plan())
		sleepUntil(task, 5, 10*time.Second)
		if _, err := r.Stop("halves"); err != nil {
			t.Error(err)
		}
		other := plan()
		other.Name, other.Seed = "other", 6
		own := r.start(other)
		sleep(time.Second)
		if st := r.Status(); st.Name != "other" || st.State != Running || st.Round != 0 || st.ResumedAt != nil || st.Error != "" {
			t.Errorf("%+v", st)
		}
		sleep(time.Until(own.End()) + time.Second)
		if st := r.Status(); st.State != Done || st.Round != 8 {
			t.Errorf("%+v", st)
		}
	})
}

// TestDataLost takes the data folder away: the task fails with the reason, and
// goes on with the first start of the agent at which the folder is back.
func TestDataLost(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		p := plan()
		p.Rounds = 30
		task := r.start(p)
		sleepUntil(task, 3, 10*time.Second)
		r.end()
		load := r.load
		r.load = func() (*Data, error) { return nil, errors.New("the data folder /mnt/usb is not there") }
		r.again()
		sleep(time.Second)
		if st := r.Status(); st.State != Failed || st.Error != "the data folder /mnt/usb is not there" || !r.log.has("/mnt/usb") {
			t.Errorf("%+v", st)
		}
		r.end()
		r.load = load
		r.again()
		sleepUntil(task, 8, time.Second)
		if st := r.Status(); st.State != Running || st.ResumedAt == nil || st.Error != "" {
			t.Errorf("%+v", st)
		}
	})
}

// TestStopFailed holds that a task that failed can be stopped, so that it does
// not come back.
func TestStopFailed(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		p := plan()
		p.Rate, p.Decay, p.Rounds = 100, 0.9, 600
		task := r.start(p)
		sleepUntil(task, 300, 0)
		r.wantState(Failed)
		if _, err := r.Stop("halves"); err != nil {
			t.Error(err)
		}
		r.end()
		r.again()
		sleep(time.Minute)
		r.wantState(Stopped)
	})
}

// TestDiskFull holds that learning goes on where nothing can be kept, and that
// whoever can be told is told.
func TestDiskFull(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := []*resident{settle(0, nil), settle(1, nil)}
		task := all[0].start(plan())
		sleepUntil(task, 2, 10*time.Second)
		for _, r := range all {
			r.disk.fail(syscall.ENOSPC)
		}
		sleepUntil(task, 6, 10*time.Second)
		for i, r := range all {
			if st := r.Status(); st.State != Running || st.Round != 6 || st.Heard != 1 || !r.log.has("checkpoint not saved") {
				t.Errorf("device %d: %+v", i, st)
			}
		}
		if _, err := all[0].Stop("halves"); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "only until the next start") {
			t.Errorf("stop: %v", err)
		}
		all[0].wantState(Stopped)
		sleep(time.Until(task.End()) + time.Second)
		if st := all[1].Status(); st.State != Failed || !strings.Contains(st.Error, "save checkpoint: no space") || st.Round != 8 {
			t.Errorf("the one that cannot keep what it learned: %+v", st)
		}
	})
}

// TestStoppedBound stops more tasks than are remembered.
func TestStoppedBound(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		var ids []node.ID
		for i := range maxStopped + 3 {
			p := plan()
			p.Seed = uint64(i)
			ids = append(ids, r.start(p).ID())
			if _, err := r.Stop("halves"); err != nil {
				t.Error(err)
			}
			sleep(time.Second)
		}
		r.end()
		r.again()
		for i, id := range ids {
			if got := r.knows(id); got != (i >= 3) {
				t.Errorf("task %d of %d is known: %v", i, len(ids), got)
			}
		}
	})
}
