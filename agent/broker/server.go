// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	mqtt "github.com/mochi-mqtt/server/v2"
)

// Available tells whether this build has a broker.
const Available = true

// year in seconds is how often the library refreshes its $SYS topics, which
// nobody can read here; each refresh stops the world to read the memory's state.
const year = 365 * 24 * 3600

// queueLength is how many messages the library holds for a client until its
// writer takes them. The writer never blocks, see conn, so that they wait for the
// scheduler only; bytes are bounded behind it.
const queueLength = 1024

// Broker is a running broker.
type Broker struct {
	server   *mqtt.Server
	listener *listener
	rules    *rules
	counts   *counts
	stop     sync.Once
	stopped  chan struct{}
}

// counts are shared by the connections and the rules of one broker.
type counts struct {
	received, sent atomic.Int64 // bytes
	waiting        atomic.Int64 // bytes, for all clients
	dropped        atomic.Int64
	refused        atomic.Int64
}

// Start listens and serves until Close. Errors name the address or file and say
// what to do; without an account an address that others can reach is [ErrOpen].
func Start(o Options) (*Broker, error) {
	b, err := start(o)
	if err != nil {
		return nil, fmt.Errorf("start broker on %s: %w", o.Listen, err)
	}
	return b, nil
}

func start(o Options) (*Broker, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	var config *tls.Config
	if o.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certificate %s, key %s: %w", o.CertFile, o.KeyFile, err)
		}
		config = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true}
	}
	socket, err := listen(o)
	if err != nil {
		return nil, err
	}
	b, err := serve(o, socket, config)
	if err != nil {
		socket.Close()
		return nil, err
	}
	return b, nil
}

// listen opens the socket. Whether it is open to others is judged by the address
// that it got, not by the name that was asked for.
func listen(o Options) (net.Listener, error) {
	socket, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, err
	}
	if addr, ok := socket.Addr().(*net.TCPAddr); o.Username == "" && (!ok || !addr.IP.IsLoopback()) {
		socket.Close()
		return nil, ErrOpen
	}
	return socket, nil
}

func serve(o Options, socket net.Listener, config *tls.Config) (*Broker, error) {
	limits := o.Limits.orDefaults()
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Broker{counts: new(counts), stopped: make(chan struct{})}
	b.server = mqtt.New(&mqtt.Options{
		Capabilities:           capabilities(limits),
		SysTopicResendInterval: year,
		Logger:                 slog.New(quiet{log.Handler()}),
	})
	b.listener = newListener(socket, config, limits, b.counts, log)
	b.rules = newRules(o, b.server, limits, b.counts, log)
	if err := b.server.AddHook(b.rules, nil); err != nil {
		return nil, err
	}
	if err := b.server.AddListener(b.listener); err != nil {
		return nil, err
	}
	if err := b.server.Serve(); err != nil {
		return nil, err
	}
	return b, nil
}

// capabilities fills every field that limits something, since the library's
// defaults are mostly without one.
func capabilities(l Limits) *mqtt.Capabilities {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumClients = int64(l.Clients)
	c.MaximumPacketSize = uint32(l.Packet)
	c.MaximumClientWritesPending = queueLength
	c.MaximumInflight = MaxInFlight
	c.ReceiveMaximum = MaxInFlight
	c.MaximumSessionExpiryInterval = uint32(l.sessionExpiry.Seconds())
	c.MaximumMessageExpiryInterval = 0 // else it forgets retained messages after a day
	c.TopicAliasMaximum = 0            // an alias is memory that the client chooses
	c.SharedSubAvailable = 0
	return c
}

// Addr returns the address at which the broker listens.
func (b *Broker) Addr() net.Addr { return b.listener.socket.Addr() }

// Close ends all connections and returns when that is done. What waits for
// clients is still sent to those that take it within a second; when ctx ends
// before, connections are cut and its error is returned.
func (b *Broker) Close(ctx context.Context) error {
	b.stop.Do(func() {
		go func() {
			b.server.Close()
			close(b.stopped)
		}()
	})
	select {
	case <-b.stopped:
		return nil
	case <-ctx.Done():
		b.listener.cut()
		return ctx.Err()
	}
}

// Stats returns the counters.
func (b *Broker) Stats() Stats {
	info := b.server.Info
	return Stats{
		Clients:          int(atomic.LoadInt64(&info.ClientsConnected)),
		Sessions:         b.server.Clients.Len(),
		Retained:         b.rules.countRetained(),
		BytesReceived:    b.counts.received.Load(),
		BytesSent:        b.counts.sent.Load(),
		MessagesReceived: atomic.LoadInt64(&info.MessagesReceived),
		MessagesSent:     atomic.LoadInt64(&info.MessagesSent),
		Dropped:          b.counts.dropped.Load() + atomic.LoadInt64(&info.InflightDropped),
		Refused:          b.counts.refused.Load(),
	}
}
