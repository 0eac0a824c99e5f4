// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
)

// Bounds of the neighbourhood's time.
const (
	MaxRoundTrip = 5 * time.Second            // answers that took longer say too little
	TimeGather   = 3 * time.Second            // from the first answer to the decision
	MaxOffset    = 100 * 365 * 24 * time.Hour // between a device's clock and the issuers'
)

// ErrNoClock says that this device does not know what time it is: it has no
// clock that can be trusted, and too few issuers have answered. It must wait.
var ErrNoClock = errors.New("door: this device does not know the time, and too few issuers have answered; it asks again")

// Clock is the neighbourhood's time at a device: the offset of the issuers' clocks
// from its own, which it never tells anybody. It changes only by the answers of
// as many issuers as sign a key, so that one of them alone, with the broker's
// help, moves nobody; with fewer the last offset stays, and there are no keys to
// be had either.
//
// Times that are handed in are the device's own clock with Go's monotonic
// reading. The zero Clock knows no time. It is not safe for concurrent use.
type Clock struct {
	Self uint8 // index of the issuer that this device is; 0: it is none

	offset   time.Duration
	known    bool
	settled  bool // by issuers' answers
	nonce    [16]byte
	asked    time.Time // zero: nothing was asked
	first    time.Time // arrival of the first answer
	readings []reading
}

// reading is one issuer's answer.
type reading struct {
	index  uint8
	offset time.Duration
}

// Trust sets the last offset, such as 0 where the device's own clock is valid.
func (c *Clock) Trust(offset time.Duration) {
	c.offset, c.known = clampOffset(offset), true
}

// Offset returns the last offset, and false where there is none.
func (c *Clock) Offset() (time.Duration, bool) { return c.offset, c.known }

// Settled reports whether the offset is the issuers' word, and not only the
// device's own clock, which has been trusted so far.
func (c *Clock) Settled() bool { return c.settled }

// Time returns the neighbourhood's time when the device's own clock says now, and
// false where it is not known.
func (c *Clock) Time(now time.Time) (time.Time, bool) { return now.Add(c.offset), c.known }

// Ask returns a new request of type [TypeRequest]. What was asked before is void.
func (c *Clock) Ask(rand io.Reader, now time.Time) ([]byte, error) {
	var nonce [16]byte
	if _, err := io.ReadFull(rand, nonce[:]); err != nil {
		return nil, fmt.Errorf("door: read randomness: %w", err)
	}
	c.nonce, c.asked, c.first, c.readings = nonce, now, time.Time{}, nil
	return encodeTimeRequest(nonce), nil
}

// Handle takes an answer. It returns [ErrAnswer] for one that is not to the last
// request, too late, a second one of its issuer, or not signed by it.
func (c *Clock) Handle(ch *issuer.Charter, now time.Time, msg []byte) error {
	var a timeAnswer
	if err := decoder.Unmarshal(msg, &a); err != nil || a.Kind != kindTime || a.Nonce != c.nonce || c.asked.IsZero() {
		return ErrAnswer
	}
	trip := now.Sub(c.asked)
	if trip < 0 || trip > MaxRoundTrip || !c.first.IsZero() && now.Sub(c.first) > TimeGather {
		return ErrAnswer
	}
	known := slices.ContainsFunc(c.readings, func(s reading) bool { return s.index == a.Index })
	by := ch.Issuer(a.Index)
	if by == nil || known || a.Index == c.Self || a.UnixMilli > maxUnix*1000 {
		return ErrAnswer
	}
	if !ed25519.Verify(by.Ed25519[:], a.signed(ch.Nbhd), a.Signature[:]) {
		return ErrAnswer
	}
	middle := c.asked.Add(trip / 2)
	offset, ok := offsetOf(int64(a.UnixMilli), middle)
	if !ok {
		return ErrAnswer
	}
	if c.first.IsZero() {
		c.first = now
	}
	c.readings = append(c.readings, reading{a.Index, offset})
	return nil
}

// offsetOf returns how far a time is ahead of the device's own, and false beyond
// [MaxOffset].
func offsetOf(unixMilli int64, own time.Time) (time.Duration, bool) {
	ms := unixMilli - own.UnixMilli()
	if limit := MaxOffset.Milliseconds(); ms > limit || ms < -limit {
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}

func clampOffset(d time.Duration) time.Duration { return min(max(d, -MaxOffset), MaxOffset) }

// Gathered reports whether nothing more is to be waited for: all issuers have
// answered, or enough time has passed.
func (c *Clock) Gathered(ch *issuer.Charter, now time.Time) bool {
	others := len(ch.Issuers)
	if ch.Issuer(c.Self) != nil {
		others--
	}
	switch {
	case c.asked.IsZero() || len(c.readings) >= others:
		return true
	case !c.first.IsZero() && now.Sub(c.first) >= TimeGather:
		return true
	}
	return now.Sub(c.asked) >= MaxRoundTrip
}

// Silent returns the issuers, other than this device, that have not answered the
// last request.
func (c *Clock) Silent(ch *issuer.Charter) (out []uint8) {
	for i := range ch.Issuers {
		index := ch.Issuers[i].Index
		heard := slices.ContainsFunc(c.readings, func(r reading) bool { return r.index == index })
		if index != c.Self && !heard {
			out = append(out, index)
		}
	}
	return out
}

// Settle ends a request. Where at least t issuers answered, an issuer's own clock
// counted as one, the offset becomes their median, the lower one of two, so that
// issuers who ask each other agree. Otherwise the last offset stays; where there
// is none, Settle fails with [ErrNoClock].
func (c *Clock) Settle(ch *issuer.Charter) error {
	readings := c.readings
	if ch.Issuer(c.Self) != nil && c.known {
		readings = append(readings, reading{c.Self, c.offset})
	}
	c.asked, c.readings = time.Time{}, nil
	if len(readings) > 0 && len(readings) >= int(ch.T) {
		slices.SortFunc(readings, func(a, b reading) int { return cmp.Compare(a.offset, b.offset) })
		c.offset, c.known, c.settled = readings[(len(readings)-1)/2].offset, true, true
	}
	if !c.known {
		return ErrNoClock
	}
	return nil
}
