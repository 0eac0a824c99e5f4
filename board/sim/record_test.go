// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/board"
	"github.com/vecino-edge/vecino/board/sim"
)

// TestRecordingLength fills a recording to its limit: what was written is whole,
// sensors go on, and one byte more is refused.
func TestRecordingLength(t *testing.T) {
	var b bytes.Buffer
	s := &moody{Sensor: sim.NewSensor("s", []board.Channel{{Name: "s"}}), err: errors.New(strings.Repeat("x", 5000))}
	rec, err := sim.Record(&b, s)
	if err != nil {
		t.Fatal(err)
	}
	for rec.Err() == nil {
		if _, err := rec.Sensors()[0].Read(t.Context()); err == nil {
			t.Fatal("no error")
		}
	}
	if !errors.Is(rec.Err(), sim.ErrFull) || b.Len() > sim.MaxBytes || b.Len() < sim.MaxBytes-5000 {
		t.Errorf("%d bytes, error %v", b.Len(), rec.Err())
	}
	full := b.Len()
	s.err = io.EOF // for which there would be room
	if _, err := rec.Sensors()[0].Read(t.Context()); err != io.EOF || b.Len() != full {
		t.Errorf("after the end: error %v, %d bytes", err, b.Len()-full)
	}
	whole, err := sim.ReadRecording(bytes.NewReader(b.Bytes()))
	if err != nil || whole.Len() < sim.MaxBytes/4200 {
		t.Fatalf("error %v", err)
	}
	for b.Len() <= sim.MaxBytes {
		b.WriteString(`{"sensor":0,"error":"` + strings.Repeat("x", 10) + "\"}\n")
	}
	if _, err := sim.ReadRecording(&b); err == nil || !strings.HasSuffix(err.Error(), "the recording is longer than 8388608 bytes") {
		t.Errorf("error %v", err)
	}
}

// TestRecordRefuses records what cannot be: sensors that a recording cannot have,
// and values that no sensor may give.
func TestRecordRefuses(t *testing.T) {
	channel := board.Channel{Name: "s"}
	for name, sensors := range map[string][]board.Sensor{
		"none":        nil,
		"no channels": {sim.NewSensor("s", nil)},
		"same twice":  {sim.NewSensor("s", air), sim.NewSensor("s", air)},
		"bad name":    {sim.NewSensor("s+", air)},
		"long line":   {sim.NewSensor("s", wide(128)), sim.NewSensor("t", wide(128)[:127])},
	} {
		var b bytes.Buffer
		if _, err := sim.Record(&b, sensors...); err == nil || !strings.HasPrefix(err.Error(), "recording: ") || b.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes", name, err, b.Len())
		}
	}
	value := func(x float64, q board.Quality) []board.Value {
		return []board.Value{{Channel: channel, X: x, Quality: q, Time: time.Now()}}
	}
	for name, m := range map[string]*moody{
		"no error":       {values: value(1, board.Bad)},
		"an error":       {values: value(1, board.Good), err: io.EOF},
		"no value":       {},
		"two values":     {values: append(value(1, board.Good), value(1, board.Good)...)},
		"good NaN":       {values: value(math.NaN(), board.Good)},
		"infinite":       {values: value(math.Inf(1), board.Good)},
		"quality of 3":   {values: value(1, 3), err: io.EOF},
		"no time at all": {values: []board.Value{{Channel: channel}}},
	} {
		m.Sensor = sim.NewSensor("s", []board.Channel{channel})
		var b bytes.Buffer
		rec, err := sim.Record(&b, m)
		if err != nil {
			t.Fatal(err)
		}
		head := b.Len()
		if _, err := rec.Sensors()[0].Read(t.Context()); err != m.err {
			t.Errorf("%s: error %v", name, err)
		}
		if rec.Err() == nil || b.Len() != head {
			t.Errorf("%s: recorded, error %v", name, rec.Err())
		}
	}
}

// wide returns so many channels with the longest names.
func wide(n int) (channels []board.Channel) {
	for i := range n {
		channels = append(channels, board.Channel{Name: strings.Repeat(string(rune('a'+n%26)), 250) + fmt.Sprint(i)})
	}
	return channels
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestRecordToFailingWriter(t *testing.T) {
	if _, err := sim.Record(failing{}, sim.NewSensor("s", air)); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("error %v", err)
	}
}
