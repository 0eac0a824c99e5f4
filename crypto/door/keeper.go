// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Limits of what a keeper remembers.
const (
	MaxInvites = 64
	MaxWaiting = 16
)

// Guest is an invite as the issuers remember it: whom it is bound to.
type Guest struct {
	_       struct{} `cbor:",toarray"`
	J       [16]byte
	Expiry  uint64
	Bound   bool
	Name    string
	Ed25519 issuer.Pub
	X25519  issuer.Pub
	Admit   bool // the owner has said yes
}

// Registry keeps invites and the charter durably.
type Registry interface {
	// SaveGuests writes all invites. What it was given is on the disk when it
	// returns without an error.
	SaveGuests([]Guest) error
	// SaveCharter writes a new charter likewise.
	SaveCharter(*issuer.SignedCharter) error
}

// Keeper answers at the door for a neighbourhood's only issuer.
type Keeper struct {
	Keys     *issuer.Keys
	K        [pseudonym.KeySize]byte
	Registry Registry
	Rand     io.Reader
	Now      func() time.Time
	Strict   bool // a join waits until the owner admits it

	mu     sync.Mutex
	guests []Guest
	signed *issuer.SignedCharter
	c      *issuer.Charter
}

// Load sets what the registry held.
func (k *Keeper) Load(s *issuer.SignedCharter, c *issuer.Charter, guests []Guest) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.signed, k.c, k.guests = s, c, guests
}

// Charter returns the newest charter.
func (k *Keeper) Charter() (*issuer.SignedCharter, *issuer.Charter) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.signed, k.c
}

// Invite registers a new invite that lasts for the given time. The caller adds
// how the broker is reached.
func (k *Keeper) Invite(lasts time.Duration) (*Invite, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	guests := slices.DeleteFunc(slices.Clone(k.guests), k.expired)
	if len(guests) >= MaxInvites {
		return nil, fmt.Errorf("door: %d invites are open; wait until one is used or runs out", len(guests))
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

// Waiting returns those whose request waits for the owner.
func (k *Keeper) Waiting() []Guest {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []Guest
	for _, g := range k.guests {
		if g.Bound && !g.Admit && k.c.Member(g.Ed25519) == nil {
			out = append(out, g)
		}
	}
	return out
}

// AdmitCode is the short code by which an owner admits one who waits: the same
// that the waiting device shows.
func AdmitCode(ed25519 issuer.Pub) string {
	h := wire.Hash(wire.LabelJoin, ed25519[:])
	code := inviteEncoding.EncodeToString(h[:5])
	return code[:4] + "-" + code[4:]
}

// Admit lets the waiting device with that code in.
func (k *Keeper) Admit(code string) (name string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	guests := slices.Clone(k.guests)
	for i, g := range guests {
		if g.Bound && !g.Admit && AdmitCode(g.Ed25519) == code {
			guests[i].Admit = true
			return g.Name, k.save(guests)
		}
	}
	return "", fmt.Errorf("door: nobody waits with the code %q", code)
}

var errNotOurs = errors.New("door: request refused")

// Answer returns the answer to a request that came under the key of invite j,
// and the new charter where somebody was let in.
func (k *Keeper) Answer(j [16]byte, msg []byte) (answer []byte, charter *issuer.SignedCharter, err error) {
	var r joinRequest
	if err := decoder.Unmarshal(msg, &r); err != nil || r.Kind != kindJoin {
		return nil, nil, errNotOurs
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !ed25519.Verify(r.Ed25519[:], r.signed(k.c.Nbhd), r.Signature[:]) {
		return nil, nil, errNotOurs
	}
	result, added, err := k.decide(j, &r)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := issuer.SealTo(r.Reply, answerInfo(j, msg), wire.MustMarshal(result))
	if err != nil {
		return nil, nil, errNotOurs
	}
	if added {
		charter = k.signed
	}
	return wire.MustMarshal(joinAnswer{Kind: kindJoin, Nonce: r.Nonce, Sealed: sealed}), charter, nil
}

// decide binds the invite to the identity that comes first, durably, and lets
// it in unless the owner must be asked.
func (k *Keeper) decide(j [16]byte, r *joinRequest) (*joinResult, bool, error) {
	i := slices.IndexFunc(k.guests, func(g Guest) bool { return g.J == j })
	if i < 0 {
		return nil, false, errNotOurs
	}
	g := k.guests[i]
	switch {
	case g.Bound && g.Ed25519 != r.Ed25519:
		return &joinResult{Status: refused, Reason: "this invite was used by another device; ask for a new one"}, false, nil
	case k.c.Member(r.Ed25519) != nil:
		return k.welcome(r), false, nil
	case k.expired(g):
		return &joinResult{Status: refused, Reason: "this invite has run out; ask for a new one"}, false, nil
	case !issuer.ValidName(r.Name) || k.taken(r.Name):
		return &joinResult{Status: refused, Reason: fmt.Sprintf("the name %q is taken or does not do; choose another", r.Name)}, false, nil
	case len(k.c.Members) >= issuer.MaxMembers:
		return &joinResult{Status: refused, Reason: fmt.Sprintf("the neighbourhood is full: it has %d members", len(k.c.Members))}, false, nil
	}
	if !g.Bound {
		if len(k.waiting()) >= MaxWaiting {
			return &joinResult{Status: waiting, Reason: "too many devices wait at the door"}, false, nil
		}
		g.Bound, g.Name, g.Ed25519, g.X25519 = true, r.Name, r.Ed25519, r.X25519
		guests := slices.Clone(k.guests)
		guests[i] = g
		if err := k.save(guests); err != nil {
			return nil, false, err
		}
	}
	if k.Strict && !g.Admit {
		reason := "waiting for the owner to say: vecino peers admit " + AdmitCode(g.Ed25519)
		return &joinResult{Status: waiting, Reason: reason}, false, nil
	}
	if err := k.add(g); err != nil {
		return nil, false, err
	}
	return k.welcome(r), true, nil
}

func (k *Keeper) waiting() (n []Guest) {
	for _, g := range k.guests {
		if g.Bound && k.c.Member(g.Ed25519) == nil {
			n = append(n, g)
		}
	}
	return n
}

func (k *Keeper) taken(name string) bool {
	return slices.ContainsFunc(k.c.Members, func(m issuer.Member) bool { return m.Name == name })
}

// add makes the next charter with one more member, and keeps it before anybody
// sees it.
func (k *Keeper) add(g Guest) error {
	next := *k.c
	next.Gen++
	next.Members = append(slices.Clone(next.Members), issuer.Member{Name: g.Name, Ed25519: g.Ed25519, X25519: g.X25519})
	signed, err := k.Keys.SignCharter(k.Rand, &next)
	if err != nil {
		return err
	}
	if err := k.Registry.SaveCharter(signed); err != nil {
		return fmt.Errorf("door: save charter: %w", err)
	}
	k.signed, k.c = signed, &next
	return nil
}

func (k *Keeper) welcome(r *joinRequest) *joinResult {
	ms := uint64(k.Now().UnixMilli())
	t := signedTime{Index: k.Keys.Share.Index, UnixMilli: ms}
	t.Signature = [ed25519.SignatureSize]byte(ed25519.Sign(k.Keys.Ed25519, timeBytes(k.c.Nbhd, r.Nonce, ms)))
	return &joinResult{Status: welcome, Charter: k.signed.Encode(), K: k.K, Time: t}
}
