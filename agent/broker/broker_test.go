// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"

	"github.com/vecino-edge/vecino/agent/bus"
)

func TestListen(t *testing.T) {
	closed := account("u", "p")
	for _, c := range []struct {
		listen  string
		account bool
		want    error
	}{
		{"127.0.0.1:0", false, nil},
		{"localhost:0", false, nil},
		{"127.3.2.1:0", false, nil},
		{"0.0.0.0:0", false, ErrOpen},
		{":0", false, ErrOpen},
		{"[::]:0", false, ErrOpen},
		{":0", true, nil},
	} {
		o := Options{Listen: c.listen}
		if c.account {
			o.Username, o.Password = closed.Username, closed.Password
		}
		b, err := Start(o)
		if !errors.Is(err, c.want) {
			t.Errorf("Start on %q = %v, want %v", c.listen, err, c.want)
		}
		if err == nil {
			if b.Addr().(*net.TCPAddr).Port == 0 {
				t.Errorf("Start on %q: no port", c.listen)
			}
			stopBroker(t, b)
		}
		if c.want != nil && (err == nil || !strings.Contains(err.Error(), c.listen)) {
			t.Errorf("error %v does not name %q", err, c.listen)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	b := startBroker(t, Options{})
	for want, o := range map[string]Options{
		"both user name and password": {Username: "u"},
		"or neither":                  {Password: bus.NewSecret("p")},
		"both a certificate file":     {CertFile: "c.pem"},
		"key none.key":                {CertFile: "none.pem", KeyFile: "none.key"},
		"address already in use":      {Listen: b.Addr().String()},
		"missing port":                {Listen: "127.0.0.1"},
	} {
		if o.Listen == "" {
			o.Listen = "127.0.0.1:0"
		}
		b, err := Start(o)
		if err == nil {
			stopBroker(t, b)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Start(%+v) = %v, want %q", o, err, want)
		}
	}
	if _, err := Start(Options{CertFile: "none.pem", KeyFile: "k"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing certificate: %v", err)
	}
}

func TestAccount(t *testing.T) {
	b := startBroker(t, account("house", "s3cret"))
	const ok, refused = 0, 5
	for _, c := range []struct {
		name, password string
		code           byte
	}{
		{"house", "s3cret", ok},
		{"house", "s3cre", refused},
		{"house", "s3cret ", refused},
		{"house", "", refused},
		{"House", "s3cret", refused},
		{"", "s3cret", refused},
		{"", "", refused},
		{"house\x00", "s3cret", refused},
	} {
		p := connectPacket("c")
		p.Username, p.Password = c.name, []byte(c.password)
		p.UsernameFlag, p.PasswordFlag = c.name != "", c.password != ""
		if code, _ := dialRaw(t, b).connect(p); code != c.code {
			t.Errorf("CONNACK %d for %q, %q; want %d", code, c.name, c.password, c.code)
		}
	}
	eventually(t, "seven are refused", func() bool { return b.Stats().Refused == 7 })
}

func TestPublishSubscribe(t *testing.T) {
	b := startBroker(t, Options{})
	sub, pub := open(t, b, "sub"), open(t, b, "pub")
	if codes := sub.subscribe(7, 1, "a/+", "b/#"); !bytes.Equal(codes, []byte{1, 1}) {
		t.Fatalf("SUBACK %v", codes)
	}
	pub.publish("a/1", "zero", false)
	pub.publish1(9, "b", "one")
	pub.publish("c", "other", false)
	pub.publish1(10, "b/x/y", "two")
	got := sub.expect("zero", "one", "two")
	if qos := []byte{got[0].Qos, got[1].Qos, got[2].Qos}; !bytes.Equal(qos, []byte{0, 1, 1}) {
		t.Errorf("QoS %v", qos)
	}
	pub.publish("a/r", "kept", true)
	pub.ping()
	late := open(t, b, "late")
	late.subscribe(1, 0, "#")
	if m := late.expect("kept")[0]; !m.Retain {
		t.Error("a retained message without its flag")
	}
	s := b.Stats()
	want := Stats{Clients: 3, Sessions: 3, Retained: 1, MessagesReceived: 5, MessagesSent: 5, BytesReceived: s.BytesReceived, BytesSent: s.BytesSent}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error("Stats (-want +got):", diff)
	}
	pub.publish("a/r", "", true)
	pub.ping()
	if n := b.Stats().Retained; n != 0 {
		t.Errorf("%d retained messages after the last was taken back", n)
	}
}

// Bytes are those of the stream, each way.
func TestStatsBytes(t *testing.T) {
	b := startBroker(t, Options{})
	c := open(t, b, "c") // CONNECT 10+2+1 behind 2, CONNACK 4
	c.ping()             // 2 and 2
	want := [2]int64{17, 6}
	eventually(t, fmt.Sprint("bytes received and sent are ", want), func() bool {
		s := b.Stats()
		return [2]int64{s.BytesReceived, s.BytesSent} == want
	})
}

func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	b, err := Start(Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	silent := dialRaw(t, b) // never says CONNECT
	c := open(t, b, "c")
	begin := time.Now()
	stopBroker(t, b)
	stopBroker(t, b)
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("Close took %v", d)
	}
	silent.closed()
	c.closed()
	if conn, err := net.Dial("tcp", b.Addr().String()); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
	eventually(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

// A client that takes nothing cannot hold up Close beyond its context.
func TestCloseStalled(t *testing.T) {
	b, err := Start(Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	stalled, pub := open(t, b, "stalled"), open(t, b, "pub")
	stalled.subscribe(1, 0, "x")
	eventually(t, "the sockets are full", func() bool {
		for range 100 {
			pub.send(publishPacket("x", make([]byte, 8<<10), 0, 0, false))
		}
		pub.ping()
		n := b.counts.waiting.Load()
		time.Sleep(20 * time.Millisecond)
		return n > 0 && n == b.counts.waiting.Load()
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close = %v, want that its context ended", err)
	}
	stopBroker(t, b)
}

// The library logs packets with its warnings; none of that may come through.
func TestLogging(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	w := writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	})
	o := account("house", "pass-word-1")
	o.Logger = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b := startBroker(t, o)
	p := connectPacket("c")
	p.Username, p.Password, p.UsernameFlag, p.PasswordFlag = "house", []byte("pass-word-1"), true, true
	c := dialRaw(t, b)
	c.connect(p)
	c.publish("a", "pay-load-2", false)
	c.send(p) // a second CONNECT is an error, which the library logs whole
	c.closed()
	p.Password = []byte("pass-word-3")
	dialRaw(t, b).connect(p)

	contains := func(s string) bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(log.String(), s)
	}
	eventually(t, "the error is logged", func() bool { return contains("mochi: error processing packet") })
	for _, secret := range []string{"pass-word", "pay-load", fmt.Sprint([]byte("pass-word"))[1:20]} {
		if contains(secret) {
			t.Errorf("the log holds %q:\n%s", secret, log.String())
		}
	}
	if contains("level=INFO") || contains("level=WARN") || contains("level=ERROR") {
		t.Errorf("the log is not at debug level:\n%s", log.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func BenchmarkDelivery(b *testing.B) {
	server := startBroker(b, Options{})
	sub, pub := open(b, server, "sub"), open(b, server, "pub")
	sub.subscribe(1, 0, "t/#")
	sub.SetDeadline(time.Time{})
	pub.SetDeadline(time.Time{})
	payload := make([]byte, 4136)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		pub.send(publishPacket("t/abcdefghijklmnopqrstuvwxyz", payload, 0, 0, false))
		receive[*packets.PublishPacket](sub)
	}
}
