// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package web serves a device's verbs over HTTP: on a unix socket for the local
// command line, and on a loopback address for a browser, with one static page
// that shows the device at work. GET reads, POST runs a verb of the control
// table; both answer JSON.
//
// The zero Server is not usable; set its fields and call Serve once.
package web

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/agent/control"
)

// page is made by gzip -9n of index.html.
//
//go:embed index.html.gz
var page []byte

// Limits of a connection. A local page and a command line need little.
const (
	maxHeader    = 8 << 10
	readTimeout  = 10 * time.Second
	idleTimeout  = time.Minute
	eventsEvery  = time.Second
	eventTimeout = 10 * time.Second // for one event to a reader that is slow
	shutdownTime = 2 * time.Second
	maxOpen      = 64 // connections of one listener; whoever comes later waits
)

// Server serves one device.
type Server struct {
	Table *control.Table
	Log   *slog.Logger
}

// Serve answers on the listeners until ctx ends.
func (s *Server) Serve(ctx context.Context, listeners ...net.Listener) error {
	srv := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	errs := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { errs <- srv.Serve(limit(l, maxOpen)) }()
	}
	var err error
	ended := 0
	select {
	case <-ctx.Done():
	case err = <-errs:
		ended++
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if srv.Shutdown(stop) != nil {
		srv.Close()
	}
	for ; ended < len(listeners); ended++ {
		<-errs
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /api/v1/status", s.read("status"))
	mux.HandleFunc("GET /api/v1/peers", s.read("peers/list"))
	mux.HandleFunc("GET /api/v1/rounds", s.read("learn/status"))
	mux.HandleFunc("GET /api/v1/events", s.events)
	mux.HandleFunc("POST /api/v1/{verb...}", s.verb)
	return guard(mux)
}

// guard refuses what a foreign page in the owner's browser could send: another
// host name (DNS rebinding) and another origin. No browser reaches the unix
// socket, where the host name says nothing.
func guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	checked := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !overUnix(r) && !localHost(r.Host) {
			http.Error(w, "this address answers local requests only", http.StatusForbidden)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'")
		w.Header().Set("Cache-Control", "no-store")
		checked.ServeHTTP(w, r)
	})
}

func overUnix(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && local.Network() == "unix"
}

func localHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(page)
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(page))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	io.Copy(w, z)
}

func (s *Server) read(verb string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out, err := s.Table.Do(r.Context(), verb, nil)
		respond(w, out, err)
	}
}

func (s *Server) verb(w http.ResponseWriter, r *http.Request) {
	args, err := io.ReadAll(http.MaxBytesReader(w, r.Body, control.MaxArgs))
	if err != nil {
		respond(w, nil, control.Errorf(control.Usage, "arguments: %v", err))
		return
	}
	out, err := s.Table.Do(r.Context(), r.PathValue("verb"), args)
	respond(w, out, err)
}

// events streams the status once a second as server-sent events.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	c := http.NewResponseController(w)
	tick := time.NewTicker(eventsEvery)
	defer tick.Stop()
	for {
		if err := s.event(w, c, r); err != nil {
			s.Log.Debug("stream of events ends", "err", err)
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Server) event(w io.Writer, c *http.ResponseController, r *http.Request) error {
	out, err := s.Table.Do(r.Context(), "status", nil)
	if err != nil {
		return err
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	if err := c.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "event: status\ndata: %s\n\n", b); err != nil {
		return err
	}
	return c.Flush()
}

var statuses = map[control.Code]int{
	control.Failed: http.StatusInternalServerError, control.Usage: http.StatusBadRequest, control.Busy: http.StatusConflict,
	control.Refused: http.StatusForbidden, control.Unknown: http.StatusNotFound,
}

func respond(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	if err != nil {
		e := control.AsError(err)
		if status = statuses[e.Code]; status == 0 {
			status = http.StatusInternalServerError
		}
		out = map[string]*control.Error{"error": e}
	}
	b, err := json.Marshal(out)
	if err != nil {
		http.Error(w, "encode answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}
