// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/sha512"
	"crypto/subtle"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/frost"
)

// Limits of a signer's memory.
const (
	MaxSessions      = MaxMembers * epochsServed * SessionsPerToken // key requests under way
	SessionsPerToken = 2                                            // the oldest makes room for a third
	SessionLifetime  = 60 * time.Second                             // from the first round
	epochsServed     = 3                                            // of each, a member has one token
)

// session is a request under way. Its nonces are dropped before its parts are
// sent; a request that comes again gets the same answer.
type session struct {
	rid      [16]byte
	ask      ask
	y        output
	v        uint32 // evictions when it was redeemed
	since    time.Time
	sig, kem *frost.Nonces
	first    commitments
	asked    [sha512.Size]byte // digest of the second round that was answered
	parts    *parts
}

// made reports whether the MAC of the fields is that of who holds the token.
func (s *session) made(got [sha512.Size]byte, fields any) bool {
	want := mac(s.y, fields)
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// sessions are the requests under way, oldest first. A request's number is
// seen by all members, and each may use it: what tells sessions apart is the
// number together with the token, so that nobody takes another's place.
type sessions []*session

func (all *sessions) expire(now time.Time) {
	*all = slices.DeleteFunc(*all, func(s *session) bool { return now.Sub(s.since) > SessionLifetime })
}

// find returns the session of a request by a token's serial, nil where there is
// none.
func (all sessions) find(rid [16]byte, serial [32]byte) *session {
	for _, s := range all {
		if s.rid == rid && s.ask.S == serial {
			return s
		}
	}
	return nil
}

// madeBy returns the session with that number whose token made the MAC of the
// fields, nil where there is none.
func (all sessions) madeBy(rid [16]byte, got [sha512.Size]byte, fields any) *session {
	for _, s := range all {
		if s.rid == rid && s.made(got, fields) {
			return s
		}
	}
	return nil
}

// add keeps a new session, in the place of the token's oldest where it has
// [SessionsPerToken] of them, and reports whether there was room. One token
// cannot take the room of another.
func (all *sessions) add(s *session) bool {
	own, oldest := 0, -1
	for i, other := range *all {
		if other.ask.S != s.ask.S {
			continue
		}
		if own++; oldest < 0 {
			oldest = i
		}
	}
	switch {
	case own >= SessionsPerToken:
		*all = slices.Delete(*all, oldest, oldest+1)
	case len(*all) >= MaxSessions:
		return false
	}
	*all = append(*all, s)
	return true
}
