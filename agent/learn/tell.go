// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"
	"time"
)

// Waits of telling, for a spread D of 30 s.
const (
	tellAfter = 12 * time.Second // a newcomer knows its neighbours' hellos by then
	tellEvery = 5 * time.Minute
)

// tellNewcomers sends the task to those who come, once they can open it, and
// again from time to time for those who missed it. One of the neighbours is
// enough, and whoever was told just now need not begin with telling.
func (s *Service) tellNewcomers(ctx context.Context, j *job) {
	s.mu.Lock()
	heard := !j.told.IsZero()
	s.mu.Unlock()
	for ; ; heard = false {
		changed := s.o.Member.Changed()
		if !heard {
			s.tell(ctx, j)
		}
		again := time.NewTimer(s.o.Member.Wait(tellEvery))
		select {
		case <-ctx.Done():
			again.Stop()
			return
		case <-changed:
			again.Stop()
		case <-again.C:
		}
	}
}

// tell sends the task after a time that nobody else has, unless a neighbour has
// sent it meanwhile.
func (s *Service) tell(ctx context.Context, j *job) {
	begin := time.Now()
	delay := s.o.Member.Wait(tellAfter)
	t := time.NewTimer(delay + time.Duration(s.fraction()*float64(delay)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return
	case <-t.C:
	}
	s.mu.Lock()
	told, msg := j.told.After(begin), j.msg
	s.mu.Unlock()
	if all, _ := s.o.Member.Present(); told || len(all) < 2 {
		return
	}
	if err := s.o.Member.Broadcast(typeTask, msg); err != nil {
		s.o.Log.Debug("task not told", "err", err)
	}
}

// fraction draws a number from 0 to 1.
func (s *Service) fraction() float64 {
	var b [2]byte
	if _, err := s.o.Rand.Read(b[:]); err != nil {
		return 0
	}
	return (float64(b[0]) + float64(b[1])/256) / 256
}
