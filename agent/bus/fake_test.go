// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// fake is a broker at the other end of pipes, for tests in a bubble with its own
// time. Its fields change what it does next.
type fake struct {
	t *testing.T

	mu       sync.Mutex
	down     bool
	code     byte                              // of CONNACK
	silent   bool                              // after CONNECT
	noAck    bool                              // no PUBACK
	refuse   map[string]bool                   // filters
	onPub    func(*packets.PublishPacket) bool // false: end the connection
	dials    []time.Time
	conn     net.Conn // the last
	connects []*packets.ConnectPacket
	subs     []string
	got      []string // payloads
	acks     []uint16
	bye      int // DISCONNECTs
	open     int
	most     int   // connections at once
	long     int64 // messages that the test sends too long
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) dial(context.Context) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dials = append(f.dials, time.Now())
	if f.down {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	f.conn = ours
	go f.serve(ours)
	return theirs, nil
}

func (f *fake) serve(c net.Conn) {
	f.set(func() { f.open++; f.most = max(f.most, f.open) })
	defer f.set(func() { f.open-- })
	defer c.Close()
	for {
		p, err := packets.ReadPacket(c)
		if err != nil {
			return
		}
		answer, ok := f.answer(p)
		if !ok {
			return
		}
		if answer != nil && answer.Write(c) != nil {
			return
		}
	}
}

// answer takes note of a packet and returns what is to be said to it.
func (f *fake) answer(p packets.ControlPacket) (packets.ControlPacket, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch p := p.(type) {
	case *packets.ConnectPacket:
		f.connects = append(f.connects, p)
		if f.silent {
			return nil, true
		}
		a := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
		a.ReturnCode = f.code
		return a, true
	case *packets.SubscribePacket:
		f.subs = append(f.subs, p.Topics...)
		a := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
		a.MessageID, a.ReturnCodes = p.MessageID, []byte{p.Qoss[0]}
		if f.refuse[p.Topics[0]] {
			a.ReturnCodes[0] = notGranted
		}
		return a, true
	case *packets.UnsubscribePacket:
		a := packets.NewControlPacket(packets.Unsuback).(*packets.UnsubackPacket)
		a.MessageID = p.MessageID
		return a, true
	case *packets.PublishPacket:
		f.got = append(f.got, string(p.Payload))
		if f.onPub != nil && !f.onPub(p) {
			return nil, false
		}
		if p.Qos == 0 || f.noAck {
			return nil, true
		}
		a := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
		a.MessageID = p.MessageID
		return a, true
	case *packets.PubackPacket:
		f.acks = append(f.acks, p.MessageID)
		return nil, true
	case *packets.PingreqPacket:
		if f.silent {
			return nil, true
		}
		return packets.NewControlPacket(packets.Pingresp), true
	case *packets.DisconnectPacket:
		f.bye++
		return nil, false
	}
	f.t.Errorf("the session sent %v", p)
	return nil, false
}

// kick ends the connection from the broker's side.
func (f *fake) kick() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn.Close()
}

// dialFake opens a session with the fake.
func dialFake(t *testing.T, ctx context.Context, f *fake, o Options) (*Session, error) {
	t.Helper()
	f.t = t
	o.URL = "mqtt://fake"
	if o.ClientID == "" {
		o.ClientID, o.CleanSession = "c", true
	}
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	s := newSession(o, mustParse(t, o.URL))
	s.dial = f.dial
	return s, s.start(ctx)
}

// mustDial dials, and holds at the end that OnDrop was told of all that was
// dropped; long is how many messages arrived too long.
func mustDial(t *testing.T, f *fake, o Options) *Session {
	t.Helper()
	var in, out atomic.Int64
	o.OnDrop = func(_ Message, received bool) {
		if received {
			in.Add(1)
		} else {
			out.Add(1)
		}
	}
	s, err := dialFake(t, context.Background(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c := s.Counters(); c.DroppedOut != out.Load() || c.DroppedIn != in.Load()+f.long {
			t.Errorf("OnDrop was told of %d received and %d others, the counters say %+v", in.Load(), out.Load(), c)
		}
	})
	return s
}

func mustClose(t *testing.T, s *Session) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

// pass lets time pass, and all that happens in it end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func reasonOf(err error) Reason {
	var e *ConnectError
	errors.As(err, &e)
	if e == nil {
		return ""
	}
	return e.Reason
}
