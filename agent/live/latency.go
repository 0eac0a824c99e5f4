// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import (
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the histogram's buckets; one more takes what is
// above them.
var bounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, time.Second,
}

// histogram counts durations. It takes no lock.
type histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	most   atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	for most := h.most.Load(); int64(d) > most && !h.most.CompareAndSwap(most, int64(d)); {
		most = h.most.Load()
	}
}

// Latency is how long scores took from the arrival of the sample to their
// hand-over to MQTT. The quantiles are the upper bounds of the buckets that hold
// them, and not above the longest time.
type Latency struct {
	Count   uint64   `json:"count"`
	P50     float64  `json:"p50_ms"`
	P99     float64  `json:"p99_ms"`
	Max     float64  `json:"max_ms"`
	Buckets []Bucket `json:"buckets"` // those that are not empty
}

// Bucket counts the scores that took no longer than a bound, and longer than the
// one before.
type Bucket struct {
	Bound *float64 `json:"le_ms"` // nil: no bound
	Count uint64   `json:"count"`
}

func (h *histogram) read() Latency {
	l := Latency{Max: millis(time.Duration(h.most.Load())), Buckets: []Bucket{}}
	var counts [len(bounds) + 1]uint64
	for i := range counts {
		counts[i] = h.counts[i].Load()
		l.Count += counts[i]
		if counts[i] == 0 {
			continue
		}
		b := Bucket{Count: counts[i]}
		if i < len(bounds) {
			bound := millis(bounds[i])
			b.Bound = &bound
		}
		l.Buckets = append(l.Buckets, b)
	}
	l.P50, l.P99 = l.quantile(0.50), l.quantile(0.99)
	return l
}

func (l *Latency) quantile(share float64) float64 {
	var sum uint64
	for _, b := range l.Buckets {
		sum += b.Count
		if float64(sum) >= share*float64(l.Count) && b.Bound != nil {
			return min(*b.Bound, l.Max)
		}
	}
	return l.Max
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
