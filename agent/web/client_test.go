// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/agent/control"
)

func TestClient(t *testing.T) {
	r := serve(t, testTable())
	c := Client{Socket: r.socket}
	var sum struct{ Sum int }
	if err := c.Do(t.Context(), "sums/add", addArgs{2, 3}, &sum); err != nil || sum.Sum != 5 {
		t.Errorf("got %+v, %v", sum, err)
	}
	if err := c.Do(t.Context(), "sums/add", nil, &sum); err != nil || sum.Sum != 0 {
		t.Errorf("without arguments: got %+v, %v", sum, err)
	}
	err := c.Do(t.Context(), "fail/refused", nil, nil)
	var got *control.Error
	if !errors.As(err, &got) {
		t.Fatalf("got %v", err)
	}
	if d := cmp.Diff(&control.Error{Code: control.Refused, Message: "no: refused", Hint: "try later"}, got); d != "" {
		t.Error(d)
	}
	if err := c.Do(t.Context(), "sums/add", addArgs{}, new(int)); err == nil || !strings.HasPrefix(err.Error(), "read the agent's answer: ") {
		t.Errorf("answer of another type: %v", err)
	}
	if err := c.Do(t.Context(), "sums/add", func() {}, nil); err == nil || !strings.HasPrefix(err.Error(), "encode arguments: ") {
		t.Errorf("arguments that are no JSON: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Do(ctx, "status", nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestClientFindsNoAgent(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	staleSocket(t, stale)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for socket, running := range map[string]bool{
		filepath.Join(dir, "vecino.sock"):         false,
		filepath.Join(dir, "none", "vecino.sock"): false,
		stale:                              false,
		file:                               false,
		filepath.Join(file, "vecino.sock"): true, // a state folder that is a file is another mistake
	} {
		err := Client{Socket: socket}.Do(t.Context(), "status", nil, nil)
		if err == nil || errors.Is(err, ErrNotRunning) == running {
			t.Errorf("%s: got %v", socket, err)
		}
		if err != nil && (!strings.Contains(err.Error(), socket) || strings.Contains(err.Error(), "http://")) {
			t.Errorf("%s: the error does not name the socket, or names a URL: %v", socket, err)
		}
	}
}

// TestClientOfOddAgents holds that what answers on the socket is not trusted.
func TestClientOfOddAgents(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"no JSON":            {200, "<html>", "read the agent's answer: "},
		"nothing":            {200, "", "read the agent's answer: "},
		"error of no form":   {500, "oh", "the agent answers 500 Internal Server Error"},
		"error with no kind": {403, `{"error":null}`, "the agent answers 403 Forbidden"},
		"redirect":           {302, "", "the agent answers 302 Found"},
		"endless":            {200, `"` + strings.Repeat("x", maxAnswer) + `"`, "the agent's answer has more than 16777216 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "vecino.sock")
			l, err := Listen(path)
			if err != nil {
				t.Fatal(err)
			}
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				io.Copy(w, strings.NewReader(c.body))
			})}
			go srv.Serve(l)
			defer srv.Close()
			var out any
			if err := (Client{Socket: path}).Do(t.Context(), "status", nil, &out); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s…", err, c.want)
			}
		})
	}
	t.Run("hangs up", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "vecino.sock")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				io.ReadFull(c, make([]byte, 1))
				c.Close()
			}
		}()
		err = Client{Socket: path}.Do(t.Context(), "status", nil, nil)
		if err == nil || !strings.HasPrefix(err.Error(), "ask the agent on "+path+": ") {
			t.Errorf("got %v", err)
		}
	})
}

// TestLargestAnswer holds that the limit itself passes.
func TestLargestAnswer(t *testing.T) {
	r := serve(t, func() *control.Table {
		var table control.Table
		table.Add("large", func(context.Context, json.RawMessage) (any, error) {
			return string(bytes.Repeat([]byte("x"), maxAnswer-3)), nil // and two quotes and a line's end
		})
		return &table
	}())
	var out string
	if err := (Client{Socket: r.socket}).Do(t.Context(), "large", nil, &out); err != nil || len(out) != maxAnswer-3 {
		t.Errorf("got %d bytes, %v", len(out), err)
	}
}
