// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/board"
)

// patience is how long a test waits for a process or a file.
const patience = 10 * time.Second

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not in %v: %s", patience, what)
}

func TestParseSpec(t *testing.T) {
	for text, want := range map[string]Spec{
		"board": {KindBoard, ""}, "mqtt:a/b": {KindMQTT, "a/b"}, "exec:a:b": {KindExec, "a:b"}, "file:/x": {KindFile, "/x"},
		"": {}, "boards": {}, "board:": {}, "mqtt:": {}, "exec: ": {}, "http:x": {},
	} {
		got, err := ParseSpec(text)
		if got != want || (err == nil) != (want.Kind != "") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// TestExec holds that lines of a program are samples, that it does not see the
// agent's settings, and that it and its children end with the service.
func TestExec(t *testing.T) {
	t.Setenv("VECINO_BROKER_PASSWORD_FILE", "secret")
	file := filepath.Join(t.TempDir(), "pid")
	o, _, _, _ := options("exec:echo a,b; echo 1,${VECINO_BROKER_PASSWORD_FILE:-2}; sleep 100 & echo $! >" + file + "; wait")
	s := New(o)
	end := run(t, s)
	eventually(t, "a sample", func() bool { return s.Status().Samples == 1 })
	eventually(t, "a row", func() bool { st := s.Status(); return st.Rows+st.Held == 1 })
	if st := s.Status(); st.State != stateRunning {
		t.Errorf("%+v", st)
	}
	var child int
	eventually(t, "the child", func() bool {
		b, err := os.ReadFile(file)
		_, scanned := fmt.Sscan(string(b), &child)
		return err == nil && scanned == nil
	})
	begin := time.Now()
	end()
	if took := time.Since(begin); took > killAfter+time.Second {
		t.Errorf("it took %v to end", took)
	}
	eventually(t, "the child ends", func() bool { return errors.Is(syscall.Kill(child, 0), syscall.ESRCH) || zombie(child) })
}

// zombie reports whether a process has ended and nobody has asked after it.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}

// TestRestarts holds the waits between one attempt and the next, and that what a
// program said last on stderr is told.
func TestRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, p, _, n := options("mqtt:a")
		p.refuse = errors.New("not for you")
		s := New(o)
		begin := time.Now()
		end := run(t, s)
		var at []int
		last := ""
		for range 200 {
			synctest.Wait()
			if text := fmt.Sprint(strings.Count(n.String(), "is tried again")); text != last {
				last, at = text, append(at, int(time.Since(begin).Seconds()))
			}
			time.Sleep(time.Second)
		}
		if got, want := fmt.Sprint(at), "[0 1 3 7 15 31 63 123 183]"; got != want {
			t.Errorf("attempts at %v, want %v", got, want)
		}
		if st := s.Status(); st.State != stateWaiting || st.Problem != "not for you" {
			t.Errorf("%+v", st)
		}
		p.mu.Lock()
		p.refuse = nil
		p.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if st := s.Status(); st.State != stateRunning || st.Problem != "" {
			t.Errorf("%+v", st)
		}
		end()
	})
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}

func TestProgramThatFails(t *testing.T) {
	o, _, _, _ := options("exec:echo first >&2; echo no such sensor >&2; exit 3")
	s := New(o)
	if err := s.execute(t.Context()); err == nil || err.Error() != "the command ended: exit status 3: no such sensor" {
		t.Error(err)
	}
	s.o.Source.What = "exit 0"
	if err := s.execute(t.Context()); err == nil || err.Error() != "the command ended" {
		t.Error(err)
	}
}

