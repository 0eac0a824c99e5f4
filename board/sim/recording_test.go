// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vecino-edge/vecino/board"
	"github.com/vecino-edge/vecino/board/sim"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/golden.jsonl"

// moody is a sensor that gives what it is told to.
type moody struct {
	board.Sensor
	values []board.Value
	err    error
}

func (m *moody) Read(context.Context) ([]board.Value, error) { return m.values, m.err }

// read is what one read gave.
type read struct {
	Values []board.Value
	Err    string
}

func readOf(t testing.TB, s board.Sensor) read {
	t.Helper()
	values, err := s.Read(t.Context())
	return read{values, text(err)}
}

// record makes a recording that has a bit of everything, and returns what the
// reads gave meanwhile, by sensor.
func record(t *testing.T, w io.Writer) (reads [2][]read) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		nan := math.NaN()
		one := sim.NewSensor("sim/air", air,
			sim.Step{Values: []float64{21.5, 40}},
			sim.Step{At: 1500 * time.Millisecond, Values: []float64{-0.1, nan}})
		two := &moody{Sensor: sim.NewSensor("sim/pi", []board.Channel{{Name: "sim/pi", Unit: board.NoUnit}})}
		rec, err := sim.Record(w, one, two)
		if err != nil {
			t.Fatal(err)
		}
		sensors := rec.Sensors()
		value := board.Value{Channel: two.Channels()[0], X: 1e-7, Time: time.Now().Add(-time.Second), Quality: board.Stale}
		for i := range 3 {
			switch two.values, two.err = []board.Value{value}, errors.New("bus <hangs>\nand \"hangs\""); i {
			case 1:
				two.values = nil
			case 2:
				two.values[0].Quality = board.Bad
			}
			reads[0] = append(reads[0], readOf(t, sensors[0]))
			reads[1] = append(reads[1], readOf(t, sensors[1]))
			time.Sleep(time.Second)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := sensors[0].Read(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if err := rec.Err(); err != nil {
			t.Error(err)
		}
	})
	return reads
}

