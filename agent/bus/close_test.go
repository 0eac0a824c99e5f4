// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"
)

func TestCloseFlushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := mustDial(t, f, Options{})
		var want []string
		for i := range 200 {
			want = append(want, fmt.Sprint(i))
			if err := s.Publish("a", []byte(want[i]), byte(i%2), false); err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, s)
		mustClose(t, s)
		if len(f.got) != len(want) || f.bye != 1 {
			t.Errorf("%d messages arrived, %d goodbyes; want %d and 1", len(f.got), f.bye, len(want))
		}
		if err := s.Publish("a", nil, 1, false); !errors.Is(err, ErrClosed) {
			t.Errorf("Publish after Close = %v", err)
		}
		if err := s.Subscribe("a", 1, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Subscribe after Close = %v", err)
		}
		if s.State() != Closed {
			t.Errorf("state %v", s.State())
		}
		select {
		case <-s.Done():
		default:
			t.Error("not done")
		}
	})
}

// While the broker is down Close waits for it as long as there is something to send.
func TestCloseWhileDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := mustDial(t, f, Options{})
		f.set(func() { f.down = true })
		f.kick()
		pass(time.Second)
		s.Publish("a", []byte("x"), 1, false)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		err := s.Close(ctx)
		if err == nil || !strings.Contains(err.Error(), "messages not delivered: 1") || time.Since(begin) < 10*time.Second {
			t.Errorf("Close = %v after %v", err, time.Since(begin))
		}

		f = &fake{}
		s = mustDial(t, f, Options{})
		f.set(func() { f.down = true })
		f.kick()
		pass(time.Second)
		begin = time.Now()
		mustClose(t, s)
		if d := time.Since(begin); d > time.Second {
			t.Errorf("Close with nothing to send took %v", d)
		}
	})
}

// A broker that acknowledges nothing, or takes nothing, does not hold up Close
// beyond its context.
func TestCloseStalled(t *testing.T) {
	for _, takes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{noAck: true}
			stuck := make(chan struct{})
			s := mustDial(t, f, Options{})
			if !takes {
				f.set(func() {
					f.onPub = func(*packets.PublishPacket) bool { f.mu.Unlock(); <-stuck; f.mu.Lock(); return false }
				})
			}
			for range 10 {
				s.Publish("a", []byte("x"), 1, false)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			begin := time.Now()
			if err := s.Close(ctx); err == nil {
				t.Error("Close found nothing undelivered")
			}
			if d := time.Since(begin); d < 3*time.Second || d > 8*time.Second {
				t.Errorf("Close took %v", d)
			}
			close(stuck)
			<-s.Done()
		})
	}
}

// A handler may close its own session; it waits for itself only so long.
func TestCloseFromHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := mustDial(t, f, Options{})
		s.Subscribe("a", 0, func(Message) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			s.Close(ctx)
		})
		send(t, f, "a")
		<-s.Done()
	})
}
func TestWillIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		s := mustDial(t, f, Options{ClientID: "id", KeepAlive: 7 * time.Second, Will: &Message{Topic: "w", Payload: []byte{0, 1}, QoS: 1, Retain: true}})
		mustClose(t, s)
		c := f.connects[0]
		got := []any{c.ClientIdentifier, c.CleanSession, c.Keepalive, c.WillFlag, c.WillTopic, string(c.WillMessage), c.WillQos, c.WillRetain, c.UsernameFlag}
		want := []any{"id", false, uint16(7), true, "w", "\x00\x01", byte(1), true, false}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error("CONNECT (-want +got):", diff)
		}
	})
}
