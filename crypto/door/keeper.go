// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
)

// Limits of what a keeper remembers.
const (
	MaxInvites = 64 // that have not run out, used ones as well
	MaxWaiting = 16 // devices that asked and are not let in yet
)

// Registry keeps invites and the charter durably.
type Registry interface {
	// SaveGuests writes all invites. What it was given is on the disk when it
	// returns without an error.
	SaveGuests([]Guest) error
	// SaveCharter writes a new charter likewise.
	SaveCharter(*issuer.SignedCharter) error
}

// Keeper answers at the door for an issuer.
type Keeper struct {
	Keys      *issuer.Keys
	K         [pseudonym.KeySize]byte // where there is no Ring
	Ring      *Keyring                // nil: K never changes
	Council   Council                 // nil: the issuer is alone
	Evictions EvictionBook            // nil: this issuer takes no part in evictions
	Registry  Registry
	Rand      io.Reader
	Now       func() time.Time
	Strict    bool // a join waits until the owner admits it

	mu       sync.Mutex
	guests   []Guest
	signed   *issuer.SignedCharter
	c        *issuer.Charter
	pending  *issuer.Charter // the issuers are at it; nil: nothing is proposed
	skip     uint32          // generations that others took, since c
	eviction *Eviction       // the newest that this issuer agreed to, or nil
}

// council returns who signs.
func (k *Keeper) council() Council {
	if k.Council == nil {
		return Alone{Keys: k.Keys, Rand: k.Rand}
	}
	return k.Council
}

// Load sets what the registry held. A guest that is a member counts as let in,
// also where the power went before that was written down.
func (k *Keeper) Load(s *issuer.SignedCharter, c *issuer.Charter, guests []Guest) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.signed, k.c, k.guests = s, c, slices.Clone(guests)
	k.pending, k.skip = nil, 0
	for i, g := range k.guests {
		k.guests[i].Joined = g.Joined || g.Bound && c.Member(g.Ed25519) != nil
	}
}

// Use sets an issuer's keys and who signs, where they have become others. A nil
// council says that the issuer is alone. What was proposed is forgotten; those
// who wait are proposed anew when they ask again.
func (k *Keeper) Use(keys *issuer.Keys, council Council) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.Keys, k.Council, k.pending = keys, council, nil
}

// Charter returns the newest charter.
func (k *Keeper) Charter() (*issuer.SignedCharter, *issuer.Charter) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.signed, k.c
}

var errNoCharter = errors.New("door: there is no neighbourhood yet; found or join one")

// Invite registers a new invite that lasts for the given time, at least a
// second. The caller adds how the broker is reached.
func (k *Keeper) Invite(lasts time.Duration) (*Invite, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.c == nil {
		return nil, errNoCharter
	}
	if lasts < time.Second {
		return nil, fmt.Errorf("door: an invite cannot last for %v; a day or two is usual", lasts)
	}
	guests := slices.DeleteFunc(slices.Clone(k.guests), k.expired)
	if len(guests) >= MaxInvites {
		return nil, fmt.Errorf("door: there are %d invites; wait until one runs out", len(guests))
	}
	if len(k.c.Members) >= issuer.MaxMembers {
		return nil, fmt.Errorf("door: the neighbourhood is full: it has %d members", len(k.c.Members))
	}
	g := Guest{Expiry: uint64(k.Now().Add(lasts).Unix())}
	if _, err := io.ReadFull(k.Rand, g.J[:]); err != nil {
		return nil, fmt.Errorf("door: read randomness: %w", err)
	}
	if err := k.save(append(guests, g)); err != nil {
		return nil, err
	}
	return &Invite{
		Version: inviteVersion, Nbhd: k.c.Nbhd, J: g.J, IssuerHash: IssuerHash(k.c.P), Expiry: g.Expiry,
	}, nil
}

func (k *Keeper) expired(g Guest) bool { return k.Now().Unix() >= int64(g.Expiry) }

func (k *Keeper) save(guests []Guest) error {
	if err := k.Registry.SaveGuests(guests); err != nil {
		return fmt.Errorf("door: save invites: %w", err)
	}
	k.guests = guests
	return nil
}

// JoinKeys returns the secrets of the invites that may still be used, newest first:
// the keys under which a request to join can come.
func (k *Keeper) JoinKeys() [][16]byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out [][16]byte
	for _, g := range slices.Backward(k.guests) {
		if !k.expired(g) {
			out = append(out, g.J)
		}
	}
	return out
}
