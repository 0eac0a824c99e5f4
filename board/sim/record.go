// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/board"
)

// Recorder writes down what sensors give.
type Recorder struct {
	sensors []board.Sensor
	begin   time.Time

	mu   sync.Mutex
	w    io.Writer
	left int // bytes
	err  error
}

// ErrFull is the end of a recording that may not become longer.
var ErrFull = fmt.Errorf("recording: it has its %d bytes", MaxBytes)

// Record begins a recording of sensors.
func Record(w io.Writer, sensors ...board.Sensor) (*Recorder, error) {
	r := &Recorder{w: w, begin: time.Now().Round(time.Millisecond), left: MaxBytes}
	h := head{Recording: recordingMark, Version: recordingVersion, Begin: r.begin.UTC().Format(time.RFC3339Nano)}
	for i, s := range sensors {
		o := origin{Name: s.Name()}
		for _, c := range s.Channels() {
			o.Channels = append(o.Channels, channel{Name: c.Name, Unit: c.Unit, Label: c.Label})
		}
		h.Sensors = append(h.Sensors, o)
		r.sensors = append(r.sensors, &recorded{Sensor: s, to: r, index: i})
	}
	if r.add(h, validate(h.Sensors)); r.err != nil {
		return nil, r.err
	}
	return r, nil
}

// Sensors returns the sensors, in their order, each of which is recorded whenever
// it is read.
func (r *Recorder) Sensors() []board.Sensor { return r.sensors }

// Err returns why nothing more is recorded, [ErrFull] or an error of the writer.
// Reading goes on without a recording.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// add writes a line, unless valid says what is wrong with it. The first error is
// the last line.
func (r *Recorder) add(v any, valid error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = r.write(v, valid)
	}
}

func (r *Recorder) write(v any, err error) error {
	var line bytes.Buffer
	to := json.NewEncoder(&line)
	to.SetEscapeHTML(false)
	if err == nil {
		err = to.Encode(v)
	}
	switch {
	case err != nil:
	case line.Len() > MaxLine:
		err = fmt.Errorf("a line has more than %d bytes", MaxLine)
	case line.Len() > r.left:
		return ErrFull
	default:
		r.left -= line.Len()
		_, err = r.w.Write(line.Bytes())
	}
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	return nil
}

// recorded is a sensor that is recorded.
type recorded struct {
	board.Sensor
	to    *Recorder
	index int
}

func (s *recorded) Read(ctx context.Context) ([]board.Value, error) {
	values, err := s.Sensor.Read(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return values, err // that was the reader, not the sensor
	}
	line := sample{Sensor: s.index, Error: errorText(err)}
	for _, v := range values {
		x := &v.X
		if math.IsNaN(v.X) {
			x = nil
		}
		line.X = append(line.X, x)
		line.MS = append(line.MS, v.Time.Sub(s.to.begin).Milliseconds())
		line.Quality = append(line.Quality, v.Quality)
	}
	s.to.add(line, line.validate(len(s.Channels())))
	return values, err
}

// errorText returns an error, shortened to what a recording takes.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	s := strings.ToValidUTF8(err.Error(), "")
	if s == "" {
		return "an error without words"
	}
	if len(s) > maxError {
		s = strings.ToValidUTF8(s[:maxError], "")
	}
	return s
}
