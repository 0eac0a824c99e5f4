// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/board"
)

// StaleAfter is for how long the last good value of a channel stands in for one
// that cannot be read.
const StaleAfter = time.Minute

// sensor is a device of one of the classes.
type sensor struct {
	tree
	name     string
	channels []channel

	mu   sync.Mutex
	last []board.Value // good ones; the time is zero where there is none
}

// channel says how to read a channel: (file + offset) * scale * times / over.
type channel struct {
	board.Channel
	file          string
	offset, scale string // files; empty for 0 and 1
	fault         string // a file that holds 1 while the channel is broken; empty for none
	times, over   float64
	low, high     float64 // beyond which a value is impossible
}

func (s *sensor) Name() string { return s.name }

func (s *sensor) Channels() []board.Channel {
	channels := make([]board.Channel, len(s.channels))
	for i, c := range s.channels {
		channels[i] = c.Channel
	}
	return channels
}

func (s *sensor) Read(ctx context.Context) ([]board.Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := make([]board.Value, len(s.channels))
	var errs []error
	for i := range s.channels {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", s.name, err)
		}
		var err error
		if values[i], err = s.value(i); err != nil {
			errs = append(errs, err)
		}
	}
	return values, errors.Join(errs...)
}

// value reads one channel.
func (s *sensor) value(i int) (board.Value, error) {
	c := &s.channels[i]
	x, err := c.read(s.tree)
	v := board.Value{Channel: c.Channel, X: x, Time: time.Now()}
	switch {
	case err == nil && c.low <= x && x <= c.high:
		s.last[i] = v
		return v, nil
	case err == nil:
		v.Quality = board.Bad
		return v, fail(c.file, fmt.Errorf("%v %s cannot be", x, c.Unit))
	case !errors.Is(err, errBroken) && !s.last[i].Time.IsZero() && v.Time.Sub(s.last[i].Time) <= StaleAfter:
		v = s.last[i]
		v.Quality = board.Stale
		return v, err
	}
	v.X, v.Quality = math.NaN(), board.Bad
	return v, err
}

var errBroken = errors.New("the chip says that the sensor is broken")

func (c *channel) read(t tree) (float64, error) {
	if c.fault != "" {
		if broken, err := t.number(c.fault); err == nil && broken != 0 {
			return 0, fail(c.fault, errBroken)
		}
	}
	x, err := t.number(c.file)
	if err != nil {
		return 0, err
	}
	if c.offset != "" {
		offset, err := t.number(c.offset)
		if err != nil {
			return 0, err
		}
		x += offset
	}
	if c.scale != "" {
		scale, err := t.number(c.scale)
		if err != nil {
			return 0, err
		}
		x *= scale
	}
	if x = x * c.times / c.over; math.IsInf(x, 0) || math.IsNaN(x) {
		return 0, fail(c.file, errors.New("the number is too large"))
	}
	return x, nil
}
