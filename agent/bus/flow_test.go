// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/agent/bus"
)

func TestPublishSubscribe(t *testing.T) {
	eachBroker(t, setup{username: "house", password: "p w"}, func(t *testing.T, e *endpoint) {
		o := bus.Options{URL: e.url, Username: "house", Password: bus.NewSecret("p w")}
		pub, sub := dial(t, o), dial(t, o)
		var got inbox
		subscribe(t, sub, "a/+/c", 1, got.put)
		subscribe(t, sub, "b/#", 0, got.put)
		publish(t, pub, "a/1/c", "one", 1, false)
		publish(t, pub, "a/1/d", "not for it", 1, false)
		publish(t, pub, "b", "two", 1, true)
		publish(t, pub, "b/x", "", 1, false)
		publish(t, pub, "a/2/c", strings.Repeat("z", bus.MaxPublish), 1, false)
		publish(t, pub, "b/end", "", 1, false)
		eventually(t, "the last message arrives", func() bool { return got.has("b/end=") })
		want := []string{"a/1/c=one", "b=two", "b/x=", "a/2/c=" + strings.Repeat("z", bus.MaxPublish), "b/end="}
		if diff := cmp.Diff(want, got.get()); diff != "" {
			t.Error("messages (-want +got):", diff)
		}
		var kept inbox
		subscribe(t, pub, "b", 0, func(m bus.Message) {
			if !m.Retain {
				t.Error("the retained message has no flag")
			}
			kept.put(m)
		})
		eventually(t, "the retained message arrives", func() bool { return kept.has("b=two") })
		if err := sub.Unsubscribe("b/#"); err != nil {
			t.Error(err)
		}
		publish(t, pub, "b/y", "", 1, false)
		publish(t, pub, "a/3/c", "", 1, false)
		eventually(t, "the next message arrives", func() bool { return got.has("a/3/c=") })
		if got.has("b/y=") {
			t.Error("a message came for a subscription that was taken back")
		}
	})
}
func TestWrongAccount(t *testing.T) {
	eachBroker(t, setup{username: "house", password: "right"}, func(t *testing.T, e *endpoint) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		for _, o := range []bus.Options{
			{Username: "house", Password: bus.NewSecret("w-r-o-n-g")},
			{Username: "nobody", Password: bus.NewSecret("w-r-o-n-g")},
			{Username: "house"},
			{},
		} {
			o.URL, o.Logger = e.url, logger
			err := dialOnce(t, o)
			if reasonOf(err) != bus.Account || !strings.Contains(err.Error(), "bad user name or password") {
				t.Errorf("as %q: %v, want %q", o.Username, err, bus.Account)
			}
		}
		if strings.Contains(log.String(), "w-r-o-n-g") || !strings.Contains(log.String(), "check username and password") {
			t.Errorf("log:\n%s", log.String())
		}
	})
}
func TestNobodyThere(t *testing.T) {
	err := dialOnce(t, bus.Options{URL: fmt.Sprint("mqtt://127.0.0.1:", freePort(t))})
	if reasonOf(err) != bus.Refused {
		t.Errorf("Dial = %v, want %q", err, bus.Refused)
	}
	err = dialOnce(t, bus.Options{URL: "mqtt://no-such-host.invalid"})
	if reasonOf(err) != bus.NoSuchHost {
		t.Errorf("Dial = %v, want %q", err, bus.NoSuchHost)
	}
}

// The broker is killed and comes back: subscriptions are there again, what of
// QoS 1 was published meanwhile is delivered, what of QoS 0 was is counted.
func TestRestart(t *testing.T) {
	t.Parallel()
	eachBroker(t, setup{}, func(t *testing.T, e *endpoint) {
		s := dial(t, bus.Options{URL: e.url})
		var got inbox
		subscribe(t, s, "x/#", 1, got.put)
		publish(t, s, "x/1", "", 1, false)
		eventually(t, "the first message arrives", func() bool { return got.has("x/1=") })
		e.stop()
		eventually(t, "the end is noticed", func() bool { return !s.Connected() })
		for i := range 5 {
			publish(t, s, "x/meanwhile", strconv.Itoa(i), 1, false)
			publish(t, s, "x/lost", strconv.Itoa(i), 0, false)
		}
		e.start()
		eventually(t, "all of QoS 1 arrives", func() bool { return got.has("x/meanwhile=4") })
		want := []string{"x/1=", "x/meanwhile=0", "x/meanwhile=1", "x/meanwhile=2", "x/meanwhile=3", "x/meanwhile=4"}
		if diff := cmp.Diff(want, got.get()); diff != "" {
			t.Error("messages (-want +got):", diff)
		}
		if c := s.Counters(); c.DroppedOut != 5 || c.Reconnects != 1 {
			t.Errorf("counters %+v, want 5 dropped and 1 reconnect", c)
		}
	})
}

// A session that the broker remembers gets what came while it was away, even
// before it has subscribed again.
func TestRememberedSession(t *testing.T) {
	eachBroker(t, setup{}, func(t *testing.T, e *endpoint) {
		o := bus.Options{URL: e.url, ClientID: "device-1"}
		s := dial(t, o)
		subscribe(t, s, "x", 1, func(bus.Message) {})
		closeSession(t, s)
		pub := dial(t, bus.Options{URL: e.url})
		for i := range 20 {
			publish(t, pub, "x", strconv.Itoa(i), 1, false)
		}
		closeSession(t, pub)
		var got inbox
		s = dial(t, o)
		subscribe(t, s, "x", 1, got.put)
		publish(t, s, "x", "own", 1, false)
		eventually(t, "the own message arrives", func() bool { return got.has("x=own") })
		// Those that came before the handler was there are gone; none comes twice.
		seen := map[string]bool{}
		for _, m := range got.get() {
			if seen[m] {
				t.Errorf("%s came twice", m)
			}
			seen[m] = true
		}
		if c := s.Counters(); c.MessagesReceived != 21 {
			t.Errorf("%d messages received, want 21", c.MessagesReceived)
		}
	})
}
func TestWill(t *testing.T) {
	eachBroker(t, setup{}, func(t *testing.T, e *endpoint) {
		watcher := dial(t, bus.Options{URL: e.url})
		var got inbox
		subscribe(t, watcher, "availability/#", 1, got.put)
		p := newProxy(t, e.url)
		will := func(id string) *bus.Message {
			return &bus.Message{Topic: "availability/" + id, Payload: []byte("offline"), QoS: 1, Retain: true}
		}
		orderly := dial(t, bus.Options{URL: e.url, Will: will("orderly")})
		publish(t, orderly, "availability/orderly", "online", 1, true)
		closeSession(t, orderly)
		dial(t, bus.Options{URL: p.url, Will: will("cut")})
		p.cut()
		eventually(t, "the will is published", func() bool { return got.has("availability/cut=offline") })
		if got.has("availability/orderly=offline") {
			t.Error("the will was published after an orderly end")
		}
	})
}

// Everything that was published before Close arrives.
func TestCloseDelivers(t *testing.T) {
	eachBroker(t, setup{}, func(t *testing.T, e *endpoint) {
		sub := dial(t, bus.Options{URL: e.url, MaxQueue: 2000})
		var n atomic.Int64
		subscribe(t, sub, "x", 1, func(bus.Message) { n.Add(1) })
		pub := dial(t, bus.Options{URL: e.url, MaxQueue: 2000})
		payload := strings.Repeat("p", 1000)
		for i := range 1000 {
			publish(t, pub, "x", payload, byte(i%2), false)
		}
		closeSession(t, pub)
		eventually(t, "all arrive", func() bool { return n.Load() == 1000 })
	})
}
