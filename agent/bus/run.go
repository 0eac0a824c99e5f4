// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// run keeps the session connected until it is closed. It and what it calls are
// one goroutine, so that there are never two connections.
func (s *Session) run(l *link) {
	handled := make(chan struct{})
	go func() {
		defer close(handled)
		s.handle()
	}()
	defer close(s.done)
	defer s.setState(Closed, nil)
	defer func() { s.cancel(); <-handled }()
	for {
		s.send(l)
		if over := s.detach(l); over {
			return
		}
		s.log.Warn("connection to broker lost", "err", l.err)
		s.setState(Waiting, l.err)
		err := s.rest(s.ctx)
		if err == nil {
			l, err = s.establish(s.ctx)
		}
		if err != nil {
			return
		}
		s.reconnects.Add(1)
	}
}

// detach takes the end of a link into account and reports whether the session is
// over with it.
func (s *Session) detach(l *link) (over bool) {
	held := time.Since(l.since)
	s.backoff.held(held)
	if len(s.flight) > 0 && held < holdTime {
		s.countLoss()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link = nil
	s.droppedOut.Add(int64(s.out.dropQoS0()))
	return s.ctx.Err() != nil || s.closing && s.pending() == 0
}

// establish connects, again and again until it has a link with all subscriptions
// made, or ctx ends.
func (s *Session) establish(ctx context.Context) (*link, error) {
	var last error
	for {
		s.setState(Connecting, nil)
		begin := time.Now()
		l, err := s.attach(ctx)
		if err == nil {
			s.setState(Connected, nil)
			s.log.Info("connected to broker")
			return l, nil
		}
		cutShort := errors.Is(err, &ConnectError{Reason: TimedOut}) && time.Since(begin) < connectTimeout || ctx.Err() != nil
		if last == nil || !cutShort { // else err says only that ctx has ended
			s.report(err, last)
			last = err
		}
		s.setState(Waiting, last)
		if err := s.rest(ctx); err != nil {
			return nil, fmt.Errorf("%w (%w)", last, err)
		}
	}
}

// attach makes one attempt.
func (s *Session) attach(ctx context.Context) (*link, error) {
	l, err := s.connect(ctx)
	if err != nil {
		return nil, s.address.failed(err)
	}
	s.mu.Lock()
	s.link = l // from here on Subscribe sees to new subscriptions itself
	subs := s.router.all()
	s.mu.Unlock()
	for _, sub := range subs {
		err := l.subscribe(ctx, sub.filter, sub.qos)
		if errors.Is(err, ErrRefused) {
			s.log.Warn("subscription not restored", "err", err)
			continue
		}
		if err != nil {
			l.cut()
			s.detach(l)
			return nil, s.address.failed(errors.Join(err, l.err))
		}
	}
	return l, nil
}

// rest waits before the next attempt, until ctx ends at most.
func (s *Session) rest(ctx context.Context) error {
	wait := time.NewTimer(s.backoff.next())
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// report logs a failed attempt, aloud where the reason is another than before.
func (s *Session) report(err, before error) {
	var now, then *ConnectError
	errors.As(err, &now)
	errors.As(before, &then)
	level := slog.LevelWarn
	if then != nil && then.Reason == now.Reason {
		level = slog.LevelDebug
	}
	s.log.Log(context.Background(), level, "cannot connect to broker", "err", err, "hint", now.Hint())
}

func (s *Session) setState(state State, err error) {
	s.state.Store(uint32(state))
	s.options.OnState(state, err)
}