// TestLongLines holds that a line beyond the limit costs itself alone, and no memory.
func TestLongLines(t *testing.T) {
	o, _, _, _ := options("exec:x")
	s := New(o)
	text := "1\n" + strings.Repeat("2", 3*MaxBytes) + "\n[" + strings.Repeat(" ", MaxBytes-3) + "3]\n4\n5"
	if err := s.lines(strings.NewReader(text)); err == nil {
		t.Error("no error at the end")
	}
	var got []float32
	for sample, ok := s.queue.pop(); ok; sample, ok = s.queue.pop() {
		got = append(got, sample.Values[0])
	}
	if fmt.Sprint(got) != "[1 3 4]" || s.tally.why[reasonSize] != 1 {
		t.Errorf("%v, refused %v", got, s.tally.why)
	}
}

// TestFile follows a file that grows, is cut and is replaced.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples")
	add := func(flag int, text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	add(0, "0\n0\n")
	o, _, _, _ := options("file:" + path)
	s := New(o)
	end := run(t, s)
	defer end()
	eventually(t, "it is open", func() bool { return s.Status().State == stateRunning })
	samples := func(n uint64) {
		t.Helper()
		eventually(t, fmt.Sprint(n, " samples"), func() bool { return s.Status().Samples == n })
	}
	time.Sleep(2 * followEvery) // else the end of the file may not have been found yet
	add(os.O_APPEND, "1\n2")
	samples(1)
	add(os.O_APPEND, "5\n")
	samples(2)
	add(os.O_TRUNC, "3\n")
	samples(3)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	add(0, "4\n5\n")
	samples(5)
}

func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	o, _, _, _ := options("file:" + path)
	s := New(o)
	end := run(t, s)
	eventually(t, "it is open", func() bool { return s.Status().State == stateRunning })
	for i := range 2 { // two writers, one after the other
		if err := os.WriteFile(path, []byte("1,2\n"), 0); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a sample", func() bool { return s.Status().Samples == uint64(i+1) })
	}
	end()
}

func TestFileThatCannotBe(t *testing.T) {
	o, _, _, _ := options("file:" + t.TempDir())
	s := New(o)
	if err := s.follow(t.Context()); err == nil || !strings.Contains(err.Error(), "neither a file nor a fifo") {
		t.Error(err)
	}
	s.o.Source.What += "/missing"
	if err := s.follow(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// meter is a sensor of the board.
type meter struct {
	name string
	x    float64
	q    board.Quality
	err  error
}

func (m *meter) Name() string { return m.name }

func (m *meter) Channels() []board.Channel {
	return []board.Channel{{Name: m.name + "/in"}, {Name: m.name + "/out"}}
}

func (m *meter) Read(ctx context.Context) ([]board.Value, error) {
	if m.err != nil {
		return nil, m.err
	}
	c := m.Channels()
	return []board.Value{{Channel: c[0], X: m.x}, {Channel: c[1], X: m.x, Quality: m.q}}, ctx.Err()
}

// TestBoard holds that all channels are one sample in every period, and that what is
// not read now is missing.
func TestBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _, _, _ := options("board")
		o.Sensors = []board.Sensor{&meter{name: "thermal/cpu", x: 40}, &meter{name: "hwmon/fan", x: 1e300, q: board.Stale}, &meter{name: "iio/light", err: errors.New("gone")}}
		o.Period = 10 * time.Second
		s := New(o)
		end := run(t, s)
		time.Sleep(59*10*time.Second + time.Second)
		synctest.Wait()
		st := s.Status()
		if st.Samples != 60 || st.Rows+st.Held != 60 {
			t.Fatalf("%+v", st)
		}
		r := s.base.rows.Load()
		train, _ := r.ring.Tables()
		if got := fmt.Sprint(train.Columns, train.Row(0), train.Missing); got != "[thermal/cpu/in thermal/cpu/out hwmon/fan/in hwmon/fan/out iio/light/in iio/light/out] [40 40 NaN NaN NaN NaN] ["+
			fmt.Sprintf("0 0 %[1]d %[1]d %[1]d %[1]d]", train.Rows()) {
			t.Error(got)
		}
		end()
		o.Sensors = nil
		if err := New(o).poll(t.Context()); err == nil {
			t.Error("a board without sensors")
		}
	})
}
