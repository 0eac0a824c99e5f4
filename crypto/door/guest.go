// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Guest is an invite as the issuers remember it: whom it is bound to.
type Guest struct {
	J       [16]byte
	Expiry  uint64
	Bound   bool
	Name    string
	Ed25519 issuer.Pub
	X25519  issuer.Pub
	Admit   bool   // the owner of this issuer has said yes
	Joined  bool   // it was let in; an invite lets in once
	Sworn   uint32 // generation of the charter with the guest that this issuer agreed to; 0: none
}

// is reports whether the request comes from the identity that the guest is
// bound to.
func (g *Guest) is(r *joinRequest) bool { return g.Ed25519 == r.Ed25519 && g.X25519 == r.X25519 }

// names reports whether a charter's member is the one that the guest is bound to.
func (g *Guest) names(m *issuer.Member) bool {
	return g.Bound && g.Name == m.Name && g.Ed25519 == m.Ed25519 && g.X25519 == m.X25519
}

// savedGuest is a guest as it is written, without Sworn where that is zero: so
// were all before there were several issuers.
type savedGuest struct {
	_       struct{} `cbor:",toarray"`
	J       [16]byte
	Expiry  uint64
	Bound   bool
	Name    string
	Ed25519 issuer.Pub
	X25519  issuer.Pub
	Admit   bool
	Joined  bool
}

type swornGuest struct {
	_       struct{} `cbor:",toarray"`
	J       [16]byte
	Expiry  uint64
	Bound   bool
	Name    string
	Ed25519 issuer.Pub
	X25519  issuer.Pub
	Admit   bool
	Joined  bool
	Sworn   uint32
}

// MaxGuest is the most bytes of an encoded guest.
const MaxGuest = 256

// ErrGuest refuses bytes that are no guest, or one that this issuer cannot take.
var ErrGuest = errors.New("door: guest refused")

var guestDecoder = wire.New(wire.Limits{Bytes: MaxGuest, Items: 16, Depth: 4})

// MarshalCBOR returns the guest's bytes.
func (g Guest) MarshalCBOR() ([]byte, error) {
	if g.Sworn == 0 {
		return wire.Marshal(savedGuest{
			J: g.J, Expiry: g.Expiry, Bound: g.Bound, Name: g.Name, Ed25519: g.Ed25519, X25519: g.X25519, Admit: g.Admit, Joined: g.Joined,
		})
	}
	return wire.Marshal(swornGuest{
		J: g.J, Expiry: g.Expiry, Bound: g.Bound, Name: g.Name, Ed25519: g.Ed25519, X25519: g.X25519, Admit: g.Admit, Joined: g.Joined, Sworn: g.Sworn,
	})
}

// UnmarshalCBOR reads what MarshalCBOR wrote.
func (g *Guest) UnmarshalCBOR(b []byte) error {
	var s savedGuest
	if err := guestDecoder.Unmarshal(b, &s); err == nil {
		*g = Guest{
			J: s.J, Expiry: s.Expiry, Bound: s.Bound, Name: s.Name, Ed25519: s.Ed25519, X25519: s.X25519, Admit: s.Admit, Joined: s.Joined,
		}
		return nil
	}
	var w swornGuest
	if err := guestDecoder.Unmarshal(b, &w); err != nil {
		return err
	}
	if w.Sworn == 0 {
		return fmt.Errorf("%w: an oath to generation 0", ErrGuest)
	}
	*g = Guest{
		J: w.J, Expiry: w.Expiry, Bound: w.Bound, Name: w.Name, Ed25519: w.Ed25519, X25519: w.X25519, Admit: w.Admit, Joined: w.Joined, Sworn: w.Sworn,
	}
	return nil
}

// Encode returns a guest as it is registered with other issuers: without what
// is the word of this one alone.
func (g Guest) Encode() []byte {
	g.Admit, g.Sworn = false, 0
	return wire.MustMarshal(g)
}

// DecodeGuest reads what Encode wrote.
func DecodeGuest(b []byte) (Guest, error) {
	var s savedGuest
	if err := guestDecoder.Unmarshal(b, &s); err != nil {
		return Guest{}, fmt.Errorf("%w: %v", ErrGuest, err)
	}
	g := Guest{J: s.J, Expiry: s.Expiry, Bound: s.Bound, Name: s.Name, Ed25519: s.Ed25519, X25519: s.X25519, Joined: s.Joined}
	unbound := Guest{J: g.J, Expiry: g.Expiry}
	if s.Admit || g.Bound != issuer.ValidName(g.Name) || !g.Bound && g != unbound {
		return Guest{}, fmt.Errorf("%w: it says who it is for and does not, or the other way round", ErrGuest)
	}
	return g, nil
}

// rank orders the bindings of one invite alike at all issuers.
func (g *Guest) rank() [64]byte {
	return wire.Hash(wire.LabelJoin, g.J[:], []byte(g.Name), g.Ed25519[:], g.X25519[:])
}

// merge returns what becomes of a guest when another issuer tells what it knows
// of the same invite. The first binding stays unless another issuer made one of
// a lower hash meanwhile. Whoever was let in stays, and so does one whom this
// issuer has agreed to let in by a charter that may still come.
func (g Guest) merge(other Guest, gen uint32) Guest {
	g.Expiry = min(g.Expiry, other.Expiry)
	if !other.Bound {
		return g
	}
	same := g.Bound && g.Name == other.Name && g.Ed25519 == other.Ed25519 && g.X25519 == other.X25519
	if same {
		g.Joined = g.Joined || other.Joined
		return g
	}
	settled := !g.Bound || !g.Joined && g.Sworn <= gen
	mine, theirs := g.rank(), other.rank()
	if !settled || g.Bound && !other.Joined && bytes.Compare(mine[:], theirs[:]) < 0 {
		return g
	}
	other.Expiry, other.Admit, other.Sworn = g.Expiry, false, 0
	return other
}
