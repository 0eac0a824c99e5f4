// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/vecino-edge/vecino/agent/bus"
)

// inbox collects what arrives.
type inbox struct {
	mu  sync.Mutex
	all []string
}

func (b *inbox) put(m bus.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, m.Topic+"="+string(m.Payload))
}
func (b *inbox) get() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}
func (b *inbox) has(s string) bool { return slices.Contains(b.get(), s) }

func publish(t testing.TB, s *bus.Session, topic, payload string, qos byte, retain bool) {
	t.Helper()
	if err := s.Publish(topic, []byte(payload), qos, retain); err != nil {
		t.Fatal(err)
	}
}
func subscribe(t testing.TB, s *bus.Session, filter string, qos byte, f func(bus.Message)) {
	t.Helper()
	if err := s.Subscribe(filter, qos, f); err != nil {
		t.Fatal(err)
	}
}

// proxy passes a broker's connections on, and can stall or cut them.
type proxy struct {
	url   string
	stall atomic.Bool
	mu    sync.Mutex
	conns []net.Conn
}

func newProxy(t *testing.T, url string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, target, _ := strings.Cut(url, "//")
	p := &proxy{url: "mqtt://" + l.Addr().String()}
	t.Cleanup(func() { l.Close(); p.cut() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := new(net.Dialer).DialContext(context.Background(), "tcp", target)
			if err != nil {
				in.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			go p.pass(in, out)
			go p.pass(out, in)
		}
	}()
	return p
}

// pass copies until an error. Stalled, it takes bytes and sends none.
func (p *proxy) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if p.stall.Load() {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// webSocket serves WebSocket in front of a broker and returns its URL.
func webSocket(t *testing.T, url string) string {
	t.Helper()
	_, target, _ := strings.Cut(url, "//")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{Subprotocols: []string{"mqtt"}}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		c, err := net.Dial("tcp", target)
		if err != nil {
			return
		}
		go func() {
			defer ws.Close()
			buf := make([]byte, 1000) // frames are not packets
			for {
				n, err := c.Read(buf)
				if err != nil || ws.WriteMessage(websocket.BinaryMessage, buf[:n]) != nil {
					return
				}
			}
		}()
		defer c.Close()
		for {
			_, p, err := ws.ReadMessage()
			if err != nil {
				return
			}
			c.Write(p)
		}
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/mqtt"
}
