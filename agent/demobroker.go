// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/bus"
)

// demoBroker is the broker of a demo: one of its own, or one that it is given.
type demoBroker struct {
	url   string
	own   *broker.Broker // nil where it is given
	watch *sysWatch      // nil where it is our own
}

// openBroker starts a broker for so many devices, or looks at the one that is
// given.
func openBroker(ctx context.Context, f *demoFlags, log *slog.Logger) (*demoBroker, error) {
	if f.broker != "" {
		return &demoBroker{url: f.broker, watch: watchSys(ctx, f.broker, sysDropped)}, nil
	}
	l := broker.Limits{
		Clients:      max(broker.MaxClients, 2*f.nodes+demoSpare), // two connections of a device while it gets its keys
		Backlog:      demoMaxBacklog,
		TotalBacklog: max(broker.MaxTotalBacklog, f.nodes*demoBacklog),
	}
	b, err := broker.Start(broker.Options{Listen: f.listen, Logger: log, Limits: l})
	if err != nil {
		return nil, err
	}
	return &demoBroker{url: "mqtt://" + b.Addr().String(), own: b}, nil
}

// demoMaxBacklog is how many bytes may wait for a device at the demo's broker, and
// demoBacklog how many on average.
const (
	demoMaxBacklog = 4 << 20
	demoBacklog    = 128 << 10
)

func (b *demoBroker) close(ctx context.Context) {
	if b.own != nil {
		b.own.Close(ctx)
	}
	if b.watch != nil {
		b.watch.session.Close(ctx)
	}
}

// dropped returns how many messages the broker has dropped since the demo began.
// It waits a while for a given broker to tell of so many.
func (b *demoBroker) dropped(ctx context.Context, want int64) int64 {
	switch {
	case b.own != nil:
		return b.own.Stats().Dropped
	case b.watch != nil:
		return b.watch.dropped(ctx, want)
	}
	return 0
}

// sysDropped is where mosquitto tells how many messages it has dropped, and
// sysPatience how long that may take by its own settings.
const (
	sysDropped  = "$SYS/broker/publish/messages/dropped"
	sysPatience = 12 * time.Second
)

// sysWatch follows a number that a broker tells of itself.
type sysWatch struct {
	session *bus.Session

	mu         sync.Mutex
	known      bool
	first, now int64
	changed    chan struct{}
}

// watchSys follows a number. It returns nil where the broker does not let it.
func watchSys(ctx context.Context, url, topic string) *sysWatch {
	ctx, cancel := context.WithTimeout(ctx, sysPatience)
	defer cancel()
	s, err := bus.Dial(ctx, bus.Options{URL: url, CleanSession: true})
	if err != nil {
		return nil // the devices say why
	}
	w := &sysWatch{session: s, changed: make(chan struct{}, 1)}
	if err := s.Subscribe(topic, 0, w.take); err != nil {
		s.Close(ctx)
		return nil
	}
	return w
}

func (w *sysWatch) take(m bus.Message) {
	n, err := strconv.ParseInt(string(m.Payload), 10, 64)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.known {
		w.known, w.first = true, n
	}
	w.now = n
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *sysWatch) count() (n int64, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now - w.first, w.known
}

func (w *sysWatch) dropped(ctx context.Context, want int64) int64 {
	ctx, cancel := context.WithTimeout(ctx, sysPatience)
	defer cancel()
	for {
		n, known := w.count()
		if !known || n >= want {
			return n
		}
		select {
		case <-ctx.Done():
			return n
		case <-w.changed:
		}
	}
}
