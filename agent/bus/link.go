// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// handOver is how long the library waits to take a packet while it writes
// another. It is short, since it also waits so long when the connection has ended.
const handOver = time.Second

// retryPause is how long a packet rests that the library did not take at once.
const retryPause = 20 * time.Millisecond

// notGranted is the return code of SUBACK for a filter that is refused.
const notGranted = 0x80

var errLost = errors.New("the connection was lost")

// link is one connection, from CONNACK to its end. Each has a client of the
// library to itself: one that reconnects by itself has no jitter, keeps messages
// without a limit and leaves tokens open. The library's Disconnect is never called,
// so that lost is always closed in the end, when its goroutines are done.
type link struct {
	client mqtt.Client
	stream *stream
	since  time.Time
	lost   chan struct{}
	err    error // why it was lost; set before lost is closed
}

// connect opens a connection and says CONNECT.
func (s *Session) connect(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	l := &link{lost: make(chan struct{})}
	stop := func() bool { return true }
	o := s.clientOptions()
	o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
		c, err := s.dial(ctx)
		if err != nil {
			return nil, err
		}
		l.stream = newStream(c, s)
		stop = context.AfterFunc(ctx, func() { l.stream.Close() }) // ends the wait for CONNACK
		return l.stream, nil
	})
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) {
		l.err = err
		close(l.lost)
	})
	l.client = mqtt.NewClient(o)
	token := l.client.Connect()
	<-token.Done()
	stop()
	if err := token.Error(); err != nil {
		if ctx.Err() != nil && errors.Is(err, errCut) {
			err = ctx.Err()
		}
		return nil, err
	}
	l.since = time.Now()
	return l, nil
}

// clientOptions returns the library's options, with everything off that it does
// by itself.
func (s *Session) clientOptions() *mqtt.ClientOptions {
	o := mqtt.NewClientOptions()
	o.Servers = []*url.URL{s.address.url}
	o.SetProtocolVersion(4) // else every failure is tried again with version 3.1
	o.SetAutoReconnect(false)
	o.SetConnectRetry(false)
	o.SetClientID(s.options.ClientID)
	o.SetCleanSession(s.options.CleanSession)
	o.SetKeepAlive(s.options.KeepAlive)
	o.SetPingTimeout(min(pingTimeout, s.options.KeepAlive))
	o.SetConnectTimeout(connectTimeout)
	o.SetWriteTimeout(handOver)
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { s.receive(m) })
	o.SetCredentialsProvider(func() (string, string) {
		return s.options.Username, s.options.Password.Reveal()
	})
	if w := s.options.Will; w != nil {
		o.SetBinaryWill(w.Topic, w.Payload, w.QoS, w.Retain)
	}
	return o
}

// alive waits a moment and reports whether the link is still of use.
func (l *link) alive(ctx context.Context) bool {
	pause := time.NewTimer(retryPause)
	defer pause.Stop()
	select {
	case <-l.lost:
		return false
	case <-ctx.Done():
		return false
	case <-pause.C:
		return true
	}
}

// hand gives a message to the library, in order, and waits while that is busy.
// When it returns true the message is on its way, and the token ends when it is
// written, or for QoS 1 acknowledged. It returns false when link or ctx end.
func (l *link) hand(ctx context.Context, m Message) (mqtt.Token, bool) {
	for {
		token := l.client.Publish(m.Topic, m.QoS, m.Retain, m.Payload)
		select {
		case <-token.Done():
			if token.Error() == nil {
				return token, true
			}
			if !l.alive(ctx) {
				return nil, false
			}
		default:
			return token, true
		}
	}
}

// subscribe makes one subscription and waits for its SUBACK. Errors are errLost,
// one that wraps [ErrRefused], or the end of ctx.
func (l *link) subscribe(ctx context.Context, filter string, qos byte) error {
	ctx, cancel := context.WithTimeout(ctx, subscribeTimeout)
	defer cancel()
	for {
		token := l.client.Subscribe(filter, qos, nil)
		err := l.await(ctx, token)
		if err == nil {
			return granted(token, filter)
		}
		if !l.alive(ctx) {
			return l.ended(ctx)
		}
	}
}

func (l *link) unsubscribe(ctx context.Context, filter string) error {
	ctx, cancel := context.WithTimeout(ctx, subscribeTimeout)
	defer cancel()
	for {
		if err := l.await(ctx, l.client.Unsubscribe(filter)); err == nil {
			return nil
		}
		if !l.alive(ctx) {
			return l.ended(ctx)
		}
	}
}

// await returns the token's error, or that of link or ctx where one ends before.
func (l *link) await(ctx context.Context, token mqtt.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-l.lost:
	case <-ctx.Done():
	}
	return l.ended(ctx)
}

func (l *link) ended(ctx context.Context) error {
	select {
	case <-l.lost:
		return errLost
	default:
		return ctx.Err()
	}
}

func granted(token mqtt.Token, filter string) error {
	t, ok := token.(*mqtt.SubscribeToken)
	if ok && t.Result()[filter] == notGranted {
		return fmt.Errorf("filter %q: %w", filter, ErrRefused)
	}
	return nil
}

// cut ends the link at once and waits until nothing of it runs.
func (l *link) cut() {
	l.stream.Close()
	<-l.lost
}

// finish ends the link in good order: what the library took is written, then
// DISCONNECT, and the broker has time to close its side.
func (l *link) finish(last mqtt.Token) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if last == nil || l.await(ctx, last) == nil {
		l.stream.sayGoodbye(ctx)
		select {
		case <-l.lost:
		case <-ctx.Done():
		}
	}
	l.cut()
}
