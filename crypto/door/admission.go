// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// waits reports whether a guest asked to join and may still be let in.
func (k *Keeper) waits(g Guest) bool {
	return g.Bound && !g.Joined && !k.expired(g)
}

// waiting returns all guests that wait.
func (k *Keeper) waiting() (out []Guest) {
	for _, g := range k.guests {
		if k.waits(g) {
			out = append(out, g)
		}
	}
	return out
}

// Waiting returns those whose request waits for the owner.
func (k *Keeper) Waiting() []Guest {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.DeleteFunc(k.waiting(), func(g Guest) bool { return g.Admit })
}

// AdmitCode is the short code by which an owner admits one who waits: the same
// that the waiting device shows. It is eight letters of a hash in two groups.
func AdmitCode(ed25519 issuer.Pub) string {
	h := wire.Hash(wire.LabelAdmit, ed25519[:])
	code := inviteEncoding.EncodeToString(h[:5])
	return code[:4] + "-" + code[4:]
}

// Admit lets the waiting device with that code in, once it asks again. Case and
// spaces around the code do not matter.
func (k *Keeper) Admit(code string) (name string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	code = strings.ToUpper(strings.TrimSpace(code))
	guests := slices.Clone(k.guests)
	var who *Guest
	for i := range guests {
		g := &guests[i]
		if !k.waits(*g) || g.Admit || AdmitCode(g.Ed25519) != code {
			continue
		}
		if who != nil && who.Ed25519 != g.Ed25519 {
			return "", fmt.Errorf("door: %q and %q wait with the same code %s; let both ask again with new invites and new keys", who.Name, g.Name, code)
		}
		who, g.Admit = g, true
	}
	if who == nil {
		return "", fmt.Errorf("door: nobody waits with the code %q", code)
	}
	if err := k.save(guests); err != nil {
		return "", err
	}
	return who.Name, nil
}

// ErrRequest refuses a request that is not one to join this neighbourhood.
var ErrRequest = errors.New("door: request refused")

