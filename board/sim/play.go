// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/board"
)

// Begin returns when the recording was begun.
func (r *Recording) Begin() time.Time { return r.begin }

// Len returns how many samples the recording has, of all sensors together.
func (r *Recording) Len() int {
	n := 0
	for _, s := range r.samples {
		n += len(s)
	}
	return n
}

// Sensors returns the sensors of a recording, in the order in which they were
// recorded. Each read of one gives its next sample, however much time has passed,
// with the errors that there were. The times are as recorded, but as if the
// recording had been begun at begin. After the last one, a read fails with
// [ErrEnd]. Each call begins at the first sample.
func (r *Recording) Sensors(begin time.Time) []board.Sensor {
	sensors := make([]board.Sensor, len(r.origins))
	for i := range r.origins {
		sensors[i] = &player{origin: &r.origins[i], begin: begin, left: r.samples[i]}
	}
	return sensors
}

// ErrEnd is what a sensor of a recording fails with after its last sample.
var ErrEnd = errors.New("the recording has no more samples")

// player plays the samples of one sensor.
type player struct {
	*origin
	begin time.Time

	mu   sync.Mutex
	left []sample
}

func (p *player) Name() string { return p.origin.Name }

func (p *player) Channels() []board.Channel {
	channels := make([]board.Channel, len(p.origin.Channels))
	for i, c := range p.origin.Channels {
		channels[i] = board.Channel{Name: c.Name, Unit: c.Unit, Label: c.Label}
	}
	return channels
}

func (p *player) Read(ctx context.Context) ([]board.Value, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", p.Name(), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.left) == 0 {
		return nil, fmt.Errorf("read %s: %w", p.Name(), ErrEnd)
	}
	s := &p.left[0]
	p.left = p.left[1:]
	var err error
	if s.Error != "" {
		err = errors.New(s.Error)
	}
	if len(s.X) == 0 {
		return nil, err
	}
	values := make([]board.Value, len(s.X))
	for i := range values {
		values[i] = s.value(p.origin.Channels[i], i, p.begin)
	}
	return values, err
}
