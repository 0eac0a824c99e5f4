// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

func TestMaxClients(t *testing.T) {
	const most = 4
	b := startBroker(t, Options{Limits: Limits{Clients: most}})
	var clients []*client
	for i := range most {
		clients = append(clients, open(t, b, fmt.Sprint(i)))
	}
	const unavailable = 3
	if code, _ := dialRaw(t, b).connect(connectPacket("over")); code != unavailable {
		t.Errorf("CONNACK %d for one too many, want %d", code, unavailable)
	}
	clients[0].Close()
	eventually(t, "a place is free", func() bool {
		code, _ := dialRaw(t, b).connect(connectPacket("next"))
		return code == 0
	})
}

// Connections that say nothing are bounded too, and do not stay.
func TestMaxConnections(t *testing.T) {
	t.Parallel()
	b := startBroker(t, Options{Limits: Limits{Clients: 1, connectTimeout: 500 * time.Millisecond}})
	begin := time.Now()
	for range 1 + spareConnections {
		dialRaw(t, b)
	}
	eventually(t, "all are accepted", func() bool { return b.open() == 1+spareConnections })
	dialRaw(t, b).closed()
	if n := b.open(); n != 1+spareConnections && time.Since(begin) < 400*time.Millisecond {
		t.Errorf("%d connections, at most %d", n, 1+spareConnections)
	}
	eventually(t, "the silent ones are closed", func() bool { return b.open() == 0 })
	if d := time.Since(begin); d < 400*time.Millisecond {
		t.Errorf("closed after %v", d)
	}
	open(t, b, "c")
}

func (b *Broker) open() int {
	b.listener.mu.Lock()
	defer b.listener.mu.Unlock()
	return len(b.listener.open)
}

func TestMaxPacket(t *testing.T) {
	b := startBroker(t, Options{})
	sub, c := open(t, b, "sub"), open(t, b, "c")
	sub.subscribe(1, 0, "x")
	c.send(publishPacket("x", make([]byte, MaxPacket-10), 0, 0, false))
	if m := receive[*packets.PublishPacket](sub); len(m.Payload) != MaxPacket-10 {
		t.Errorf("received %d bytes", len(m.Payload))
	}
	c.ping()
	c.Write([]byte{3 << 4, 0xff, 0xff, 0xff, 0x7f}) // 256 MB follow, it says
	c.closed()
}

func TestMaxSubscriptions(t *testing.T) {
	b := startBroker(t, Options{})
	c := open(t, b, "c")
	var filters []string
	for i := range MaxSubscriptions + 3 {
		filters = append(filters, fmt.Sprintf("f/%d", i))
	}
	codes := c.subscribe(1, 0, filters...)
	want := append(make([]byte, MaxSubscriptions), 0x80, 0x80, 0x80)
	if !bytes.Equal(codes, want) {
		t.Errorf("SUBACK %v", codes)
	}
	if codes := c.subscribe(2, 0, "f/0", "f/70"); !bytes.Equal(codes, []byte{0, 0x80}) {
		t.Errorf("SUBACK %v for one that is known and one that is not", codes)
	}
	u := packets.NewControlPacket(packets.Unsubscribe).(*packets.UnsubscribePacket)
	u.MessageID, u.Topics = 3, []string{"f/0"}
	c.send(u)
	if ack := receive[*packets.UnsubackPacket](c); ack.MessageID != 3 {
		t.Errorf("UNSUBACK for %d", ack.MessageID)
	}
	if codes := c.subscribe(4, 0, "f/70"); !bytes.Equal(codes, []byte{0}) {
		t.Errorf("SUBACK %v after one was taken back", codes)
	}
}

func TestMaxSessions(t *testing.T) {
	b := startBroker(t, Options{})
	for i := range MaxSessions {
		p := connectPacket(fmt.Sprint("s", i))
		p.CleanSession = false
		c := dialRaw(t, b)
		if code, _ := c.connect(p); code != 0 {
			t.Fatalf("session %d: CONNACK %d", i, code)
		}
		c.send(packets.NewControlPacket(packets.Disconnect))
		c.closed()
	}
	if n := b.Stats().Sessions; n != MaxSessions {
		t.Errorf("%d sessions, want %d", n, MaxSessions)
	}
	if code, _ := dialRaw(t, b).connect(connectPacket("over")); code != 3 {
		t.Errorf("CONNACK %d for one too many, want 3", code)
	}
	p := connectPacket("s0")
	p.CleanSession = false
	if code, present := dialRaw(t, b).connect(p); code != 0 || !present {
		t.Errorf("CONNACK %d, session present %t, for a known one", code, present)
	}
}

func TestMaxRetained(t *testing.T) {
	b := startBroker(t, Options{})
	c := open(t, b, "c")
	for i := range MaxRetained + 5 {
		c.publish(fmt.Sprintf("r/%d", i), "x", true)
	}
	c.publish("r/0", "y", true) // in the place of another
	c.ping()
	if s := b.Stats(); s.Retained != MaxRetained || s.Dropped != 5 {
		t.Errorf("%d retained, %d dropped; want %d and 5", s.Retained, s.Dropped, MaxRetained)
	}
	for i := range MaxRetained {
		c.publish(fmt.Sprintf("r/%d", i), "", true)
	}
	c.ping()
	if s := b.Stats(); s.Retained != 0 {
		t.Errorf("%d retained after all were taken back", s.Retained)
	}
	big := strings.Repeat("z", 60<<10)
	for i := range 80 {
		c.publish(fmt.Sprintf("r/%d", i), big, true)
	}
	c.ping()
	if got, want := b.Stats().Retained, MaxRetainedBytes/(60<<10+8); got != want {
		t.Errorf("%d large messages retained, want %d", got, want)
	}
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	b := startBroker(t, Options{})
	p := connectPacket("c")
	p.Keepalive = 1
	c := dialRaw(t, b)
	c.connect(p)
	begin := time.Now()
	c.closed()
	if d := time.Since(begin); d < 900*time.Millisecond || d > 4*time.Second {
		t.Errorf("a silent client was closed after %v", d)
	}
	for asked, want := range map[uint16]uint16{0: 3600, 3600: 3600, 3601: 3600, 65535: 3600, 60: 60, 61: 62, 1: 2} {
		p := connectPacket(fmt.Sprint("k", asked))
		p.Keepalive = asked
		if code, _ := dialRaw(t, b).connect(p); code != 0 {
			t.Fatal("CONNACK", code)
		}
		cl, ok := b.server.Clients.Get(p.ClientIdentifier)
		if !ok || cl.State.Keepalive != want {
			t.Errorf("keep-alive %d became %d, want %d", asked, cl.State.Keepalive, want)
		}
	}
}

