// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package tlink measures whether one who observes the broker can follow a device
// from one epoch to the next (crypto/PROTOCOL.md, test T-LINK). A [Recorder]
// stands before a broker and writes down what the observer has after TLS, which
// is all but addresses; a [Scenario] lets real devices live behind it; an
// [Attack] matches the connections of an epoch with those of the next, and a
// [Score] says how often it was right. Attackers see the [Recording] alone: which
// device a connection belongs to stands in a [Truth], which only scoring reads.
//
// A Recording and a Truth are plain values whose zero value is empty; nothing
// here but a Recorder is safe for concurrent use.
package tlink

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// Kind is the type of an MQTT packet (MQTT 3.1.1, section 2.2.1).
type Kind uint8

// The packets that the observer tells apart.
const (
	KindConnect    Kind = 1
	KindPublish    Kind = 3
	KindSubscribe  Kind = 8
	KindSuback     Kind = 9
	KindPing       Kind = 12
	KindDisconnect Kind = 14
)

// Recording is what an observer of a broker has.
type Recording struct {
	From  time.Duration // epochs that began before are not looked at: devices entered in them
	Until time.Duration // nor are those that ended later
	Conns []*Conn       // in the order of their CONNECT
}

// Truth is the device of each connection, by its place in [Recording.Conns].
type Truth []int

// Conn is one MQTT connection. Times are those since the recorder began.
type Conn struct {
	N       int // place in the recording
	Hello   Hello
	Opened  time.Duration // when CONNECT came
	Closed  time.Duration // when the client's side ended
	Goodbye bool          // DISCONNECT came before
	Events  []Event       // after CONNECT, in order
}

// Hello is what a CONNECT says.
type Hello struct {
	ClientID, Username, Password string
	WillTopic                    string
	WillPayload                  []byte
	Rest                         []byte // name and version of the protocol, flags, keep-alive
	KeepAlive                    time.Duration
}

// Event is one packet.
type Event struct {
	At      time.Duration
	Out     bool // from the broker to the client
	Kind    Kind
	Size    int      // bytes of the packet
	Topics  []string // of PUBLISH one, of SUBSCRIBE its filters
	Payload []byte   // of PUBLISH to the broker; what it delivers are copies
}

// filters returns the filters that the connection subscribed to, in order.
func (c *Conn) filters() (out []string) {
	for _, e := range c.Events {
		if e.Kind == KindSubscribe {
			out = append(out, e.Topics...)
		}
	}
	return out
}

// Track is a client id in one epoch: a connection, or several where it broke.
type Track struct {
	Conns []*Conn // one or more, in order
}

func (t *Track) opened() time.Duration { return t.Conns[0].Opened }
func (t *Track) closed() time.Duration { return t.Conns[len(t.Conns)-1].Closed }

// ClientID returns the client id of the track's connections.
func (t *Track) ClientID() string { return t.Conns[0].Hello.ClientID }

// device returns whose track it is.
func (t *Track) device(truth Truth) int { return truth[t.Conns[0].N] }

// Constants returns the strings of a field that every connection with
// subscriptions to more than one topic sends: the door, and what CONNECT says in
// the name of all. They tell nobody apart.
func (r *Recording) constants() map[string]bool {
	seen := map[string]int{}
	n := 0
	for _, c := range r.Conns {
		filters := c.filters()
		if len(filters) < 2 {
			continue
		}
		n++
		fields := append(filters, c.Hello.Username, c.Hello.Password, c.Hello.WillTopic, string(c.Hello.WillPayload), string(c.Hello.Rest))
		slices.Sort(fields)
		for _, f := range slices.Compact(fields) {
			seen[f]++
		}
	}
	out := map[string]bool{}
	for f, times := range seen {
		if times == n {
			out[f] = true
		}
	}
	return out
}

