// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/agent/control"
)

type addArgs struct {
	A int `json:"a"`
	B int `json:"b"`
}

// testTable has the verbs that have paths of their own, one that adds, and one
// that fails for each code.
func testTable() *control.Table {
	var table control.Table
	for _, name := range []string{"status", "peers/list", "learn/status"} {
		table.Add(name, func(context.Context, json.RawMessage) (any, error) { return map[string]string{"verb": name}, nil })
	}
	table.Add("sums/add", control.Typed(func(_ context.Context, a addArgs) (any, error) { return map[string]int{"sum": a.A + a.B}, nil }))
	for _, code := range []control.Code{control.Failed, control.Usage, control.Busy, control.Refused, "unheard-of"} {
		table.Add("fail/"+string(code), func(context.Context, json.RawMessage) (any, error) {
			return nil, control.Errorf(code, "no: %s", code).WithHint("try %s", "later")
		})
	}
	table.Add("fail/plain", func(context.Context, json.RawMessage) (any, error) { return nil, errors.New("the disk is full") })
	table.Add("fail/encoding", func(context.Context, json.RawMessage) (any, error) { return func() {}, nil })
	return &table
}

// running is a server on a unix socket and a loopback address.
type running struct {
	socket, url string
	stop        context.CancelFunc
	ended       chan error
}

// serve starts a server, and holds at the end of the test that it ends in time
// and leaves neither goroutines nor a socket.
func serve(t *testing.T, table *control.Table) *running {
	t.Helper()
	before := runtime.NumGoroutine()
	r := &running{socket: filepath.Join(t.TempDir(), "vecino.sock"), ended: make(chan error, 1)}
	local, err := Listen(r.socket)
	if err != nil {
		t.Fatal(err)
	}
	page, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + page.Addr().String()
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	server := &Server{Table: table, Log: slog.New(slog.DiscardHandler)}
	go func() { r.ended <- server.Serve(ctx, local, page) }()
	t.Cleanup(func() { r.end(t, before) })
	return r
}

func (r *running) end(t *testing.T, before int) {
	t.Helper()
	r.stop()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("server ends with %v", err)
		}
	case <-time.After(shutdownTime + time.Second):
		t.Fatal("the server does not end")
	}
	if err := exists(r.socket); err == nil {
		t.Error("the socket is left behind")
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines more than before:\n%s", runtime.NumGoroutine()-before, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// browser is an HTTP client that keeps no connection.
func browser() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
}

// request returns a request with headers given as "Name: value"; Host is one of
// them.
func request(t *testing.T, method, url, body string, headers ...string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	return req
}

// pipes is a listener in memory, for tests with time of their own.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// servePipes runs a server in memory until stop is called.
func servePipes(table *control.Table) (p *pipes, client *http.Client, stop func() error) {
	p = newPipes()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	server := &Server{Table: table, Log: slog.New(slog.DiscardHandler)}
	go func() { ended <- server.Serve(ctx, p) }()
	client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: p.dial}}
	return p, client, func() error { cancel(); return <-ended }
}