func TestFilters(t *testing.T) {
	for filter, ok := range map[string]bool{
		"a": true, "a/b": true, "#": true, "+": true, "a/#": true, "+/a/#": true, "/": true, "a//b": true, "é": true,
		strings.Repeat("a/", MaxTopicLevels-1) + "a": true,
		strings.Repeat("a", MaxTopic):                true,

		"": false, "a#": false, "#/a": false, "a+": false, "+a/b": false, "a/#/b": false, "##": false, "++": false,
		"$SYS/#": false, "$share/g/a": false, "$": false, "a\x00": false, "\xff": false,
		strings.Repeat("a/", MaxTopicLevels) + "a": false,
		strings.Repeat("a", MaxTopic+1):            false,
	} {
		if validFilter(filter) != ok {
			t.Errorf("validFilter(%q) = %t", filter, !ok)
		}
		if got, want := validTopic(filter), ok && !strings.ContainsAny(filter, "+#"); got != want {
			t.Errorf("validTopic(%q) = %t", filter, got)
		}
	}
	b := startBroker(t, Options{})
	codes := open(t, b, "c").subscribe(1, 1, "ok", "$SYS/#", "a/#/b", "$share/g/x", strings.Repeat("a/", 100), "ok/+")
	if !bytes.Equal(codes, []byte{1, 0x80, 0x80, 0x80, 0x80, 1}) {
		t.Errorf("SUBACK %v", codes)
	}
}

// A subscriber that reads nothing costs a bounded amount of memory and no time
// of others; what it misses is counted.
func TestSlowConsumer(t *testing.T) {
	messages := 50_000
	if testing.Short() {
		messages = 10_000
	}
	const size, backlog = 4 << 10, 256 << 10
	b := startBroker(t, Options{Limits: Limits{Backlog: backlog}})
	for qos := range byte(3) {
		slow := open(t, b, fmt.Sprint("slow", qos))
		slow.subscribe(1, qos, "flood")
	}
	pub := open(t, b, "pub")
	pub.SetDeadline(time.Now().Add(time.Minute))
	base := heap()
	begin := time.Now()
	p := publishPacket("flood", make([]byte, size), 0, 0, false)
	for i := range messages {
		if p.Qos, p.MessageID = 0, 0; i%10 == 0 {
			p.Qos, p.MessageID = 1, 1+uint16(i%60000)
		}
		pub.send(p)
		if p.Qos == 1 {
			receive[*packets.PubackPacket](pub)
		}
		if i%10_000 == 0 {
			if n := heap(); n > base+16<<20 {
				t.Fatalf("after %d messages the heap grew from %d to %d bytes", i, base, n)
			}
		}
	}
	pub.ping()
	if n := heap(); n > base+16<<20 {
		t.Errorf("the heap grew from %d to %d bytes", base, n)
	}
	s := b.Stats()
	t.Logf("%d messages in %v; %+v", messages, time.Since(begin), s)
	if least := int64(3*messages - 9000); s.Dropped < least {
		t.Errorf("%d dropped, want %d or more", s.Dropped, least)
	}
	if n := b.counts.waiting.Load(); n > 3*(backlog+MaxPacket+reserve) {
		t.Errorf("%d bytes wait", n)
	}
	if s.Clients != 4 {
		t.Errorf("%d clients, want all 4 still there", s.Clients)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A stalled subscriber with QoS 1 does not hold up a publisher. In the library
// alone the publisher would wait for the subscriber's lock.
func TestStalledSubscriberDoesNotBlock(t *testing.T) {
	b := startBroker(t, Options{})
	stalled := open(t, b, "stalled")
	stalled.subscribe(1, 1, "x")
	pub := open(t, b, "pub")
	payload := strings.Repeat("p", 32<<10)
	for i := range uint16(500) { // 16 MB, more than the sockets hold
		begin := time.Now()
		pub.publish1(1+i, "x", payload)
		if d := time.Since(begin); d > 3*time.Second {
			t.Fatalf("publish %d took %v", i, d)
		}
	}
}

// A client that asks and asks, and never reads the answers, is cut off.
func TestUnreadAnswers(t *testing.T) {
	t.Parallel()
	b := startBroker(t, Options{Limits: Limits{Backlog: 64 << 10}})
	c := open(t, b, "c")
	c.SetDeadline(time.Now().Add(30 * time.Second))
	pings := bytes.Repeat([]byte{packets.Pingreq << 4, 0}, 32<<10)
	for range 2000 {
		if _, err := c.Write(pings); err != nil {
			return
		}
		if n := b.counts.waiting.Load(); n > 64<<10+MaxPacket+reserve+64<<10 {
			t.Fatalf("%d bytes wait", n)
		}
	}
	t.Error("the client is still there")
}
