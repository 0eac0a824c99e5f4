// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package live

import "sync"

// MaxQueue is how many samples wait for the scorer.
const MaxQueue = 256

// queue holds the latest samples, of which the oldest makes room for a new one.
type queue struct {
	ready chan struct{} // has a value when the queue may not be empty

	mu      sync.Mutex
	samples [MaxQueue]Sample
	next    int // where the next sample goes
	held    int
	dropped uint64
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// push puts a sample at the end. It never waits for the scorer.
func (q *queue) push(s Sample) {
	q.mu.Lock()
	q.samples[q.next] = s
	q.next = (q.next + 1) % MaxQueue
	if q.held == MaxQueue {
		q.dropped++
	} else {
		q.held++
	}
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// pop takes the oldest sample.
func (q *queue) pop() (s Sample, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held == 0 {
		return s, false
	}
	at := (q.next - q.held + MaxQueue) % MaxQueue
	s, q.samples[at] = q.samples[at], Sample{}
	q.held--
	return s, true
}

// drops returns how many samples made room for others.
func (q *queue) drops() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
