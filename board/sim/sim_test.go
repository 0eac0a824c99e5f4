// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vecino-edge/vecino/board"
	"github.com/vecino-edge/vecino/board/sim"
)

// What the doubles are doubles of.
var (
	_ board.Sensor = (*sim.Sensor)(nil)
	_ board.Probe  = (*sim.Probe)(nil)
	_ board.Meter  = sim.Meter{}
)

var air = []board.Channel{{Name: "sim/air/temp1", Unit: board.Celsius}, {Name: "sim/air/humidity1", Unit: board.Percent, Label: "Relative"}}

// numbers returns what was read, NaN where nothing was.
func numbers(values []board.Value) (x []float64) {
	for _, v := range values {
		x = append(x, v.X)
	}
	return x
}

func TestSensor(t *testing.T) {
	nan := math.NaN()
	synctest.Test(t, func(t *testing.T) {
		s := sim.NewSensor("sim/air", air,
			sim.Step{At: time.Second, Values: []float64{21.5, 40}},
			sim.Step{At: time.Minute, Values: []float64{nan, 41}},
			sim.Step{At: time.Hour, Values: []float64{23, 42}})
		broken := errors.New("the cable is off")
		steps := []struct {
			after time.Duration
			fail  error
			want  []float64
			err   string
		}{
			{0, nil, []float64{nan, nan}, "read sim/air/temp1: the script has no value\nread sim/air/humidity1: the script has no value"},
			{time.Second, nil, []float64{21.5, 40}, ""},
			{58 * time.Second, nil, []float64{21.5, 40}, ""},
			{time.Second, nil, []float64{nan, 41}, "read sim/air/temp1: the script has no value"},
			{time.Hour, broken, []float64{nan, nan}, "read sim/air: the cable is off"},
			{time.Second, nil, []float64{23, 42}, ""},
		}
		for i, step := range steps {
			time.Sleep(step.after)
			s.Fail(step.fail)
			values, err := s.Read(t.Context())
			if d := cmp.Diff(step.want, numbers(values), cmpopts.EquateNaNs()); d != "" || text(err) != step.err {
				t.Errorf("step %d: error %v\n%s", i, err, d)
			}
			for j, v := range values {
				bad := math.IsNaN(step.want[j])
				if v.Channel != air[j] || v.Time != time.Now() || (v.Quality == board.Bad) != bad || !bad && v.Quality != board.Good {
					t.Errorf("step %d: %+v", i, v)
				}
			}
		}
	})
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestSensorCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := sim.NewSensor("sim/air", air, sim.Step{Values: []float64{1, 2}})
	if values, err := s.Read(ctx); values != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, error %v", values, err)
	}
}

func TestNewSensorPanics(t *testing.T) {
	for name, steps := range map[string][]sim.Step{
		"too few values": {{Values: []float64{1}}},
		"back in time":   {{At: 1, Values: []float64{1, 2}}, {At: 1, Values: []float64{1, 2}}},
	} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.HasPrefix(s, "sim: step ") {
					t.Errorf("%s: %q", name, s)
				}
			}()
			sim.NewSensor("sim/air", air, steps...)
		}()
	}
}

func TestProbe(t *testing.T) {
	var p sim.Probe
	if c := p.Read(); !cmp.Equal(c, board.Conditions{}) {
		t.Errorf("%+v", c)
	}
	want := board.Conditions{Temperature: board.Known(71), Throttled: board.Throttle{Known: true}}
	p.Set(want)
	if c := p.Read(); !cmp.Equal(c, want) {
		t.Errorf("%+v", c)
	}
}

func TestMeter(t *testing.T) {
	joules := 5.0
	tests := []struct {
		meter sim.Meter
		want  board.Cost
	}{
		{sim.Meter{}, board.Cost{Wall: 2 * time.Second}},
		{sim.Meter{CPUs: 1.5}, board.Cost{Wall: 2 * time.Second, CPU: 3 * time.Second}},
		{sim.Meter{CPUs: 1, Watts: 2.5}, board.Cost{Wall: 2 * time.Second, CPU: 2 * time.Second, Joules: &joules, Counter: "sim/power"}},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			end := tt.meter.Begin(t.Context())
			time.Sleep(2 * time.Second)
			first := end()
			time.Sleep(time.Second)
			for _, got := range []board.Cost{first, end()} {
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("%+v (-want +got):\n%s", tt.meter, d)
				}
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	end := sim.Meter{Watts: 1}.Begin(ctx)
	cancel()
	if c := end(); c.Joules != nil || c.Counter == "" {
		t.Errorf("%+v after its context is done", c)
	}
}
