// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"crypto/subtle"
	"sync/atomic"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Opener opens envelopes that are meant for one decapsulation key. Its fields
// are set before use and then left alone.
type Opener struct {
	Scope *Scope
	Key   *PrivateKey // of usage Kem

	// Peer returns the peer of a pseudonym, nil where it is unknown or denied.
	Peer func(PID) *Peer
	// Fresh reports whether a message of this type and round may still come.
	Fresh func(typ uint8, round uint32) bool
	// Guard remembers what was opened. It must not be shared between scopes.
	Guard *Guard

	foreign atomic.Uint64
}

// Foreign returns how many of the envelopes that could not be opened had no
// slot for our key: in a neighbourhood most mail is for others.
func (o *Opener) Foreign() uint64 { return o.foreign.Load() }

// Opened is a message whose sender is known.
type Opened struct {
	From  *Peer
	Round uint32
	Type  uint8
	Msg   []byte
}

// Open returns what an envelope holds, or [ErrOpen].
func (o *Opener) Open(env []byte) (*Opened, error) {
	e, ok := Peek(env)
	if !ok || e.env.Epoch != o.Scope.Epoch || !o.Guard.unseen(e.env.E) {
		return nil, ErrOpen
	}
	h := e.env.header()
	ctx := o.Scope.context(h.Com)
	cek, ok := o.contentKey(h, ctx)
	if !ok {
		return nil, ErrOpen
	}
	in, ok := openBody(cek, h, e.env.Body)
	if !ok {
		return nil, ErrOpen
	}
	from := o.Peer(PseudonymID(in.U))
	if from == nil || !o.Fresh(in.Type, in.Round) {
		return nil, ErrOpen
	}
	if !o.Scope.verifyAs(from, in.R, transcript(ctx, h, in), in.Sig) {
		return nil, ErrOpen
	}
	if !o.Guard.accept(h.E) {
		return nil, ErrOpen
	}
	return &Opened{From: from, Round: in.Round, Type: in.Type, Msg: in.Msg}, nil
}

// Peeked is an envelope whose form is right and whose contents are unknown.
type Peeked struct {
	env envelope
}

// Peek decodes an envelope's form: version, suite, canonical encoding, a number
// of slots that is a bucket, sorted tags. It costs no group operation.
func Peek(b []byte) (*Peeked, bool) {
	var p Peeked
	if err := wire.Unmarshal(b, &p.env); err != nil {
		return nil, false
	}
	if p.env.Ver != Version || p.env.Suite != Suite {
		return nil, false
	}
	n := len(p.env.Slots)
	if n == 0 || n > MaxReceivers || bucket(n) != n {
		return nil, false
	}
	for i := 1; i < n; i++ {
		if compareTags(p.env.Slots[i-1], p.env.Slots[i]) > 0 {
			return nil, false
		}
	}
	return &p, true
}

// contentKey finds our slot by its tag and opens it.
func (o *Opener) contentKey(h *header, ctx []byte) ([]byte, bool) {
	e, err := group.DecodePoint(h.E)
	if err != nil {
		return nil, false
	}
	tag, kek := slotKey(group.Mul(o.Key.d, e), group.Mul(o.Key.u, e), h.E, o.Key.PublicKey, ctx)
	for i := range h.Slots {
		if subtle.ConstantTimeCompare(tag[:], h.Slots[i].Tag[:]) != 1 {
			continue
		}
		cek, err := aeadOpen(kek[:], h.Slots[i].Wrap[:], nil)
		if err != nil {
			continue // a random slot that has our tag by chance
		}
		com := commitment(cek)
		if subtle.ConstantTimeCompare(com[:], h.Com[:]) == 1 {
			return cek, true
		}
	}
	o.foreign.Add(1)
	return nil, false
}

func openBody(cek []byte, h *header, body []byte) (*inner, bool) {
	padded, err := aeadOpen(bodyKey(cek), body, wire.MustMarshal(h))
	if err != nil {
		return nil, false
	}
	var in inner
	padding, err := bodyDecoder.UnmarshalFirst(padded, &in)
	if err != nil || padme(len(padded)-len(padding)) != len(padded) {
		return nil, false
	}
	for _, b := range padding {
		if b != 0 {
			return nil, false
		}
	}
	return &in, true
}

var bodyDecoder = wire.New(wire.Limits{Bytes: MaxEnvelope})
