// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/agent/broker"
	"github.com/vecino-edge/vecino/agent/bus"
)

// TestRecorder lets two sessions talk through a recorder and compares what it
// wrote down with what they did.
func TestRecorder(t *testing.T) {
	if !broker.Available {
		t.Skip("needs a build with a broker")
	}
	b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0", Username: "all", Password: bus.NewSecret("together")})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close(context.Background())
	r := NewRecorder(b.Addr().String())
	got := make(chan bus.Message, 4)
	var sessions []*bus.Session
	for device := range 2 {
		address, err := r.Listen(device)
		if err != nil {
			t.Fatal(err)
		}
		s, err := bus.Dial(t.Context(), bus.Options{
			URL: "mqtt://" + address, Username: "all", Password: bus.NewSecret("together"), ClientID: fmt.Sprint("client-", device), CleanSession: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Subscribe("t/a", 0, func(m bus.Message) { got <- m }); err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, s)
	}
	r.Begin()
	payload := bytes.Repeat([]byte("payload "), 100)
	if err := sessions[1].Publish("t/a", payload, 0, false); err != nil {
		t.Fatal(err)
	}
	<-got
	<-got
	for _, s := range sessions {
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.End()
	rec, truth := r.Close()
	if d := cmp.Diff(Truth{0, 1}, truth); d != "" {
		t.Errorf("truth -want +got:\n%s", d)
	}
	want := []string{
		"client-0 all together 30s goodbye [connack 4] [subscribe t/a 10] [suback 5] [deliver 808] [disconnect 2]",
		"client-1 all together 30s goodbye [connack 4] [subscribe t/a 10] [suback 5] [publish t/a 808] [deliver 808] [disconnect 2]",
	}
	for i, c := range rec.Conns {
		if c.N != i || c.Opened <= 0 || c.Opened > rec.From || c.Closed <= rec.From || rec.Until <= rec.From {
			t.Errorf("connection %d: number %d, opened %v, closed %v, begun %v, ended %v", i, c.N, c.Opened, c.Closed, rec.From, rec.Until)
		}
		for _, e := range c.Events {
			if !e.Out && e.Kind == KindPublish && !bytes.Equal(e.Payload, payload) {
				t.Errorf("connection %d: payload %q", i, e.Payload)
			}
		}
		if d := cmp.Diff(want[i], c.line()); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	}
}

// line is a connection as a text, without times.
func (c *Conn) line() string {
	words := []string{c.Hello.ClientID, c.Hello.Username, c.Hello.Password, c.Hello.KeepAlive.String()}
	if c.Goodbye {
		words = append(words, "goodbye")
	}
	names := map[Kind]string{2: "connack", KindPublish: "publish", KindSubscribe: "subscribe", KindSuback: "suback", KindDisconnect: "disconnect"}
	for _, e := range c.Events {
		name := names[e.Kind]
		if e.Out && e.Kind == KindPublish {
			name = "deliver"
		}
		words = append(words, "["+strings.Join(append(append([]string{name}, e.Topics...), fmt.Sprint(e.Size)), " ")+"]")
	}
	return strings.Join(words, " ")
}

func TestReadPacket(t *testing.T) {
	long := append([]byte{0x30, 0x80, 0x02}, make([]byte, 256)...)
	for _, c := range []struct {
		name string
		in   []byte
		want []byte // nil: an error
	}{
		{"ping", []byte{0xc0, 0, 0xff}, []byte{0xc0, 0}},
		{"two bytes of length", append(long, 9), long},
		{"nothing", nil, nil},
		{"no length", []byte{0x30}, nil},
		{"cut", long[:100], nil},
		{"too long", []byte{0x30, 0xff, 0xff, 0xff, 0x7f}, nil},
		{"length without end", bytes.Repeat([]byte{0xff}, 20), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readPacket(bufio.NewReader(bytes.NewReader(c.in)))
			if (err == nil) != (c.want != nil) || err == nil && !bytes.Equal(got, c.want) {
				t.Errorf("%x, %v, want %x", got, err, c.want)
			}
		})
	}
}

// FuzzReadPacket holds that what is read is what was sent, and no more than its
// header says.
func FuzzReadPacket(f *testing.F) {
	f.Add([]byte{0xc0, 0})
	f.Add([]byte{0x30, 0x80, 0x01, 1, 2})
	f.Add([]byte{0x82, 0x05, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		raw, err := readPacket(bufio.NewReader(bytes.NewReader(in)))
		if err != nil {
			return
		}
		again, err := readPacket(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("read again: %x, %v, want %x", again, err, raw)
		}
		if len(raw) > maxPacket+5 {
			t.Errorf("%d bytes", len(raw))
		}
	})
}
