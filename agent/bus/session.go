// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Session is a connection with a broker that comes back when it breaks.
type Session struct {
	options Options
	address address
	dial    func(context.Context) (net.Conn, error)
	log     *slog.Logger

	ctx    context.Context // ends when the session does
	cancel context.CancelFunc
	done   chan struct{} // closed when no goroutine of the session runs

	router  router
	in, out *queue
	backoff backoff    // of the goroutine that connects
	flight  []inFlight // of the goroutine that sends
	unacked atomic.Int64

	bytesSent, bytesReceived       atomic.Int64
	messagesSent, messagesReceived atomic.Int64
	droppedOut, droppedIn          atomic.Int64
	reconnects                     atomic.Int64
	state                          atomic.Uint32

	mu      sync.Mutex
	link    *link // nil: not connected
	closing bool
}

// Dial connects to a broker. It tries again until it succeeds or ctx ends, and then
// returns a [*ConnectError] that says why. What is wrong with the options is
// returned at once. Later connections do not depend on ctx.
func Dial(ctx context.Context, o Options) (*Session, error) {
	a, err := parseURL(o.URL)
	if err == nil {
		err = o.check()
	}
	if err == nil && a.secure {
		_, err = o.TLS.config(a.hostname)
	}
	if err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	s := newSession(o, a)
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func newSession(o Options, a address) *Session {
	o = o.withDefaults()
	s := &Session{
		options: o, address: a, log: o.Logger.With("broker", a.String()),
		in: newQueue(o.MaxQueue, MaxQueueBytes), out: newQueue(o.MaxQueue, MaxQueueBytes),
		done: make(chan struct{}),
	}
	s.in.dropped = func(m Message) { s.options.OnDrop(m, true) }
	s.out.dropped = func(m Message) { s.options.OnDrop(m, false) }
	s.dial = func(ctx context.Context) (net.Conn, error) { return a.dial(ctx, &s.options.TLS) }
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

func (s *Session) start(ctx context.Context) error {
	l, err := s.establish(ctx)
	if err != nil {
		s.cancel()
		return err
	}
	go s.run(l)
	return nil
}

// Publish puts a message in the queue and returns; payload may be changed
// afterwards. A message of QoS 0 goes out once, if the session is connected: while it
// is not, or where the queue is full of others, the message is dropped and counted.
// One of QoS 1 is kept until the broker has it; where the queue has no place the
// error wraps [ErrQueueFull].
func (s *Session) Publish(topic string, payload []byte, qos byte, retain bool) error {
	if err := checkPublish(topic, len(payload), qos); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return fmt.Errorf("publish: %w", ErrClosed)
	}
	if qos == 0 && s.link == nil {
		s.droppedOut.Add(1)
		s.options.OnDrop(Message{Topic: topic, Payload: payload, Retain: retain}, false)
		return nil
	}
	m := Message{Topic: strings.Clone(topic), Payload: slices.Clone(payload), QoS: qos, Retain: retain}
	dropped, ok := s.out.push(m)
	s.droppedOut.Add(int64(dropped))
	switch {
	case !ok && qos == 0:
		s.droppedOut.Add(1)
		s.options.OnDrop(m, false)
	case !ok:
		return fmt.Errorf("publish to %s: %w", topic, ErrQueueFull)
	}
	return nil
}

// Subscribe has handle called for every message that matches filter. Handlers
// of a session are called one after the other, in the order of arrival; while one
// runs, messages wait in a bounded queue. Where the session is connected,
// Subscribe returns when the broker has answered; else the subscription is made with
// the next connection. The same filter again replaces the handler.
func (s *Session) Subscribe(filter string, qos byte, handle func(Message)) error {
	if err := checkFilter(filter, qos); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	s.mu.Lock()
	l, closing := s.link, s.closing
	var err error
	if !closing {
		err = s.router.add(subscription{filter: filter, levels: strings.Split(filter, "/"), qos: qos, handle: handle})
	}
	s.mu.Unlock()
	switch {
	case closing:
		err = ErrClosed
	case err == nil && l != nil:
		err = l.subscribe(s.ctx, filter, qos)
	}
	if err == nil || errors.Is(err, errLost) {
		return nil // run makes it again
	}
	s.router.remove(filter)
	return fmt.Errorf("subscribe: %w", err)
}

// Unsubscribe takes the subscription with this very filter back.
func (s *Session) Unsubscribe(filter string) error {
	s.mu.Lock()
	l := s.link
	s.router.remove(filter)
	s.mu.Unlock()
	if l == nil {
		return nil
	}
	if err := l.unsubscribe(s.ctx, filter); err != nil && !errors.Is(err, errLost) {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
}

// Close takes no more messages, sends those that wait as far as ctx allows, says
// goodbye to the broker, which then does not publish the will, and ends the
// session. Called again, or from a handler, it waits until ctx ends at most.
func (s *Session) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	if s.link == nil && s.pending() == 0 {
		s.cancel()
	}
	s.mu.Unlock()
	s.out.signal()
	select {
	case <-s.done:
	case <-ctx.Done():
		s.cancel()
		grace := time.NewTimer(2 * closeTimeout)
		defer grace.Stop()
		select {
		case <-s.done:
		case <-grace.C:
		}
	}
	if n := s.pending(); n > 0 {
		return fmt.Errorf("close session: messages not delivered: %d", n)
	}
	return nil
}

// pending returns how many messages Publish took and the broker does not have.
func (s *Session) pending() int { return s.out.len() + int(s.unacked.Load()) }

// State returns what the session is at.
func (s *Session) State() State { return State(s.state.Load()) }

// Connected reports whether the session has a connection, with its subscriptions made.
func (s *Session) Connected() bool { return s.State() == Connected }

// Done returns a channel that is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Counters returns what the session has counted.
func (s *Session) Counters() Counters {
	return Counters{
		BytesSent:        s.bytesSent.Load(),
		BytesReceived:    s.bytesReceived.Load(),
		MessagesSent:     s.messagesSent.Load(),
		MessagesReceived: s.messagesReceived.Load(),
		DroppedOut:       s.droppedOut.Load(),
		DroppedIn:        s.droppedIn.Load(),
		Reconnects:       s.reconnects.Load(),
	}
}

// receive takes a message from the library, which waits for it to return.
func (s *Session) receive(m mqtt.Message) {
	s.messagesReceived.Add(1)
	in := Message{Topic: m.Topic(), Payload: m.Payload(), QoS: m.Qos(), Retain: m.Retained()}
	dropped, ok := s.in.push(in)
	if !ok {
		dropped++
		s.options.OnDrop(in, true)
	}
	s.droppedIn.Add(int64(dropped))
}

// handle is the goroutine that calls handlers.
func (s *Session) handle() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.in.ready:
		}
		for s.ctx.Err() == nil {
			m, ok := s.in.pop(false)
			if !ok {
				break
			}
			s.router.dispatch(m)
		}
	}
}
