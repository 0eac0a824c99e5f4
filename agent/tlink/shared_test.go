// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"fmt"
	"testing"
	"time"
)

// TestFindShared puts a mark into two connections of different epochs, in each
// field that the observer sees.
func TestFindShared(t *testing.T) {
	const mark = "a-mark-01"
	publish := func(c *Conn, payload, topic string) {
		c.Events = append(c.Events, Event{Kind: KindPublish, Topics: []string{topic}, Payload: []byte(payload)})
	}
	for _, c := range []struct {
		name string
		put  func(c *Conn, n int) // n is the number of the connection
		want int                  // windows
	}{
		{"nothing", func(*Conn, int) {}, 0},
		{"client id", func(c *Conn, _ int) { c.Hello.ClientID = mark }, 2},
		{"inside a payload", func(c *Conn, n int) { publish(c, around(n, mark), townDoor) }, 2},
		{"seven bytes in a payload", func(c *Conn, n int) { publish(c, around(n, "seven77"), townDoor) }, 0},
		{"eight bytes in a payload", func(c *Conn, n int) { publish(c, around(n, "eight888"), townDoor) }, 1},
		{"topic", func(c *Conn, _ int) { publish(c, "", mark) }, 2},
		{"filter", func(c *Conn, _ int) {
			c.Events = append(c.Events, Event{Kind: KindSubscribe, Topics: []string{mark}})
		}, 2},
		{"user name", func(c *Conn, _ int) { c.Hello.Username = mark }, 2 + 2}, // and that of the others is no constant then
		{"password", func(c *Conn, _ int) { c.Hello.Password = mark }, 2 + 12},
		{"will", func(c *Conn, _ int) { c.Hello.WillTopic, c.Hello.WillPayload = mark, []byte("payload-"+mark) }, 10}, // the payload's hold the topic's
		{"the rest of CONNECT", func(c *Conn, _ int) { c.Hello.Rest = []byte(mark) }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := small(3, 2)
			c.put(r.Conns[0], 11)
			c.put(r.Conns[4], 92)
			s := FindShared(r)
			if s.Count != c.want {
				t.Errorf("%d windows, want %d: %q", s.Count, c.want, s.Examples(20))
			}
			a, b := &Track{r.Conns[:1]}, &Track{r.Conns[4:5]}
			if got := s.Between(a, b); (got > 0) != (c.want > 0) || got > c.want {
				t.Errorf("%d windows between the two, of %d", got, c.want)
			}
		})
	}
	t.Run("within one epoch", func(t *testing.T) {
		r := small(3, 2)
		publish(r.Conns[0], mark, townDoor)
		publish(r.Conns[1], mark, townDoor)
		if s := FindShared(r); s.Count != 0 {
			t.Errorf("%d windows, want none", s.Count)
		}
	})
}

// around puts a mark between bytes that do not come again.
func around(n int, mark string) string { return fmt.Sprintf("%03d%s%03d", n, mark, 7*n) }

// small is a recording of devices that say nothing.
func small(devices, epochs int) *Recording {
	rng := newSource()
	r := &Recording{Until: 1 << 60}
	for e := range epochs {
		topics := []string{townDoor, text(rng, 28), text(rng, 28), text(rng, 28)}
		for range devices {
			c := &Conn{N: len(r.Conns), Opened: time.Duration(20*e) * time.Second, Closed: time.Duration(20*e+19) * time.Second}
			c.Hello = Hello{ClientID: text(rng, 23), Username: "neighbour", Password: "the password of all"}
			for _, topic := range topics {
				c.Events = append(c.Events, Event{At: c.Opened, Kind: KindSubscribe, Topics: []string{topic}})
			}
			r.Conns = append(r.Conns, c)
		}
	}
	return r
}

// BenchmarkFindShared looks through what one device sends in 70 s at 4 chunks a
// second; -benchmem has the memory.
func BenchmarkFindShared(b *testing.B) {
	r := small(2, 2)
	rng := newSource()
	for i := range 280 {
		c := r.Conns[i%4]
		c.Events = append(c.Events, Event{Kind: KindPublish, Topics: []string{townDoor}, Payload: random(rng, 4136)})
	}
	b.SetBytes(280 * 4136)
	for b.Loop() {
		FindShared(r)
	}
}

// TestFilter holds that nothing is missed that comes again, and that little else
// is taken for it.
func TestFilter(t *testing.T) {
	const n = 20_000
	rng := newSource()
	f := newFilter(n)
	var seen []uint64
	wrong := 0
	for range n {
		w := rng.Uint64()
		if f.add(w) {
			wrong++
		}
		seen = append(seen, w)
	}
	for _, w := range seen {
		if !f.add(w) {
			t.Fatalf("%x is missed", w)
		}
	}
	if wrong > n/100 {
		t.Errorf("%d of %d are taken for others", wrong, n)
	}
}
