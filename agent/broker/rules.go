// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !nobroker

package broker

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// rules is the hook that holds the limits which the library has no field for,
// and works around what version 2.7.9 does wrong; each place says what.
type rules struct {
	mqtt.HookBase
	server *mqtt.Server
	limits Limits
	counts *counts
	log    *slog.Logger

	open               bool // no account
	username, password [sha256.Size]byte

	mu            sync.Mutex
	owners        map[string]*conn // by client id: the connection that last took the session
	retained      map[string]int   // bytes of each retained message, by topic
	retainedBytes int
}

func newRules(o Options, server *mqtt.Server, l Limits, n *counts, log *slog.Logger) *rules {
	return &rules{
		server: server, limits: l, counts: n, log: log,
		open:     o.Username == "",
		username: sha256.Sum256([]byte(o.Username)),
		password: sha256.Sum256([]byte(o.Password.Reveal())),
		owners:   make(map[string]*conn),
		retained: make(map[string]int),
	}
}

// ID and Provides are of the library's interface.
func (r *rules) ID() string { return "rules" }

func (r *rules) Provides(b byte) bool {
	return slices.Contains([]byte{
		mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnACLCheck,
		mqtt.OnSessionEstablish, mqtt.OnClientExpired,
		mqtt.OnPacketRead, mqtt.OnPacketEncode, mqtt.OnSubscribe, mqtt.OnSubscribed,
		mqtt.OnPublish, mqtt.OnPublishDropped,
		mqtt.OnWill, mqtt.OnRetainMessage, mqtt.OnRetainedExpired,
	}, b)
}

// OnConnectAuthenticate compares the account in constant time.
func (r *rules) OnConnectAuthenticate(_ *mqtt.Client, pk packets.Packet) bool {
	return r.authentic(pk)
}

func (r *rules) authentic(pk packets.Packet) bool {
	if r.open {
		return true
	}
	// Hashes have one length, so that the time does not tell those of the secrets.
	username := sha256.Sum256(pk.Connect.Username)
	password := sha256.Sum256(pk.Connect.Password)
	return subtle.ConstantTimeCompare(username[:], r.username[:])&
		subtle.ConstantTimeCompare(password[:], r.password[:]) == 1
}

// OnConnect refuses what a CONNECT may not ask for, and takes away what costs
// memory that the client would choose.
func (r *rules) OnConnect(cl *mqtt.Client, pk packets.Packet) error {
	if !r.authentic(pk) {
		return nil // and nothing more is said to it: OnConnectAuthenticate refuses
	}
	if code, ok := r.refusal(cl); !ok {
		r.log.Debug("client refused", "client", cl.ID, "code", code.Code)
		r.server.SendConnack(cl, code, false, nil)
		return code
	}
	cl.Properties.Props.TopicAliasMaximum = 0
	cl.Properties.Will.WillDelayInterval = 0 // delayed wills are kept without a limit
	if k := uint16(MaxKeepAlive.Seconds()); cl.State.Keepalive == 0 || cl.State.Keepalive > k {
		// None at all would keep a dead connection for good, and above 43690 s the
		// library's one and a half times overflows to a few seconds.
		cl.State.Keepalive = k
		cl.State.ServerKeepalive = true
	}
	cl.State.Keepalive += cl.State.Keepalive % 2 // the library halves in whole numbers, and waits 1 s where it should 1.5
	return nil
}

// refusal returns the return code of CONNACK by which the client is refused.
func (r *rules) refusal(cl *mqtt.Client) (code packets.Code, ok bool) {
	if len(cl.ID) > MaxClientID || !utf8.ValidString(cl.ID) {
		return packets.ErrClientIdentifierNotValid, false
	}
	if w := cl.Properties.Will; w.Flag != 0 && (!validTopic(w.TopicName) || strings.HasPrefix(w.TopicName, chunkPrefix)) {
		return packets.ErrNotAuthorized, false // the library publishes a will without asking
	}
	if _, known := r.server.Clients.Get(cl.ID); !known && r.server.Clients.Len() >= max(MaxSessions, 2*r.limits.Clients) {
		return packets.ErrServerUnavailable, false
	}
	return packets.Code{}, true
}

// OnSessionEstablish ends the connection that has the same client id, and waits
// until the library is done with it. The library would go on at once, and the
// old connection's clean-up would take the new one out of its tables.
func (r *rules) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return
	}
	r.mu.Lock()
	old := r.owners[cl.ID]
	r.owners[cl.ID] = c
	r.mu.Unlock()
	c.session.id = cl.ID
	c.onEnd = func() { r.disown(c) }
	if old != nil {
		old.Close()
		<-old.ended // every wait is for an earlier connection, so that none is for itself
	}
	if sleeping, ok := r.server.Clients.Get(cl.ID); ok {
		sleeping.State.Inflight.Delete(0) // a PUBACK that could not be sent, see OnPacketRead
	}
}

// disown forgets the connection when it ends.
func (r *rules) disown(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owners[c.session.id] == c {
		delete(r.owners, c.session.id)
	}
}

// OnClientExpired takes the subscriptions of a session that has slept for too
// long out of the library's index, where it would leave them.
func (r *rules) OnClientExpired(cl *mqtt.Client) {
	r.server.UnsubscribeClient(cl)
	cl.ClearInflights()
}

// OnACLCheck decides whether a client may publish to a topic, or be sent a
// message on it. The library asks the second also for a filter of a SUBSCRIBE.
func (r *rules) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	c, ok := cl.Net.Conn.(*conn)
	if !ok {
		return false
	}
	if write {
		return validTopic(topic)
	}
	if c.session.subscribing.Load() {
		return true // OnSubscribe has judged
	}
	if strings.HasPrefix(topic, "$") {
		return false
	}
	if c.full() || c.session.inFlight(cl) > int64(r.limits.Backlog) {
		r.counts.dropped.Add(1)
		return false
	}
	return true
}

// OnSubscribe replaces filters that are not to be had by an empty one, which
// the library answers with a failure.
func (r *rules) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	if c, ok := cl.Net.Conn.(*conn); ok {
		c.session.subscribing.Store(true)
	}
	room := r.limits.Subscriptions - cl.State.Subscriptions.Len()
	filters := slices.Clone(pk.Filters)
	for i, f := range filters {
		_, known := cl.State.Subscriptions.Get(f.Filter)
		switch {
		case !validFilter(f.Filter), !known && room <= 0:
			filters[i].Filter = ""
		case !known:
			room--
		}
	}
	pk.Filters = filters
	return pk
}

// OnSubscribed follows OnSubscribe within the same call of the library.
func (r *rules) OnSubscribed(cl *mqtt.Client, _ packets.Packet, _ []byte) {
	if c, ok := cl.Net.Conn.(*conn); ok {
		c.session.subscribing.Store(false)
	}
}

// OnPublishDropped counts messages that the library's queue had no place for.
func (r *rules) OnPublishDropped(*mqtt.Client, packets.Packet) { r.counts.dropped.Add(1) }
