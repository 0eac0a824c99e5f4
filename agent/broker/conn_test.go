// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"pgregory.net/rapid"
)

func encode(p packets.ControlPacket) []byte {
	var b bytes.Buffer
	p.Write(&b)
	return b.Bytes()
}

// Over the limit exactly the messages of QoS 0 are left out of what is written.
func TestLeaveOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newConn(nil, Limits{}, new(counts))
		var all, want []byte
		dropped := 0
		for range rapid.IntRange(0, 10).Draw(t, "packets") {
			qos := rapid.SampledFrom([]byte{0, 0, 1, 2, 255}).Draw(t, "qos")
			p := encode(packets.NewControlPacket(packets.Pingresp))
			if qos < 3 {
				size := rapid.SampledFrom([]int{0, 1, 100, 120, 127, 128, 16_000, 17_000}).Draw(t, "size")
				p = encode(publishPacket("topic", make([]byte, size), qos, 7, false))
			}
			all = append(all, p...)
			if qos == 0 {
				dropped++
			} else {
				want = append(want, p...)
			}
		}
		c.appendUnlessQoS0(all)
		if !bytes.Equal(c.buf, want) || c.counts.dropped.Load() != int64(dropped) {
			t.Fatalf("left % x, %d dropped; want % x, %d", c.buf, c.counts.dropped.Load(), want, dropped)
		}
	})
}

func TestConnWritesInOrder(t *testing.T) {
	ours, theirs := net.Pipe()
	c := newConn(ours, Limits{}.orDefaults(), new(counts))
	go c.write()
	var want []byte
	for i := range 100 {
		p := encode(publishPacket("t", bytes.Repeat([]byte{byte(i)}, i*20), 1, 1, false))
		want = append(want, p...)
		if n, err := c.Write(p); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
	}
	c.Close() // what waits is still written
	got, err := io.ReadAll(theirs)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v; want %d", len(got), err, len(want))
	}
	<-c.flushed
	if _, err := c.Write(want[:1]); err == nil {
		t.Error("Write after Close")
	}
	if n := c.counts.waiting.Load() + c.waiting.Load(); n != 0 || c.counts.sent.Load() != int64(len(want)) {
		t.Errorf("%d bytes wait, %d sent", n, c.counts.sent.Load())
	}
}

// However much waits for others, a little may wait for each.
func TestFairShare(t *testing.T) {
	n := new(counts)
	c := newConn(nil, Limits{Backlog: 1 << 20, TotalBacklog: 1000}, n)
	for _, x := range []struct {
		own, all int64
		want     bool
	}{
		{0, 0, false}, {fairBacklog, 1 << 30, false}, {fairBacklog + 1, 1 << 30, true},
		{fairBacklog + 1, 1000, false}, {1<<20 + 1, 0, true}, {1 << 20, 0, false},
	} {
		c.waiting.Store(x.own)
		n.waiting.Store(x.all)
		if c.full() != x.want {
			t.Errorf("with %d bytes of %d: full is %t", x.own, x.all, !x.want)
		}
	}
}

func TestQuiet(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(quiet{slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})})
	type packet struct{ Password string }
	log.With("hook", "h", "pk", packet{"secret"}).WithGroup("g").
		Error("bad", "pk", packet{"secret"}, "packet", &packet{"secret"}, "b", []byte("secret"), "error", io.EOF, "n", 1)
	for _, want := range []string{"level=DEBUG", "hook=h", "g.error=EOF", "g.n=1", `msg="mochi: bad"`} {
		if !bytes.Contains(b.Bytes(), []byte(want)) {
			t.Errorf("%q lacks %s", b.String(), want)
		}
	}
	if bytes.Contains(b.Bytes(), []byte("secret")) || bytes.Contains(b.Bytes(), []byte("115 101")) {
		t.Errorf("%q holds what it should not", b.String())
	}
	off := quiet{slog.NewTextHandler(&b, nil)}
	if off.Enabled(context.Background(), slog.LevelError) {
		t.Error("errors of the library are enabled where debug is not")
	}
}

// The limit holds for what one call of the library writes after another, also
// before its rules are asked again.
func TestWriteOverBacklog(t *testing.T) {
	const backlog = 10_000
	c := newConn(nil, Limits{Backlog: backlog, TotalBacklog: 1 << 30}, new(counts))
	chunk := encode(publishPacket("t/x", make([]byte, 500), 0, 0, false))
	for range 100 {
		if _, err := c.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.buf); n <= backlog || n > backlog+len(chunk) || n%len(chunk) != 0 {
		t.Errorf("%d bytes wait, the limit is %d", n, backlog)
	}
	if got, want := c.counts.dropped.Load(), int64(100-len(c.buf)/len(chunk)); got != want {
		t.Errorf("%d dropped, want %d", got, want)
	}
	before := len(c.buf)
	c.Write(encode(publishPacket("t/x", nil, 1, 1, false)))
	if len(c.buf) == before {
		t.Error("a message of QoS 1 was left out")
	}
}

// What the library would do with its defaults is not what its documentation says.
func TestCapabilities(t *testing.T) {
	c := capabilities(Limits{}.orDefaults())
	if c.MaximumMessageExpiryInterval != 0 {
		t.Error("retained messages expire")
	}
	if c.TopicAliasMaximum != 0 || c.SharedSubAvailable != 0 {
		t.Error("aliases or shared subscriptions are on")
	}
	if c.MaximumClients != MaxClients || c.MaximumPacketSize != MaxPacket || c.MaximumInflight != MaxInFlight {
		t.Errorf("limits are %+v", c)
	}
}
