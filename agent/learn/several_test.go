// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/fl/node"
)

// called returns a plan of another name.
func called(name string) Plan {
	p := plan()
	p.Name = name
	return p
}

// one returns the status of a task by its name.
func (r *resident) one(name string) *Status {
	r.t.Helper()
	for _, st := range r.Statuses() {
		if st.Name == name {
			return &st
		}
	}
	r.t.Fatalf("device %d has no task %q: %+v", r.i, name, r.Statuses())
	return nil
}

func names(all []Status) (out []string) {
	for _, st := range all {
		out = append(out, st.Name)
	}
	return out
}

// TestSideBySide holds that several tasks, of other models, lengths of rounds and
// modes, are learned at the same time, each as well as alone and by all.
func TestSideBySide(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := settleAll(settle, 4)
		for _, r := range all {
			r.member.chunks = 200
		}
		sleep(time.Minute)
		var tasks []*node.Task
		start := func(r *resident, p Plan) {
			st, err := r.Start(p)
			if err != nil || st.Name != p.Name {
				t.Fatalf("%+v, %v", st, err)
			}
			r.mu.Lock()
			tasks = append(tasks, r.jobs[len(r.jobs)-1].task)
			r.mu.Unlock()
			sleep(time.Second)
		}
		start(all[0], called("halves"))
		wide := called("wide")
		wide.Model, wide.Compress, wide.RoundLen, wide.Rounds, wide.Rate = "mlp:400", "none", 2*time.Minute, 6, 0.2
		start(all[1], wide)
		sums := together(node.Private, 8)
		sums.Name = "sums"
		start(all[2], sums)
		fast := called("fast")
		fast.RoundLen, fast.Rounds = 20*time.Second, 40
		start(all[3], fast)
		for _, r := range all {
			if got := names(r.Statuses()); !slices.Equal(got, []string{"halves", "wide", "sums", "fast"}) {
				t.Errorf("device %d: %v", r.i, got)
			}
		}
		for _, task := range tasks {
			sleep(max(0, time.Until(task.End())) + time.Second)
			for _, r := range all {
				st := r.one(task.Name)
				if st.State != Done || st.Heard != 3 || st.Round != task.Rounds || st.Skipped > 0 || st.Accuracy == nil || *st.Accuracy < 0.8 {
					t.Errorf("device %d: %+v", r.i, st)
				}
			}
		}
		for _, r := range all {
			if len(r.member.refused) > 0 || len(r.routes.of)+len(r.routes.ids)+len(r.routes.waiting)+r.routes.bytes > 0 {
				t.Errorf("device %d refused %v, and keeps %d routes and %d bytes", r.i, r.member.refused, len(r.routes.of), r.routes.bytes)
			}
			if got := names(r.Statuses()); !slices.Equal(got, []string{"sums", "wide", "fast", "halves"}) && !slices.Equal(got, []string{"sums", "fast", "wide", "halves"}) {
				t.Errorf("device %d: %v", r.i, got)
			}
		}
	})
}

// TestSeveralOverReboot holds that all tasks go on after a restart, each from its own
// checkpoint, and that one which is stopped stays so while the others go on.
func TestSeveralOverReboot(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		first, second := settle(0, nil), settle(1, nil)
		for i, name := range []string{"a", "b", "c"} {
			p := called(name)
			p.Rounds, p.Seed = 20, uint64(i)
			first.start(p)
			sleep(time.Second)
		}
		task := first.Task()
		sleepUntil(task, 5, 10*time.Second)
		if _, err := second.Stop("b"); err != nil {
			t.Fatal(err)
		}
		second.end()
		sleepUntil(task, 8, 10*time.Second)
		second.again()
		sleepUntil(task, 10, 10*time.Second)
		if got := names(second.Statuses()); !slices.Equal(got, []string{"a", "c", "b"}) {
			t.Errorf("%v", got)
		}
		for _, name := range []string{"a", "c"} {
			if st := second.one(name); st.State != Running || st.ResumedAt == nil || *st.ResumedAt != 6 || st.Heard != 1 {
				t.Errorf("%+v", st)
			}
		}
		if st := second.one("b"); st.State != Stopped || first.one("b").State != Running || first.one("b").Heard != 0 {
			t.Errorf("%+v; %+v", st, first.one("b"))
		}
		sleep(time.Until(task.End()) + time.Second)
		if n := len(second.disk.files); n != 4 { // tasks and three checkpoints
			t.Errorf("%d files", n)
		}
	})
}

