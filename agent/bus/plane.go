// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"sync"
)

// What the availability topic holds.
const (
	online  = "online"
	offline = "offline"
)

// planeRoot begins the topics of the owner's plane; 1 is its version.
const planeRoot = "vecino/1/"

// MaxKept is how many messages a plane has the broker keep.
const MaxKept = 32

var planeID = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// Plane is the owner's plane of a device: a session of its own, beside those of the
// neighbours, under the client id vecino-<device>, whose topics begin with
// vecino/1/<site>/<device>/. The topic availability tells whether it stands, by a
// last will too. The zero Plane is not usable; take one from [NewPlane].
type Plane struct {
	options Options
	prefix  string
	up      chan struct{} // has a value after a connection was made
	open    chan struct{} // closed once there is a session

	mu      sync.Mutex
	session *Session // nil before the first connection
	kept    []Message
	hooks   []func()
}

// NewPlane returns the plane of a device of a site, by the broker and account of
// the options. Nothing is sent before [Plane.Run].
func NewPlane(o Options, site, device string) (*Plane, error) {
	if !planeID.MatchString(site) || !planeID.MatchString(device) {
		return nil, fmt.Errorf("the site %.40q and the device %.40q are to be 1 to 32 of a-z, 0-9 and -", site, device)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Plane{prefix: planeRoot + site + "/" + device + "/", up: make(chan struct{}, 1), open: make(chan struct{})}
	o.ClientID, o.CleanSession = "vecino-"+device, true
	o.Will = &Message{Topic: p.Topic("availability"), Payload: []byte(offline), QoS: 1, Retain: true}
	told := o.OnState
	o.OnState = func(state State, err error) {
		if told != nil {
			told(state, err)
		}
		if state == Connected {
			select {
			case p.up <- struct{}{}:
			default:
			}
		}
	}
	p.options = o
	return p, nil
}

// Topic returns the topic of the device with the given end.
func (p *Plane) Topic(end string) string { return p.prefix + end }

// Run holds the connection until ctx ends, and then says that the device is
// offline. While the broker is away it tries again; only what is wrong with the
// options is an error.
func (p *Plane) Run(ctx context.Context) error {
	s, err := Dial(ctx, p.options)
	if ctx.Err() != nil {
		if s != nil {
			p.bye(s)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("owner's plane: %w", err)
	}
	p.mu.Lock()
	p.session = s
	p.mu.Unlock()
	close(p.open)
	for {
		select {
		case <-ctx.Done():
			p.bye(s)
			return nil
		case <-p.up:
			p.connected(s)
		}
	}
}

// connected says what a broker may have missed or lost.
func (p *Plane) connected(s *Session) {
	p.mu.Lock()
	kept, hooks := slices.Clone(p.kept), slices.Clone(p.hooks)
	p.mu.Unlock()
	kept = append(kept, Message{Topic: p.Topic("availability"), Payload: []byte(online), QoS: 1, Retain: true})
	for _, m := range kept {
		if err := s.Publish(m.Topic, m.Payload, m.QoS, m.Retain); err != nil {
			p.options.Logger.Warn("message not published on the owner's plane", "topic", m.Topic, "err", err)
		}
	}
	for _, f := range hooks {
		f()
	}
}

// bye takes the place of the will, which the broker does not publish after a
// goodbye.
func (p *Plane) bye(s *Session) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.Connected() {
		_ = s.Publish(p.Topic("availability"), []byte(offline), 1, true) // else the broker's will says it
	}
	if err := s.Close(ctx); err != nil {
		p.options.Logger.Debug("owner's plane not closed in good order", "err", err)
	}
}

// current returns the session, nil before the first connection.
func (p *Plane) current() *Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session
}

// Connected reports whether the plane has a connection.
func (p *Plane) Connected() bool {
	s := p.current()
	return s != nil && s.Connected()
}

// Counters returns what the session has counted.
func (p *Plane) Counters() Counters {
	if s := p.current(); s != nil {
		return s.Counters()
	}
	return Counters{}
}

// Publish hands a message of QoS 0 over, which is not retained, and does not wait.
// It reports false where there is no connection, or the message cannot be.
func (p *Plane) Publish(topic string, payload []byte) bool {
	s := p.current()
	return s != nil && s.Connected() && s.Publish(topic, payload, 0, false) == nil
}

// Keep publishes a message that the broker retains, by QoS 1, now or once there is a
// connection, and again with every other one. The same topic again replaces the
// message. Where there are MaxKept others it panics.
func (p *Plane) Keep(topic string, payload []byte) {
	m := Message{Topic: topic, Payload: slices.Clone(payload), QoS: 1, Retain: true}
	p.mu.Lock()
	s := p.session
	at := slices.IndexFunc(p.kept, func(k Message) bool { return k.Topic == topic })
	switch {
	case at >= 0:
		p.kept[at] = m
	case len(p.kept) == MaxKept:
		p.mu.Unlock()
		panic("bus: too many messages to keep on the owner's plane")
	default:
		p.kept = append(p.kept, m)
	}
	p.mu.Unlock()
	if s == nil || !s.Connected() {
		return
	}
	if err := s.Publish(m.Topic, m.Payload, m.QoS, m.Retain); err != nil {
		p.options.Logger.Warn("message not published on the owner's plane", "topic", topic, "err", err)
	}
}

// Subscribe has handle called for every message that matches filter, by QoS 0, as
// [Session.Subscribe] does. It waits for the first connection, until ctx ends.
func (p *Plane) Subscribe(ctx context.Context, filter string, handle func(Message)) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.open:
	}
	return p.current().Subscribe(filter, 0, handle)
}

// OnConnect has f called after every connection from now on. It must return soon.
func (p *Plane) OnConnect(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hooks = append(p.hooks, f)
}