// Epochs returns the tracks of each whole epoch, in order of time. Connections
// belong to one epoch when they subscribe to a topic in common that is no
// constant. A track that lasts less than two thirds of what is usual in its epoch is
// left out: it is no device's main connection. Tracks of an epoch stand in an
// order that says nothing, since attackers fall back on it where all are alike.
func (r *Recording) Epochs() (epochs [][]*Track) {
	for n, g := range r.groups() {
		whole := g[0].Opened >= r.From
		for _, c := range g {
			whole = whole && c.Closed <= r.Until
		}
		if tracks := mainTracks(g); whole && len(tracks) > 1 {
			shuffle(tracks, n)
			epochs = append(epochs, tracks)
		}
	}
	return epochs
}

// shuffle orders tracks by a hash of epoch and client id.
func shuffle(tracks []*Track, epoch int) {
	key := func(t *Track) uint64 {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s", epoch, t.ClientID())
		return h.Sum64()
	}
	slices.SortFunc(tracks, func(a, b *Track) int { return cmp.Compare(key(a), key(b)) })
}

// groups returns the connections of each epoch, both in the order of CONNECT.
func (r *Recording) groups() [][]*Conn {
	if groups := r.groupsByTopic(); groups != nil {
		return groups
	}
	return r.groupsByTime()
}

func (r *Recording) groupsByTopic() (groups [][]*Conn) {
	constant := r.constants()
	of := map[string]int{} // by topic
	for _, c := range r.Conns {
		filters := slices.DeleteFunc(c.filters(), func(f string) bool { return constant[f] })
		if len(filters) == 0 {
			continue
		}
		n := vote(of, filters, len(groups))
		if n == len(groups) {
			groups = append(groups, nil)
		}
		for _, f := range filters {
			if _, ok := of[f]; !ok {
				of[f] = n
			}
		}
		groups[n] = append(groups[n], c)
	}
	return groups
}

// vote returns the epoch that most filters are known of, where those that are not
// known speak for a new one: a filter of a device's own is outvoted.
func vote(of map[string]int, filters []string, fresh int) int {
	votes := make([]int, fresh+1)
	for _, f := range filters {
		if known, ok := of[f]; ok {
			votes[known]++
		} else {
			votes[fresh]++
		}
	}
	return slices.Index(votes, slices.Max(votes))
}

// groupsByTime tells epochs apart where topics never change: a new one begins
// when somebody comes and half of those that were there have left. Connections
// that are shorter than half of what is usual are errands, and left out.
func (r *Recording) groupsByTime() (groups [][]*Conn) {
	var stays []float64
	for _, c := range r.Conns {
		if len(c.filters()) >= 2 {
			stays = append(stays, (c.Closed - c.Opened).Seconds())
		}
	}
	if len(stays) == 0 {
		return nil
	}
	least := quantile(stays, 0.5) / 2
	for _, c := range r.Conns {
		if len(c.filters()) < 2 || (c.Closed-c.Opened).Seconds() < least {
			continue
		}
		n := len(groups) - 1
		if n < 0 || 2*left(groups[n], c.Opened) > len(groups[n]) {
			groups, n = append(groups, nil), n+1
		}
		groups[n] = append(groups[n], c)
	}
	return groups
}

// left counts connections that have ended.
func left(conns []*Conn, at time.Duration) (n int) {
	for _, c := range conns {
		if c.Closed <= at {
			n++
		}
	}
	return n
}

// mainTracks joins connections under one client id and drops short tracks.
func mainTracks(conns []*Conn) (tracks []*Track) {
	byID := map[string]*Track{}
	for _, c := range conns {
		t := byID[c.Hello.ClientID]
		if t == nil {
			t = &Track{}
			byID[c.Hello.ClientID] = t
			tracks = append(tracks, t)
		}
		t.Conns = append(t.Conns, c)
	}
	stays := make([]float64, len(tracks))
	for i, t := range tracks {
		stays[i] = (t.closed() - t.opened()).Seconds()
	}
	least := quantile(stays, 0.5) * 2 / 3
	return slices.DeleteFunc(tracks, func(t *Track) bool { return (t.closed() - t.opened()).Seconds() < least })
}
