// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"errors"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRestart stops a device for a while in the middle, with a checkpoint of
// before, and holds that it catches up and does not set the others back.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), soon(24)
		all := devices(t, s, task, 4)
		startAll(all)
		sleepUntil(task, 6, time.Second)
		if err := all[3].stop(); err != nil {
			t.Error(err)
		}
		sleepUntil(task, 14, time.Second)
		back := all[3].again(t, s, 3)
		back.start()
		waitAll(t, []*device{all[0], all[1], all[2], back})
		if d := cmp.Diff([]uint32{6}, back.resumed); d != "" {
			t.Errorf("resumed after: %s", d)
		}
		if len(back.reports) != 9 || back.reports[0].Round != 15 || back.reports[0].Heard != 3 || back.reports[0].Payload != 0 {
			t.Errorf("the rounds after the restart: %+v", back.reports)
		}
		before, after := all[0].reports[15].Score.Accuracy, all[0].reports[16].Score.Accuracy
		if after < before-0.05 {
			t.Errorf("the others fall from %v to %v", before, after)
		}
		if last := back.reports[len(back.reports)-1]; last.Round != 23 || last.Heard != 3 || last.Score.Accuracy < all[0].reports[23].Score.Accuracy-0.05 {
			t.Errorf("the last round: %+v, and %+v of another", last, all[0].reports[23])
		}
	})
}

// TestQuickRestart holds that a device which is back within a round goes on with
// what it knew: all of it after a stop, and the last checkpoint after a power cut.
func TestQuickRestart(t *testing.T) {
	for last, powerCut := range map[uint32]bool{3: true, 4: false} {
		synctest.Test(t, func(t *testing.T) {
			s, task := newStreet(), soon(10)
			all := devices(t, s, task, 3)
			startAll(all)
			sleepUntil(task, 4, 10*time.Second)
			before := slices.Clone(all[2].shelf.saved)
			if err := all[2].stop(); err != nil {
				t.Error(err)
			}
			if powerCut {
				all[2].shelf.saved = before
			}
			time.Sleep(20 * time.Second)
			back := all[2].again(t, s, 2)
			back.OnResume = func(round uint32) {
				if same := sameBits(back.Node.x, all[2].Node.x); round != last || same == powerCut {
					t.Errorf("resumed after round %d, not %d; the node is what it was: %v", round, last, same)
				}
			}
			back.start()
			waitAll(t, []*device{all[0], all[1], back})
			if r := back.reports[0]; r.Round != 5 || r.Payload == 0 || r.Heard != 2 {
				t.Errorf("power cut %v: the first round: %+v", powerCut, r)
			}
		})
	}
}

// TestClockSetBack holds that no round is done twice where the clock says that a
// round which is in the checkpoint is yet to come.
func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, newStreet(), soon(10), 0)
		d.shelf.saved = d.Node.Checkpoint(d.id, 6)
		d.start()
		waitAll(t, []*device{d})
		if len(d.reports) != 3 || d.reports[0].Round != 7 || d.reports[0].Loss == 0 {
			t.Errorf("rounds %+v", d.reports)
		}
	})
}

// TestListeningIsNotSaved holds that one who came late and has heard nobody yet
// is still late after a restart.
func TestListeningIsNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), soon(20)
		s.lost = func(_, to PeerID) bool { return to == peer(2) }
		all := devices(t, s, task, 3)
		startAll(all[:2])
		sleepUntil(task, 5, time.Second)
		all[2].start()
		sleepUntil(task, 7, time.Second)
		if err := all[2].stop(); err != nil || all[2].shelf.saves.Load() > 0 || len(all[2].reports) != 1 {
			t.Errorf("%v, %d checkpoints after %+v", err, all[2].shelf.saves.Load(), all[2].reports)
		}
		waitAll(t, all[:2])
	})
}

