// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// Nothing stays on the neighbours' topics, and what is published there still arrives.
func TestChunkTopics(t *testing.T) {
	b := startBroker(t, Options{})
	sub, pub := open(t, b, "sub"), open(t, b, "pub")
	sub.subscribe(1, 1, "t/#", "other/#")
	pub.publish("t/abc", "chunk", true)
	pub.publish("other/abc", "kept", true)
	sub.expect("chunk", "kept")
	late := open(t, b, "late")
	late.subscribe(1, 0, "t/#", "other/#")
	late.expect("kept")
	if n := b.Stats().Retained; n != 1 {
		t.Errorf("%d retained, want 1", n)
	}
}

func TestWill(t *testing.T) {
	b := startBroker(t, Options{})
	const refused = 5
	for topic, want := range map[string]byte{
		"site/availability": 0, "t": 0, "tt/x": 0,
		"t/abc": refused, "$SYS/broker/version": refused, "a/#": refused, "+": refused,
	} {
		p := connectPacket("will")
		p.WillFlag, p.WillTopic, p.WillMessage, p.WillRetain = true, topic, []byte("offline"), true
		if code, _ := dialRaw(t, b).connect(p); code != want {
			t.Errorf("CONNACK %d for a will on %q, want %d", code, topic, want)
		}
	}
	sub := open(t, b, "sub")
	sub.subscribe(1, 0, "last")
	for _, clean := range []bool{true, false} {
		p := connectPacket("c")
		p.WillFlag, p.WillTopic, p.WillMessage = true, "last", []byte("will")
		c := dialRaw(t, b)
		c.connect(p)
		if clean {
			c.send(packets.NewControlPacket(packets.Disconnect))
		}
		c.Close()
	}
	sub.expect("will")
	sub.ping() // no second one
}

// A publish to a topic that is not allowed does not leave its sender waiting.
func TestForbiddenTopic(t *testing.T) {
	b := startBroker(t, Options{})
	c := open(t, b, "c")
	c.publish("$SYS/broker/version", "0.1", false)
	c.ping() // of QoS 0 it is ignored
	c.send(publishPacket("$SYS/broker/version", nil, 1, 1, false))
	c.closed()
}

func TestSysIsOff(t *testing.T) {
	b := startBroker(t, Options{})
	c := open(t, b, "c")
	c.subscribe(1, 0, "#", "+/broker/version")
	c.ping() // nothing comes before the answer
}

// What of QoS 1 is published while a session sleeps arrives when it is back.
func TestSleepingSession(t *testing.T) {
	b := startBroker(t, Options{})
	p := connectPacket("sleeper")
	p.CleanSession = false
	c := dialRaw(t, b)
	c.connect(p)
	c.subscribe(1, 1, "x")
	c.send(packets.NewControlPacket(packets.Disconnect))
	c.closed()
	open(t, b, "pub").publish1(1, "x", "meanwhile")
	again := dialRaw(t, b)
	if code, present := again.connect(p); code != 0 || !present {
		t.Fatalf("CONNACK %d, session present %t", code, present)
	}
	again.expect("meanwhile")
}

// Both sides number their packets by themselves, and a number that both use
// means two packets. The library takes them for one.
func TestPacketIdentifiersOfBothSides(t *testing.T) {
	b := startBroker(t, Options{})
	p := connectPacket("both")
	p.CleanSession = false
	c := dialRaw(t, b)
	c.connect(p)
	c.subscribe(1, 1, "x")
	pub := open(t, b, "pub")
	pub.publish1(1, "x", "first")
	id := c.expect("first")[0].MessageID // and no PUBACK

	if codes := c.subscribe(id, 1, "y"); !bytes.Equal(codes, []byte{1}) {
		t.Errorf("SUBACK %v for a number that is in flight the other way", codes)
	}
	c.publish1(id, "z", "own")
	c.Close()
	again := dialRaw(t, b)
	again.connect(p)
	if m := again.expect("first")[0]; !m.Dup || m.MessageID != id {
		t.Errorf("received again as %v", m)
	}
	ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
	ack.MessageID = id
	again.send(ack)
	pub.publish1(2, "y", "second")
	again.expect("second")
}

