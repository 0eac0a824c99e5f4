// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// maxAhead is how many generations a charter may skip, after others took them.
const maxAhead = 15

// ErrUndecided is the answer of an issuer whose owner has yet to say yes.
var ErrUndecided = errors.New("door: the owner has not decided yet")

// Guests returns the invites that other issuers must know, those that have run
// out left aside.
func (k *Keeper) Guests() []Guest {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := slices.DeleteFunc(slices.Clone(k.guests), k.expired)
	for i := range out {
		out[i].Admit, out[i].Sworn = false, 0
	}
	return out
}

// Merge takes an invite as another issuer knows it. Issuers that have told each
// other everything hold the same bindings; one who was bound here and lost to
// another is turned down when it asks again. It fails with [ErrGuest] where
// there is no room, and with another error where the registry cannot be written.
func (k *Keeper) Merge(other Guest) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.c == nil {
		return errNoCharter
	}
	other.Admit, other.Sworn = false, 0
	i := slices.IndexFunc(k.guests, func(g Guest) bool { return g.J == other.J })
	if i < 0 {
		return k.register(other)
	}
	g := k.guests[i].merge(other, k.c.Gen)
	if g == k.guests[i] {
		return nil
	}
	g.Joined = g.Joined || k.isMember(&g)
	return k.keep(i, g)
}

// register adds an invite of another issuer.
func (k *Keeper) register(g Guest) error {
	if k.expired(g) {
		return nil
	}
	guests := slices.DeleteFunc(slices.Clone(k.guests), k.expired)
	if len(guests) >= MaxInvites {
		return fmt.Errorf("%w: there are %d invites", ErrGuest, len(guests))
	}
	g.Joined = g.Joined || k.isMember(&g)
	return k.save(append(guests, g))
}

func (k *Keeper) isMember(g *Guest) bool {
	m := k.c.Member(g.Ed25519)
	return m != nil && g.names(m)
}

// Adopt takes a newer charter from elsewhere, which the caller has verified, and
// writes it down. What this issuer had proposed in its place is forgotten; those
// who wait are proposed anew when they ask again. A charter that does not follow
// the one held changes nothing.
func (k *Keeper) Adopt(s *issuer.SignedCharter, c *issuer.Charter) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.c == nil {
		return errNoCharter
	}
	if !s.Follows(c, k.c) {
		return nil
	}
	return k.adopt(s, c)
}

// adopt writes a charter, and then whose invites are used up and whether it was
// the eviction that is under way.
func (k *Keeper) adopt(s *issuer.SignedCharter, c *issuer.Charter) error {
	if err := k.Registry.SaveCharter(s); err != nil {
		return fmt.Errorf("door: save charter: %w", err)
	}
	k.signed, k.c, k.pending, k.skip = s, c, nil, 0
	guests, changed := slices.Clone(k.guests), false
	for i := range guests {
		if g := &guests[i]; !g.Joined && k.isMember(g) {
			g.Joined, changed = true, true
		}
	}
	if changed {
		if err := k.save(guests); err != nil {
			return err
		}
	}
	return k.enacted(s)
}

// Approve is this issuer's word on a charter that another one proposes in order
// to let guests in. It returns nil where the charter adds nothing but guests that
// are bound here to the same identities, and in strict mode admitted here too,
// or they come with [ErrUndecided]. What was agreed to is on the disk then. Any other
// charter is refused: evictions go through [Keeper.Judge], and whatever changes
// issuers or numbers is for the owner.
func (k *Keeper) Approve(c *issuer.Charter) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.c == nil {
		return errNoCharter
	}
	if !adds(k.c, c) {
		return fmt.Errorf("door: charter of generation %d is not that of generation %d with more members", c.Gen, k.c.Gen)
	}
	if k.evicting() && c.Member(k.eviction.Member) != nil {
		return errEvicting
	}
	guests := slices.Clone(k.guests)
	for _, m := range c.Members[len(k.c.Members):] {
		i := slices.IndexFunc(guests, func(g Guest) bool { return g.names(&m) && !g.Joined })
		if i < 0 {
			return fmt.Errorf("door: %q has no invite that is bound to it here", m.Name)
		}
		if k.Strict && !guests[i].Admit {
			return ErrUndecided
		}
		guests[i].Sworn = max(guests[i].Sworn, c.Gen)
	}
	if slices.Equal(guests, k.guests) {
		return nil // said before
	}
	return k.save(guests)
}

// adds reports whether c is old with members behind the others, and nothing else.
func adds(old, c *issuer.Charter) bool {
	n := len(old.Members)
	if !ahead(old, c) || len(c.Members) <= n || len(c.Members) > issuer.MaxMembers {
		return false
	}
	want := *old
	want.Gen, want.Members = c.Gen, c.Members
	return slices.Equal(c.Members[:n], old.Members) && sameCharter(&want, c)
}

// ahead reports whether c is of one of the next generations.
func ahead(old, c *issuer.Charter) bool {
	return c.Gen > old.Gen && c.Gen-old.Gen <= maxAhead+1
}

func sameCharter(a, b *issuer.Charter) bool {
	return bytes.Equal(wire.MustMarshal(a), wire.MustMarshal(b))
}
