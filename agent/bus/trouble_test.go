// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus_test

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
)

// A connection on which nothing arrives any more is noticed, though neither side
// has closed it.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	eachBroker(t, setup{}, func(t *testing.T, e *endpoint) {
		t.Parallel()
		p := newProxy(t, e.url)
		s := dial(t, bus.Options{URL: p.url, KeepAlive: time.Second})
		var got inbox
		subscribe(t, s, "x", 0, got.put)
		time.Sleep(1500 * time.Millisecond) // a ping or two
		if s.Counters().Reconnects != 0 {
			t.Error("a connection was lost that should not have been")
		}
		begin := time.Now()
		p.stall.Store(true)
		eventually(t, "the stall is noticed", func() bool { return !s.Connected() })
		if d := time.Since(begin); d < 500*time.Millisecond || d > 5*time.Second {
			t.Errorf("noticed after %v", d)
		}
		p.stall.Store(false)
		eventually(t, "it is connected again", s.Connected)
		publish(t, s, "x", "back", 1, false)
		eventually(t, "a message arrives", func() bool { return got.has("x=back") })
	})
}

// A handler that is slow, while messages come at full speed, costs messages, which
// are counted, and neither memory nor the connection.
func TestFlood(t *testing.T) {
	const size = 4 << 10
	messages := 10_000
	if testing.Short() {
		messages = 2000
	}
	eachBroker(t, setup{}, func(t *testing.T, e *endpoint) {
		sub, pub := dial(t, bus.Options{URL: e.url}), dial(t, bus.Options{URL: e.url})
		release := make(chan struct{})
		var handled atomic.Int64
		subscribe(t, sub, "flood", 0, func(bus.Message) {
			if handled.Add(1) == 1 {
				<-release
			}
		})
		base := heap()
		payload := strings.Repeat("p", size)
		for i := range messages {
			for pub.Counters().MessagesSent < int64(i-bus.DefaultQueue/2) {
				time.Sleep(time.Millisecond) // the publisher's own queue is not what is tested
			}
			publish(t, pub, "flood", payload, 0, false)
		}
		publish(t, pub, "other", "", 1, false)
		eventually(t, "the flood has passed", func() bool {
			before := sub.Counters().MessagesReceived
			time.Sleep(50 * time.Millisecond)
			return before == sub.Counters().MessagesReceived && pub.Counters().MessagesSent == int64(messages)+1
		})
		c := sub.Counters()
		if most := int64(bus.DefaultQueue + 1); c.MessagesReceived-c.DroppedIn > most || c.DroppedIn == 0 {
			t.Errorf("%d received, %d dropped; at most %d may wait", c.MessagesReceived, c.DroppedIn, most)
		}
		if n := heap(); n > base+bus.MaxQueueBytes+8<<20 {
			t.Errorf("the heap grew from %d to %d bytes", base, n)
		}
		if !sub.Connected() || c.Reconnects != 0 {
			t.Error("the connection was lost")
		}
		close(release)
		eventually(t, "what waits is handled", func() bool { return handled.Load() == c.MessagesReceived-c.DroppedIn })
		t.Logf("%+v", c)
	})
}
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What the session counts is what the broker counts.
func TestBytesAgainstMosquitto(t *testing.T) {
	t.Parallel()
	e := mosquitto(t, setup{})
	s := dial(t, bus.Options{URL: e.url, KeepAlive: time.Second})
	var mu sync.Mutex
	theirs := map[string]int64{}
	subscribe(t, s, "$SYS/broker/bytes/+", 0, func(m bus.Message) {
		mu.Lock()
		defer mu.Unlock()
		theirs[m.Topic], _ = strconv.ParseInt(string(m.Payload), 10, 64)
	})
	subscribe(t, s, "x", 0, func(bus.Message) {})
	for i := range 200 {
		publish(t, s, "x", strings.Repeat("p", i*20), byte(i%2), false)
	}
	near := func(ours int64, topic string) bool {
		mu.Lock()
		defer mu.Unlock()
		n := theirs["$SYS/broker/bytes/"+topic]
		return ours > 390_000 && float64(max(ours-n, n-ours)) < 0.02*float64(ours)
	}
	eventually(t, "both count alike within 2 %", func() bool {
		c := s.Counters()
		return near(c.BytesSent, "received") && near(c.BytesReceived, "sent")
	})
}
func TestWebSocket(t *testing.T) {
	t.Parallel()
	e := embedded(t, setup{})
	s := dial(t, bus.Options{URL: webSocket(t, e.url), KeepAlive: time.Second})
	var got inbox
	subscribe(t, s, "x", 1, got.put)
	publish(t, s, "x", strings.Repeat("w", 10_000), 1, false)
	eventually(t, "the message arrives", func() bool { return len(got.get()) == 1 })
	time.Sleep(1200 * time.Millisecond) // a ping
	if !s.Connected() || s.Counters().Reconnects != 0 {
		t.Error("the connection was lost")
	}
	closeSession(t, s)
	if c := s.Counters(); c.BytesReceived < 10_000 || c.BytesReceived > 10_100 {
		t.Errorf("counters %+v, want MQTT's bytes alone", c)
	}
}

// Nothing of a session runs when Close has returned.
func TestNoGoroutineIsLeft(t *testing.T) {
	eachBroker(t, setup{}, func(t *testing.T, e *endpoint) {
		before := runtime.NumGoroutine()
		for range 5 {
			s := dial(t, bus.Options{URL: e.url})
			subscribe(t, s, "x", 1, func(bus.Message) {})
			publish(t, s, "x", "y", 1, false)
			closeSession(t, s)
			// The library's last goroutines may be on their way out.
			eventually(t, "the session's goroutines have ended", func() bool { return goroutinesOf("paho", "agent/bus.(") == "" })
		}
		eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
	})
}

// goroutinesOf returns the stacks that hold one of the words.
func goroutinesOf(words ...string) string {
	buf := make([]byte, 1<<20)
	var out []string
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(stack, w) }) && !strings.Contains(stack, "goroutinesOf") {
			out = append(out, stack)
		}
	}
	return strings.Join(out, "\n\n")
}
