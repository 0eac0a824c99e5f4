// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"maps"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/node"
	"github.com/vecino-edge/vecino/fl/privacy"
)

// hushed is a plan that hides records, of so many rounds.
func hushed(epsilon float32, rounds int) Plan {
	p := plan()
	p.Rounds = rounds
	p.Privacy = &node.Privacy{Sigma: 2, Clip: 1, Q: 0.25, Delta: 1e-5, Epsilon: epsilon}
	return p
}

// budgetOf returns the steps that the disk of a device says are spent, and epsilon.
func budgetOf(t *testing.T, d *disk) (steps int, epsilon float64) {
	t.Helper()
	b, err := d.Read(filePrivacy, maxPurse)
	if err != nil {
		t.Fatal(err)
	}
	f, err := decodePurse(b)
	if err != nil {
		t.Fatal(err)
	}
	budget, err := privacy.DecodeBudget(f.Data[f.Present].Budget)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range budget.Spent() {
		steps += s.Steps
	}
	return steps, budget.Epsilon()
}

// TestPrivateTask holds that all learn with noise, and what they say of it.
func TestPrivateTask(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := []*resident{settle(0, nil), settle(1, nil), settle(2, nil)}
		task := all[0].start(hushed(9, 8))
		sleep(time.Until(task.End()) + time.Second)
		want := privacy.Epsilon(0.25, 2, 8, 1e-5)
		for i, r := range all {
			st := r.Status()
			if st.State != Done || st.Round != 8 || st.Heard != 2 || st.Ended != "" {
				t.Errorf("device %d: %+v", i, st)
			}
			if p := st.Privacy; p == nil || p.Target != 9 || p.Delta != 1e-5 || p.Unit != "record" || p.Epsilon < want-1e-9 || p.Epsilon > want+1e-9 {
				t.Errorf("device %d: %+v, want epsilon %v", i, p, want)
			}
			if steps, _ := budgetOf(t, r.disk); steps != 8 {
				t.Errorf("device %d: %d steps on the disk", i, steps)
			}
			saved, err := Saved(r.disk)
			if err != nil || len(saved) != 1 || saved[0].Privacy == nil || saved[0].Privacy.Epsilon != st.Privacy.Epsilon || saved[0].Privacy.Target != 9 {
				t.Errorf("device %d, at rest: %+v, %v", i, saved, err)
			}
		}
	})
}

// TestPrivacySpent holds that a task ends where the budget does, that it stays ended,
// and that no other task on these data begins, on whichever device it was started.
func TestPrivacySpent(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		const rounds = 5 // that fit
		epsilon := float32(privacy.Epsilon(0.25, 2, rounds, 1e-5) + 0.01)
		r, other := settle(0, nil), settle(1, func(_ *resident, o *Options) { o.Accept = false })
		task := r.start(hushed(epsilon, 20))
		sleepUntil(task, rounds+3, 0)
		st := r.Status()
		if st.State != Spent || st.Round != rounds || st.Error != "" || !strings.HasPrefix(st.Ended, "the privacy budget of epsilon ") || !strings.Contains(st.Ended, "(record level)") {
			t.Fatalf("%+v", st)
		}
		steps, spent := budgetOf(t, r.disk)
		if steps != rounds || spent > float64(epsilon) || st.Privacy.Epsilon != spent {
			t.Errorf("%d steps, epsilon %v of %v, status %+v", steps, spent, epsilon, st.Privacy)
		}
		n := node.New(settingsOf(t, task), dataOf(0).Train, nil, 0)
		if last, err := n.Restore(task.ID(), r.disk.files[CheckpointFile(task.ID())]); err != nil || last != rounds-1 {
			t.Errorf("the checkpoint is of round %d, %v", last, err)
		}
		r.end()
		r.again()
		sleep(3 * time.Minute)
		if again := r.Status(); again.State != Spent || again.Ended != st.Ended {
			t.Errorf("after a restart: %+v", again)
		}

		var refused *PrivacyError
		again := hushed(epsilon, 20)
		again.Name = "again"
		if _, err := r.Start(again); !errors.As(err, &refused) || refused.Target != st.Privacy.Target || refused.Epsilon != spent {
			t.Errorf("another task: %v", err)
		}
		other.start(again)
		sleep(time.Minute)
		if st := r.Status(); st.Name != "halves" || !r.log.has("a neighbour's task is not joined") {
			t.Errorf("a neighbour's task is joined: %+v", st)
		}
		more := hushed(2*epsilon, 20)
		more.Name = "more"
		r.start(more)
		if _, spent := budgetOf(t, r.disk); spent != refused.Epsilon {
			t.Errorf("a larger target: epsilon %v, was %v", spent, refused.Epsilon)
		}
	})
}

