// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// The sum of what is in flight to a client is taken over all its messages, so
// it is taken only where they are many and not more often than this.
const (
	inFlightFew   = 16
	inFlightFresh = 50 * time.Millisecond
)

// session is what the rules remember of a client between two calls of the library.
type session struct {
	id          string
	subscribing atomic.Bool

	// Identifiers of the packets that the client's own goroutine works on, 0: none.
	publish, subscribe uint16

	sum, summed atomic.Int64 // bytes in flight, and when that was so in ns
}

// inFlight returns how many bytes the client has not acknowledged, about.
func (s *session) inFlight(cl *mqtt.Client) int64 {
	if cl.State.Inflight.Len() <= inFlightFew {
		return 0
	}
	now := time.Now().UnixNano()
	if now-s.summed.Load() < int64(inFlightFresh) {
		return s.sum.Load()
	}
	var sum int64
	for _, pk := range cl.State.Inflight.GetAll(false) {
		sum += int64(len(pk.TopicName) + len(pk.Payload))
	}
	s.sum.Store(sum)
	s.summed.Store(now)
	return sum
}

// OnPacketRead hides the identifier of a packet from the library until its
// acknowledgement. The library keeps the identifiers of both directions in one
// table, though either side numbers by itself: a PUBLISH from the client would
// take a message to the client with the same number out of it, unacknowledged, and a
// SUBSCRIBE with such a number would fail. Packets of one client are processed one
// after the other, each acknowledged before the next is read.
func (r *rules) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return pk, nil
	}
	c.session.publish, c.session.subscribe = 0, 0 // of a packet that got no answer
	if pk.PacketID == 0 {
		return pk, nil
	}
	switch {
	case pk.FixedHeader.Type == packets.Publish && !validTopic(pk.TopicName):
		return pk, packets.ErrRejectPacket // ends the connection: without PUBACK its sender would wait
	case pk.FixedHeader.Type == packets.Publish && pk.FixedHeader.Qos == 1:
		c.session.publish = pk.PacketID
	case pk.FixedHeader.Type == packets.Subscribe, pk.FixedHeader.Type == packets.Unsubscribe:
		c.session.subscribe = pk.PacketID
	default:
		return pk, nil
	}
	pk.PacketID = 0
	pk.FixedHeader.Qos = 0 // else a packet without identifier is refused
	return pk, nil
}

// OnPacketEncode puts the identifier back into the acknowledgement. It also
// replaces codes of MQTT 5 in a CONNACK of MQTT 3, where they mean nothing, and
// the most used client takes them for success.
func (r *rules) OnPacketEncode(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return pk
	}
	switch pk.FixedHeader.Type {
	case packets.Puback:
		if pk.PacketID == 0 {
			pk.PacketID, c.session.publish = c.session.publish, 0
		}
	case packets.Suback, packets.Unsuback:
		pk.PacketID, c.session.subscribe = c.session.subscribe, 0
	case packets.Connack:
		if pk.ReasonCode != 0 {
			r.counts.refused.Add(1)
		}
		if cl.Properties.ProtocolVersion < 5 && pk.ReasonCode > packets.Err3NotAuthorized.Code {
			pk.ReasonCode = packets.Err3NotAuthorized.Code
		}
	}
	return pk
}
