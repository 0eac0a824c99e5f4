// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/fl/model"
)

// TestSleep lets a machine sleep through some rounds: it comes back as one who
// was away.
func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, task := newStreet(), soon(20)
		all := devices(t, s, task, 3)
		train, rounds := all[2].begin, 0
		all[2].begin = func(round uint32, edges []Edge, ws *model.Workspace) (Update, error) {
			if rounds++; rounds == 6 {
				time.Sleep(8 * roundLen)
			}
			return train(round, edges, ws)
		}
		startAll(all)
		waitAll(t, all)
		after := all[2].reports[6]
		if after.Round != 13 || after.Payload != 0 || after.Heard != 2 {
			t.Errorf("the round after: %+v", after)
		}
		if d := distance(all[2].Node.x, all[0].Node.x); d > 1e-3 {
			t.Errorf("it ends %v from the others", d)
		}
	})
}

// TestStop holds that a runner ends at once when it is told to, in whatever it
// is about, and keeps what it knows.
func TestStop(t *testing.T) {
	for name, tt := range map[string]struct {
		round uint32
		into  time.Duration
		saved bool
	}{
		"before the start":   {0, -time.Second, false},
		"in the first round": {0, 30 * time.Second, true},
		"in a round":         {3, 30 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, task := newStreet(), soon(10)
				all := devices(t, s, task, 2)
				for _, d := range all {
					d.CheckpointEvery = time.Hour
				}
				startAll(all)
				sleepUntil(task, tt.round, tt.into)
				begin := time.Now()
				for _, d := range all {
					if err := d.stop(); err != nil {
						t.Error(err)
					}
				}
				if took := time.Since(begin); took > 0 {
					t.Errorf("it took %v", took)
				}
				var last checkpoint
				if err := checkpointDecoder.Unmarshal(all[0].shelf.saved, &last); (err == nil) != tt.saved || last.Round != tt.round {
					t.Errorf("saved round %d: %v", last.Round, err)
				}
			})
		})
	}
}

// TestStopWhileTraining holds that a runner does not leave its training behind.
func TestStopWhileTraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t, newStreet(), soon(3), 0)
		train, trained := d.begin, false
		d.begin = func(round uint32, edges []Edge, ws *model.Workspace) (Update, error) {
			time.Sleep(10 * time.Second)
			trained = true
			return train(round, edges, ws)
		}
		d.start()
		sleepUntil(d.Task, 0, 4*time.Second)
		begin := time.Now()
		if err := d.stop(); err != nil || !trained || time.Since(begin) != 6*time.Second {
			t.Errorf("%v, trained %v, after %v", err, trained, time.Since(begin))
		}
	})
}
