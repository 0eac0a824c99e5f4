// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/fl/dataset"
	"github.com/vecino-edge/vecino/fl/node"
)

// say has the broker deliver a sample.
func (p *plane) say(topic, payload string) {
	p.mu.Lock()
	handle := p.handle
	p.mu.Unlock()
	handle(bus.Message{Topic: topic, Payload: []byte(payload)})
}

// largerTask is a task that tells whether a is larger than b, learned.
func largerTask(name string) (*node.Task, []float32, *dataset.Table) {
	task, scaled := taskOf(name, "mlp:8", dataset.Scale{}, table(dataset.Classification, 2, 300, larger))
	return task, learn(task, scaled, 40), scaled
}

func decode(t *testing.T, b []byte) (s Score) {
	t.Helper()
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return s
}

// TestScores follows a sample from its topic to the owner's plane.
func TestScores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, _, _ := options("mqtt:garden/#")
		s := New(o)
		defer run(t, s)()
		synctest.Wait()
		p.say("garden/one", `{"a":0.9,"b":0.1}`)
		synctest.Wait()
		if said := p.said(); len(said) > 0 || len(p.kept) > 0 {
			t.Fatalf("before there is a model: %v, %v", said, p.kept)
		}
		s.Offer(largerTask("Is a larger?"))
		p.say("garden/one", `{"a":0.9,"b":0.1}`)
		p.say("garden/one", `{"b":0.9,"a":0.1,"c":3}`)
		p.say("garden/one", `[0.9,0.1]`)
		p.say("garden/one", `{"c":3}`)
		p.say("garden/one", `hello`)
		synctest.Wait()
		var classes []int
		for _, m := range p.said() {
			score := decode(t, m.Payload)
			if m.Topic != "vecino/1/home/kitchen/sensor/is-a-larger" || score.Task != "Is a larger?" || score.Confidence == nil || !score.Time.Equal(time.Now()) {
				t.Errorf("%s: %s", m.Topic, m.Payload)
			}
			classes = append(classes, *score.Class)
		}
		st := s.Status()
		if d := cmp.Diff([]int{1, 0, 1}, classes); d != "" {
			t.Error("(-want +got):", d)
		}
		if d := cmp.Diff(map[string]uint64{reasonUnfit: 1, reasonNumber: 1}, st.Refused); d != "" {
			t.Error("refused (-want +got):", d)
		}
		if st.State != stateRunning || st.Samples != 5 || st.Scored != 3 || st.Published != 3 || st.Dropped != 0 || st.Latency.Count != 3 ||
			len(st.Scores) != 1 || st.Scores[0].Name != "is-a-larger" || *st.Scores[0].Class != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// TestNotSamples holds that what a broker had kept, and what the device says itself,
// is no sample.
func TestNotSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, _, _ := options("mqtt:#")
		s := New(o)
		defer run(t, s)()
		synctest.Wait()
		p.handle(bus.Message{Topic: "garden", Payload: []byte("1"), Retain: true})
		p.say(p.Topic("sensor/task"), `{"confidence":1}`)
		synctest.Wait()
		if st := s.Status(); st.Samples != 0 || len(st.Refused) > 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestDeadBroker holds that scoring goes on without a broker, and that the broker is
// told the latest score of each task once it is back.
func TestDeadBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, _, _ := options("mqtt:a")
		s := New(o)
		defer run(t, s)()
		s.Offer(largerTask("one"))
		s.Offer(largerTask("two"))
		synctest.Wait()
		p.set(false)
		p.said()
		for i := range 100 {
			p.say("a", fmt.Sprintf(`{"a":0.%02d,"b":0.5}`, i))
			synctest.Wait()
		}
		time.Sleep(90 * time.Second)
		st := s.Status()
		if st.Scored != 200 || st.Published != 0 || st.Dropped != 200 || st.Connected || len(st.Scores) != 2 || st.Scores[0].Age != 90 || *st.Scores[0].Class != 1 {
			t.Errorf("%+v", st)
		}
		p.set(true)
		said := p.said()
		if len(said) != 2 {
			t.Fatalf("%d messages once the broker is back", len(said))
		}
		for _, m := range said {
			if score := decode(t, m.Payload); *score.Class != 1 || time.Since(score.Time) != 90*time.Second {
				t.Errorf("%s", m.Payload)
			}
		}
	})
}

