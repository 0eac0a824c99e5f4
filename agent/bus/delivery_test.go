// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"
)

func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{noAck: true}
		s := mustDial(t, f, Options{MaxInFlight: 3, MaxQueue: 4})
		for i := range 7 {
			if err := s.Publish("a", fmt.Append(nil, i), 1, false); err != nil {
				t.Fatal(i, err)
			}
			synctest.Wait()
		}
		if err := s.Publish("a", []byte("7"), 1, false); !errors.Is(err, ErrQueueFull) {
			t.Errorf("Publish to a full queue = %v", err)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"0", "1", "2"}, f.got); diff != "" {
			t.Error("sent (-want +got):", diff)
		}
		s.Publish("a", []byte("zero"), 0, false) // no place in the queue
		if n := s.Counters().DroppedOut; n != 1 {
			t.Errorf("%d dropped, want 1", n)
		}
		f.set(func() { f.got, f.noAck = nil, false })
		f.kick()
		pass(time.Minute)
		if diff := cmp.Diff([]string{"0", "1", "2", "3", "4", "5", "6"}, f.got); diff != "" {
			t.Error("sent on the next connection (-want +got):", diff)
		}
		mustClose(t, s)
	})
}

// QoS 0 passes a window that is full of QoS 1.
func TestQoS0PassesWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{noAck: true}
		s := mustDial(t, f, Options{MaxInFlight: 1})
		for _, m := range []string{"a1", "b1", "c0"} {
			s.Publish("t", []byte(m), m[1]-'0', false)
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"a1", "c0"}, f.got); diff != "" {
			t.Error("sent (-want +got):", diff)
		}
		f.set(func() { f.noAck = false })
		f.kick()
		pass(time.Minute)
		mustClose(t, s)
	})
}

// A message over which the broker ends every connection is given up in the end.
func TestPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{onPub: func(p *packets.PublishPacket) bool { return string(p.Payload) != "poison" }}
		s := mustDial(t, f, Options{})
		s.Publish("a", []byte("poison"), 1, false)
		s.Publish("a", []byte("good"), 1, false)
		pass(10 * time.Minute)
		if n := s.Counters().DroppedOut; n != 1 || s.pending() != 0 || f.got[len(f.got)-1] != "good" {
			t.Errorf("%d dropped, %d pending, last %q", n, s.pending(), f.got[len(f.got)-1])
		}
		if n := len(f.connects); n != maxLosses+1 {
			t.Errorf("%d connections, want %d", n, maxLosses+1)
		}
		mustClose(t, s)
	})
}

// Connections that end after a good while are no reason to give a message up.
func TestNoPoisonInLongConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{noAck: true}
		s := mustDial(t, f, Options{})
		s.Publish("a", []byte("x"), 1, false)
		for range 2 * maxLosses {
			pass(2 * time.Minute)
			f.kick()
		}
		pass(2 * time.Minute)
		f.set(func() { f.noAck = false })
		f.kick()
		pass(2 * time.Minute)
		if c := s.Counters(); c.DroppedOut != 0 || s.pending() != 0 {
			t.Errorf("%d dropped, %d pending", c.DroppedOut, s.pending())
		}
		mustClose(t, s)
	})
}
func TestSubscribeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{refuse: map[string]bool{"no": true}}
		s := mustDial(t, f, Options{})
		if err := s.Subscribe("no", 0, func(Message) {}); !errors.Is(err, ErrRefused) {
			t.Errorf("Subscribe = %v, want ErrRefused", err)
		}
		if err := s.Subscribe("a/#/b", 0, func(Message) {}); err == nil {
			t.Error("a wrong filter was taken")
		}
		if err := s.Subscribe("yes", 0, func(Message) {}); err != nil {
			t.Error(err)
		}
		if n := len(s.router.all()); n != 1 {
			t.Errorf("%d subscriptions are kept", n)
		}
		if err := s.Unsubscribe("yes"); err != nil || len(s.router.all()) != 0 {
			t.Error("Unsubscribe:", err)
		}
		// One that is refused later does not keep the session from connecting.
		s.Subscribe("later", 0, func(Message) {})
		f.set(func() { f.refuse["later"] = true })
		f.kick()
		pass(time.Minute)
		if !s.Connected() {
			t.Error("not connected")
		}
		mustClose(t, s)
	})
}

// What is subscribed while there is no connection is made with the next one, before
// anything is published.
func TestSubscribeWhileDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := mustDial(t, f, Options{})
		f.set(func() { f.down = true })
		f.kick()
		pass(time.Second)
		if err := s.Subscribe("x", 1, func(Message) {}); err != nil {
			t.Fatal(err)
		}
		s.Publish("y", []byte("after"), 1, false)
		f.set(func() {
			f.down = false
			f.onPub = func(*packets.PublishPacket) bool {
				if len(f.subs) != 1 {
					t.Error("published before the subscription was made")
				}
				return true
			}
		})
		pass(2 * time.Minute)
		if len(f.got) != 1 {
			t.Errorf("received %q", f.got)
		}
		mustClose(t, s)
	})
}

// Handlers run one after the other; a slow one costs messages and nothing else.
func TestSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := mustDial(t, f, Options{MaxQueue: 5})
		running, handled := 0, 0
		s.Subscribe("a", 0, func(Message) {
			if running++; running != 1 {
				t.Error("two handlers at once")
			}
			time.Sleep(time.Hour)
			running--
			handled++
		})
		for range 20 {
			send(t, f, "a")
		}
		pass(30 * time.Minute)
		if c := s.Counters(); !s.Connected() || c.DroppedIn != 14 || c.MessagesReceived != 20 || c.Reconnects != 0 {
			t.Errorf("connected %t, counters %+v", s.Connected(), c)
		}
		pass(10 * time.Hour)
		if handled != 6 {
			t.Errorf("%d handled, want 6", handled)
		}
		mustClose(t, s)
	})
}

// A message that is too long for us is skipped and acknowledged; the session goes on.
func TestTooLongMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{long: 1}
		s := mustDial(t, f, Options{})
		var got []string
		s.Subscribe("a", 1, func(m Message) { got = append(got, m.Topic) })
		go func() {
			p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
			p.TopicName, p.Qos, p.MessageID, p.Payload = "a", 1, 99, make([]byte, MaxReceive)
			p.Write(f.conn)
		}()
		synctest.Wait()
		if c := s.Counters(); c.DroppedIn != 1 || !s.Connected() || !slices.Equal(f.acks, []uint16{99}) {
			t.Errorf("connected %t, counters %+v, acknowledged %v", s.Connected(), c, f.acks)
		}
		send(t, f, "a")
		if len(got) != 1 {
			t.Errorf("received %q", got)
		}
		mustClose(t, s)
	})
}
