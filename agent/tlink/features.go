// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package tlink

import (
	"math"
	"slices"
	"time"
)

// group is what a feature looks at.
type group string

// The groups by which attacker (b) looks.
const (
	sizes       group = "sizes"
	counts      group = "counts"
	gapTimes    group = "times between chunks"
	edgeTimes   group = "enter and leave"
	manners     group = "manners of MQTT"
	commonBytes group = "bytes in common"
)

// feature is a number that an observer takes from one track.
type feature struct {
	name  string
	group group
	value func(*view) float64
}

// view is a track as the features look at it. Times are in seconds.
type view struct {
	enter, leave float64   // since the median of the epoch
	stay         float64   // from the first connection to the end of the last
	sent         []float64 // times of what was published, since the track began
	at           []float64 // the same since the recorder began
	gaps         []float64 // between them
	sizes        []float64 // of the packets, bytes
	perTopic     []float64 // published on each, most first
	other        float64   // published at the door
	asks         []float64 // times of SUBSCRIBE, since the track began
	answers      []float64 // from a SUBSCRIBE to the next packet of the client
	pings        []float64
	order        []string // filters
	delivered    []float64
	bytesIn      float64
	keepAlive    float64
	conns        float64
	goodbye      float64
	usual        float64 // median gap of the whole epoch
}

// features are what the attackers look at. Each is compared within its epoch.
var features = []feature{
	{"enter", edgeTimes, func(v *view) float64 { return v.enter }},
	{"leave", edgeTimes, func(v *view) float64 { return v.leave }},
	{"stay", edgeTimes, func(v *view) float64 { return v.stay }},
	{"first chunk", edgeTimes, func(v *view) float64 { return first(v.sent) }},
	{"last chunk to end", edgeTimes, func(v *view) float64 { return v.stay - last(v.sent) }},
	{"chunks", counts, func(v *view) float64 { return float64(len(v.sent)) }},
	{"packets at the door", manners, func(v *view) float64 { return v.other }},
	{"bytes sent", sizes, func(v *view) float64 { return sum(v.sizes) }},
	{"size mean", sizes, func(v *view) float64 { m, _ := moments(v.sizes); return m }},
	{"size deviation", sizes, func(v *view) float64 { _, d := moments(v.sizes); return d }},
	{"size median", sizes, func(v *view) float64 { return quantile(v.sizes, 0.5) }},
	{"size least", sizes, func(v *view) float64 { return quantile(v.sizes, 0) }},
	{"size most", sizes, func(v *view) float64 { return quantile(v.sizes, 1) }},
	{"sizes that differ", sizes, func(v *view) float64 { return distinct(v.sizes) }},
	{"gap mean", gapTimes, func(v *view) float64 { m, _ := moments(v.gaps); return m }},
	{"gap deviation", gapTimes, func(v *view) float64 { _, d := moments(v.gaps); return d }},
	{"gap variation", gapTimes, func(v *view) float64 { m, d := moments(v.gaps); return d / max(m, 1e-9) }},
	{"gap least", gapTimes, func(v *view) float64 { return quantile(v.gaps, 0) }},
	{"gap median", gapTimes, func(v *view) float64 { return quantile(v.gaps, 0.5) }},
	{"gap 90 %", gapTimes, func(v *view) float64 { return quantile(v.gaps, 0.9) }},
	{"gap most", gapTimes, func(v *view) float64 { return quantile(v.gaps, 1) }},
	{"bursts", gapTimes, func(v *view) float64 { n, _ := v.bursts(); return n }},
	{"burst length", gapTimes, func(v *view) float64 { n, _ := v.bursts(); return float64(len(v.sent)) / max(n, 1) }},
	{"burst deviation", gapTimes, func(v *view) float64 { _, d := v.bursts(); return d }},
	{"chunks in 1st quarter", counts, func(v *view) float64 { return within(v.sent, 0, v.stay/4) }},
	{"chunks in 2nd quarter", counts, func(v *view) float64 { return within(v.sent, v.stay/4, v.stay/2) }},
	{"chunks in 3rd quarter", counts, func(v *view) float64 { return within(v.sent, v.stay/2, 3*v.stay/4) }},
	{"chunks in 4th quarter", counts, func(v *view) float64 { return within(v.sent, 3*v.stay/4, v.stay) }},
	{"most used topic", manners, func(v *view) float64 { return first(v.perTopic) / max(1, float64(len(v.sent))) }},
	{"connect to subscribe", manners, func(v *view) float64 { return first(v.asks) }},
	{"subscribe spacing", manners, func(v *view) float64 { m, _ := moments(v.answers); return m }},
	{"subscribe spacing least", manners, func(v *view) float64 { return quantile(v.answers, 0) }},
	{"subscriptions", manners, func(v *view) float64 { return float64(len(v.order)) }},
	{"pings", manners, func(v *view) float64 { return float64(len(v.pings)) }},
	{"first ping", manners, func(v *view) float64 { return first(v.pings) }},
	{"keep-alive", manners, func(v *view) float64 { return v.keepAlive }},
	{"connections", manners, func(v *view) float64 { return v.conns }},
	{"goodbye", manners, func(v *view) float64 { return v.goodbye }},
	{"deliveries", counts, func(v *view) float64 { return float64(len(v.delivered)) }},
	{"bytes delivered", counts, func(v *view) float64 { return v.bytesIn }},
}