// TestOverrun holds that samples which come while the scorer is held up push out
// the oldest ones, and that the source never waits.
func TestOverrun(t *testing.T) {
	q := newQueue()
	for i := range MaxQueue + 44 {
		q.push(Sample{Values: []float32{float32(i)}})
	}
	for i := range MaxQueue {
		if s, ok := q.pop(); !ok || s.Values[0] != float32(i+44) {
			t.Fatalf("sample %d: %v, %v", i, s, ok)
		}
	}
	if _, ok := q.pop(); ok || q.drops() != 44 {
		t.Errorf("%d dropped", q.drops())
	}
}

// TestRate holds that a source which floods the device is refused what goes beyond.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, _, _ := options("mqtt:a")
		s := New(o)
		defer run(t, s)()
		synctest.Wait()
		for range 2 {
			for range MaxRate + 7 {
				p.say("a", "1")
			}
			synctest.Wait()
			time.Sleep(time.Second)
		}
		st := s.Status()
		if st.Refused[reasonRate] != 14 || st.Samples+st.Overrun != 2*MaxRate {
			t.Errorf("%+v", st)
		}
	})
}

// TestRestart holds that models and rows outlive the agent, and that what follows a
// restart is scored and kept as before.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, d, n := options("mqtt:a")
		o.Kind, o.Target = dataset.Regression, "t"
		first := New(o)
		end := run(t, first)
		synctest.Wait()
		if _, _, err := first.Tables(nil); !errors.Is(err, ErrFewRows) {
			t.Errorf("rows before the first sample: %v", err)
		}
		first.Offer(largerTask("task"))
		for i := range 200 {
			p.say("a", fmt.Sprintf(`{"a":%d,"b":1,"t":%d}`, i, 2*i))
			synctest.Wait()
		}
		train, test, err := first.Tables(nil)
		if err != nil || train.Rows()+test.Rows() != 200 || test.Rows() < 20 || !slices.Equal(train.Columns, []string{"a", "b"}) || train.Y[3] != 2*train.X[6] {
			t.Fatalf("%+v, %+v, %v", train, test, err)
		}
		synctest.Wait()
		if got := slices.Sorted(maps.Keys(d.files)); !slices.Equal(got, []string{fileModels, fileBase}) {
			t.Errorf("files %v; those who learn find their rows on the disk", got)
		}
		end()
		p.said()

		second := New(o)
		if again, _, err := second.Tables(nil); err != nil || again.Rows() != train.Rows() {
			t.Errorf("before the first sample after a restart: %v", err)
		}
		end = run(t, second)
		synctest.Wait()
		p.say("a", `{"a":0.9,"b":0.1}`)
		synctest.Wait()
		if said := p.said(); len(said) != 1 || *decode(t, said[0].Payload).Class != 1 || len(p.kept) != 1 {
			t.Errorf("after a restart: %v", said)
		}
		if st := second.Status(); st.Rows+st.Held != 201 {
			t.Errorf("%d rows after a restart", st.Rows+st.Held)
		}
		p.say("a", `{"a":1}`) // a column lacks, and that is all
		synctest.Wait()
		end()

		third := New(o)
		end = run(t, third)
		synctest.Wait()
		p.say("a", `{"a":1,"other":2}`)
		synctest.Wait()
		if st := third.Status(); st.Rows+st.Held != 1 || !n.has("live rows with other columns are given up") {
			t.Errorf("%d rows of other columns", st.Rows+st.Held)
		}
		end()
		o.Kind = dataset.Anomaly
		if _, _, err := New(o).Tables(nil); !errors.Is(err, ErrFewRows) || !n.has("with another target are given up") {
			t.Errorf("rows with another target: %v", err)
		}
	})
}

