// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"math"
	"testing"
	"time"
)

// TestFeatures holds every feature of one track against what was worked out by
// hand.
func TestFeatures(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	publish := func(at int, size int, topic string) Event {
		return Event{At: ms(at), Kind: KindPublish, Size: size, Topics: []string{topic}}
	}
	first := &Conn{Opened: ms(10_000), Closed: ms(14_000), Goodbye: true, Hello: Hello{KeepAlive: time.Minute}, Events: []Event{
		{At: ms(10_100), Kind: KindSubscribe, Topics: []string{"door"}},
		{At: ms(10_110), Out: true, Kind: KindSuback, Size: 5},
		{At: ms(10_200), Kind: KindSubscribe, Topics: []string{"a"}},
		publish(10_500, 100, "a"), publish(11_000, 100, "b"), publish(11_500, 400, "a"), publish(13_500, 200, "door"),
	}}
	second := &Conn{Opened: ms(15_000), Closed: ms(18_000), Hello: Hello{KeepAlive: time.Minute}, Events: []Event{
		{At: ms(15_500), Kind: KindPing}, publish(16_500, 200, "a"),
		{At: ms(17_000), Out: true, Kind: KindPublish, Size: 300},
	}}
	v := newView(&Track{[]*Conn{first, second}}, ms(9_000), ms(20_000), map[string]bool{"door": true})
	v.usual = 0.5
	want := map[string]float64{
		"enter": 1, "leave": -2, "stay": 8, "first chunk": 0.5, "last chunk to end": 1.5, "chunks": 4, "packets at the door": 1,
		"bytes sent": 800, "size mean": 200, "size deviation": math.Sqrt(15000), "size median": 200, "size least": 100, "size most": 400,
		"sizes that differ": 3, "gap mean": 2, "gap deviation": math.Sqrt(4.5), "gap variation": math.Sqrt(4.5) / 2, "gap least": 0.5,
		"gap median": 0.5, "gap 90 %": 5, "gap most": 5, "bursts": 2, "burst length": 2, "burst deviation": 1,
		"chunks in 1st quarter": 3, "chunks in 2nd quarter": 0, "chunks in 3rd quarter": 0, "chunks in 4th quarter": 1,
		"most used topic": 0.75, "connect to subscribe": 0.1, "subscribe spacing": 0.2, "subscribe spacing least": 0.1,
		"subscriptions": 2, "pings": 1, "first ping": 5.5, "keep-alive": 60, "connections": 2, "goodbye": 1, "deliveries": 1, "bytes delivered": 300,
	}
	for _, f := range features {
		w, ok := want[f.name]
		if !ok {
			t.Errorf("%s is not in the table", f.name)
		}
		if got := f.value(v); math.Abs(got-w) > 1e-9 {
			t.Errorf("%s: %v, want %v", f.name, got, w)
		}
	}
}

// TestRhythm holds that chunks at a period are found at it, with their phase.
func TestRhythm(t *testing.T) {
	for _, c := range []struct {
		name         string
		at           []float64
		period       float64
		wantR, wantI float64
	}{
		{"in step", []float64{0, 5, 10, 15}, 5, 2, 0},
		{"a quarter later", []float64{1.25, 6.25, 11.25, 16.25}, 5, 0, 2},
		{"against each other", []float64{0, 2.5}, 5, 0, 0},
		{"nothing", nil, 5, 0, 0},
	} {
		re, im := (&view{at: c.at}).rhythm(c.period)
		if math.Hypot(re-c.wantR, im-c.wantI) > 1e-9 {
			t.Errorf("%s: %v, %v, want %v, %v", c.name, re, im, c.wantR, c.wantI)
		}
	}
}
