// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/agent/bus"
)

// ledger follows every chunk of a demo to every connection that is to have it: to
// those that are subscribed to its topic when it is sent, the sender's own among
// them, since brokers return what one publishes. Each of these copies is received,
// or lost for a reason, or in the end unexplained. The zero ledger is not usable;
// nil follows nothing.
type ledger struct {
	mu       sync.Mutex
	topics   map[string][]*track
	passages map[passageID]*passage
	closed   bool // no more chunks are entered
	copies   int64
	received int64
	lost     map[lossReason]int64
}

// passageID is the nonce at the beginning of a chunk, which no two have in common.
type passageID [24]byte

// lossReason says where a copy was lost.
type lossReason string

// The reasons for which copies are lost.
const (
	lostUnsent     lossReason = "send-queue"    // the sender was not connected, or its queue was full
	lostInbox      lossReason = "receive-queue" // the receiver's was full
	lostConnection lossReason = "connection"    // was on the way over a connection that broke
	lostLeft       lossReason = "left"          // the receiver hung up before it came
	lostBroker     lossReason = "broker"        // the broker says that it dropped as many
)

// track is a connection as the ledger sees it.
type track struct {
	*ledger
	topics []string
	off    bool // it is broken, and no copies are due to it
	gone   bool // likewise, for good
}

// passage is a chunk on its way.
type passage struct {
	from *track
	to   []*track // have not got it yet
	cut  bool     // the sender's connection broke: the broker may not have it
}

func newLedger() *ledger {
	return &ledger{topics: map[string][]*track{}, passages: map[passageID]*passage{}, lost: map[lossReason]int64{}}
}

// follow returns the track of a connection that is about to be opened.
func (l *ledger) follow(o *bus.Options) *track {
	if l == nil {
		return nil
	}
	t := &track{ledger: l}
	o.OnDrop = t.dropped
	return t
}

// subscribed notes that the broker has confirmed a subscription.
func (t *track) subscribed(topic string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.topics, topic) {
		t.topics = append(t.topics, topic)
		t.ledger.topics[topic] = append(t.ledger.topics[topic], t)
	}
}

// sent enters a chunk that is about to be published.
func (t *track) sent(topic string, chunk []byte) {
	if t == nil || len(chunk) < len(passageID{}) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	p := &passage{from: t}
	for _, to := range t.ledger.topics[topic] {
		if !to.off && !to.gone {
			p.to = append(p.to, to)
		}
	}
	if len(p.to) == 0 {
		return
	}
	t.copies += int64(len(p.to))
	t.passages[passageID(chunk)] = p
}

// got notes that a chunk has come.
func (t *track) got(chunk []byte) {
	if t == nil || len(chunk) < len(passageID{}) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := passageID(chunk)
	if p := t.passages[id]; p != nil && t.strike(id, p, t) {
		t.received++
	}
}

// strike takes one of those off a passage to whom it is due. It returns false
// where it is not, or no longer.
func (l *ledger) strike(id passageID, p *passage, to *track) bool {
	i := slices.Index(p.to, to)
	if i < 0 {
		return false
	}
	p.to = slices.Delete(p.to, i, i+1)
	if len(p.to) == 0 {
		delete(l.passages, id)
	}
	return true
}

// dropped notes a chunk for which a session had no place.
func (t *track) dropped(m bus.Message, received bool) {
	if len(m.Payload) < len(passageID{}) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	id := passageID(m.Payload)
	p := t.passages[id]
	switch {
	case p == nil:
	case !received:
		t.lost[lostUnsent] += int64(len(p.to))
		delete(t.passages, id)
	case t.strike(id, p, t):
		t.lost[lostInbox]++
	}
}

// refused notes a chunk that the session did not take.
func (t *track) refused(chunk []byte) {
	if t != nil {
		t.dropped(bus.Message{Payload: chunk}, false)
	}
}

// state follows a connection that breaks and comes back.
func (t *track) state(s bus.State) {
	if t == nil || s != bus.Waiting && s != bus.Connected {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.off = s == bus.Waiting
	if t.off {
		t.writeOff(lostConnection)
		t.cut()
	}
}

// writeOff gives up what is on its way to a connection, under mu.
func (t *track) writeOff(why lossReason) {
	for id, p := range t.passages {
		if t.strike(id, p, t) {
			t.lost[why]++
		}
	}
}

// cut marks what a connection has sent that is on its way, under mu.
func (t *track) cut() {
	for _, p := range t.passages {
		p.cut = p.cut || p.from == t
	}
}

// closing notes that nothing is due any more to a connection that hangs up.
func (t *track) closing() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gone = true
}

// hungUp notes that nothing comes any more. Whole says that all was sent.
func (t *track) hungUp(whole bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writeOff(lostLeft)
	if !whole {
		t.cut()
	}
	for _, topic := range t.topics {
		l := t.ledger.topics
		if l[topic] = slices.DeleteFunc(l[topic], func(x *track) bool { return x == t }); len(l[topic]) == 0 {
			delete(l, topic)
		}
	}
	t.topics = nil
}

// account is what became of all copies.
type account struct {
	copies, received int64
	lost             map[string]int64 // reason to count
	unexplained      int64
}

// How long the last copies may take: until none has come for a while.
const (
	ledgerQuiet = 2 * time.Second
	ledgerMost  = 20 * time.Second
	ledgerLook  = 50 * time.Millisecond
)

// settle closes the ledger and returns the account, once the last copies have
// come. What is missing then is explained by the broker where it counts as many
// that it dropped.
func (l *ledger) settle(ctx context.Context, droppedByBroker func(context.Context, int64) int64) (account, error) {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	begin := time.Now()
	last, at := l.outstanding(), begin
	for last > 0 && time.Since(at) < ledgerQuiet && time.Since(begin) < ledgerMost {
		select {
		case <-ctx.Done():
			return account{}, ctx.Err()
		case <-time.After(ledgerLook):
		}
		if n := l.outstanding(); n != last {
			last, at = n, time.Now()
		}
	}
	return l.close(ctx, droppedByBroker), nil
}

func (l *ledger) outstanding() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.passages {
		n += int64(len(p.to))
	}
	return n
}

func (l *ledger) close(ctx context.Context, droppedByBroker func(context.Context, int64) int64) account {
	l.mu.Lock()
	missing := int64(0)
	for _, p := range l.passages {
		if p.cut {
			l.lost[lostConnection] += int64(len(p.to))
		} else {
			missing += int64(len(p.to))
		}
	}
	clear(l.passages)
	a := account{copies: l.copies, received: l.received, lost: map[string]int64{}}
	lost := maps.Clone(l.lost)
	l.mu.Unlock()
	for why, n := range lost {
		a.lost[string(why)] = n
	}
	if missing > 0 {
		explained := min(missing, max(0, droppedByBroker(ctx, missing)))
		if explained > 0 {
			a.lost[string(lostBroker)] = explained
		}
		a.unexplained = missing - explained
	}
	return a
}