// Answer returns the answer to a request that came under the key of invite j,
// and the new charter where somebody was let in. It returns [ErrRequest] for
// what is no request, and another error where the registry cannot be written:
// then there is no answer, but there is a charter if it was written before.
func (k *Keeper) Answer(j [16]byte, msg []byte) (answer []byte, charter *issuer.SignedCharter, err error) {
	var r joinRequest
	if err := decoder.Unmarshal(msg, &r); err != nil || r.Kind != kindJoin {
		return nil, nil, ErrRequest
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.c == nil || !ed25519.Verify(r.Ed25519[:], r.signed(k.c.Nbhd), r.Signature[:]) {
		return nil, nil, ErrRequest
	}
	if group.WeakEd25519(r.Ed25519) || group.WeakX25519(r.X25519) || group.WeakX25519(r.Reply) {
		return nil, nil, ErrRequest // found out before anything is written
	}
	before := k.signed
	result, err := k.decide(j, &r)
	if k.signed != before {
		charter = k.signed
	}
	if err != nil {
		return nil, charter, err
	}
	if result.Status == welcome {
		k.vouch(result, msg)
	}
	sealed, err := issuer.SealTo(r.Reply, answerInfo(j, msg), wire.MustMarshal(result))
	if err != nil {
		return nil, charter, fmt.Errorf("door: seal answer: %w", err)
	}
	return wire.MustMarshal(joinAnswer{Kind: kindJoin, Nonce: r.Nonce, Sealed: sealed}), charter, nil
}

// decide binds the invite to the identity that comes first, durably, and lets
// it in unless the owner must be asked.
func (k *Keeper) decide(j [16]byte, r *joinRequest) (*joinResult, error) {
	i := slices.IndexFunc(k.guests, func(g Guest) bool { return g.J == j })
	if i < 0 {
		return nil, ErrRequest
	}
	g := k.guests[i]
	if g.Bound && !g.is(r) {
		return turnDown("this invite was used by another device; ask for a new one"), nil
	}
	if m := k.c.Member(r.Ed25519); m != nil && m.X25519 == r.X25519 {
		if _, ok := k.key(); !ok {
			return hold(reasonKey), nil
		}
		return &joinResult{Status: welcome}, nil // a retry
	}
	if why := k.objection(g, r); why != "" {
		return turnDown(why), nil
	}
	if !g.Bound {
		if len(k.waiting()) >= MaxWaiting {
			return hold("too many devices wait at the door"), nil
		}
		g.Bound, g.Name, g.Ed25519, g.X25519 = true, r.Name, r.Ed25519, r.X25519
		if err := k.keep(i, g); err != nil {
			return nil, err
		}
	}
	if k.Strict && !g.Admit {
		return hold("waiting for the owner to say: vecino peers admit " + AdmitCode(g.Ed25519)), nil
	}
	return k.admit(g)
}

// admit has the issuers sign a charter with the guest, and tells it to wait until
// they have. What they signed is kept before anybody sees it.
func (k *Keeper) admit(g Guest) (*joinResult, error) {
	if _, ok := k.key(); !ok || k.evicting() {
		return hold(reasonKey), nil
	}
	for k.c.Member(g.Ed25519) == nil {
		if k.pending == nil {
			if err := k.propose(g); err != nil {
				return nil, err
			}
		}
		if signed, err := k.settle(); err != nil {
			return nil, err
		} else if !signed {
			return hold("the issuers are signing; a moment"), nil
		}
	}
	return &joinResult{Status: welcome}, nil
}

// propose makes the next charter, with one more member. Where others sign too the
// binding is settled first: it must not change while they are at it.
func (k *Keeper) propose(g Guest) error {
	next := *k.c
	next.Gen += 1 + k.skip
	next.Members = append(slices.Clone(next.Members), issuer.Member{Name: g.Name, Ed25519: g.Ed25519, X25519: g.X25519})
	if i := slices.IndexFunc(k.guests, func(o Guest) bool { return o.J == g.J }); k.Council != nil && k.guests[i].Sworn < next.Gen {
		g = k.guests[i]
		g.Sworn = next.Gen
		if err := k.keep(i, g); err != nil {
			return err
		}
	}
	k.pending = &next
	return nil
}

// settle asks the issuers for the charter that is proposed, and keeps it once it
// is signed. Where they refuse it the next one skips a generation, since another
// charter may have taken this one.
func (k *Keeper) settle() (signed bool, err error) {
	next := k.pending
	s, err := k.council().Sign(next, nil)
	if err != nil {
		k.pending, k.skip = nil, (k.skip+1)%(maxAhead+1)
		return false, err
	}
	if s == nil {
		return false, nil
	}
	_, c, err := issuer.DecodeCharter(s.Encode())
	if err != nil || !sameCharter(c, next) {
		k.pending = nil
		return false, errors.New("door: the issuers signed another charter than was asked for")
	}
	return true, k.adopt(s, c)
}

// Settle goes on with a charter that the issuers are at, without waiting for the
// guest to ask again. It returns the charter once it is signed and kept, and nil
// before.
func (k *Keeper) Settle() (*issuer.SignedCharter, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pending == nil {
		return nil, nil
	}
	if signed, err := k.settle(); err != nil || !signed {
		return nil, err
	}
	return k.signed, nil
}

const reasonKey = "the neighbourhood is changing its key; a moment"

func hold(why string) *joinResult { return &joinResult{Status: waiting, Reason: why} }

func turnDown(why string) *joinResult { return &joinResult{Status: refused, Reason: why} }

// keep writes guest i durably.
func (k *Keeper) keep(i int, g Guest) error {
	guests := slices.Clone(k.guests)
	guests[i] = g
	return k.save(guests)
}

// objection returns why a device cannot join with the invite of guest g, for
// people, or nothing. Names and keys of those who wait are taken, so that
// everybody who was bound can be let in.
func (k *Keeper) objection(g Guest, r *joinRequest) string {
	switch {
	case g.Joined: // and was removed since, or it would be a member
		return "this invite was used; ask for a new one"
	case k.expired(g):
		return "this invite has run out; ask for a new one"
	case g.Bound && g.Name != r.Name:
		return fmt.Sprintf("this invite is for the name %q by now; take that, or ask for a new invite", g.Name)
	case !issuer.ValidName(r.Name):
		return fmt.Sprintf("the name does not do; use 1 to %d of a-z, 0-9 and dashes", issuer.MaxName)
	case k.taken(func(name string, _, _ issuer.Pub) bool { return name == r.Name }, r):
		return fmt.Sprintf("the name %q is taken; choose another", r.Name)
	case k.taken(func(_ string, a, b issuer.Pub) bool {
		return a == r.Ed25519 || a == r.X25519 || b == r.Ed25519 || b == r.X25519
	}, r):
		return "another device has the same keys; make new ones with: vecino init"
	case len(k.c.Members) >= issuer.MaxMembers:
		return fmt.Sprintf("the neighbourhood is full: it has %d members", len(k.c.Members))
	}
	return ""
}

// taken reports whether a member, or another device that waits, matches.
func (k *Keeper) taken(match func(name string, ed25519, x25519 issuer.Pub) bool, r *joinRequest) bool {
	for _, m := range k.c.Members {
		if match(m.Name, m.Ed25519, m.X25519) {
			return true
		}
	}
	for _, g := range k.waiting() {
		if !g.is(r) && match(g.Name, g.Ed25519, g.X25519) {
			return true
		}
	}
	return false
}

// vouch fills a welcome with what is given to the request, and signs it.
func (k *Keeper) vouch(r *joinResult, request []byte) {
	r.Charter = k.signed.Encode()
	r.K, _ = k.key()
	r.Index, r.UnixMilli = k.Keys.Share.Index, uint64(k.Now().UnixMilli())
	sig := ed25519.Sign(k.Keys.Ed25519, r.signed(k.c.Nbhd, request, k.signed))
	r.Signature = [ed25519.SignatureSize]byte(sig)
}