// TestUnusableCheckpoint holds that a checkpoint that is damaged, unreadable or
// of another task costs a device its past, not its future.
func TestUnusableCheckpoint(t *testing.T) {
	for name, spoil := range map[string]func(*shelf){
		"damaged":    func(s *shelf) { s.saved[100]++ },
		"unreadable": func(s *shelf) { s.bad = syscall.EIO },
		"other task": func(s *shelf) { s.saved = newDeviceNode(s).Checkpoint(ID{9}, 3) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, task := newStreet(), soon(12)
				all := devices(t, s, task, 3)
				startAll(all)
				sleepUntil(task, 5, time.Second)
				if err := all[2].stop(); err != nil {
					t.Error(err)
				}
				spoil(all[2].shelf)
				back := all[2].again(t, s, 2)
				back.start()
				waitAll(t, []*device{all[0], all[1], back})
				if len(back.resumed) > 0 || len(back.reports) != 6 || back.reports[0].Payload != 0 {
					t.Errorf("resumed %v, rounds %+v", back.resumed, back.reports)
				}
				if d := distance(back.Node.x, all[0].Node.x); d > 1e-3 {
					t.Errorf("it ends %v from the others", d)
				}
			})
		})
	}
}

func newDeviceNode(*shelf) *Node {
	set, err := thirds().Settings()
	if err != nil {
		panic(err)
	}
	return New(set, uneven(0), nil, 1)
}

// TestDiskFull holds that a checkpoint that cannot be saved is reported in every
// round, and learning goes on.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), soon(6)
		all := devices(t, s, task, 2)
		all[0].shelf.err = syscall.ENOSPC
		startAll(all)
		if err := all[0].wait(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("at the end: %v", err)
		}
		waitAll(t, all[1:])
		for i, r := range all[0].reports {
			if !errors.Is(r.SaveErr, syscall.ENOSPC) || r.Saved != 0 || r.Heard != 1 {
				t.Errorf("round %d: %+v", i, r)
			}
		}
		if len(all[0].reports) != 6 || !sameBits(all[0].Node.x, all[1].Node.x) && distance(all[0].Node.x, all[1].Node.x) > 1e-5 {
			t.Errorf("%d rounds", len(all[0].reports))
		}
	})
}

// TestDiskFullAtStop holds that a device that is switched off is not told of a
// failure, which nobody could mend then.
func TestDiskFullAtStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, newStreet(), soon(6), 0)
		d.shelf.err = syscall.ENOSPC
		d.start()
		sleepUntil(d.Task, 3, time.Second)
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestCheckpointEvery counts how often the flash is written to.
func TestCheckpointEvery(t *testing.T) {
	for _, tt := range []struct {
		every time.Duration
		saves int
	}{{0, 20}, {10 * time.Minute, 3}, {24 * time.Hour, 2}} { // the first round, and the end
		synctest.Test(t, func(t *testing.T) {
			d := newDevice(t, newStreet(), soon(20), 0)
			d.CheckpointEvery = tt.every
			d.start()
			waitAll(t, []*device{d})
			if int(d.shelf.saves.Load()) != tt.saves {
				t.Errorf("every %v: %d checkpoints, want %d", tt.every, d.shelf.saves.Load(), tt.saves)
			}
			var last checkpoint
			if err := checkpointDecoder.Unmarshal(d.shelf.saved, &last); err != nil || last.Round != 19 {
				t.Errorf("every %v: the last one is of round %d: %v", tt.every, last.Round, err)
			}
			if r := d.reports[5]; (r.Saved == len(d.shelf.saved)) != (tt.every == 0) || r.SaveErr != nil {
				t.Errorf("every %v: %+v", tt.every, r)
			}
		})
	}
}

// TestCheckpointAfterRestart holds that a device which restarts again and again
// does not write each time.
func TestCheckpointAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := soon(20)
		d := newDevice(t, newStreet(), task, 0)
		d.shelf.saved = d.Node.Checkpoint(d.id, 0)
		d.CheckpointEvery = 10 * time.Minute
		d.start()
		sleepUntil(task, 5, time.Second)
		if d.shelf.saves.Load() > 0 {
			t.Error("a checkpoint was made right after the restart")
		}
		waitAll(t, []*device{d})
	})
}
