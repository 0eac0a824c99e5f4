// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"
)

// A bubble ends only when all its goroutines have, so that each of these tests
// also shows that none is left behind.

func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		var states []string
		s := mustDial(t, f, Options{OnState: func(st State, err error) { states = append(states, fmt.Sprint(st, " ", reasonOf(err))) }})
		var got []string
		if err := s.Subscribe("a/#", 1, func(m Message) { got = append(got, m.Topic) }); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		f.set(func() { f.down, f.subs = true, nil })
		f.kick()
		pass(5 * time.Minute)
		if s.Connected() {
			t.Fatal("connected with a broker that is down")
		}
		if err := s.Publish("b", []byte("late"), 1, false); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := s.Publish("b", []byte("lost"), 0, false); err != nil {
				t.Fatal(err)
			}
		}
		checkWaits(t, f.dials)
		f.set(func() { f.down = false })
		pass(time.Minute)
		if diff := cmp.Diff([]string{"a/#"}, f.subs); diff != "" {
			t.Error("subscriptions (-want +got):", diff)
		}
		if diff := cmp.Diff([]string{"late"}, f.got); diff != "" {
			t.Error("messages (-want +got):", diff)
		}
		send(t, f, "a/b")
		if diff := cmp.Diff([]string{"a/b"}, got); diff != "" {
			t.Error("received (-want +got):", diff)
		}
		// A connection that was held has the waits begin anew.
		f.kick()
		pass(backoffBase + time.Second)
		c := s.Counters()
		if !s.Connected() || c.DroppedOut != 3 || c.Reconnects != 2 || c.MessagesReceived != 1 || c.MessagesSent != 1 {
			t.Errorf("counters %+v", c)
		}
		mustClose(t, s)
		if f.bye != 1 || f.most != 1 {
			t.Errorf("%d goodbyes, %d connections at once", f.bye, f.most)
		}
		if states[0] != "connecting " || states[1] != "connected " || states[3] != "connecting " ||
			states[4] != "waiting connection refused" || states[len(states)-1] != "closed " || states[len(states)-2] != "connected " {
			t.Errorf("states %q", states)
		}
	})
}

// send has the broker send a message.
func send(t *testing.T, f *fake, topic string) {
	t.Helper()
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName = topic
	if err := p.Write(f.conn); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// checkWaits checks the times of attempts after a connection that was held.
func checkWaits(t *testing.T, dials []time.Time) {
	t.Helper()
	if len(dials) < 12 {
		t.Errorf("%d attempts in five minutes", len(dials))
	}
	distinct := map[time.Duration]bool{}
	for i := 2; i < len(dials); i++ {
		wait, ceiling := dials[i].Sub(dials[i-1]), min(backoffCap, backoffBase<<(i-1))
		distinct[wait] = true
		if wait < 0 || wait > ceiling {
			t.Errorf("attempt %d came after %v, at most %v", i, wait, ceiling)
		}
	}
	if len(distinct) < len(dials)/2 {
		t.Error("the waits have no jitter")
	}
}
func TestDialTriesUntilContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{down: true}
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err := dialFake(t, ctx, f, Options{Logger: logger})
		if reasonOf(err) != Refused || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Dial = %v", err)
		}
		if want := "connect to mqtt://fake:1883: connection refused"; !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %q, want %q", err, want)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "is the broker running") {
			t.Errorf("%d lines for one reason:\n%s", n, log.String())
		}
		if len(f.dials) < 5 {
			t.Errorf("%d attempts", len(f.dials))
		}

		f = &fake{down: true}
		time.AfterFunc(20*time.Second, func() { f.set(func() { f.down = false }) })
		s, err := dialFake(t, context.Background(), f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, s)
	})
}

// Each change of the reason is told once.
func TestReasonsAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{code: 5}
		var log bytes.Buffer
		time.AfterFunc(time.Minute, func() { f.set(func() { f.code = 3 }) })
		time.AfterFunc(2*time.Minute, func() { f.set(func() { f.silent = true }) })
		time.AfterFunc(4*time.Minute, func() { f.set(func() { f.silent, f.code = false, 0 }) })
		s, err := dialFake(t, context.Background(), f, Options{
			Username: "u", Password: NewSecret("hunter2"),
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, s)
		var got []string
		for _, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
			for _, r := range []Reason{Account, Busy, TimedOut, "connected to broker"} {
				if strings.Contains(line, string(r)) {
					got = append(got, string(r))
				}
			}
		}
		if diff := cmp.Diff([]string{string(Account), string(Busy), string(TimedOut), "connected to broker"}, got); diff != "" {
			t.Errorf("lines (-want +got): %s\n%s", diff, log.String())
		}
		if strings.Contains(log.String(), "hunter2") {
			t.Errorf("the log holds the password:\n%s", log.String())
		}
		if c := f.connects[0]; c.Username != "u" || string(c.Password) != "hunter2" || c.ProtocolVersion != 4 {
			t.Errorf("CONNECT %v", c)
		}
	})
}

// The library takes an unknown return code for success.
func TestStrangeReturnCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := dialFake(t, ctx, &fake{code: 0x87}, Options{}); reasonOf(err) != Protocol {
			t.Errorf("Dial = %v, want %q", err, Protocol)
		}
	})
}
func TestDialEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_, err := dialFake(t, ctx, &fake{silent: true}, Options{})
		if reasonOf(err) != TimedOut || time.Since(begin) > 3*time.Second {
			t.Errorf("Dial = %v after %v", err, time.Since(begin))
		}
	})
}

// An attempt that was cut short by the context does not hide why the one before failed.
func TestDialKeepsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{down: true}
		time.AfterFunc(time.Nanosecond, func() { f.set(func() { f.down, f.silent = false, true }) })
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if _, err := dialFake(t, ctx, f, Options{}); reasonOf(err) != Refused || len(f.dials) != 2 {
			t.Errorf("Dial = %v after %d attempts, want %q", err, len(f.dials), Refused)
		}
	})
}

// A peer that goes silent is noticed by the ping that it does not answer, also
// where it stops reading, so that the ping itself cannot be written.
func TestSilentPeer(t *testing.T) {
	for _, reads := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{}
			stuck := make(chan struct{})
			s := mustDial(t, f, Options{KeepAlive: 10 * time.Second})
			f.set(func() {
				f.silent = true
				if !reads {
					f.onPub = func(*packets.PublishPacket) bool { f.mu.Unlock(); <-stuck; f.mu.Lock(); return false }
				}
			})
			for range 20 {
				s.Publish("a", []byte("x"), 0, false)
			}
			begin := time.Now()
			for s.Connected() {
				pass(100 * time.Millisecond)
			}
			if d := time.Since(begin); d < 9*time.Second || d > 40*time.Second {
				t.Errorf("noticed after %v", d)
			}
			f.set(func() { f.silent, f.onPub = false, nil })
			close(stuck)
			pass(2 * time.Minute)
			if !s.Connected() {
				t.Error("not connected again")
			}
			if c := s.Counters(); c.MessagesSent+c.DroppedOut != 20 || reads != (c.DroppedOut == 0) || !reads && c.DroppedOut < 10 {
				t.Errorf("counters %+v for 20 messages, with a peer that reads: %t", c, reads)
			}
			mustClose(t, s)
		})
	}
}
