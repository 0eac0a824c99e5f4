// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// writeSlice is how much of what waits for a client is written at once, so that
// a slow one shows progress within writeTimeout.
const writeSlice = 16 << 10

// keepBuffer is the capacity that an idle connection may keep.
const keepBuffer = 16 << 10

// reserve is how far acknowledgements and messages of QoS 1 and 2 may exceed the
// backlog before a client that takes nothing is cut off.
const reserve = 1 << 20

var errSlow = errors.New("client does not read what it is sent")

// conn is a client's connection whose Write never blocks. The library holds a
// client's lock while it writes to it and takes the same lock to number a message
// of QoS 1, so that one stalled subscriber would stall every publisher. Here
// bytes wait in memory for a goroutine that writes them; over the limit messages
// of QoS 0 are left out.
type conn struct {
	net.Conn // above TLS
	limits   Limits
	counts   *counts
	onEnd    func() // may be nil; called when the library is done

	waiting atomic.Int64 // bytes not yet written
	wake    chan struct{}
	flushed chan struct{} // closed when the writer is done and Conn is closed
	ended   chan struct{} // closed when the library is done with the client

	mu      sync.Mutex
	buf     []byte
	spare   []byte // the buffer that was written before
	closing bool

	session session
}

func newConn(c net.Conn, l Limits, n *counts) *conn {
	return &conn{
		Conn: c, limits: l, counts: n,
		wake: make(chan struct{}, 1), flushed: make(chan struct{}), ended: make(chan struct{}),
	}
}

// Read counts what the client sends.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.counts.received.Add(int64(n))
	return n, err
}

// SetDeadline limits the time until the client's next packet. The library means
// it for writes as well, but those have a time of their own.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return net.ErrClosed // else Close would not end a Read that begins now
	}
	return c.SetReadDeadline(t)
}

// Write puts p, which holds whole packets, behind what waits.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return 0, net.ErrClosed
	}
	before := len(c.buf)
	if c.full() {
		c.appendUnlessQoS0(p)
	} else {
		c.buf = append(c.buf, p...)
	}
	added := int64(len(c.buf) - before)
	c.counts.waiting.Add(added)
	if c.waiting.Add(added) > int64(c.limits.Backlog+c.limits.Packet+reserve) {
		c.close()
		return 0, errSlow
	}
	c.signal()
	return len(p), nil
}

// full reports whether messages that may be lost are to be left out.
func (c *conn) full() bool {
	n := c.waiting.Load()
	return n > int64(c.limits.Backlog) ||
		n > fairBacklog && c.counts.waiting.Load() > int64(c.limits.TotalBacklog)
}

func (c *conn) appendUnlessQoS0(p []byte) {
	for len(p) > 0 {
		n, droppable := nextPacket(p)
		if droppable {
			c.counts.dropped.Add(1)
		} else {
			c.buf = append(c.buf, p[:n]...)
		}
		p = p[n:]
	}
}

// nextPacket returns the length of the packet at the beginning of p and whether
// it is a PUBLISH of QoS 0 (MQTT 3.1.1, sections 2.2 and 3.3).
func nextPacket(p []byte) (n int, droppable bool) {
	const publish, qosBits = 3 << 4, 3 << 1
	length, shift, i := 0, 0, 1
	for ; i < len(p) && i <= 4; i++ {
		length |= int(p[i]&0x7f) << shift
		shift += 7
		if p[i]&0x80 == 0 {
			break
		}
	}
	n = i + 1 + length
	if n > len(p) {
		panic("broker: a write that is not of whole packets")
	}
	return n, p[0]&0xf0 == publish && p[0]&qosBits == 0
}

func (c *conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Close lets the writer send what waits, for closeTimeout at most, and ends
// reading at once. It does not wait; see flushed.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close()
	return nil
}

func (c *conn) close() {
	if c.closing {
		return
	}
	c.closing = true
	c.SetReadDeadline(time.Unix(1, 0))
	c.SetWriteDeadline(time.Now().Add(closeTimeout))
	c.signal()
}

// write is the goroutine that sends what waits, until Close or an error.
func (c *conn) write() {
	defer close(c.flushed)
	defer c.Conn.Close()
	for range c.wake {
		for {
			chunk, closing := c.take()
			if len(chunk) == 0 {
				if closing {
					return
				}
				break
			}
			if err := c.send(chunk); err != nil {
				c.fail()
				return
			}
		}
	}
}

// take hands over what waits and leaves the other buffer in its place.
func (c *conn) take() (chunk []byte, closing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	chunk = c.buf
	c.buf, c.spare = c.spare[:0], chunk
	if cap(c.buf) > keepBuffer {
		c.buf = nil
	}
	return chunk, c.closing
}

func (c *conn) send(chunk []byte) error {
	for len(chunk) > 0 {
		c.refreshWriteDeadline()
		n, err := c.Conn.Write(chunk[:min(len(chunk), writeSlice)])
		c.counts.sent.Add(int64(n))
		c.counts.waiting.Add(int64(-n))
		c.waiting.Add(int64(-n))
		if err != nil {
			return err
		}
		chunk = chunk[n:]
	}
	return nil
}

func (c *conn) refreshWriteDeadline() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.SetWriteDeadline(time.Now().Add(writeTimeout))
	}
}

// cut closes the socket at once.
func (c *conn) cut() {
	if secure, ok := c.Conn.(*tls.Conn); ok {
		secure.NetConn().Close()
		return
	}
	c.Conn.Close()
}

// fail gives up what waits.
func (c *conn) fail() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.close()
	c.cut() // else TLS would wait to say goodbye
	c.buf, c.spare = nil, nil
	c.counts.waiting.Add(-c.waiting.Swap(0))
}