// TestDamagedFiles holds that a service begins anew where its files are damaged.
func TestDamagedFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, d, n := options("mqtt:a")
		d.files = map[string][]byte{fileBase: []byte("ring"), fileModels: []byte("models")}
		s := New(o)
		defer run(t, s)()
		synctest.Wait()
		p.say("a", "[1,2]")
		synctest.Wait()
		if st := s.Status(); st.Rows+st.Held != 1 || !n.has("live rows not read") || !n.has("are not restored") {
			t.Errorf("%+v\n%s", st, n.b.String())
		}
		d.mu.Lock()
		d.full = errors.New("no space left")
		d.mu.Unlock()
		s.Offer(largerTask("task"))
		time.Sleep(o.SaveEvery + time.Second)
		synctest.Wait()
		if !n.has("live rows not saved") || !n.has("models of live scores are not saved") {
			t.Errorf("a full disk: %s", n.b.String())
		}
	})
}

// TestTasks holds how many tasks are scored, and how they take one another's place.
func TestTasks(t *testing.T) {
	o, p, _, _ := options("mqtt:a")
	o.Name = "attic"
	s := New(o)
	for i := range MaxTasks + 1 {
		s.Offer(largerTask(fmt.Sprint("Task nº ", i)))
	}
	task, theta, held := largerTask("task n 4") // another task of the same name
	task.Seed++
	s.Offer(task, theta, held)
	var names []string
	for _, l := range *s.lanes.Load() {
		names = append(names, l.name)
	}
	if d := cmp.Diff([]string{"attic-task-n-1", "attic-task-n-2", "attic-task-n-3", "attic-task-n-4"}, names); d != "" {
		t.Error("(-want +got):", d)
	}
	if (*s.lanes.Load())[3].id != task.ID() {
		t.Error("the older task of that name stays")
	}
	var said discovery
	if err := json.Unmarshal(p.kept["homeassistant/device/vecino-home-kitchen/config"], &said); err != nil {
		t.Fatal(err)
	}
	if len(said.Components) != 2*MaxTasks+3 || said.Components["attic-task-n-0"] != (haComponent{Platform: "sensor"}) {
		t.Errorf("%+v", said)
	}
	long := nameOfTask(s, strings.Repeat("é-x ", 40))
	if len(long) > maxScoreName || strings.HasSuffix(long, "-") {
		t.Errorf("a long name is %q", long)
	}
	s.o.Name = ""
	if got := nameOfTask(s, "日本"); got != "score" {
		t.Errorf("a name without letters is %q", got)
	}
}

func nameOfTask(s *Service, name string) string { return s.nameOf(&node.Task{Name: name}) }

// TestWindows holds that a task over windows gets its rows from an extractor, and
// that rows begin to be gathered for one that is yet to be learned.
func TestWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, _, _ := options("mqtt:a")
		s := New(o)
		defer run(t, s)()
		synctest.Wait()
		task := &node.Task{Features: &node.Features{Channels: []string{"v"}, Length: 8, Step: 4, Period: 1000}}
		set := *task.Features
		rows := table(dataset.Anomaly, 2, 100, func(_, _ float32) float32 { return 0 })
		rows.Columns = []string{"v.mean", "v.std", "v.min", "v.max"}
		rows.X = make([]float32, 400)
		for i := range rows.X {
			rows.X[i] = float32(math.Sin(float64(i * i)))
		}
		task, scaled := taskOf("windows", "autoencoder:2", dataset.Scale{}, rows)
		task.Features, task.Target = &set, "t"
		if err := task.Check(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Tables(task); !errors.Is(err, ErrFewRows) {
			t.Fatal(err)
		}
		say := func(n int) {
			for i := range n {
				p.say("a", fmt.Sprintf(`{"v":%d}`, i%5))
				synctest.Wait()
				time.Sleep(time.Second)
			}
		}
		say(8 + 4*99)
		train, test, err := s.Tables(task)
		if err != nil || train.Rows()+test.Rows() != 100 || !slices.Equal(train.Columns, rows.Columns) || train.X[2] != 0 || train.X[3] != 4 {
			t.Fatalf("%+v, %v", train, err)
		}
		if len(p.said()) > 0 {
			t.Error("scores without a model")
		}
		s.Offer(task, learn(task, scaled, 5), scaled)
		say(8)
		if said := p.said(); len(said) != 2 || decode(t, said[0].Payload).Anomaly == nil {
			t.Errorf("%v", said)
		}
	})
}

