// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/board"
	"github.com/vecino-edge/vecino/board/sim"
	"github.com/vecino-edge/vecino/fl/node"
)

// guarded gives a device a board: a limit of 70 °C, and the probe by which the test
// makes it hot.
func guarded(t *testing.T, probe *sim.Probe) func(*resident, *Options) {
	gate, err := board.NewGate(board.Policy{MaxCelsius: 70})
	if err != nil {
		t.Fatal(err)
	}
	return func(_ *resident, o *Options) {
		o.Gate = func() (bool, string) { return gate.Decide(probe.Read(), time.Now()) }
		o.Meter = func() func() node.Cost {
			end := sim.Meter{CPUs: 1, Watts: 5}.Begin(t.Context())
			return func() node.Cost {
				time.Sleep(time.Second)
				c := end()
				return node.Cost{CPU: c.CPU, Wall: c.Wall, Joules: *c.Joules, Counter: c.Counter}
			}
		}
	}
}

// TestHotDevice holds that a device which is too hot pauses while the others go on,
// says why, and takes part again once it is cool enough.
func TestHotDevice(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		var probe sim.Probe
		probe.Set(board.Conditions{Temperature: board.Known(50)})
		all := []*resident{settle(0, guarded(t, &probe)), settle(1, nil), settle(2, nil)}
		p := plan()
		p.Rounds = 20
		task := all[0].start(p)
		heat := func(round uint32, celsius float64) {
			sleepUntil(task, round, -time.Second)
			probe.Set(board.Conditions{Temperature: board.Known(celsius)})
		}
		heat(5, 71)
		sleepUntil(task, 6, 30*time.Second)
		hot, other := all[0].Status(), all[1].Status()
		if hot.State != Running || hot.Paused != "71 °C, above 70 °C" || hot.Pauses != 2 || hot.Round != 7 || other.Heard != 1 {
			t.Errorf("hot: %+v\nanother: %+v", hot, other)
		}
		if !all[0].log.has("training pauses") {
			t.Error("nothing is logged")
		}
		heat(8, 67)
		sleepUntil(task, 8, 30*time.Second)
		if st := all[0].Status(); !strings.HasPrefix(st.Paused, "67 °C, resumes at 65") {
			t.Errorf("it is cooler, and not cool: %+v", st)
		}
		heat(10, 65)
		sleepUntil(task, 13, 30*time.Second)
		if st := all[0].Status(); st.Paused != "" || st.Pauses != 5 || st.Heard != 2 || all[1].Status().Heard != 2 {
			t.Errorf("it is cool: %+v", st)
		}
		sleep(time.Until(task.End()) + 5*time.Second) // mixing and scoring take a second each
		for i, r := range all {
			if st := r.Status(); st.State != Done || st.Accuracy == nil || *st.Accuracy < 0.8 || len(r.member.refused) > 0 {
				t.Errorf("device %d: %+v, refused %v", i, st, r.member.refused)
			}
		}
		st := all[0].Status()
		// 20 rounds, of which it sat out 5 and listened in one, which costs mixing and scoring alone.
		if want := 3.0*14 + 2; st.Total.CPU != want || *st.Total.Joules != 5*want || st.Last.CPU != 3 || st.Total.Counter != "sim/power" {
			t.Errorf("total %+v, last %+v", st.Total, st.Last)
		}
		if other := all[1].Status(); other.Last.Joules != nil || other.Total.Joules != nil {
			t.Errorf("joules without a meter: %+v", other.Last)
		}
	})
}

func TestSpending(t *testing.T) {
	var s Spending
	s.count(node.Report{Cost: node.Cost{CPU: time.Second, Wall: time.Second, Joules: 2, Counter: "battery"}})
	before := s
	s.count(node.Report{Paused: "hot"})
	if s.Paused != "hot" || s.Pauses != 1 || *s.Last != *before.Last || *s.Total != *before.Total {
		t.Errorf("a pause: %+v", s)
	}
	s.count(node.Report{Cost: node.Cost{CPU: time.Second, Wall: time.Second, Joules: math.NaN()}})
	if s.Paused != "" || s.Total.CPU != 2 || s.Total.Joules != nil || *before.Total.Joules != 2 {
		t.Errorf("%+v after %+v", s, before)
	}
	s.count(node.Report{Cost: node.Cost{CPU: time.Second, Joules: 1}})
	if s.Total.Joules != nil || *s.Last.Joules != 1 {
		t.Errorf("what was not known is known later: %+v", s.Total)
	}
	b, err := json.Marshal(Status{Spending: s})
	if err != nil || !strings.Contains(string(b), `"total_cost":{"cpu_seconds":3,"seconds":2,"joules":null}`) {
		t.Errorf("%s, %v", b, err)
	}
}
