// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package bus

import (
	"slices"
	"sync"
)

// queue holds messages that wait, bounded in number and bytes. Where it is full
// the oldest message of QoS 0 makes room.
type queue struct {
	ready   chan struct{} // has a value when the queue may not be empty
	dropped func(Message) // is called under mu; nil: nobody cares

	mu       sync.Mutex
	messages []Message
	bytes    int
	max      int
	maxBytes int
}

func newQueue(max, maxBytes int) *queue {
	return &queue{ready: make(chan struct{}, 1), max: max, maxBytes: maxBytes}
}

// cost is what a message counts for: its bytes, and something for the place.
func cost(m Message) int { return len(m.Topic) + len(m.Payload) + 64 }

// push puts m at the end. It returns how many messages were dropped for that, and
// whether m is in; if it is not, nothing was dropped for it.
func (q *queue) push(m Message) (dropped int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	dropped, ok = q.makeRoom(cost(m))
	if !ok {
		return 0, false
	}
	q.messages = append(q.messages, m)
	q.bytes += cost(m)
	q.signal()
	return dropped, true
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// makeRoom drops messages of QoS 0, oldest first, until one more of n bytes
// fits. Where that is not possible it drops none.
func (q *queue) makeRoom(n int) (dropped int, ok bool) {
	count, bytes := len(q.messages)+1, q.bytes+n
	if count <= q.max && bytes <= q.maxBytes {
		return 0, true
	}
	for _, m := range q.messages {
		if m.QoS != 0 {
			continue
		}
		count, bytes, dropped = count-1, bytes-cost(m), dropped+1
		if count <= q.max && bytes <= q.maxBytes {
			q.dropOldest(dropped)
			return dropped, true
		}
	}
	return 0, false
}

// dropOldest removes the first n messages of QoS 0.
func (q *queue) dropOldest(n int) {
	q.messages = slices.DeleteFunc(q.messages, func(m Message) bool {
		if n == 0 || m.QoS != 0 {
			return false
		}
		n--
		q.bytes -= cost(m)
		if q.dropped != nil {
			q.dropped(m)
		}
		return true
	})
}

// pop takes the oldest message, or the oldest of QoS 0 where only those may go.
func (q *queue) pop(onlyQoS0 bool) (Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := 0
	if onlyQoS0 {
		i = slices.IndexFunc(q.messages, func(m Message) bool { return m.QoS == 0 })
	}
	if i < 0 || i >= len(q.messages) {
		return Message{}, false
	}
	m := q.messages[i]
	q.messages = slices.Delete(q.messages, i, i+1)
	q.bytes -= cost(m)
	return m, true
}

// dropQoS0 removes all messages of QoS 0 and returns their number.
func (q *queue) dropQoS0() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := len(q.messages)
	q.dropOldest(before)
	return before - len(q.messages)
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages)
}
