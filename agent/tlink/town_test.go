// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// town makes recordings as a neighbourhood would leave them that has some of the
// protocol's covers and lacks others, to see that attackers find what they lack.
type town struct {
	devices, epochs        int
	fixedID                bool          // client ids and topics stay
	noPadding, noCover     bool          // sizes and counts are those of the device's model
	skew                   time.Duration // of clocks, up to that either way
	ownKeepAlive, greeting bool          // an account of its own; a constant in the first chunk of a connection
	seed                   uint64
}

// The town's epochs, in seconds, and its chunks, in bytes: small ones do.
const (
	townEpoch  = 15.0
	townSpread = 1.0
	townRound  = 5.0
	townRate   = 2.0 // chunks a second
	townChunk  = 160
)

const townDoor = "t/doordoordoordoordoordoor"

// citizen is what stays the same of a device.
type citizen struct {
	id      string
	skew    float64 // seconds
	chunks  int     // of an update
	used    int     // bytes of its last one
	phase   float64 // of its rounds
	account string
	secret  []byte
}

func (t town) run() Run {
	rng := rand.New(rand.NewPCG(t.seed, 1))
	rec, truth := &Recording{Until: 1 << 60}, Truth{}
	var people []citizen
	for i := range t.devices {
		people = append(people, citizen{
			id: text(rng, 23), skew: (2*rng.Float64() - 1) * t.skew.Seconds(), chunks: 1 + i/3, used: 8 * i,
			phase: rng.Float64() * townRound, account: fmt.Sprintf("account-of-%02d", i), secret: random(rng, 12),
		})
	}
	topics := make([]string, 8)
	for e := range t.epochs {
		for i := range topics {
			if e == 0 || !t.fixedID {
				topics[i] = "t/" + text(rng, 26)
			}
		}
		conns := map[*Conn]int{}
		for i := range people {
			conns[t.conn(rng, &people[i], e, topics)] = i
		}
		for _, c := range inOrder(conns) {
			c.N = len(rec.Conns)
			rec.Conns, truth = append(rec.Conns, c), append(truth, conns[c])
		}
	}
	return Run{rec, truth}
}

func inOrder(conns map[*Conn]int) (out []*Conn) {
	for c := range conns {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *Conn) int { return int(a.Opened - b.Opened) })
	return out
}

// conn is a device's connection in an epoch.
func (t town) conn(rng *rand.Rand, p *citizen, epoch int, topics []string) *Conn {
	begin := float64(epoch+1)*townEpoch + p.skew + townSpread*rng.Float64()
	end := float64(epoch+2)*townEpoch + p.skew - townSpread*rng.Float64()
	c := &Conn{Opened: seconds(begin), Closed: seconds(end), Goodbye: true, Hello: Hello{
		ClientID: text(rng, 23), Username: "neighbour", Rest: []byte("MQTT constants"), KeepAlive: time.Minute,
	}}
	if t.fixedID {
		c.Hello.ClientID = p.id
	}
	if t.ownKeepAlive {
		c.Hello.KeepAlive = time.Duration(60+p.chunks) * time.Second
		c.Hello.Rest = fmt.Appendf(nil, "MQTT constants %d", p.chunks)
	}
	at := begin
	for _, topic := range append([]string{townDoor}, topics...) {
		at += 0.002 * rng.ExpFloat64()
		c.Events = append(c.Events, Event{At: seconds(at), Kind: KindSubscribe, Size: 33, Topics: []string{topic}})
	}
	for n, at := range t.times(rng, p, begin, end) {
		payload := random(rng, townChunk)
		if n == 0 && t.greeting {
			copy(payload[50:], p.secret)
		}
		if t.noPadding {
			payload = append(payload, random(rng, t.spill(rng, p))...)
		}
		topic := topics[rng.IntN(len(topics))]
		c.Events = append(c.Events, Event{At: seconds(at), Kind: KindPublish, Size: len(payload) + 32, Topics: []string{topic}, Payload: payload})
	}
	return c
}

// spill is what a chunk is longer where it is not padded: every second one is
// filled with cover.
func (t town) spill(rng *rand.Rand, p *citizen) int {
	if rng.IntN(2) == 0 {
		return 0
	}
	return p.used
}

// times are those of a device's chunks: a Poisson process, or without cover those
// of its updates.
func (t town) times(rng *rand.Rand, p *citizen, begin, end float64) (out []float64) {
	at := begin + 0.1
	if !t.noCover {
		for at += rng.ExpFloat64() / townRate; at < end; at += rng.ExpFloat64() / townRate {
			out = append(out, at)
		}
		return out
	}
	for round := begin + p.phase - townRound; round < end; round += townRound {
		at = max(at, round)
		for range p.chunks {
			if at += rng.ExpFloat64() / townRate; at < end {
				out = append(out, at)
			}
		}
	}
	return out
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func random(rng *rand.Rand, n int) []byte {
	var b []byte
	for len(b) < n {
		b = binary.BigEndian.AppendUint64(b, rng.Uint64())
	}
	return b[:n]
}

func text(rng *rand.Rand, n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return string(b)
}
