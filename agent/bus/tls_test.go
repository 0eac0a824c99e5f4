// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
)

func reasonOf(err error) bus.Reason {
	var e *bus.ConnectError
	if !errors.As(err, &e) {
		return ""
	}
	return e.Reason
}

// chains are the brokers of a test: an authority, one under it, and certificates.
type chains struct {
	root, between, other          *certificate
	plain, full, self, old, stray *certificate
}

func makeChains(t *testing.T) chains {
	var c chains
	c.root = issue(t, nil, nil, authority)
	c.other = issue(t, nil, nil, authority)
	c.between = issue(t, c.root, nil, authority)
	c.plain = issue(t, c.root, nil)
	c.full = issue(t, c.between, []*certificate{c.between, c.root})
	c.self = issue(t, nil, nil)
	c.old = issue(t, c.root, nil, expired)
	c.stray = issue(t, c.root, []*certificate{c.root}, otherName)
	return c
}

// tlsCase is what a client is given, and how its connection fails, if it does.
type tlsCase struct {
	tls  bus.TLS
	want bus.Reason
}

// tlsServer is a broker's certificate with the clients that come.
type tlsServer struct {
	name  string
	cert  *certificate
	cases map[string]tlsCase
}

func tlsServers(c chains) []tlsServer {
	wrong := [32]byte{1}
	pin := func(x *certificate) bus.TLS { return bus.TLS{Pin: x.pin()} }
	ca := func(x *certificate) bus.TLS { return bus.TLS{CAPEM: x.pem} }
	both := func(x, y *certificate) bus.TLS { return bus.TLS{CAPEM: x.pem, Pin: y.pin()} }
	return []tlsServer{
		{"signed", c.plain, map[string]tlsCase{
			"its authority":           {ca(c.root), ""},
			"its authority in a file": {bus.TLS{CAFile: c.root.certFile}, ""},
			"another authority":       {ca(c.other), bus.Authority},
			"the system's":            {bus.TLS{}, bus.Authority},
			"another name":            {bus.TLS{CAPEM: c.root.pem, ServerName: "h"}, bus.WrongName},
			"its pin":                 {pin(c.plain), ""},
			"its pin, another name":   {bus.TLS{Pin: c.plain.pin(), ServerName: "h"}, ""},
			"a wrong pin":             {bus.TLS{Pin: wrong}, bus.WrongPin},
			"pin of what is not sent": {pin(c.root), bus.WrongPin},
			"authority and pin":       {both(c.root, c.plain), ""},
			"authority and its pin":   {both(c.root, c.root), ""},
			"authority and wrong pin": {bus.TLS{CAPEM: c.root.pem, Pin: wrong}, bus.WrongPin},
			"pin, another authority":  {both(c.other, c.plain), bus.Authority},
		}},
		{"chain", c.full, map[string]tlsCase{
			"pin of the first":         {pin(c.full), ""},
			"pin of the one between":   {pin(c.between), ""},
			"pin of the root":          {pin(c.root), ""},
			"pin above, another name":  {bus.TLS{Pin: c.root.pin(), ServerName: "h"}, bus.WrongName},
			"pin of another root":      {pin(c.other), bus.WrongPin},
			"root, pin of one between": {both(c.root, c.between), ""},
			"other root, pin of root":  {both(c.other, c.root), bus.Authority},
		}},
		{"expired", c.old, map[string]tlsCase{
			"its authority": {ca(c.root), bus.Expired},
			"its pin":       {pin(c.old), bus.Expired},
		}},
		{"self-signed", c.self, map[string]tlsCase{
			"nothing": {bus.TLS{}, bus.Authority},
			"its pin": {pin(c.self), ""},
			"itself":  {ca(c.self), ""},
		}},
		{"for another name", c.stray, map[string]tlsCase{
			"its authority":          {ca(c.root), bus.WrongName},
			"its authority and name": {bus.TLS{CAPEM: c.root.pem, ServerName: "other.example"}, ""},
			"its pin":                {pin(c.stray), ""},
			"pin above":              {pin(c.root), bus.WrongName},
			"pin above and its name": {bus.TLS{Pin: c.root.pin(), ServerName: "other.example"}, ""},
		}},
	}
}

func TestTLS(t *testing.T) {
	for _, s := range tlsServers(makeChains(t)) {
		t.Run(s.name, func(t *testing.T) {
			eachBroker(t, setup{tls: s.cert}, func(t *testing.T, e *endpoint) {
				for name, x := range s.cases {
					err := dialOnce(t, bus.Options{URL: e.url, TLS: x.tls})
					if reasonOf(err) != x.want || (err == nil) != (x.want == "") {
						t.Errorf("with %s: %v, want %q", name, err, x.want)
					}
				}
			})
		})
	}
}

// Anybody can show the pinned certificate behind one of his own. That it is in
// the chain must not be enough.
func TestPinnedCertificateBehindAnother(t *testing.T) {
	root := issue(t, nil, nil, authority)
	rogue := issue(t, nil, nil, authority)
	for name, mine := range map[string]*certificate{
		"self-signed":               issue(t, nil, []*certificate{root}),
		"signed by another":         issue(t, rogue, []*certificate{rogue, root}),
		"signed by another, hidden": issue(t, rogue, []*certificate{root}),
	} {
		e := embedded(t, setup{tls: mine})
		err := dialOnce(t, bus.Options{URL: e.url, TLS: bus.TLS{Pin: root.pin()}})
		if reasonOf(err) != bus.Authority {
			t.Errorf("%s: Dial = %v", name, err)
		}
	}
}

