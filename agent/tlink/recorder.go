// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// maxPacket bounds a packet that the recorder passes on, in bytes.
const maxPacket = 1 << 20

// Recorder passes MQTT between devices and a broker and writes it down. Each
// device has a listener of its own, so that the truth comes from where a device
// connects, which is not in the recording.
type Recorder struct {
	upstream string // host:port of the broker
	began    time.Time
	work     sync.WaitGroup

	mu        sync.Mutex
	listeners []net.Listener
	open      map[net.Conn]struct{}
	rec       Recording
	truth     Truth
	closed    bool
}

// NewRecorder returns a recorder before the broker at a host:port.
func NewRecorder(upstream string) *Recorder {
	return &Recorder{upstream: upstream, began: time.Now(), open: map[net.Conn]struct{}{}}
}

// Listen opens the address on which a device is to reach the broker.
func (r *Recorder) Listen(device int) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for device %d: %w", device, err)
	}
	r.mu.Lock()
	r.listeners = append(r.listeners, l)
	r.mu.Unlock()
	r.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.work.Go(func() { r.serve(c, device) })
		}
	})
	return l.Addr().String(), nil
}

// Begin says that epochs count which begin from now on.
func (r *Recorder) Begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rec.From = time.Since(r.began)
}

// End says that epochs count which have ended by now.
func (r *Recorder) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rec.Until = time.Since(r.began)
}

// Close ends all connections and returns what was recorded.
func (r *Recorder) Close() (*Recording, Truth) {
	r.mu.Lock()
	r.closed = true
	for _, l := range r.listeners {
		l.Close()
	}
	for c := range r.open {
		c.Close()
	}
	r.mu.Unlock()
	r.work.Wait()
	return &r.rec, r.truth
}

// hold keeps a socket for Close, which may have been called already.
func (r *Recorder) hold(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[c] = struct{}{}
	if r.closed {
		c.Close()
	}
}

func (r *Recorder) release(c net.Conn) {
	c.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, c)
}

// serve passes one connection on, both ways, until either side ends it.
func (r *Recorder) serve(client net.Conn, device int) {
	r.hold(client)
	defer r.release(client)
	broker, err := net.Dial("tcp", r.upstream)
	if err != nil {
		return
	}
	r.hold(broker)
	defer r.release(broker)
	conn := &Conn{}
	var down sync.WaitGroup
	down.Go(func() {
		defer client.Close()
		pass(broker, client, func(raw []byte) error { r.delivered(conn, raw); return nil })
	})
	pass(client, broker, func(raw []byte) error { return r.sent(conn, device, raw) })
	r.mu.Lock()
	conn.Closed = time.Since(r.began)
	r.mu.Unlock()
	broker.Close()
	down.Wait()
}

// pass hands packets from one side to the other, each noted first, until there
// is an error on any side.
func pass(from io.Reader, to io.Writer, note func(raw []byte) error) {
	in := bufio.NewReader(from)
	for {
		raw, err := readPacket(in)
		if err != nil || note(raw) != nil {
			return
		}
		if _, err := to.Write(raw); err != nil {
			return
		}
	}
}

// readPacket reads one packet with its header (MQTT 3.1.1, section 2.2).
func readPacket(in *bufio.Reader) ([]byte, error) {
	first, err := in.ReadByte()
	if err != nil {
		return nil, err
	}
	n, err := binary.ReadUvarint(in) // the same encoding as a remaining length
	if err != nil {
		return nil, err
	}
	if n > maxPacket {
		return nil, fmt.Errorf("packet of %d bytes", n)
	}
	raw := binary.AppendUvarint([]byte{first}, n)
	head := len(raw)
	raw = append(raw, make([]byte, n)...)
	_, err = io.ReadFull(in, raw[head:])
	return raw, err
}

// sent writes down a packet from the client.
func (r *Recorder) sent(conn *Conn, device int, raw []byte) error {
	p, err := packets.ReadPacket(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at := time.Since(r.began)
	e := Event{At: at, Kind: Kind(raw[0] >> 4), Size: len(raw)}
	switch p := p.(type) {
	case *packets.ConnectPacket:
		conn.N, conn.Opened, conn.Hello = len(r.rec.Conns), at, hello(p)
		r.rec.Conns, r.truth = append(r.rec.Conns, conn), append(r.truth, device)
		return nil
	case *packets.PublishPacket:
		e.Topics, e.Payload = []string{p.TopicName}, p.Payload
	case *packets.SubscribePacket:
		e.Topics = p.Topics
	case *packets.DisconnectPacket:
		conn.Goodbye = true
	}
	if conn.Opened == 0 {
		return errors.New("a packet before CONNECT")
	}
	conn.Events = append(conn.Events, e)
	return nil
}

// delivered writes down a packet to the client. What is delivered was published
// before, so that its size and time say all.
func (r *Recorder) delivered(conn *Conn, raw []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	conn.Events = append(conn.Events, Event{At: time.Since(r.began), Out: true, Kind: Kind(raw[0] >> 4), Size: len(raw)})
}

func hello(p *packets.ConnectPacket) Hello {
	flag := func(set bool) byte {
		if set {
			return 1
		}
		return 0
	}
	rest := append([]byte(p.ProtocolName), p.ProtocolVersion, flag(p.CleanSession), flag(p.UsernameFlag), flag(p.PasswordFlag),
		flag(p.WillFlag), flag(p.WillRetain), p.WillQos)
	return Hello{
		ClientID: p.ClientIdentifier, Username: p.Username, Password: string(p.Password),
		WillTopic: p.WillTopic, WillPayload: p.WillMessage,
		Rest: binary.BigEndian.AppendUint16(rest, p.Keepalive), KeepAlive: time.Duration(p.Keepalive) * time.Second,
	}
}