// Whoever comes last with a client id has it, however many come at once.
func TestTakeover(t *testing.T) {
	b := startBroker(t, Options{})
	pub := open(t, b, "pub")
	for round := range 5 {
		var mu sync.Mutex
		var all []*client
		var group sync.WaitGroup
		for range 8 {
			c := dialRaw(t, b)
			group.Go(func() {
				if err := connectPacket("same").Write(c); err == nil {
					packets.ReadPacket(c) // CONNACK, or the end
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, c)
			})
		}
		group.Wait()
		last := open(t, b, "same")
		last.subscribe(1, 0, "x")
		for _, c := range all {
			c.closed()
		}
		eventually(t, "two clients are left", func() bool { return b.Stats().Clients == 2 })
		payload := fmt.Sprint("round ", round)
		pub.publish("x", payload, false)
		last.expect(payload)
		last.ping()
	}
	b.rules.mu.Lock()
	defer b.rules.mu.Unlock()
	if n := len(b.rules.owners); n > 2 {
		t.Errorf("%d owners are remembered", n)
	}
}

// A session that slept for too long leaves nothing in the index of subscriptions.
func TestSessionExpiry(t *testing.T) {
	t.Parallel()
	b := startBroker(t, Options{Limits: Limits{sessionExpiry: time.Second}})
	p := connectPacket("sleeper")
	p.CleanSession = false
	c := dialRaw(t, b)
	c.connect(p)
	c.subscribe(1, 1, "x/y")
	c.Close()
	eventually(t, "the session is forgotten", func() bool { return b.Stats().Sessions == 0 })
	if subs := b.server.Topics.Subscribers("x/y").Subscriptions; len(subs) != 0 {
		t.Errorf("subscribers without a session: %v", subs)
	}
}

// MQTT 5: the client learns what the server decided, and cannot have it store aliases.
func TestVersion5(t *testing.T) {
	b := startBroker(t, account("u", "p"))
	connect := func(password string, properties []byte) (body []byte) {
		payload := lengthPrefixed("five", "u", password)
		header := append(lengthPrefixed("MQTT"), 5, 0xc2, 0, 0, byte(len(properties)))
		packet := append(append(header, properties...), payload...)
		c := dialRaw(t, b)
		c.Write(append([]byte{packets.Connect << 4, byte(len(packet))}, packet...))
		var head [2]byte
		if _, err := io.ReadFull(c, head[:]); err != nil || head[0] != packets.Connack<<4 {
			t.Fatalf("received %x, %v", head, err)
		}
		body = make([]byte, head[1])
		io.ReadFull(c, body)
		return body
	}
	const badAccount, serverKeepAlive, aliasMaximum = 0x86, 19, 34
	if got := connect("wrong", nil); got[1] != badAccount {
		t.Errorf("CONNACK %#x for a wrong password", got[1])
	}
	got := connect("p", []byte{aliasMaximum, 0xff, 0xff})
	if got[1] != 0 || !bytes.Contains(got, []byte{serverKeepAlive, 3600 >> 8, 3600 & 0xff}) {
		t.Errorf("CONNACK % x, want a server keep-alive of an hour", got)
	}
	cl, ok := b.server.Clients.Get("five")
	if !ok || cl.Properties.Props.TopicAliasMaximum != 0 {
		t.Errorf("the client may have %d aliases", cl.Properties.Props.TopicAliasMaximum)
	}
}

func lengthPrefixed(all ...string) (out []byte) {
	for _, s := range all {
		out = binary.BigEndian.AppendUint16(out, uint16(len(s)))
		out = append(out, s...)
	}
	return out
}

func TestClientID(t *testing.T) {
	b := startBroker(t, Options{})
	long := string(bytes.Repeat([]byte("c"), MaxClientID+1))
	if code, _ := dialRaw(t, b).connect(connectPacket(long)); code != 2 {
		t.Errorf("CONNACK %d for a long client id, want 2", code)
	}
	if code, _ := dialRaw(t, b).connect(connectPacket(long[1:])); code != 0 {
		t.Errorf("CONNACK %d at the limit", code)
	}
	if code, _ := dialRaw(t, b).connect(connectPacket("")); code != 0 {
		t.Errorf("CONNACK %d for an empty one", code)
	}
}
