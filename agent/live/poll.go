// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"context"
	"errors"
	"time"

	"github.com/vecino-edge/vecino/board"
)

// poll reads the sensors of the board once in every period.
func (s *Service) poll(ctx context.Context) error {
	layout := layoutOf(s.o.Sensors)
	if len(layout.Names) == 0 {
		return errors.New("the board has no sensor that can be read")
	}
	s.tally.running()
	tick := time.NewTicker(s.o.Period)
	defer tick.Stop()
	for {
		s.readBoard(ctx, layout)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// layoutOf returns the channels of all sensors, as many as a sample may have.
func layoutOf(sensors []board.Sensor) *Layout {
	l := &Layout{}
	for _, sensor := range sensors {
		for _, c := range sensor.Channels() {
			if len(l.Names) < MaxNames && checkName(c.Name) == nil {
				l.Names = append(l.Names, c.Name)
			}
		}
	}
	return l
}

// readBoard makes one sample of all sensors. What is not read now is missing.
func (s *Service) readBoard(ctx context.Context, layout *Layout) {
	sample := Sample{At: time.Now(), Layout: layout, Values: make([]float32, len(layout.Names))}
	place := make(map[string]int, len(layout.Names))
	for i, name := range layout.Names {
		place[name], sample.Values[i] = i, missing
	}
	read := false
	for _, sensor := range s.o.Sensors {
		values, err := sensor.Read(ctx)
		if err != nil {
			s.o.Log.Debug("sensor not read", "sensor", sensor.Name(), "err", err)
		}
		for _, v := range values {
			x := float32(v.X)
			if i, ok := place[v.Name]; ok && v.Quality == board.Good && x-x == 0 {
				sample.Values[i], read = x, true
			}
		}
	}
	if read && ctx.Err() == nil {
		sample.At = time.Now() // the score is late from here on, whatever the bus took
		s.put(sample)
	}
}
