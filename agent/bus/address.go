// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// address is a broker's URL, taken apart.
type address struct {
	url       *url.URL // without user
	hostname  string
	host      string // with port
	secure    bool
	websocket bool
}

var schemes = map[string]struct {
	port              string
	secure, websocket bool
}{
	"mqtt":  {"1883", false, false},
	"tcp":   {"1883", false, false},
	"mqtts": {"8883", true, false},
	"ssl":   {"8883", true, false},
	"ws":    {"80", false, true},
	"wss":   {"443", true, true},
}

// parseURL takes a URL apart. Errors do not repeat it where it may hold a password.
func parseURL(s string) (address, error) {
	u, err := url.Parse(s)
	if err != nil {
		return address{}, errors.New("the broker's URL cannot be read: write it as mqtt://host:1883")
	}
	scheme, ok := schemes[u.Scheme]
	if !ok {
		return address{}, fmt.Errorf("the broker's URL has the scheme %q: write mqtt, mqtts, tcp, ssl, ws or wss", u.Scheme)
	}
	if u.Hostname() == "" {
		return address{}, errors.New("the broker's URL has no host: write it as mqtt://host:1883")
	}
	if u.User != nil {
		return address{}, errors.New("the broker's URL holds a user: write user name and password in their own settings, where they are not shown")
	}
	if !scheme.websocket && (u.Path != "" && u.Path != "/" || u.RawQuery != "") {
		return address{}, errors.New("the broker's URL has a path, which only ws and wss may have")
	}
	port := u.Port()
	if port == "" {
		port = scheme.port
	}
	u.Host = net.JoinHostPort(u.Hostname(), port)
	return address{url: u, hostname: u.Hostname(), host: u.Host, secure: scheme.secure, websocket: scheme.websocket}, nil
}

// String returns scheme, host and port.
func (a address) String() string { return a.url.Scheme + "://" + a.host }

func (a address) failed(err error) error {
	return &ConnectError{Broker: a.String(), Reason: classify(err), Err: err}
}

// dial opens the stream that carries MQTT, afresh each time.
func (a address) dial(ctx context.Context, t *TLS) (net.Conn, error) {
	if a.websocket {
		return a.dialWebSocket(ctx, t)
	}
	c, err := a.dialTCP(ctx)
	if err != nil || !a.secure {
		return c, err
	}
	secure, err := handshake(ctx, c, t, a.hostname)
	if err != nil {
		c.Close()
		return nil, err
	}
	return secure, nil
}

func (a address) dialTCP(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", a.host)
}

func handshake(ctx context.Context, c net.Conn, t *TLS, host string) (*tls.Conn, error) {
	config, err := t.config(host)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(c, config)
	return secure, secure.HandshakeContext(ctx)
}

// dialWebSocket uses the library's dialler, which knows no context: when ctx
// ends it goes on until connectTimeout at most.
func (a address) dialWebSocket(ctx context.Context, t *TLS) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var config *tls.Config
	if a.secure {
		var err error
		if config, err = t.config(a.hostname); err != nil {
			return nil, err
		}
	}
	direct := &mqtt.WebsocketOptions{Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}
	return mqtt.NewWebsocket(a.url.String(), config, connectTimeout, nil, direct)
}
