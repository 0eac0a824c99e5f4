// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vecino-edge/vecino/agent/control"
)

// countingTable answers status with how often it was asked.
func countingTable(asked *atomic.Int64) *control.Table {
	var table control.Table
	table.Add("status", func(context.Context, json.RawMessage) (any, error) {
		return map[string]int64{"asked": asked.Add(1)}, nil
	})
	return &table
}

// readEvent returns the data of the next event.
func readEvent(r *bufio.Reader) (string, error) {
	var lines []string
	for len(lines) < 3 {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	data, ok := strings.CutPrefix(lines[1], "data: ")
	if lines[0] != "event: status" || !ok || lines[2] != "" {
		return "", fmt.Errorf("not an event: %q", lines)
	}
	return data, nil
}

// TestEvents holds that the first event comes at once, another every second,
// far beyond the time for a request, and none any more once the client is gone.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		_, client, stop := servePipes(countingTable(&asked))
		begin := time.Now()
		resp, err := client.Get("http://localhost/api/v1/events")
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("content type %q", got)
		}
		r := bufio.NewReader(resp.Body)
		const events = 100
		for i := range events {
			data, err := readEvent(r)
			if err != nil {
				t.Fatalf("event %d: %v", i, err)
			}
			if want := fmt.Sprintf(`{"asked":%d}`, i+1); data != want {
				t.Errorf("event %d is %s, want %s", i, data, want)
			}
			if at := time.Since(begin); at != time.Duration(i)*eventsEvery {
				t.Errorf("event %d comes after %v", i, at)
			}
		}
		resp.Body.Close()
		time.Sleep(10 * eventsEvery)
		if got := asked.Load(); got > events+1 {
			t.Errorf("the status was asked %d times after the client went", got-events)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestEventsToAReaderThatStalls holds that a stream ends whose client takes
// nothing.
func TestEventsToAReaderThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		p, _, stop := servePipes(countingTable(&asked))
		c, err := p.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := asked.Load(); got != 1 {
			t.Errorf("the status was asked %d times for a client that read nothing", got)
		}
		if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		c.Close()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestEventsEndWithTheVerb holds that a stream ends, and does not spin, where
// the status cannot be had.
func TestEventsEndWithTheVerb(t *testing.T) {
	for name, table := range map[string]*control.Table{"no verb": {}, "no JSON": func() *control.Table {
		var table control.Table
		table.Add("status", func(context.Context, json.RawMessage) (any, error) { return func() {}, nil })
		return &table
	}()} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, table)
			resp, err := browser().Do(request(t, "GET", r.url+"/api/v1/events", ""))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || len(body) > 0 {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
}

// TestShutdown holds that the server ends in two seconds with streams open on
// both listeners; serve checks that no goroutine outlives it.
func TestShutdown(t *testing.T) {
	var asked atomic.Int64
	r := serve(t, countingTable(&asked))
	var bodies []io.ReadCloser
	for range 5 {
		resp, err := browser().Do(request(t, "GET", r.url+"/api/v1/events", ""))
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, resp.Body)
		if _, err := readEvent(bufio.NewReader(resp.Body)); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	r.stop()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Error(err)
		}
		r.ended <- err
	case <-time.After(shutdownTime):
		t.Fatal("the server does not end in time")
	}
	t.Logf("ended after %v", time.Since(begin))
	for _, b := range bodies {
		if _, err := io.Copy(io.Discard, b); err != nil {
			t.Errorf("a stream was cut: %v", err)
		}
		b.Close()
	}
}

// TestShutdownWaitsForNoVerb holds that a verb that goes on is cut off, and one
// that heeds its context is told.
func TestShutdownWaitsForNoVerb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table control.Table
		told := make(chan struct{})
		table.Add("heeds", func(ctx context.Context, _ json.RawMessage) (any, error) {
			<-ctx.Done()
			close(told)
			return "told", nil
		})
		table.Add("heedless", func(context.Context, json.RawMessage) (any, error) {
			time.Sleep(time.Minute)
			return "late", nil
		})
		_, client, stop := servePipes(&table)
		answers := map[string]chan error{"heeds": make(chan error, 1), "heedless": make(chan error, 1)}
		for verb, answer := range answers {
			go func() {
				resp, err := client.Post("http://localhost/api/v1/"+verb, "", http.NoBody)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				answer <- err
			}()
		}
		synctest.Wait()
		begin := time.Now()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != shutdownTime {
			t.Errorf("ended after %v", took)
		}
		<-told
		if err := <-answers["heeds"]; err != nil {
			t.Errorf("a verb that ended in time was not answered: %v", err)
		}
		if err := <-answers["heedless"]; err == nil {
			t.Error("a verb was answered after the end")
		}
		time.Sleep(time.Minute) // let the heedless one end
	})
}
