// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/vecino-edge/vecino/agent/bus"
)

const patience = 10 * time.Second

// startBroker starts a broker on a free port that ends with the test.
func startBroker(t testing.TB, o Options) *Broker {
	t.Helper()
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	b, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopBroker(t, b) })
	return b
}

func stopBroker(t testing.TB, b *Broker) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Error("Close:", err)
	}
}

// client speaks MQTT packet by packet, and so as badly as a test wants.
type client struct {
	t testing.TB
	net.Conn
}

func dialRaw(t testing.TB, b *Broker) *client {
	t.Helper()
	c, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &client{t, c}
}

// connectPacket returns a CONNECT of a clean session.
func connectPacket(id string) *packets.ConnectPacket {
	p := packets.NewControlPacket(packets.Connect).(*packets.ConnectPacket)
	p.ProtocolName, p.ProtocolVersion = "MQTT", 4
	p.ClientIdentifier, p.CleanSession, p.Keepalive = id, true, 60
	return p
}

// connect says CONNECT and returns the return code of CONNACK.
func (c *client) connect(p *packets.ConnectPacket) (code byte, sessionPresent bool) {
	c.t.Helper()
	c.send(p)
	ack := receive[*packets.ConnackPacket](c)
	return ack.ReturnCode, ack.SessionPresent
}

// open connects a clean session under an id.
func open(t testing.TB, b *Broker, id string) *client {
	t.Helper()
	c := dialRaw(t, b)
	if code, _ := c.connect(connectPacket(id)); code != 0 {
		t.Fatalf("CONNACK %d", code)
	}
	return c
}

func (c *client) send(p packets.ControlPacket) {
	c.t.Helper()
	if err := p.Write(c); err != nil {
		c.t.Fatalf("send %T: %v", p, err)
	}
}

// receive reads one packet, which must be of type P.
func receive[P packets.ControlPacket](c *client) P {
	c.t.Helper()
	got, err := packets.ReadPacket(c)
	p, ok := got.(P)
	if err != nil || !ok {
		c.t.Fatalf("received %v, %v; want a %T", got, err, p)
	}
	return p
}

// closed waits until the broker ends the connection, whatever it sends before.
func (c *client) closed() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		c.t.Error("the broker did not close the connection")
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// subscribe returns the codes of SUBACK.
func (c *client) subscribe(id uint16, qos byte, filters ...string) []byte {
	c.t.Helper()
	p := packets.NewControlPacket(packets.Subscribe).(*packets.SubscribePacket)
	p.MessageID, p.Topics = id, filters
	for range filters {
		p.Qoss = append(p.Qoss, qos)
	}
	c.send(p)
	ack := receive[*packets.SubackPacket](c)
	if ack.MessageID != id {
		c.t.Errorf("SUBACK for %d, want %d", ack.MessageID, id)
	}
	return ack.ReturnCodes
}

func publishPacket(topic string, payload []byte, qos byte, id uint16, retain bool) *packets.PublishPacket {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Qos, p.MessageID, p.Retain = topic, payload, qos, id, retain
	return p
}

func (c *client) publish(topic, payload string, retain bool) {
	c.t.Helper()
	c.send(publishPacket(topic, []byte(payload), 0, 0, retain))
}

// publish1 publishes with QoS 1 and waits for PUBACK.
func (c *client) publish1(id uint16, topic, payload string) {
	c.t.Helper()
	c.send(publishPacket(topic, []byte(payload), 1, id, false))
	if ack := receive[*packets.PubackPacket](c); ack.MessageID != id {
		c.t.Errorf("PUBACK for %d, want %d", ack.MessageID, id)
	}
}

// ping makes sure that the broker has processed what was sent before.
func (c *client) ping() {
	c.t.Helper()
	c.send(packets.NewControlPacket(packets.Pingreq))
	receive[*packets.PingrespPacket](c)
}

// expect receives messages until all of payloads have come, in this order.
func (c *client) expect(payloads ...string) []*packets.PublishPacket {
	c.t.Helper()
	var all []*packets.PublishPacket
	for _, want := range payloads {
		m := receive[*packets.PublishPacket](c)
		if string(m.Payload) != want {
			c.t.Errorf("received %q, want %q", m.Payload, want)
		}
		all = append(all, m)
	}
	return all
}

func account(name, password string) Options {
	return Options{Username: name, Password: bus.NewSecret(password)}
}

// eventually waits until ok is true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Errorf("not in %v: %s", patience, what)
}
