// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// errCut is what a stream reads after Close. The library is silent, and keeps
// the connection for alive, where an error is net.ErrClosed by its words.
var errCut = errors.New("the connection was cut on this side")

// stream is a connection that counts, that passes packets through a framer, and
// whose every write has a time limit. The library limits only PUBLISH, and its
// ping would wait for ever on a peer that is gone.
type stream struct {
	net.Conn
	in             *framer
	sent, received *atomic.Int64 // of the session
	closed         atomic.Bool
	writing        chan struct{} // holds one: the library pings beside its writer, and WebSocket takes one at a time
}

func newStream(c net.Conn, s *Session) *stream {
	st := &stream{Conn: c, sent: &s.bytesSent, received: &s.bytesReceived, writing: make(chan struct{}, 1)}
	st.in = newFramer(reader{st}, MaxReceive, func(id uint16) error {
		s.droppedIn.Add(1)
		if id == 0 {
			return nil
		}
		_, err := st.Write([]byte{typePuback << 4, 2, byte(id >> 8), byte(id)})
		return err
	})
	return st
}

// reader is the stream below the framer.
type reader struct{ st *stream }

func (r reader) Read(p []byte) (int, error) {
	n, err := r.st.Conn.Read(p)
	r.st.received.Add(int64(n))
	if err != nil && r.st.closed.Load() {
		err = errCut
	}
	return n, err
}

func (st *stream) Read(p []byte) (int, error) { return st.in.Read(p) }

// Write writes one packet. After an error the connection is of no use, since
// part of the packet may have gone.
func (st *stream) Write(p []byte) (int, error) {
	st.writing <- struct{}{}
	defer func() { <-st.writing }()
	if err := st.Conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	n, err := st.Conn.Write(p)
	st.sent.Add(int64(n))
	if err != nil {
		st.Close()
	}
	return n, err
}

// SetDeadline sets that of reads; Write sets its own.
func (st *stream) SetDeadline(t time.Time) error { return st.SetReadDeadline(t) }

// SetWriteDeadline does nothing, as the library's is not that of a packet.
func (st *stream) SetWriteDeadline(time.Time) error { return nil }

// Close cuts the connection.
func (st *stream) Close() error {
	if st.closed.Swap(true) {
		return nil
	}
	socket := st.Conn
	for { // below WebSocket and TLS, which would wait to say goodbye
		upper, ok := socket.(interface{ NetConn() net.Conn })
		if !ok {
			return socket.Close()
		}
		socket = upper.NetConn()
	}
}

// sayGoodbye sends DISCONNECT, upon which the broker closes the connection.
// Closing here at once could reset it before the broker has read everything.
func (st *stream) sayGoodbye(ctx context.Context) {
	select {
	case st.writing <- struct{}{}:
	case <-ctx.Done():
		return // a write is stuck
	}
	defer func() { <-st.writing }()
	st.Conn.SetWriteDeadline(time.Now().Add(closeTimeout))
	n, _ := st.Conn.Write([]byte{typeDisconnect << 4, 0})
	st.sent.Add(int64(n))
}
