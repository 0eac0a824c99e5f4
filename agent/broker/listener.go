// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// acceptPause is how long accepting rests after an error such as too many open
// files. The library's own listener would stop for good.
const acceptPause = 100 * time.Millisecond

// socketBuffer is what the kernel holds of what a client has not taken, in bytes.
const socketBuffer = 128 << 10

// listener hands connections to the library, each as a conn, and ends them all.
type listener struct {
	socket net.Listener
	tls    *tls.Config // nil: plain
	limits Limits
	counts *counts
	log    *slog.Logger

	mu     sync.Mutex
	open   map[*conn]struct{}
	closed bool
	group  sync.WaitGroup // one per connection
	done   chan struct{}  // closed by Close
}

func newListener(socket net.Listener, config *tls.Config, l Limits, n *counts, log *slog.Logger) *listener {
	return &listener{
		socket: socket, tls: config, limits: l, counts: n, log: log,
		open: make(map[*conn]struct{}), done: make(chan struct{}),
	}
}

// ID, Address, Protocol and Init are of the library's interface.
func (l *listener) ID() string              { return "vecino" }
func (l *listener) Address() string         { return l.socket.Addr().String() }
func (l *listener) Protocol() string        { return "tcp" }
func (l *listener) Init(*slog.Logger) error { return nil }

// Serve accepts connections until Close.
func (l *listener) Serve(establish listeners.EstablishFn) {
	for {
		raw, err := l.socket.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			l.log.Warn("accept connection", "err", err)
			select {
			case <-time.After(acceptPause):
			case <-l.done:
			}
			continue
		}
		if tcp, ok := raw.(*net.TCPConn); ok {
			tcp.SetWriteBuffer(socketBuffer) // the kernel would let it grow to megabytes
		}
		c := newConn(l.wrap(raw), l.limits, l.counts)
		if !l.add(c) {
			l.counts.refused.Add(1)
			raw.Close()
			continue
		}
		go l.serve(c, establish)
	}
}

func (l *listener) wrap(raw net.Conn) net.Conn {
	if l.tls == nil {
		return raw
	}
	return tls.Server(raw, l.tls)
}

// add takes up the connection unless there are too many. It counts connections
// rather than clients, since a connection costs memory before it says who it is.
func (l *listener) add(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.open) >= l.limits.Clients+spareConnections {
		return false
	}
	l.open[c] = struct{}{}
	l.group.Add(1)
	return true
}

// serve sees one connection through, from the handshake to its end.
func (l *listener) serve(c *conn, establish listeners.EstablishFn) {
	defer l.group.Done()
	defer l.remove(c)
	// The library sets no deadline before it has read CONNECT.
	c.Conn.SetDeadline(time.Now().Add(l.limits.connectTimeout))
	go c.write()
	err := l.handshake(c)
	if err == nil {
		err = establish(l.ID(), c)
	}
	c.Close()
	if c.onEnd != nil {
		c.onEnd()
	}
	close(c.ended)
	<-c.flushed
	l.log.Debug("connection ended", "remote", c.RemoteAddr().String(), "err", err)
}

func (l *listener) handshake(c *conn) error {
	secure, ok := c.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	if err := secure.HandshakeContext(context.Background()); err != nil {
		l.counts.refused.Add(1)
		return err
	}
	return nil
}

func (l *listener) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// Close ends accepting and all connections, and waits for them. It does not ask
// the library to end its clients, which would leave out connections that have not
// said CONNECT.
func (l *listener) Close(listeners.CloseFn) {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.done)
		l.socket.Close()
	}
	for c := range l.open {
		c.Close()
	}
	l.mu.Unlock()
	l.group.Wait()
}

// cut ends all connections without regard to what waits.
func (l *listener) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.cut()
	}
}
