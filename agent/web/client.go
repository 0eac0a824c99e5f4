// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"github.com/vecino-edge/vecino/agent/control"
)

// ErrNotRunning says that no agent answers on the socket.
var ErrNotRunning = errors.New("no agent is running")

// unixHost is the host name in requests over the unix socket, where none is
// needed and HTTP wants one.
const unixHost = "vecino"

// maxAnswer bounds what a client reads of an answer.
const maxAnswer = 16 << 20

// Client asks a running agent over its unix socket.
type Client struct {
	Socket string
}

// Do runs a verb and decodes its answer into out. The error is [ErrNotRunning],
// wrapped, or a [*control.Error].
func (c Client) Do(ctx context.Context, verb string, args, out any) error {
	body, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("encode arguments: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+unixHost+"/api/v1/"+verb, bytes.NewReader(body))
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", c.Socket)
	}}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w: nobody answers on %s", ErrNotRunning, c.Socket)
	}
	if err != nil {
		return fmt.Errorf("ask the agent on %s: %w", c.Socket, plain(err))
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("read the agent's answer: %w", err)
	}
	if len(b) > maxAnswer {
		return fmt.Errorf("the agent's answer has more than %d bytes", maxAnswer)
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(b, out); err != nil {
			return fmt.Errorf("read the agent's answer: %w", err)
		}
		return nil
	}
	var failed struct{ Error *control.Error }
	if json.Unmarshal(b, &failed) != nil || failed.Error == nil {
		return fmt.Errorf("the agent answers %s", resp.Status)
	}
	return failed.Error
}

// plain strips what package net/http and net put before an error: the URL that a
// request over a socket has is none that people know.
func plain(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}