// TestMaxJobs holds how many tasks a device takes of its owner and of neighbours,
// that the sentence says what to do, and that doing it helps.
func TestMaxJobs(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		first, second := settle(0, nil), settle(1, func(_ *resident, o *Options) { o.Accept = false })
		for i := range maxJobs {
			p := called(fmt.Sprint("task ", i))
			p.Rounds = 600
			first.start(p)
		}
		_, err := first.Start(called("more"))
		if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "8 tasks are running") || !strings.Contains(err.Error(), "vecino learn stop") {
			t.Errorf("one more: %v", err)
		}
		p := called("of a neighbour")
		p.Rounds = 600
		second.start(p)
		sleep(time.Second)
		if !first.log.has("8 tasks are running") || len(first.Statuses()) != maxJobs {
			t.Errorf("a neighbour's task: %v", names(first.Statuses()))
		}
		if _, err := first.Stop("task 3"); err != nil {
			t.Error(err)
		}
		sleep(2*tellEvery + time.Minute)
		if st := first.one("of a neighbour"); st.State != Running {
			t.Errorf("%+v", st)
		}
	})
}

// TestOneOfSums holds that tasks of sums do not run side by side, but that one runs
// beside others.
func TestOneOfSums(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		all := settleAll(settle, 3)
		all[0].start(together(node.Private, 60))
		p := together(node.Mask, 60)
		p.Name = "masks"
		_, err := all[0].Start(p)
		if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), `"halves" adds under encryption already`) {
			t.Errorf("a second one: %v", err)
		}
		sleep(time.Second)
		if _, err := all[1].Start(p); !errors.Is(err, ErrBusy) { // which has joined the first
			t.Errorf("a second one of a neighbour: %v", err)
		}
		if _, err := all[1].Start(called("robust")); err != nil {
			t.Error(err)
		}
		sleep(time.Second)
		if _, err := all[0].Stop("halves"); err != nil {
			t.Error(err)
		}
		if _, err := all[0].Start(p); err != nil {
			t.Errorf("when the first is stopped: %v", err)
		}
	})
}

// TestAffordTogether holds that tasks share the chunks of the neighbourhood: what is
// refused says who takes the rest, its advice is good, and nothing is refused that
// fits.
func TestAffordTogether(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		r := settle(0, func(r *resident, _ *Options) { r.member.chunks = 40 })
		for _, name := range []string{"a", "b"} {
			p := called(name)
			p.Model, p.Compress, p.Rounds = "mlp:400", "none", 600
			if name == "b" {
				p.RoundLen = 2 * time.Minute
			}
			r.start(p)
		}
		left := 40.0
		for _, j := range r.others(node.ID{}) {
			pace, err := r.pace(j.task)
			if err != nil {
				t.Fatal(err)
			}
			left -= pace
		}
		if left < 10 || left > 20 {
			t.Fatalf("%v chunks are left a minute", left)
		}
		p := called("c")
		p.Model, p.Compress, p.RoundLen = "mlp:400", "none", 30*time.Second
		_, err := r.Start(p)
		if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), `of the 40 a minute that the neighbourhood allows "a" and "b" take `) {
			t.Fatalf("%v", err)
		}
		advice, _, _ := strings.Cut(strings.SplitAfter(err.Error(), "use rounds of ")[1], " or more")
		need, err := time.ParseDuration(advice)
		if err != nil {
			t.Fatal(err)
		}
		p.RoundLen = need - 200*time.Millisecond
		if _, err := r.Start(p); !errors.Is(err, ErrBusy) {
			t.Errorf("rounds of %v: %v", p.RoundLen, err)
		}
		p.RoundLen = need
		if _, err := r.Start(p); err != nil {
			t.Errorf("rounds of %v: %v", p.RoundLen, err)
		}
		p = called("d")
		p.RoundLen = 24 * time.Hour
		_, err = r.Start(p)
		if err == nil {
			_, err = r.Start(called("e"))
		}
		if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "wait for the end of one, or stop one") && !strings.Contains(err.Error(), "use rounds of") {
			t.Errorf("when nothing is left: %v", err)
		}
	})
}

// TestSameName holds that tasks of one name, which only neighbours can give a device,
// are told apart by their ids.
func TestSameName(t *testing.T) {
	bubble(t, func(t *testing.T, s *square, settle settler) {
		first, second := settle(0, func(_ *resident, o *Options) { o.Accept = false }), settle(1, nil)
		p := plan()
		p.Rounds = 60
		first.start(p)
		if _, err := first.Start(p); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), `called "halves" is running`) {
			t.Errorf("the same name: %v", err)
		}
		third := settle(2, func(_ *resident, o *Options) { o.Accept = false })
		p.Seed = 9
		own := third.start(p).ID()
		sleep(time.Second)
		if n := len(second.Statuses()); n != 2 {
			t.Fatalf("%d tasks", n)
		}
		if _, err := second.Stop("halves"); err == nil || !strings.Contains(err.Error(), "several tasks are meant") {
			t.Errorf("stopped: %v", err)
		}
		st, err := second.Stop(fmt.Sprintf("%x", own[:4]))
		if err != nil || st.State != Stopped || st.ID != fmt.Sprintf("%x", own) {
			t.Errorf("%+v, %v", st, err)
		}
		if st, err := second.Stop("halves"); err != nil || st.ID == fmt.Sprintf("%x", own) {
			t.Errorf("the other one: %+v, %v", st, err)
		}
	})
}