func settingsOf(t *testing.T, task *node.Task) node.Settings {
	t.Helper()
	set, err := task.Settings()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestOwnEpsilon holds that the device's limit counts where it is the lower one, and
// that a task which does not fit it at all is not begun.
func TestOwnEpsilon(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, func(_ *resident, o *Options) { o.Epsilon = 1 })
		task := r.start(hushed(900, 200))
		sleep(time.Until(task.End()) + time.Second)
		if st := r.Status(); st.State != Spent || st.Privacy.Target != 1 || st.Privacy.Epsilon > 1 || st.Privacy.Epsilon < 0.5 {
			t.Errorf("%+v", st)
		}
		tight := settle(1, func(_ *resident, o *Options) { o.Epsilon = 0.01 })
		var refused *PrivacyError
		if _, err := tight.Start(hushed(900, 200)); !errors.As(err, &refused) {
			t.Errorf("no step fits: %v", err)
		}
	})
}

// TestPrivacyPowerCut cuts the power at moments of a round and holds that whatever
// was trained is on the disk, and that the device goes on from there.
func TestPrivacyPowerCut(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		p := hushed(900, 640) // ten steps are written down at a time
		p.RoundLen = 2 * time.Second
		task := r.start(p)
		before := 0
		for i := range 8 {
			sleepUntil(task, uint32(3+16*i), time.Duration(i)*200*time.Millisecond)
			r.disk.mu.Lock()
			left := &disk{files: maps.Clone(r.disk.files)} // what a power cut leaves
			r.disk.mu.Unlock()
			rounds := int(r.Status().Round)
			steps, _ := budgetOf(t, left)
			if steps < rounds+1 || steps < before {
				t.Errorf("cut %d: %d steps on the disk in round %d, %d before", i, steps, rounds, before)
			}
			before = steps
			r.end()
			r.disk = left
			r.again()
			sleep(5 * p.RoundLen) // it listens for a while, since it was away
			r.wantState(Running)
			if now, _ := budgetOf(t, r.disk); now <= steps {
				t.Errorf("cut %d: %d steps after it, %d before: what was reserved is taken twice", i, now, steps)
			}
		}
		rounds := int(r.Status().Round)
		r.end() // in order: what was not taken is given back
		if steps, _ := budgetOf(t, r.disk); steps < rounds || steps > rounds+10*9 {
			t.Errorf("%d steps for %d rounds", steps, rounds)
		}
	})
}

// TestPrivacyDiskFull holds that a disk which is full ends training, and not the count.
func TestPrivacyDiskFull(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		task := r.start(hushed(9, 20))
		sleepUntil(task, 3, 10*time.Second)
		r.disk.fail(syscall.ENOSPC)
		steps, spent := budgetOf(t, r.disk)
		sleepUntil(task, 5, 0)
		if st := r.Status(); st.State != Failed || !strings.Contains(st.Error, "save privacy budget: no space") || st.Round != 4 || st.Privacy.Epsilon != spent || steps != 4 {
			t.Errorf("%d steps, epsilon %v: %+v", steps, spent, st)
		}
		r.disk.fail(nil)
		r.end()
		r.again()
		sleepUntil(task, 11, 10*time.Second)
		if now, _ := budgetOf(t, r.disk); now <= steps || r.state() != Running {
			t.Errorf("there is room again: %d steps, %+v", now, r.Status())
		}
	})
}

// TestPrivacyLost spoils the file while the device is off: nothing is trained, and the
// sentence says what to do.
func TestPrivacyLost(t *testing.T) {
	for name, spoil := range map[string]func(d *disk){
		"missing": func(d *disk) { delete(d.files, filePrivacy) },
		"empty":   func(d *disk) { d.files[filePrivacy] = nil },
		"flipped": func(d *disk) { d.files[filePrivacy][50] ^= 1 },
		"long":    func(d *disk) { d.files[filePrivacy] = make([]byte, maxPurse+1) },
	} {
		bubble(t, func(t *testing.T, s *square, settle settler) {
			r := settle(0, nil)
			task := r.start(hushed(9, 20))
			sleepUntil(task, 3, 10*time.Second)
			r.end()
			spoil(r.disk)
			r.again()
			sleepUntil(task, 6, 10*time.Second)
			st := r.Status()
			if st.State != Failed || st.Round != 0 || !strings.Contains(st.Error, "the file privacy, which says") || !strings.Contains(st.Error, "put a copy of it back") {
				t.Errorf("%s: %+v", name, st)
			}
			if _, err := Saved(r.disk); err != nil {
				t.Errorf("%s: at rest: %v", name, err)
			}
			other := hushed(9, 20)
			other.Name = "other"
			if _, err := r.Start(other); name != "missing" && (err == nil || !strings.Contains(err.Error(), "put a copy of it back")) {
				t.Errorf("%s: another task: %v", name, err)
			}
		})
	}
}
