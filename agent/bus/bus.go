// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package bus holds MQTT sessions with a broker, by MQTT 3.1.1 over TCP, TLS or
// WebSocket. A [Session] is one connection at a time under one client id; it comes
// back by itself with exponential back-off and full jitter (Brooker, "Exponential
// Backoff And Jitter", 2015), restores its subscriptions, and sends again what of
// QoS 1 was not acknowledged. Publish never blocks, queues are bounded, and what is
// dropped is counted.
//
// The zero Session is not usable; take one from [Dial]. All methods are safe for
// concurrent use.
package bus

import (
	"errors"
	"log/slog"
	"time"
)

// The limits and times of a session.
const (
	DefaultQueue     = 256              // messages that wait, in each direction
	MaxQueueBytes    = 4 << 20          // bytes of them, in each direction
	DefaultInFlight  = 16               // messages of QoS 1 sent and not acknowledged
	MaxPublish       = 60 << 10         // bytes of payload that Publish takes
	MaxReceive       = 1 << 20          // bytes of a packet from the broker; longer messages are skipped
	MaxTopic         = 256              // bytes of a topic or filter
	MaxSubscriptions = 64               // of a session
	DefaultKeepAlive = 30 * time.Second // silence until a ping
	pingTimeout      = 10 * time.Second // for its answer, or the keep-alive where that is shorter
	connectTimeout   = 10 * time.Second // for TCP, TLS and MQTT together
	writeTimeout     = 15 * time.Second // for the peer to take one packet
	subscribeTimeout = 10 * time.Second // for SUBACK
	closeTimeout     = time.Second      // for what Close still does when its context has ended
)

// Errors that callers tell apart.
var (
	ErrQueueFull = errors.New("the queue of outgoing messages is full")
	ErrClosed    = errors.New("the session is closed")
	ErrRefused   = errors.New("the broker refused the subscription")
)

// Message is what is published. Its payload is not to be changed.
type Message struct {
	Topic   string
	Payload []byte
	QoS     byte // 0 or 1
	Retain  bool // on a received message: the broker had kept it
}

// Options describe a session.
type Options struct {
	URL          string // mqtt, mqtts, tcp, ssl, ws or wss; the default ports are 1883, 8883, 80 and 443
	Username     string
	Password     Secret
	TLS          TLS
	ClientID     string        // may be empty with CleanSession
	CleanSession bool          // the broker forgets the session when the connection ends
	KeepAlive    time.Duration // whole seconds; 0 is DefaultKeepAlive
	Will         *Message      // published by the broker when the connection breaks
	Logger       *slog.Logger  // nil: silent

	// OnState, if not nil, is told of every change of state, one after the other,
	// with the reason for Waiting. It must return soon and not call the session.
	OnState func(State, error)

	// OnDrop, if not nil, is told of every message that is counted as dropped, but
	// for those that arrive too long: received or to be sent. It must return soon and
	// not call the session.
	OnDrop func(m Message, received bool)

	MaxQueue    int // messages that wait, in each direction; 0 is DefaultQueue
	MaxInFlight int // 0 is DefaultInFlight
}

// TLS says whom a session trusts and how it shows itself. The zero value trusts
// the system's authorities.
type TLS struct {
	CAFile            string // PEM; with CAPEM the only authorities that are trusted
	CAPEM             []byte
	CertFile, KeyFile string   // PEM, of the client
	ServerName        string   // in the certificate; the default is the host of the URL
	Pin               [32]byte // SHA-256 of a key in the broker's chain, see [PeerPin]; zero: none
}

// State is what a session is at.
type State uint8

// The states of a session.
const (
	Connecting State = iota
	Connected
	Waiting // until the next attempt
	Closed
)

// String returns the state in one word.
func (s State) String() string {
	return [...]string{"connecting", "connected", "waiting", "closed"}[s&3]
}

// Counters count since Dial, over all connections.
type Counters struct {
	BytesSent        int64 `json:"bytes_sent"` // of MQTT, above TLS and WebSocket
	BytesReceived    int64 `json:"bytes_received"`
	MessagesSent     int64 `json:"messages_sent"` // PUBLISH packets, with repeated ones
	MessagesReceived int64 `json:"messages_received"`
	DroppedOut       int64 `json:"dropped_out"` // messages that Publish took, or would have taken, and that were not sent
	DroppedIn        int64 `json:"dropped_in"`  // messages that arrived and had no place, or were too long
	Reconnects       int64 `json:"reconnects"`
}

func (o *Options) check() error {
	if o.ClientID == "" && !o.CleanSession {
		return errors.New("a session that the broker is to remember needs a client id")
	}
	if o.Will != nil {
		if err := checkPublish(o.Will.Topic, len(o.Will.Payload), o.Will.QoS); err != nil {
			return err
		}
	}
	if o.KeepAlive < 0 || o.KeepAlive%time.Second != 0 || o.KeepAlive > 18*time.Hour {
		return errors.New("the keep-alive is to be whole seconds, up to 18 hours")
	}
	if o.Username == "" && !o.Password.IsZero() {
		return errors.New("a password needs a user name")
	}
	return nil
}

// withDefaults returns the options with every zero replaced that stands for a default.
func (o Options) withDefaults() Options {
	if o.KeepAlive == 0 {
		o.KeepAlive = DefaultKeepAlive
	}
	if o.MaxQueue <= 0 {
		o.MaxQueue = DefaultQueue
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = DefaultInFlight
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnState == nil {
		o.OnState = func(State, error) {}
	}
	if o.OnDrop == nil {
		o.OnDrop = func(Message, bool) {}
	}
	return o
}
