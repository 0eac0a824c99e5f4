// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package broker is the embedded MQTT broker (versions 3.1.1 and 5) for a
// neighbourhood that has none: mochi-mqtt with one shared account, TLS, and a
// limit for everything that a client could fill. A subscriber that does not keep
// up loses messages, and neither slows the others down nor grows in memory.
// Topics under `t/` take neither retained messages nor wills, and `$SYS` is off:
// [Broker.Stats] has the numbers. A build with -tags nobroker leaves the broker
// out; [Available] tells.
//
// The zero Broker is not usable; take one from [Start]. Its methods are safe for
// concurrent use.
package broker

import (
	"errors"
	"log/slog"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
)

// The limits of a broker. Those that [Limits] holds are the defaults.
const (
	MaxClients       = 256              // connected clients
	MaxPacket        = 64 << 10         // bytes of one packet, header not counted
	MaxBacklog       = 1 << 20          // bytes that wait for one client, or are in flight to it
	MaxSubscriptions = 64               // of one client
	MaxTotalBacklog  = 32 << 20         // bytes that wait for all clients together
	MaxSessions      = 2 * MaxClients   // connected clients and sessions that sleep; twice Limits.Clients where that is more
	MaxInFlight      = 1024             // messages of QoS 1 and 2 that one client has not acknowledged
	MaxRetained      = 1024             // retained messages
	MaxRetainedBytes = 4 << 20          // bytes of them together
	MaxTopic         = 256              // bytes of a topic or filter
	MaxTopicLevels   = 16               // its levels
	MaxClientID      = 128              // bytes
	MaxKeepAlive     = time.Hour        // a client may be silent for one and a half times its keep-alive
	SessionExpiry    = 24 * time.Hour   // of a session that sleeps
	connectTimeout   = 10 * time.Second // for TLS and CONNECT together
	writeTimeout     = 30 * time.Second // for a client to take writeSlice bytes
	closeTimeout     = time.Second      // for what still waits when a connection is closed
)

// fairBacklog is what may always wait for one client, however much waits for
// the others.
const fairBacklog = 16 << 10

// spareConnections may be open beside those of clients that are connected, so
// that the one that is over the limit is told why.
const spareConnections = 32

// Errors that callers tell apart.
var (
	ErrAbsent = errors.New("this build has no broker (-tags nobroker): name a broker of your own")
	ErrOpen   = errors.New("a broker without user name and password listens on this machine only: set both, or listen on 127.0.0.1")
)

// Options say where and for whom a broker listens.
type Options struct {
	Listen            string // host:port; port 0 takes a free one
	Username          string // of the one account; empty only where Listen is a loopback address
	Password          bus.Secret
	CertFile, KeyFile string       // PEM; both empty: no TLS
	Logger            *slog.Logger // nil: silent
	Limits            Limits
}

// Limits bound what clients can fill. A zero field stands for the constant of
// the package.
type Limits struct {
	Clients       int // connected at once
	Packet        int // bytes, header not counted
	Backlog       int // bytes that wait for one client
	TotalBacklog  int // bytes that wait for all together
	Subscriptions int // of one client

	connectTimeout, sessionExpiry time.Duration // tests have no patience
}

func (l Limits) orDefaults() Limits {
	return Limits{
		Clients:       or(l.Clients, MaxClients),
		Packet:        or(l.Packet, MaxPacket),
		Backlog:       or(l.Backlog, MaxBacklog),
		TotalBacklog:  or(l.TotalBacklog, MaxTotalBacklog),
		Subscriptions: or(l.Subscriptions, MaxSubscriptions),

		connectTimeout: or(l.connectTimeout, connectTimeout),
		sessionExpiry:  or(l.sessionExpiry, SessionExpiry),
	}
}

func or[T int | time.Duration](n, byDefault T) T {
	if n == 0 {
		return byDefault
	}
	return n
}

// Stats are the counters of a broker since its start. Bytes are those of MQTT,
// above TLS.
type Stats struct {
	Clients          int   `json:"clients"`  // connected now
	Sessions         int   `json:"sessions"` // with those that sleep
	Retained         int   `json:"retained"` // messages
	BytesReceived    int64 `json:"bytes_received"`
	BytesSent        int64 `json:"bytes_sent"`
	MessagesReceived int64 `json:"messages_received"`
	MessagesSent     int64 `json:"messages_sent"`
	Dropped          int64 `json:"dropped"` // messages not delivered to a client, or not retained, because of a limit
	Refused          int64 `json:"refused"` // connections: wrong account, over a limit, against a rule
}

func (o *Options) check() error {
	if (o.Username == "") != o.Password.IsZero() {
		return errors.New("a broker needs both user name and password, or neither")
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New("TLS needs both a certificate file and a key file")
	}
	return nil
}
