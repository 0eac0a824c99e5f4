// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/vecino-edge/vecino/agent/bus"
	"github.com/vecino-edge/vecino/agent/config"
	"github.com/vecino-edge/vecino/agent/neighbour"
	"github.com/vecino-edge/vecino/agent/store"
)

// links opens the connections of the neighbours' plane and adds up what went
// over them.
type links struct {
	options bus.Options
	log     *slog.Logger
	ledger  *ledger // of a demo, else nil

	mu    sync.Mutex
	open  map[*link]struct{}
	past  bus.Counters // of connections that are closed
	dials int
	said  map[int]change // what each connection that is not closed said of itself last
	last  change         // what the last one said before it closed
}

// change is a change of the state of a connection.
type change struct {
	state bus.State
	err   error
}

func newLinks(o bus.Options, log *slog.Logger) *links {
	return &links{options: o, log: log, open: map[*link]struct{}{}, said: map[int]change{}}
}

// dial opens a connection as [neighbour.Dial] wants it: a clean session under a
// random client id, no will.
func (l *links) dial(ctx context.Context, clientID string) (neighbour.Link, error) {
	o := l.options
	o.ClientID, o.CleanSession, o.Logger = clientID, true, l.log
	l.mu.Lock()
	number := l.dials
	l.dials++
	l.mu.Unlock()
	track := l.ledger.follow(&o)
	o.OnState = func(state bus.State, err error) {
		l.note(number, change{state, err})
		track.state(state)
	}
	s, err := bus.Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	out := &link{Session: s, all: l, track: track}
	l.mu.Lock()
	l.open[out] = struct{}{}
	l.mu.Unlock()
	return out, nil
}

func (l *links) note(number int, c change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.state == bus.Closed {
		l.last = c
		delete(l.said, number)
		return
	}
	l.said[number] = c
}

// connection returns, in a word, how the device stands with its broker, and what
// stands against it. Connections come and go, for an epoch or an errand: one that
// stands speaks for all, and where none does, the newest.
func (l *links) connection() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dials == 0 {
		return "not connected yet", nil
	}
	speaks, newest := l.last, -1
	for number, c := range l.said {
		if c.state == bus.Connected {
			return c.state.String(), nil
		}
		if number > newest {
			speaks, newest = c, number
		}
	}
	return speaks.state.String(), speaks.err
}

// counters returns the sums over all connections.
func (l *links) counters() bus.Counters {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.past
	for one := range l.open {
		sum = addCounters(sum, one.Counters())
	}
	return sum
}

func addCounters(a, b bus.Counters) bus.Counters {
	return bus.Counters{
		BytesSent: a.BytesSent + b.BytesSent, BytesReceived: a.BytesReceived + b.BytesReceived,
		MessagesSent: a.MessagesSent + b.MessagesSent, MessagesReceived: a.MessagesReceived + b.MessagesReceived,
		DroppedOut: a.DroppedOut + b.DroppedOut, DroppedIn: a.DroppedIn + b.DroppedIn, Reconnects: a.Reconnects + b.Reconnects,
	}
}

// link is a session as package neighbour sees it: QoS 0, nothing retained.
type link struct {
	*bus.Session
	all   *links
	track *track
}

func (l *link) Subscribe(topic string, handle func(string, []byte)) error {
	err := l.Session.Subscribe(topic, 0, func(m bus.Message) {
		l.track.got(m.Payload)
		handle(m.Topic, m.Payload)
	})
	if err == nil {
		l.track.subscribed(topic)
	}
	return err
}

func (l *link) Publish(topic string, payload []byte) error {
	l.track.sent(topic, payload)
	err := l.Session.Publish(topic, payload, 0, false)
	if err != nil {
		l.track.refused(payload)
	}
	return err
}

func (l *link) Close(ctx context.Context) error {
	l.track.closing()
	err := l.Session.Close(ctx)
	l.track.hungUp(err == nil)
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	if _, open := l.all.open[l]; open {
		delete(l.all.open, l)
		l.all.past = addCounters(l.all.past, l.Counters())
	}
	return err
}

// brokerOptions returns how the device reaches its broker.
func brokerOptions(c *config.Broker, state string) (bus.Options, error) {
	o := bus.Options{URL: c.URL, Username: c.Username, KeepAlive: c.KeepAlive}
	o.TLS = bus.TLS{
		CAFile:   config.ResolvePath(state, c.CAFile),
		CertFile: config.ResolvePath(state, c.CertFile), KeyFile: config.ResolvePath(state, c.KeyFile),
	}
	if pin, ok := c.PinSum(); ok {
		o.TLS.Pin = pin
	}
	if c.PasswordFile != "" {
		password, err := readPassword(config.ResolvePath(state, c.PasswordFile))
		if err != nil {
			return o, err
		}
		o.Password = password
	}
	return o, nil
}

const maxPassword = 1024

func readPassword(path string) (bus.Secret, error) {
	b, err := store.ReadFile(path, maxPassword)
	if err != nil {
		return bus.Secret{}, hint(fmt.Errorf("broker.password_file: %w", err), "write the password of the broker's account into the file")
	}
	password := strings.TrimRight(string(b), "\r\n")
	if password == "" {
		return bus.Secret{}, hint(fmt.Errorf("broker.password_file: %s is empty", path), "write the password of the broker's account into the file")
	}
	return bus.NewSecret(password), nil
}