// TestDraft holds that windows are gathered for a task that is to be made, that the one
// that is made of them goes on with them, and that another of its shape does not.
func TestDraft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, _, _ := options("mqtt:a")
		s := New(o)
		defer run(t, s)()
		synctest.Wait()
		features := node.Features{Channels: []string{"v"}, Length: 8, Step: 4, Period: 1000}
		if _, err := s.Draft("windows", node.Features{Channels: []string{"v"}, Length: 1 << 15, Step: 4, Period: 1000}); err == nil {
			t.Error("a window of any length will do")
		}
		draft, err := s.Draft("windows", features)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Tables(draft); !errors.Is(err, ErrFewRows) {
			t.Fatal(err)
		}
		for i := range 8 + 4*99 {
			p.say("a", fmt.Sprintf(`{"v":%d}`, i%5))
			synctest.Wait()
			time.Sleep(time.Second)
		}
		train, test, err := s.Tables(draft)
		if err != nil || train.Rows()+test.Rows() != 100 {
			t.Fatalf("%+v, %v", train, err)
		}
		task, _ := taskOf("windows", "autoencoder:2", dataset.Scale{}, train)
		task.Features = &features
		if err := task.Check(); err != nil {
			t.Fatal(err)
		}
		again, _, err := s.Tables(task)
		if err != nil || !slices.Equal(again.X, train.X) {
			t.Errorf("the task that was made: %v", err)
		}
		other := *task
		other.Name = "others"
		if _, _, err := s.Tables(&other); !errors.Is(err, ErrFewRows) {
			t.Errorf("another task: %v", err)
		}
	})
}

// TestOrder holds that a task gets the columns that it names, in its order.
func TestOrder(t *testing.T) {
	in := &dataset.Table{Columns: []string{"a", "b", "c"}, X: []float32{1, 2, 3, 4, 5, 6}, Y: []float32{7, 8}, Missing: []int32{1, 0, 2}, Fill: []float32{.1, .2, .3}}
	got := order(in, []string{"c", "a"})
	want := &dataset.Table{Columns: []string{"c", "a"}, X: []float32{3, 1, 6, 4}, Y: []float32{7, 8}, Missing: []int32{2, 1}, Fill: []float32{.3, .1}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error("(-want +got):", d)
	}
	if order(in, []string{"a", "d"}) != in || order(in, in.Columns) != in {
		t.Error("a table that is right or cannot be is changed")
	}
}

func TestLatency(t *testing.T) {
	var h histogram
	if l := h.read(); l.Count != 0 || l.P99 != 0 || len(l.Buckets) != 0 {
		t.Errorf("nothing counted: %+v", l)
	}
	for range 98 {
		h.add(80 * time.Microsecond)
	}
	h.add(3 * time.Millisecond)
	h.add(2 * time.Second)
	l := h.read()
	if l.Count != 100 || l.P50 != 0.1 || l.P99 != 5 || l.Max != 2000 || len(l.Buckets) != 3 || l.Buckets[2].Bound != nil {
		t.Errorf("%+v", l)
	}
}