// TestRecording records, holds the bytes to golden ones, and plays the same.
func TestRecording(t *testing.T) {
	var b bytes.Buffer
	reads := record(t, &b)
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("the recording differs (-golden +now):\n%s", d)
	}
	rec, err := sim.ReadRecording(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // of synctest
	if !rec.Begin().Equal(begin) || rec.Len() != 6 {
		t.Errorf("%d samples from %v", rec.Len(), rec.Begin())
	}
	for range 2 { // a recording plays as often as one likes
		for i, s := range rec.Sensors(begin) {
			for j, want := range reads[i] {
				if d := cmp.Diff(want, readOf(t, s), cmpopts.EquateNaNs(), cmpopts.EquateApproxTime(0)); d != "" {
					t.Errorf("read %d of %s (-recorded +played):\n%s", j, s.Name(), d)
				}
			}
			if values, err := s.Read(t.Context()); values != nil || !errors.Is(err, sim.ErrEnd) {
				t.Errorf("%s past its end: %v, error %v", s.Name(), values, err)
			}
		}
	}
	if s := rec.Sensors(begin.Add(time.Hour))[0]; !readOf(t, s).Values[0].Time.Equal(begin.Add(time.Hour)) || !cmp.Equal(s.Channels(), air) {
		t.Errorf("played an hour later: %+v", s.Channels())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := rec.Sensors(begin)[0]
	if _, err := s.Read(ctx); !errors.Is(err, context.Canceled) || len(readOf(t, s).Values) != 2 {
		t.Errorf("a cancelled read: error %v", err)
	}
}

// TestRecordingRefuses mutates the golden recording.
func TestRecordingRefuses(t *testing.T) {
	file, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	good := string(file)
	tests := []struct{ name, old, new, want string }{
		{"nothing", good, "", "line 1: the line is not complete; was the recording cut off?"},
		{"two objects on a line", "]}\n{", "]}{", "line 1: there is more than one object"},
		{"cut off", `["bad"],"error":"bus <hangs>\nand \"hangs\""}` + "\n", `["bad"]`, "line 7: the line is not complete; was the recording cut off?"},
		{"not JSON", good, "hello\n", "line 1: it is not an object of a recording: invalid character 'h' looking for beginning of value"},
		{"no head", good[:strings.Index(good, "\n")+1], "", `line 1: it is not an object of a recording: json: unknown field "sensor"`},
		{"another mark", "vecino board", "vecino bird", "line 1: it is not the head of a recording of version 1"},
		{"another version", `"version":1`, `"version":2`, "line 1: it is not the head of a recording of version 1"},
		{"no time", "2000-01-01T", "2000-13-01T", "line 1: begin is not a time of RFC 3339"},
		{"unknown member", `"version":1`, `"version":1,"extra":1`, `line 1: it is not an object of a recording: json: unknown field "extra"`},
		{"no sensors", good, `{"recording":"vecino board","version":1,"begin":"2000-01-01T00:00:00Z","sensors":[]}` + "\n", "line 1: 0 sensors; a recording has 1 to 256"},
		{"sensor without a name", `"name":"sim/air",`, `"name":"",`, `line 1: sensor "": the name is not valid or not the only one`},
		{"name in capitals", `"name":"sim/air",`, `"name":"sim/Air",`, `line 1: sensor "sim/Air": the name is not valid or not the only one`},
		{"name too long", `"name":"sim/air",`, `"name":"` + strings.Repeat("a", 257) + `",`, `line 1: sensor "` + strings.Repeat("a", 64) + `": the name is not valid or not the only one`},
		{"same name twice", `"name":"sim/pi",`, `"name":"sim/air",`, `line 1: sensor "sim/air": the name is not valid or not the only one`},
		{"same channel twice", `"sim/air/humidity1"`, `"sim/air/temp1"`, `line 1: channel "sim/air/temp1": the name is not valid or not the only one`},
		{"no channels", `[{"name":"sim/pi","unit":""}]`, `[]`, "line 1: sensor sim/pi: 0 channels; it takes 1 to 128"},
		{"unit too long", `"unit":"%"`, `"unit":"` + strings.Repeat("%", 17) + `"`, "line 1: channel sim/air/humidity1: the unit or the label is too long or not printable"},
		{"unit not printable", `"unit":"%"`, `"unit":"\u001b"`, "line 1: channel sim/air/humidity1: the unit or the label is too long or not printable"},
		{"label too long", `"label":"Relative"`, `"label":"` + strings.Repeat("r", 65) + `"`, "line 1: channel sim/air/humidity1: the unit or the label is too long or not printable"},
		{"sensor below", `{"sensor":0,"ms":[0,0]`, `{"sensor":-1,"ms":[0,0]`, "line 2: sensor -1 of 2"},
		{"sensor above", `{"sensor":0,"ms":[0,0]`, `{"sensor":2,"ms":[0,0]`, "line 2: sensor 2 of 2"},
		{"sensor missing", `{"sensor":0,"ms":[0,0]`, `{"ms":[0,0]`, "line 2: sensor -1 of 2"},
		{"too few values", `"x":[21.5,40]`, `"x":[21.5]`, "line 2: 1 values, 2 times and 2 qualities of 2 channels"},
		{"too many values", `"x":[21.5,40]`, `"x":[21.5,40,1]`, "line 2: 3 values, 2 times and 2 qualities of 2 channels"},
		{"too few times", `"ms":[0,0]`, `"ms":[0]`, "line 2: 2 values, 1 times and 2 qualities of 2 channels"},
		{"too few qualities", `["good","good"]`, `["good"]`, "line 2: 2 values, 2 times and 1 qualities of 2 channels"},
		{"time too early", `"ms":[0,0]`, `"ms":[0,-4398046511105]`, "line 2: time 1 is -4398046511105 ms"},
		{"time too late", `"ms":[0,0]`, `"ms":[4398046511105,0]`, "line 2: time 0 is 4398046511105 ms"},
		{"time not whole", `"ms":[0,0]`, `"ms":[0.5,0]`, "line 2: it is not an object of a recording: json: cannot unmarshal number 0.5 into"},
		{"number too large", `[21.5,40]`, `[1e999,40]`, "line 2: it is not an object of a recording: json: cannot unmarshal number 1e999 into"},
		{"good without a value", `[21.5,40]`, `[null,40]`, "line 2: value 0 is good and there is none"},
		{"unknown quality", `["good","good"]`, `["good","fair"]`, `line 2: it is not an object of a recording: quality "fair" is unknown; it is good, stale or bad`},
		{"bad without an error", `["good","good"]`, `["good","bad"]`, "line 2: there is an error if and only if not all values are good"},
		{"good with an error", `["good","good"]`, `["good","good"],"error":"x"`, "line 2: there is an error if and only if not all values are good"},
		{"error too long", `["good","good"]`, `["good","bad"],"error":"` + strings.Repeat("x", 4097) + `"`, "line 2: the error is longer than 4096 bytes"},
		{"nothing in a sample", `"ms":[0,0],"x":[21.5,40],"quality":["good","good"]`, `"error":""`, "line 2: 0 values, 0 times and 0 qualities of 2 channels"},
		{"not UTF-8", "Relative", "Relativ\xff", "line 1: it is not UTF-8"},
		{"empty line", "]}\n{\"sensor\":0,\"ms\":[0,0]", "]}\n\n{\"sensor\":0,\"ms\":[0,0]", "line 2: it is not an object of a recording: EOF"},
		{"line too long", "Relative", strings.Repeat("r", sim.MaxLine), "line 1: the line is longer than 65536 bytes"},
		{"too many sensors", `{"name":"sim/pi"`, many(sim.MaxSensors-1) + `{"name":"sim/pi"`, "line 1: 257 sensors; a recording has 1 to 256"},
	}
	for _, tt := range tests {
		mutant := strings.Replace(good, tt.old, tt.new, 1)
		if mutant == good {
			t.Fatalf("%s: nothing changed", tt.name)
		}
		_, err := sim.ReadRecording(strings.NewReader(mutant))
		if !strings.HasPrefix(text(err), "recording: "+tt.want) {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
	if _, err := sim.ReadRecording(io.MultiReader(strings.NewReader(good), iotest.ErrReader(io.ErrClosedPipe))); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("failing reader: error %v", err)
	}
}

// many returns so many sensors of a head.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"name":"s%d","channels":[{"name":"c%d","unit":""}]},`, i, i)
	}
	return b.String()
}

// FuzzReadRecording reads anything. What is a recording plays without a sample
// that no sensor could give, and is the same recording when it is recorded again.
func FuzzReadRecording(f *testing.F) {
	file, err := os.ReadFile(golden)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := sim.ReadRecording(bytes.NewReader(data))
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x00\x1b") {
				t.Errorf("error with control characters: %q", err)
			}
			return
		}
		var b bytes.Buffer
		again, err := sim.Record(&b, rec.Sensors(time.Now())...)
		if err != nil {
			return // the head is longer when the recorder writes it
		}
		total := 0
		for _, s := range again.Sensors() {
			for {
				values, err := s.Read(t.Context())
				if errors.Is(err, sim.ErrEnd) {
					break
				}
				if total++; values != nil && len(values) != len(s.Channels()) || values == nil && err == nil {
					t.Fatalf("%s: %v, error %v", s.Name(), values, err)
				}
			}
		}
		if total != rec.Len() {
			t.Errorf("%d samples played of %d", total, rec.Len())
		}
	})
}
