// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/agent/control"
)

func TestPaths(t *testing.T) {
	r := serve(t, testTable())
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/healthz", "", 200, "ok\n"},
		{"GET", "/api/v1/status", "", 200, `{"verb":"status"}` + "\n"},
		{"HEAD", "/api/v1/status", "", 200, ""},
		{"GET", "/api/v1/peers", "", 200, `{"verb":"peers/list"}` + "\n"},
		{"GET", "/api/v1/rounds", "", 200, `{"verb":"learn/status"}` + "\n"},
		{"POST", "/api/v1/status", "", 200, `{"verb":"status"}` + "\n"},
		{"POST", "/api/v1/sums/add", `{"a":2,"b":3}`, 200, `{"sum":5}` + "\n"},
		{"POST", "/api/v1/sums/add", "", 200, `{"sum":0}` + "\n"},
		{"POST", "/api/v1/sums/add", `{"c":1}`, 400, `{"error":{"code":"usage","message":"arguments: json: unknown field \"c\""}}` + "\n"},
		{"POST", "/api/v1/nothing", "{}", 404, `{"error":{"code":"unknown-verb","message":"there is no verb \"nothing\""}}` + "\n"},
		{"POST", "/api/v1/", "{}", 404, `{"error":{"code":"unknown-verb","message":"there is no verb \"\""}}` + "\n"},
		{"GET", "/api/v1/sums/add", "", 405, "Method Not Allowed\n"},
		{"PUT", "/api/v1/sums/add", "{}", 405, "Method Not Allowed\n"},
		{"DELETE", "/api/v1/status", "", 405, "Method Not Allowed\n"},
		{"POST", "/", "", 405, "Method Not Allowed\n"},
		{"GET", "/nothing", "", 404, "404 page not found\n"},
		{"GET", "/index.html", "", 404, "404 page not found\n"},
		{"GET", "/%2e%2e/web.go", "", 404, "404 page not found\n"},
	} {
		t.Run(c.method+" "+c.path+" "+c.body, func(t *testing.T) {
			resp, err := browser().Do(request(t, c.method, r.url+c.path, c.body))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status || string(body) != c.want {
				t.Errorf("got %d %q, want %d %q", resp.StatusCode, body, c.status, c.want)
			}
			if strings.HasPrefix(c.want, "{") && resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("content type %q", resp.Header.Get("Content-Type"))
			}
			for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
				if got := resp.Header.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestCodes(t *testing.T) {
	r := serve(t, testTable())
	for verb, want := range map[string]struct {
		status int
		err    control.Error
	}{
		"fail/failed":     {500, control.Error{Code: control.Failed, Message: "no: failed", Hint: "try later"}},
		"fail/usage":      {400, control.Error{Code: control.Usage, Message: "no: usage", Hint: "try later"}},
		"fail/busy":       {409, control.Error{Code: control.Busy, Message: "no: busy", Hint: "try later"}},
		"fail/refused":    {403, control.Error{Code: control.Refused, Message: "no: refused", Hint: "try later"}},
		"fail/unheard-of": {500, control.Error{Code: "unheard-of", Message: "no: unheard-of", Hint: "try later"}},
		"fail/plain":      {500, control.Error{Code: control.Failed, Message: "the disk is full"}},
		"missing":         {404, control.Error{Code: control.Unknown, Message: `there is no verb "missing"`}},
	} {
		t.Run(verb, func(t *testing.T) {
			resp, err := browser().Do(request(t, "POST", r.url+"/api/v1/"+verb, "{}"))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var got struct{ Error control.Error }
			if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != want.status {
				t.Errorf("status %d, want %d", resp.StatusCode, want.status)
			}
			if d := cmp.Diff(want.err, got.Error); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAnswerThatIsNoJSON(t *testing.T) {
	r := serve(t, testTable())
	resp, err := browser().Do(request(t, "POST", r.url+"/api/v1/fail/encoding", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 500 || !strings.HasPrefix(string(body), "encode answer: ") {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
}

// TestGuard holds that a page from elsewhere, in the browser of someone at the
// device, can neither read nor change anything.
func TestGuard(t *testing.T) {
	r := serve(t, testTable())
	host := strings.TrimPrefix(r.url, "http://")
	for _, c := range []struct {
		name, method, path string
		headers            []string
		status             int
	}{
		{"address", "GET", "/api/v1/status", nil, 200},
		{"localhost", "GET", "/api/v1/status", []string{"Host: localhost:8080"}, 200},
		{"localhost without port", "GET", "/", []string{"Host: localhost"}, 200},
		{"another loopback address", "GET", "/", []string{"Host: 127.1.2.3:80"}, 200},
		{"IPv6", "GET", "/", []string{"Host: [::1]:8080"}, 200},
		{"IPv6 without port", "GET", "/", []string{"Host: [::1]"}, 200},

		{"rebound name", "GET", "/api/v1/status", []string{"Host: attacker.example:8080"}, 403},
		{"rebound name, post", "POST", "/api/v1/status", []string{"Host: attacker.example"}, 403},
		{"rebound name, page", "GET", "/", []string{"Host: attacker.example"}, 403},
		{"rebound name, events", "GET", "/api/v1/events", []string{"Host: attacker.example"}, 403},
		{"rebound name, health", "GET", "/healthz", []string{"Host: attacker.example"}, 403},
		{"name of the socket", "GET", "/api/v1/status", []string{"Host: vecino:8080"}, 403},
		{"name that begins well", "GET", "/", []string{"Host: localhost.attacker.example"}, 403},
		{"name that looks like an address", "GET", "/", []string{"Host: 127.0.0.1.nip.example"}, 403},
		{"address of the network", "GET", "/", []string{"Host: 192.168.1.20:8080"}, 403},
		{"any address", "GET", "/", []string{"Host: 0.0.0.0:8080"}, 403},

		{"own origin", "POST", "/api/v1/status", []string{"Origin: http://" + host}, 200},
		{"own page", "POST", "/api/v1/status", []string{"Origin: http://" + host, "Sec-Fetch-Site: same-origin"}, 200},
		{"typed address", "POST", "/api/v1/status", []string{"Sec-Fetch-Site: none"}, 200},
		{"other origin", "POST", "/api/v1/status", []string{"Origin: https://attacker.example"}, 403},
		{"other site", "POST", "/api/v1/status", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"other port of this host", "POST", "/api/v1/status", []string{"Origin: http://127.0.0.1:1"}, 403},
		{"sandboxed page", "POST", "/api/v1/status", []string{"Origin: null"}, 403},
		{"form", "POST", "/api/v1/status", []string{"Origin: https://attacker.example", "Content-Type: text/plain"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, err := browser().Do(request(t, c.method, r.url+c.path, "", c.headers...))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != c.status {
				t.Errorf("status %d, want %d", resp.StatusCode, c.status)
			}
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "" {
				t.Errorf("a page of %q may read the answer", got)
			}
		})
	}
}

// TestUnixSocketTakesAnyHost holds that a client of the socket need not know a
// name: no browser gets there.
func TestUnixSocketTakesAnyHost(t *testing.T) {
	r := serve(t, testTable())
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", r.socket)
	}}
	for _, host := range []string{"vecino", "unix", "attacker.example"} {
		resp, err := (&http.Client{Transport: transport}).Do(request(t, "GET", "http://"+host+"/healthz", ""))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("%s: status %d", host, resp.StatusCode)
		}
	}
}

func TestLimitsOfARequest(t *testing.T) {
	r := serve(t, testTable())
	most := `{"a":1` + strings.Repeat(" ", control.MaxArgs-7) + "}"
	for _, c := range []struct {
		name, body string
		header     string
		status     int
		want       string
	}{
		{name: "the largest body", body: most, status: 200, want: `{"sum":1}`},
		{name: "a larger body", body: most + " ", status: 400, want: `{"error":{"code":"usage","message":"arguments: http: request body too large"}}`},
		{name: "a large header", header: "X-Large: " + strings.Repeat("x", 2*maxHeader), status: 431, want: "431"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := request(t, "POST", r.url+"/api/v1/sums/add", c.body)
			if c.header != "" {
				name, value, _ := strings.Cut(c.header, ": ")
				req.Header.Set(name, value)
			}
			resp, err := browser().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != c.status || !strings.HasPrefix(string(body), c.want) {
				t.Errorf("got %d %.200q, want %d %q", resp.StatusCode, body, c.status, c.want)
			}
		})
	}
}

// TestSlowVerb holds that a verb may take longer than a request may take to
// come in.
func TestSlowVerb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table control.Table
		table.Add("wait", func(ctx context.Context, _ json.RawMessage) (any, error) {
			select {
			case <-time.After(3 * readTimeout):
				return "waited", nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		_, client, stop := servePipes(&table)
		resp, err := client.Post("http://localhost/api/v1/wait", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != "\"waited\"\n" {
			t.Errorf("got %d %q, %v", resp.StatusCode, body, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestSlowRequest holds that a connection on which no request comes is ended.
func TestSlowRequest(t *testing.T) {
	for name, sent := range map[string]string{
		"silent":       "",
		"half a line":  "GET /healthz HT",
		"half a head":  "GET /healthz HTTP/1.1\r\nHost: localhost\r\n",
		"without body": "POST /api/v1/sums/add HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, _, stop := servePipes(testTable())
				c, err := p.dial(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(c, sent); err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, io.ErrClosedPipe) {
					t.Error(err)
				}
				if took := time.Since(begin); took < readTimeout || took > readTimeout+time.Second {
					t.Errorf("ended after %v", took)
				}
				c.Close()
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestListenerFails holds that the server ends with the error of a listener,
// and closes the other.
func TestListenerFails(t *testing.T) {
	bad, good := newPipes(), newPipes()
	broken := errors.New("broken")
	server := &Server{Table: testTable(), Log: discard()}
	if err := server.Serve(t.Context(), failing{bad, broken}, good); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	select {
	case <-good.closed:
	default:
		t.Error("the other listener is open")
	}
}

type failing struct {
	*pipes
	err error
}

func (f failing) Accept() (net.Conn, error) { return nil, f.err }
