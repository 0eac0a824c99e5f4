// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// OnPublish takes the retain flag from a message that may not stay; it is
// delivered all the same. It also gives back the QoS that OnPacketRead took.
func (r *rules) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if c, ok := cl.Net.Conn.(*conn); ok && c.session.publish != 0 {
		pk.FixedHeader.Qos = 1
	}
	if pk.FixedHeader.Retain && !r.mayRetain(pk.TopicName, len(pk.Payload)) {
		pk.FixedHeader.Retain = false
		r.counts.dropped.Add(1)
		r.log.Debug("message not retained", "client", cl.ID, "topic", pk.TopicName)
	}
	return pk, nil
}

// OnWill does the same for a will, which does not pass OnPublish.
func (r *rules) OnWill(_ *mqtt.Client, w mqtt.Will) (mqtt.Will, error) {
	if w.Retain && !r.mayRetain(w.TopicName, len(w.Payload)) {
		w.Retain = false
		r.counts.dropped.Add(1)
	}
	return w, nil
}

func (r *rules) mayRetain(topic string, size int) bool {
	if strings.HasPrefix(topic, chunkPrefix) {
		return false
	}
	if size == 0 {
		return true // it takes one away
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.retained[topic]
	return (known || len(r.retained) < MaxRetained) &&
		r.retainedBytes-before+retainedSize(topic, size) <= MaxRetainedBytes
}

func retainedSize(topic string, size int) int { return 2*len(topic) + size }

// OnRetainMessage keeps count of what the library has stored.
func (r *rules) OnRetainMessage(_ *mqtt.Client, pk packets.Packet, _ int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(pk.TopicName)
	if len(pk.Payload) > 0 {
		n := retainedSize(pk.TopicName, len(pk.Payload))
		r.retained[pk.TopicName] = n
		r.retainedBytes += n
	}
}

// OnRetainedExpired is for messages of MQTT 5 that have an expiry of their own.
func (r *rules) OnRetainedExpired(topic string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(topic)
}

func (r *rules) countRetained() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.retained)
}

func (r *rules) forget(topic string) {
	r.retainedBytes -= r.retained[topic]
	delete(r.retained, topic)
}
