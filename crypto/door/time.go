// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"crypto/ed25519"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// TimeBurst is how many requests for the time an issuer answers at once, and
// TimeEvery how long it then takes until it answers one more: a neighbourhood of
// 32 that enters an epoch together is served, a flood is not.
const (
	TimeBurst = 64
	TimeEvery = time.Second
)

// timeRequest asks issuers for the time. It names nobody.
type timeRequest struct {
	_     struct{} `cbor:",toarray"`
	Kind  uint8
	Nonce [16]byte
}

func encodeTimeRequest(nonce [16]byte) []byte {
	return wire.MustMarshal(timeRequest{Kind: kindTime, Nonce: nonce})
}

// timeAnswer is an issuer's clock. Signature is over signedTime.
type timeAnswer struct {
	_         struct{} `cbor:",toarray"`
	Kind      uint8
	Index     uint8
	Nonce     [16]byte
	UnixMilli uint64
	Signature [ed25519.SignatureSize]byte
}

type signedTime struct {
	_         struct{} `cbor:",toarray"`
	Label     wire.Label
	Nbhd      [16]byte
	Nonce     [16]byte
	UnixMilli uint64
	Index     uint8
}

func (a *timeAnswer) signed(nbhd [16]byte) []byte {
	return wire.MustMarshal(signedTime{
		Label: wire.LabelTime, Nbhd: nbhd, Nonce: a.Nonce, UnixMilli: a.UnixMilli, Index: a.Index,
	})
}

// Timekeeper answers for an issuer's clock, as adjusted by the other issuers. The
// fields are set before use; the zero Timekeeper is not usable. It is safe for
// concurrent use where Time is.
type Timekeeper struct {
	Keys *issuer.Keys
	Nbhd [16]byte
	Time func() (time.Time, bool) // the neighbourhood's time, such as that of a [Clock]; false: not known

	mu    sync.Mutex
	spent time.Duration // of the burst
	last  time.Time     // when spent was reckoned, by the device's own clock
}

// Answer returns the answer to a request, and [ErrRequest] for what is none, for
// one too many, and while the issuer does not know the time. Now is the device's
// own clock.
func (t *Timekeeper) Answer(msg []byte, now time.Time) ([]byte, error) {
	var r timeRequest
	if err := decoder.Unmarshal(msg, &r); err != nil || r.Kind != kindTime {
		return nil, ErrRequest
	}
	at, ok := t.Time()
	if !ok || at.UnixMilli() < 0 || !t.allow(now) {
		return nil, ErrRequest
	}
	a := &timeAnswer{Kind: kindTime, Index: t.Keys.Share.Index, Nonce: r.Nonce, UnixMilli: uint64(at.UnixMilli())}
	a.Signature = [ed25519.SignatureSize]byte(ed25519.Sign(t.Keys.Ed25519, a.signed(t.Nbhd)))
	return wire.MustMarshal(a), nil
}

// allow spends one answer of the burst, which time refills.
func (t *Timekeeper) allow(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if since := now.Sub(t.last); !t.last.IsZero() && since > 0 {
		t.spent = max(0, t.spent-since)
	}
	t.last = now
	if t.spent+TimeEvery > TimeBurst*TimeEvery {
		return false
	}
	t.spent += TimeEvery
	return true
}