// newView reads a track of an epoch that is usually entered and left at the given
// times.
func newView(t *Track, enter, leave time.Duration, door map[string]bool) *view {
	begin := t.opened()
	v := &view{
		enter: (begin - enter).Seconds(), leave: (t.closed() - leave).Seconds(), stay: (t.closed() - begin).Seconds(),
		keepAlive: t.Conns[0].Hello.KeepAlive.Seconds(), conns: float64(len(t.Conns)),
	}
	topics := map[string]int{}
	for _, c := range t.Conns {
		if c.Goodbye {
			v.goodbye++
		}
		asked := time.Duration(0)
		for _, e := range c.Events {
			if !e.Out && asked > 0 {
				v.answers = append(v.answers, (e.At - asked).Seconds())
				asked = 0
			}
			if !e.Out && e.Kind == KindSubscribe {
				asked = e.At
			}
			v.read(&e, begin, door, topics)
		}
	}
	for i := 1; i < len(v.sent); i++ {
		v.gaps = append(v.gaps, v.sent[i]-v.sent[i-1])
	}
	for _, n := range topics {
		v.perTopic = append(v.perTopic, float64(n))
	}
	slices.Sort(v.perTopic)
	slices.Reverse(v.perTopic)
	return v
}

func (v *view) read(e *Event, begin time.Duration, door map[string]bool, topics map[string]int) {
	at := (e.At - begin).Seconds()
	switch {
	case e.Out && e.Kind == KindPublish:
		v.delivered = append(v.delivered, at)
		v.bytesIn += float64(e.Size)
	case e.Out:
	case e.Kind == KindSubscribe:
		v.asks = append(v.asks, at)
		v.order = append(v.order, e.Topics...)
	case e.Kind == KindPing:
		v.pings = append(v.pings, at)
	case e.Kind == KindPublish && door[e.Topics[0]]:
		v.other++
	case e.Kind == KindPublish:
		v.sent, v.at = append(v.sent, at), append(v.at, e.At.Seconds())
		v.sizes = append(v.sizes, float64(e.Size))
		topics[e.Topics[0]]++
	}
}

// bursts counts runs of chunks without a gap of twice the usual, and the
// deviation of their lengths.
func (v *view) bursts() (n, deviation float64) {
	var lengths []float64
	length := 0.0
	for i := range v.sent {
		if i > 0 && v.gaps[i-1] > 2*v.usual {
			lengths = append(lengths, length)
			length = 0
		}
		length++
	}
	if length > 0 {
		lengths = append(lengths, length)
	}
	_, deviation = moments(lengths)
	return float64(len(lengths)), deviation
}

// rhythm returns the Fourier coefficient of the chunks' times at a period, so
// that rounds which go on across an edge show by their phase.
func (v *view) rhythm(period float64) (re, im float64) {
	for _, t := range v.at {
		s, c := math.Sincos(2 * math.Pi * t / period)
		re, im = re+c, im+s
	}
	n := math.Sqrt(max(1, float64(len(v.at))))
	return re / n, im / n
}

func first(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return v[0]
}

func last(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return v[len(v)-1]
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

func distinct(v []float64) float64 {
	return float64(len(slices.Compact(slices.Sorted(slices.Values(v)))))
}

// within counts times from begin to before end.
func within(v []float64, begin, end float64) (n float64) {
	for _, t := range v {
		if begin <= t && t < end {
			n++
		}
	}
	return n
}