func TestClientCertificate(t *testing.T) {
	root := issue(t, nil, nil, authority)
	server, client, stranger := issue(t, root, nil), issue(t, root, nil), issue(t, nil, nil)
	e := mosquitto(t, setup{tls: server, clientCA: root.certFile})
	with := func(c *certificate) bus.TLS {
		return bus.TLS{CAPEM: root.pem, CertFile: c.certFile, KeyFile: c.keyFile}
	}
	if _, err := tryDial(t, bus.Options{URL: e.url, TLS: with(client)}, patience); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]bus.TLS{"none": {CAPEM: root.pem}, "another's": with(stranger)} {
		err := dialOnce(t, bus.Options{URL: e.url, TLS: c})
		// With TLS 1.3 the broker's alert may be lost behind its reset.
		if r := reasonOf(err); r != bus.ClientCert && r != bus.Ended {
			t.Errorf("with the certificate %s: %v, want %q", name, err, bus.ClientCert)
		}
	}
}

func TestNotTLS(t *testing.T) {
	eachBroker(t, setup{}, func(t *testing.T, e *endpoint) {
		url := strings.Replace(e.url, "mqtt:", "mqtts:", 1)
		err := dialOnce(t, bus.Options{URL: url})
		if r := reasonOf(err); r != bus.NotTLS && r != bus.Ended {
			t.Errorf("Dial = %v, want %q or %q", err, bus.NotTLS, bus.Ended)
		}
	})
}

// Options that cannot work are refused at once, and by the name of the file.
func TestBadFiles(t *testing.T) {
	good := issue(t, nil, nil)
	for want, c := range map[string]bus.TLS{
		"/none/ca.pem":              {CAFile: "/none/ca.pem"},
		"no PEM certificate in /":   {CAFile: good.keyFile},
		"no PEM certificate in the": {CAPEM: []byte("x")},
		"client certificate: read":  {CertFile: "/none/c", KeyFile: good.keyFile},
		"key of the client":         {CertFile: good.certFile, KeyFile: "/none/k"},
		"with key " + good.certFile: {CertFile: good.certFile, KeyFile: good.certFile},
	} {
		begin := time.Now()
		_, err := tryDial(t, bus.Options{URL: "mqtts://127.0.0.1:1", TLS: c}, patience)
		if err == nil || !strings.Contains(err.Error(), want) || time.Since(begin) > time.Second {
			t.Errorf("Dial = %v, want %q", err, want)
		}
	}
}

func TestPeerPin(t *testing.T) {
	c := makeChains(t)
	for _, x := range []struct {
		name string
		cert *certificate
		tls  bus.TLS
		want *certificate // nil: an error
	}{
		{"alone", c.plain, bus.TLS{CAPEM: c.root.pem}, c.plain},
		{"chain", c.full, bus.TLS{CAPEM: c.root.pem}, c.root},
		{"pinned", c.self, bus.TLS{Pin: c.self.pin()}, c.self},
		{"not trusted", c.self, bus.TLS{CAPEM: c.root.pem}, nil},
	} {
		e := embedded(t, setup{tls: x.cert, username: "u", password: "p"})
		pin, ok, err := bus.PeerPin(context.Background(), bus.Options{URL: e.url, TLS: x.tls})
		if (err == nil) != (x.want != nil) || ok != (x.want != nil) {
			t.Errorf("%s: PeerPin = %x, %t, %v", x.name, pin, ok, err)
			continue
		}
		if x.want == nil {
			if reasonOf(err) != bus.Authority {
				t.Errorf("%s: %v, want %q", x.name, err, bus.Authority)
			}
			continue
		}
		if pin != x.want.pin() {
			t.Errorf("%s: pin %x, want %x", x.name, pin, x.want.pin())
		}
		// What PeerPin says is what a session takes.
		dial(t, bus.Options{URL: e.url, Username: "u", Password: bus.NewSecret("p"), TLS: bus.TLS{Pin: pin}})
	}
	if _, ok, err := bus.PeerPin(context.Background(), bus.Options{URL: "mqtt://127.0.0.1:1"}); ok || err != nil {
		t.Errorf("without TLS: %t, %v", ok, err)
	}
	if _, ok, err := bus.PeerPin(context.Background(), bus.Options{URL: "mqtts://127.0.0.1:1"}); ok || reasonOf(err) != bus.Refused {
		t.Errorf("without a broker: %t, %v", ok, err)
	}
}

// Every connection is a new TLS session: a resumed one could be tied to the last.
func TestNoResumption(t *testing.T) {
	t.Parallel()
	cert := issue(t, nil, nil)
	pair, err := tls.LoadX509KeyPair(cert.certFile, cert.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	resumed := make(chan bool, 10)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
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
			if c.(*tls.Conn).Handshake() == nil {
				resumed <- c.(*tls.Conn).ConnectionState().DidResume
			}
			c.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	attempts := 0
	bus.Dial(ctx, bus.Options{
		URL: "mqtts://" + l.Addr().String(), TLS: bus.TLS{Pin: cert.pin()}, CleanSession: true,
		OnState: func(s bus.State, _ error) {
			if s == bus.Waiting {
				attempts++
			}
			if attempts == 2 {
				cancel()
			}
		},
	})
	for range 2 {
		select {
		case r := <-resumed:
			if r {
				t.Error("a session was resumed")
			}
		case <-time.After(patience):
			t.Fatal("no second connection")
		}
	}
}
