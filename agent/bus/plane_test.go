// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
)

// board is what a broker's client sees of a device's topics.
type noticeBoard struct {
	mu       sync.Mutex
	messages []bus.Message
}

// watch subscribes to everything.
func watch(t *testing.T, e *endpoint) *noticeBoard {
	t.Helper()
	b := &noticeBoard{}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := bus.Dial(ctx, bus.Options{URL: e.url, CleanSession: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(t.Context()) })
	if err := s.Subscribe("#", 1, func(m bus.Message) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.messages = append(b.messages, m)
	}); err != nil {
		t.Fatal(err)
	}
	return b
}

// last returns the last message of a topic.
func (b *noticeBoard) last(topic string) (payload string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.messages {
		if m.Topic == topic {
			payload = string(m.Payload)
		}
	}
	return payload
}

func startPlane(t *testing.T, p *bus.Plane) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	return sync.OnceFunc(func() { cancel(); <-done })
}

// TestPlane holds availability, by word and by will, and that what a broker keeps is
// said again to one that has forgotten it.
func TestPlane(t *testing.T) {
	eachBroker(t, setup{}, func(t *testing.T, e *endpoint) {
		p, err := bus.NewPlane(bus.Options{URL: e.url}, "home", "kitchen")
		if err != nil {
			t.Fatal(err)
		}
		const root = "vecino/1/home/kitchen/"
		calls := make(chan bool, 16)
		p.OnConnect(func() { calls <- true })
		p.Keep("kept/one", []byte("1"))
		if p.Publish(root+"x", nil) || p.Connected() {
			t.Error("published before there is a connection")
		}
		end := startPlane(t, p)
		defer end()
		<-calls
		var heard noticeBoard
		if err := p.Subscribe(t.Context(), "ask/#", func(m bus.Message) {
			heard.mu.Lock()
			defer heard.mu.Unlock()
			heard.messages = append(heard.messages, m)
		}); err != nil {
			t.Fatal(err)
		}
		board := watch(t, e)
		p.Keep("kept/two", []byte("2"))
		p.Keep("kept/one", []byte("3"))
		if !p.Publish(p.Topic("sensor/a"), []byte("4")) || !p.Publish("ask/me", []byte("5")) {
			t.Error("not published")
		}
		for topic, want := range map[string]string{root + "availability": "online", "kept/one": "3", "kept/two": "2", root + "sensor/a": "4"} {
			eventually(t, topic, func() bool { return board.last(topic) == want })
		}
		eventually(t, "the subscription", func() bool { return heard.last("ask/me") == "5" })

		e.stop() // and all that it kept is gone
		eventually(t, "the connection is lost", func() bool { return !p.Connected() })
		if p.Publish(root+"x", nil) {
			t.Error("published without a connection")
		}
		e.start()
		<-calls
		board = watch(t, e)
		for topic, want := range map[string]string{root + "availability": "online", "kept/one": "3", "kept/two": "2"} {
			eventually(t, topic+" again", func() bool { return board.last(topic) == want })
		}
		end()
		eventually(t, "goodbye", func() bool { return board.last(root+"availability") == "offline" })
		if c := p.Counters(); c.Reconnects != 1 {
			t.Errorf("%+v", c)
		}
	})
}

// TestPlaneWill holds that the broker says that a device is offline which dies.
func TestPlaneWill(t *testing.T) {
	eachBroker(t, setup{}, func(t *testing.T, e *endpoint) {
		x := newProxy(t, e.url)
		p, err := bus.NewPlane(bus.Options{URL: x.url}, "home", "kitchen")
		if err != nil {
			t.Fatal(err)
		}
		board := watch(t, e)
		defer startPlane(t, p)()
		eventually(t, "online", func() bool { return board.last(p.Topic("availability")) == "online" })
		x.cut()
		eventually(t, "offline", func() bool {
			board.mu.Lock()
			defer board.mu.Unlock()
			for _, m := range board.messages {
				if string(m.Payload) == "offline" {
					return true
				}
			}
			return false
		})
		eventually(t, "online again", func() bool { return board.last(p.Topic("availability")) == "online" })
	})
}

func TestPlaneRefuses(t *testing.T) {
	for _, c := range []struct{ site, device string }{{"", "a"}, {"a", ""}, {"A", "a"}, {"a/b", "a"}, {"a", "+"}} {
		if _, err := bus.NewPlane(bus.Options{}, c.site, c.device); err == nil {
			t.Errorf("site %q, device %q", c.site, c.device)
		}
	}
	p, err := bus.NewPlane(bus.Options{URL: "http://x"}, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err == nil {
		t.Error("a URL of another scheme is taken")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := p.Subscribe(ctx, "a", func(bus.Message) {}); err == nil {
		t.Error("subscribed without a connection")
	}
}
