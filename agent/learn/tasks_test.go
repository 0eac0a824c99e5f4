// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
)

// TestNotJoined holds what keeps a device from a neighbour's task, and that its
// log says why.
func TestNotJoined(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*resident, *Options)
		want   string
	}{
		"other columns": {func(r *resident, _ *Options) {
			r.load = func() (*Data, error) {
				d := dataOf(1)
				d.Train.Columns = []string{"a", "c"}
				return d, nil
			}
		}, `the data have other columns than task \"halves\": column 2 is \"c\", wanted is \"b\"`},
		"test rows of another kind": {func(r *resident, _ *Options) {
			r.load = func() (*Data, error) {
				d := dataOf(1)
				d.Test.Target = "smaller"
				return d, nil
			}
		}, `the data's target is column \"smaller\"`},
		"no data":        {func(r *resident, _ *Options) { r.load = func() (*Data, error) { return nil, ErrNoData } }, "this device has no data"},
		"not wanted":     {func(_ *resident, o *Options) { o.Accept = false }, ""},
		"too few chunks": {func(r *resident, _ *Options) { r.member.chunks = 1 }, "rounds of 1m0s are too short"},
		"disk full":      {func(r *resident, _ *Options) { r.disk.fail(syscall.ENOSPC) }, "save task: no space left"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *square, settle settler) {
				first, second := settle(0, nil), settle(1, tt.change)
				task := first.start(plan())
				sleep(time.Until(task.End()) + time.Second)
				first.wantState(Done)
				if second.Status() != nil || !second.log.has(tt.want) {
					t.Errorf("%+v; log:\n%s", second.Status(), second.log.buf.String())
				}
			})
		})
	}
}

// TestTaskRefused holds which tasks a device does not even think about.
func TestTaskRefused(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		p := plan()
		good, err := p.task(dataOf(0))
		if err != nil {
			t.Fatal(err)
		}
		good.Start = uint64(time.Now().UnixMilli())
		tell := func(change func(*node.Task)) {
			task := *good
			change(&task)
			r.member.hear(pid(7), typeTask, 0, task.Encode())
			sleep(time.Second)
		}
		tell(func(t *node.Task) { t.Name = "\x1b[2J" })
		tell(func(t *node.Task) { t.Rate = 0 })
		for _, msg := range [][]byte{nil, []byte("task"), good.Encode()[:80], append(good.Encode(), 0)} {
			r.member.hear(pid(7), typeTask, 0, msg)
		}
		if n := r.member.refused[reasonTask]; n != 6 {
			t.Errorf("refused %v", r.member.refused)
		}
		tell(func(t *node.Task) { t.Start -= 24 * 3600_000 })
		if !r.log.has("it is over") {
			t.Error("a task that is over is joined, or nobody says why not")
		}
		tell(func(t *node.Task) { t.Start += 48 * 3600_000 })
		if !r.log.has("it begins at ") {
			t.Error("a task of the day after tomorrow is joined, or nobody says why not")
		}
		if r.Status() != nil {
			t.Errorf("%+v", r.Status())
		}
		tell(func(*node.Task) {})
		r.wantState(Running)
	})
}

// TestTwoStarts starts two tasks of one name at the same moment: one of them runs.
func TestTwoStarts(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, nil)
		r.load = func() (*Data, error) {
			time.Sleep(time.Second)
			return dataOf(0), nil
		}
		errs := make(chan error, 2)
		for i := range 2 {
			p := plan()
			p.Seed = uint64(i)
			go func() {
				_, err := r.Start(p)
				errs <- err
			}()
		}
		if one, two := <-errs, <-errs; (one == nil) == (two == nil) || !errors.Is(errors.Join(one, two), ErrBusy) {
			t.Errorf("%v, %v", one, two)
		}
	})
}

// TestStart holds what an owner is told of a plan that cannot be.
func TestStart(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*resident)
		plan   func(*Plan)
		want   string
	}{
		"no data": {func(r *resident) { r.load = func() (*Data, error) { return nil, ErrNoData } }, nil, "this device has no data: set fl.data"},
		"no rows": {func(r *resident) { r.load = func() (*Data, error) { return &Data{Train: &dataset.Table{}}, nil } }, nil, "no rows"},
		"bad scale": {func(r *resident) {
			r.load = func() (*Data, error) { d := dataOf(0); d.Scale.Method = 9; return d, nil }
		}, nil, "scale method 9"},
		"test rows": {func(r *resident) {
			r.load = func() (*Data, error) { d := dataOf(0); d.Test.Classes = 3; return d, nil }
		}, nil, "3 classes"},
		"short rounds":   {nil, func(p *Plan) { p.RoundLen = time.Second }, "use rounds of 2s or more, or a smaller model"},
		"long rounds":    {nil, func(p *Plan) { p.RoundLen = 100 * 24 * time.Hour }, "task refused: round length"},
		"no rounds":      {nil, func(p *Plan) { p.Rounds = -1 }, "task refused: rounds"},
		"negative batch": {nil, func(p *Plan) { p.Batch = -16 }, "task refused: batch"},
		"unknown model":  {nil, func(p *Plan) { p.Model = "forest" }, `task refused: model: model "forest" is unknown`},
		"disk full":      {func(r *resident) { r.disk.fail(syscall.ENOSPC) }, nil, "save task: no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *square, settle settler) {
				r := settle(0, nil)
				if tt.change != nil {
					tt.change(r)
				}
				p := plan()
				if tt.plan != nil {
					tt.plan(&p)
				}
				if st, err := r.Start(p); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%+v, %v, want %s", st, err, tt.want)
				}
				sleep(time.Minute)
				if r.Status() != nil || s.told() > 0 {
					t.Errorf("%+v runs all the same", r.Status())
				}
			})
		})
	}
}

// TestAffordable holds that the advice is good: rounds that are as long as it
// says are long enough, and shorter ones are not.
func TestAffordable(t *testing.T) {
	for _, chunks := range []int{1, 7, 60, 3000} {
		for _, model := range []string{"softmax", "mlp:100", "mlp:3000"} {
			s := &Service{o: Options{Member: &member{square: newSquare(), chunks: chunks}}}
			p := plan()
			p.Model, p.Compress = model, "none"
			task, err := p.task(dataOf(0))
			if err != nil {
				t.Fatal(err)
			}
			task.RoundLen = 1
			err = s.affordable(task)
			if err == nil {
				t.Fatalf("%d chunks a minute: rounds of a millisecond are fine", chunks)
			}
			advice, _, _ := strings.Cut(strings.SplitAfter(err.Error(), "use rounds of ")[1], " or more")
			need, err := time.ParseDuration(advice)
			if err != nil {
				t.Fatal(err)
			}
			task.RoundLen = uint32(need.Milliseconds())
			if err := s.affordable(task); err != nil {
				t.Errorf("%d chunks a minute, %s: %v", chunks, model, err)
			}
			const step = 100 // milliseconds that the advice is rounded to
			if task.RoundLen <= step {
				continue
			}
			task.RoundLen -= step + 1
			if err := s.affordable(task); err == nil {
				t.Errorf("%d chunks a minute, %s: rounds of %d ms are fine, too", chunks, model, task.RoundLen)
			}
		}
	}
}
