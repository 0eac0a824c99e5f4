// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vecino-edge/vecino/agent/bus"
)

// books is a ledger with three connections, two of them on a topic.
type books struct {
	*ledger
	a, b, c *track
}

func newBooks() *books {
	l := newLedger()
	s := &books{ledger: l, a: l.follow(&bus.Options{}), b: l.follow(&bus.Options{}), c: l.follow(&bus.Options{})}
	s.a.subscribed("t")
	s.b.subscribed("t")
	s.c.subscribed("elsewhere")
	return s
}

// chunkNo is a chunk with a nonce of its own.
func chunkNo(n byte) []byte { return append(make([]byte, 23), n, 1, 2, 3) }

// deliver has chunks sent and received by all.
func (s *books) deliver(numbers ...byte) {
	for _, n := range numbers {
		s.a.sent("t", chunkNo(n))
		s.a.got(chunkNo(n))
		s.b.got(chunkNo(n))
	}
}

// TestLedger has copies go missing in each way that there is, and accounts for
// every one of them.
func TestLedger(t *testing.T) {
	type lost = map[string]int64
	drop := func(tr *track, n byte, received bool) { tr.dropped(bus.Message{Payload: chunkNo(n)}, received) }
	for name, tt := range map[string]struct {
		play   func(*books)
		broker int64 // dropped, as it says
		want   account
	}{
		"all come":           {func(s *books) { s.deliver(1, 2, 3) }, 0, account{6, 6, lost{}, 0}},
		"twice":              {func(s *books) { s.deliver(1); s.b.got(chunkNo(1)) }, 0, account{2, 2, lost{}, 0}},
		"of a stranger":      {func(s *books) { s.b.got(chunkNo(9)) }, 0, account{0, 0, lost{}, 0}},
		"too short":          {func(s *books) { s.a.sent("t", nil); s.b.got(nil); drop(s.b, 1, true) }, 0, account{0, 0, lost{}, 0}},
		"nobody listens":     {func(s *books) { s.a.sent("nowhere", chunkNo(1)) }, 0, account{0, 0, lost{}, 0}},
		"subscribed later":   {func(s *books) { s.a.sent("t", chunkNo(1)); s.c.subscribed("t"); s.c.got(chunkNo(1)) }, 0, account{2, 0, lost{}, 2}},
		"nobody knows":       {func(s *books) { s.deliver(1); s.c.sent("t", chunkNo(2)); s.b.got(chunkNo(2)) }, 0, account{4, 3, lost{}, 1}},
		"the broker knows":   {func(s *books) { s.c.sent("t", chunkNo(2)) }, 2, account{2, 0, lost{"broker": 2}, 0}},
		"it knows of one":    {func(s *books) { s.c.sent("t", chunkNo(2)) }, 1, account{2, 0, lost{"broker": 1}, 1}},
		"it knows of more":   {func(s *books) { s.c.sent("t", chunkNo(2)); s.a.got(chunkNo(2)) }, 5, account{2, 1, lost{"broker": 1}, 0}},
		"the sender's queue": {func(s *books) { s.a.sent("t", chunkNo(1)); drop(s.a, 1, false) }, 0, account{2, 0, lost{"send-queue": 2}, 0}},
		"it takes no more":   {func(s *books) { s.a.sent("t", chunkNo(1)); s.a.refused(chunkNo(1)) }, 0, account{2, 0, lost{"send-queue": 2}, 0}},
		"a receiver's queue": {func(s *books) { s.a.sent("t", chunkNo(1)); drop(s.b, 1, true); s.a.got(chunkNo(1)) }, 0, account{2, 1, lost{"receive-queue": 1}, 0}},
		"a receiver breaks":  {func(s *books) { s.c.sent("t", chunkNo(1)); s.a.got(chunkNo(1)); s.b.state(bus.Waiting) }, 0, account{2, 1, lost{"connection": 1}, 0}},
		"not due while broken": {func(s *books) {
			s.b.state(bus.Waiting)
			s.a.sent("t", chunkNo(1))
			s.a.got(chunkNo(1))
			s.b.state(bus.Connected)
			s.deliver(2)
		}, 0, account{3, 3, lost{}, 0}},
		"the sender breaks": {func(s *books) { s.c.sent("t", chunkNo(1)); s.a.got(chunkNo(1)); s.c.state(bus.Waiting) }, 0, account{2, 1, lost{"connection": 1}, 0}},
		"a receiver leaves": {func(s *books) {
			s.c.sent("t", chunkNo(1))
			s.b.closing()
			s.c.sent("t", chunkNo(2)) // not due to it
			s.b.hungUp(true)
			s.a.got(chunkNo(1))
			s.a.got(chunkNo(2))
		}, 0, account{3, 2, lost{"left": 1}, 0}},
		"the sender leaves in a hurry": {func(s *books) { s.c.sent("t", chunkNo(1)); s.c.closing(); s.c.hungUp(false) }, 0, account{2, 0, lost{"connection": 2}, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newBooks()
				tt.play(s)
				got, err := s.settle(t.Context(), func(context.Context, int64) int64 { return tt.broker })
				if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(account{})); err != nil || d != "" {
					t.Errorf("%v (-want +got):\n%s", err, d)
				}
				sum := got.received + got.unexplained
				for _, n := range got.lost {
					sum += n
				}
				if sum != got.copies || len(s.passages) != 0 {
					t.Errorf("%d copies are accounted for, of %d; %d passages are left", sum, got.copies, len(s.passages))
				}
			})
		})
	}
}

// TestLedgerSettles holds that the ledger waits for the last copies, enters none
// more meanwhile, and ends with its context.
func TestLedgerSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBooks()
		s.a.sent("t", chunkNo(1))
		go func() {
			time.Sleep(ledgerQuiet / 2)
			s.a.got(chunkNo(1))
			s.a.sent("t", chunkNo(2))
			time.Sleep(ledgerQuiet * 3 / 4)
			s.b.got(chunkNo(1))
		}()
		begin := time.Now()
		got, err := s.settle(t.Context(), nil)
		if d := cmp.Diff(account{2, 2, map[string]int64{}, 0}, got, cmp.AllowUnexported(account{})); err != nil || d != "" {
			t.Errorf("%v (-want +got):\n%s", err, d)
		}
		if took := time.Since(begin); took > 2*ledgerQuiet {
			t.Errorf("it took %v", took)
		}
		s = newBooks()
		s.a.sent("t", chunkNo(1))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.settle(ctx, nil); err == nil {
			t.Error("no error where the context has ended")
		}
	})
}
