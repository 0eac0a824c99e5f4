// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vecino-edge/vecino/board"
)

// Limits on a recording.
const (
	MaxBytes    = 8 << 20  // of the file
	MaxLine     = 64 << 10 // bytes of a line
	MaxSensors  = 256
	MaxChannels = 128  // of a sensor
	maxName     = 256  // bytes of a name
	maxUnit     = 16   // bytes of a unit
	maxLabel    = 64   // bytes of a label
	maxError    = 4096 // bytes of an error
	maxMS       = 1 << 42
)

const (
	recordingMark    = "vecino board"
	recordingVersion = 1
)

type head struct {
	Recording string   `json:"recording"`
	Version   int      `json:"version"`
	Begin     string   `json:"begin"`
	Sensors   []origin `json:"sensors"`
}

// origin is a sensor that was recorded.
type origin struct {
	Name     string    `json:"name"`
	Channels []channel `json:"channels"`
}

type channel struct {
	Name  string `json:"name"`
	Unit  string `json:"unit"`
	Label string `json:"label,omitempty"`
}

// sample is one read of a sensor. The lists are as long as it has channels, or
// empty when the read gave nothing but an error.
type sample struct {
	Sensor  int             `json:"sensor"`
	MS      []int64         `json:"ms,omitempty"`
	X       []*float64      `json:"x,omitempty"`
	Quality []board.Quality `json:"quality,omitempty"`
	Error   string          `json:"error,omitempty"`
}

// Recording is what was recorded.
type Recording struct {
	begin   time.Time
	origins []origin
	samples [][]sample // of each sensor, in their order
}

// ReadRecording reads a recording. An error says in which line something is wrong.
func ReadRecording(r io.Reader) (*Recording, error) {
	in := bufio.NewReaderSize(r, MaxLine)
	rec := new(Recording)
	total := 0
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 && n > 1 {
			return rec, nil
		}
		total += len(line)
		switch {
		case err == io.EOF:
			err = errors.New("the line is not complete; was the recording cut off?")
		case err == bufio.ErrBufferFull:
			err = fmt.Errorf("the line is longer than %d bytes", MaxLine)
		case err != nil:
		case total > MaxBytes:
			err = fmt.Errorf("the recording is longer than %d bytes", MaxBytes)
		case n == 1:
			err = rec.head(line)
		default:
			err = rec.sample(line)
		}
		if err != nil {
			return nil, fmt.Errorf("recording: line %d: %w", n, err)
		}
	}
}

// decode reads one object that is alone on its line, with no unknown member.
func decode(line []byte, v any) error {
	if !utf8.Valid(line) {
		return errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("it is not an object of a recording: %s", printable(err.Error()))
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more than one object")
	}
	return nil
}

// printable takes the control characters out of a text and shortens it.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	const most = 200
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func (r *Recording) head(line []byte) error {
	var h head
	if err := decode(line, &h); err != nil {
		return err
	}
	if h.Recording != recordingMark || h.Version != recordingVersion {
		return fmt.Errorf("it is not the head of a recording of version %d", recordingVersion)
	}
	begin, err := time.Parse(time.RFC3339Nano, h.Begin)
	if err != nil {
		return errors.New("begin is not a time of RFC 3339")
	}
	if err := validate(h.Sensors); err != nil {
		return err
	}
	r.begin, r.origins, r.samples = begin, h.Sensors, make([][]sample, len(h.Sensors))
	return nil
}

// validate holds the sensors of a recording to its limits.
func validate(origins []origin) error {
	if len(origins) < 1 || len(origins) > MaxSensors {
		return fmt.Errorf("%d sensors; a recording has 1 to %d", len(origins), MaxSensors)
	}
	names, channels := make(map[string]bool), make(map[string]bool)
	for _, o := range origins {
		switch {
		case !validName(o.Name) || names[o.Name]:
			return fmt.Errorf("sensor %.64q: the name is not valid or not the only one", o.Name)
		case len(o.Channels) < 1 || len(o.Channels) > MaxChannels:
			return fmt.Errorf("sensor %s: %d channels; it takes 1 to %d", o.Name, len(o.Channels), MaxChannels)
		}
		names[o.Name] = true
		for _, c := range o.Channels {
			switch {
			case !validName(c.Name) || channels[c.Name]:
				return fmt.Errorf("channel %.64q: the name is not valid or not the only one", c.Name)
			case !validText(c.Unit, maxUnit) || !validText(c.Label, maxLabel):
				return fmt.Errorf("channel %s: the unit or the label is too long or not printable", c.Name)
			}
			channels[c.Name] = true
		}
	}
	return nil
}

func validName(s string) bool {
	return s != "" && len(s) <= maxName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._/-") == ""
}

// validText reports whether a text is short enough, in UTF-8 and printable.
func validText(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func (r *Recording) sample(line []byte) error {
	s := sample{Sensor: -1}
	if err := decode(line, &s); err != nil {
		return err
	}
	if s.Sensor < 0 || s.Sensor >= len(r.origins) {
		return fmt.Errorf("sensor %d of %d", s.Sensor, len(r.origins))
	}
	if err := s.validate(len(r.origins[s.Sensor].Channels)); err != nil {
		return err
	}
	r.samples[s.Sensor] = append(r.samples[s.Sensor], s)
	return nil
}

// validate holds the values of a sample to what a sensor can give.
func (s *sample) validate(channels int) error {
	switch {
	case len(s.Error) > maxError:
		return fmt.Errorf("the error is longer than %d bytes", maxError)
	case len(s.X) == 0 && len(s.MS) == 0 && len(s.Quality) == 0 && s.Error != "":
		return nil // the read gave no values
	case len(s.X) != channels || len(s.MS) != channels || len(s.Quality) != channels:
		return fmt.Errorf("%d values, %d times and %d qualities of %d channels", len(s.X), len(s.MS), len(s.Quality), channels)
	}
	good := true
	for i, q := range s.Quality {
		good = good && q == board.Good
		switch {
		case s.X[i] == nil && q != board.Bad:
			return fmt.Errorf("value %d is %v and there is none", i, q)
		case s.MS[i] < -maxMS || s.MS[i] > maxMS:
			return fmt.Errorf("time %d is %d ms", i, s.MS[i])
		}
	}
	if good != (s.Error == "") {
		return errors.New("there is an error if and only if not all values are good")
	}
	return nil
}

// value returns one value of a sample, with its time relative to begin.
func (s *sample) value(c channel, i int, begin time.Time) board.Value {
	v := board.Value{
		Channel: board.Channel{Name: c.Name, Unit: c.Unit, Label: c.Label},
		X:       math.NaN(),
		Time:    begin.Add(time.Duration(s.MS[i]) * time.Millisecond),
		Quality: s.Quality[i],
	}
	if s.X[i] != nil {
		v.X = *s.X[i]
	}
	return v
}
