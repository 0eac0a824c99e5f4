// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Notice of an eviction: how long before the new key counts it must be proposed,
// so that everybody has heard, and how long at most. Issuers who sign later than
// the first still want half of the least.
const (
	MinNotice = time.Minute
	MaxNotice = 7 * 24 * time.Hour
)

// EvictionOath is for how long an issuer that agreed to an eviction signs no
// charter that still names the member: as long as the issuers may be at it.
const EvictionOath = 10 * time.Minute

// EvictionBook keeps the eviction that an issuer agreed to. What SaveEviction was
// given is on the disk when it returns without an error.
type EvictionBook interface {
	SaveEviction(e []byte) error
}

// Eviction is the removal of a member as an issuer remembers it: enough to have
// it signed, whoever proposed it, and no secret.
type Eviction struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Member  issuer.Pub // Ed25519 of the one who goes
	Until   uint64     // unix seconds: until when no charter with the member is signed
	Charter []byte     // the charter without it, not signed
	Rekey   []byte     // the next key for all others, not signed; empty until it is known
	Enacted bool       // the charter was signed and counts
}

const (
	evictionVersion = 1
	maxEviction     = issuer.MaxCharter + maxRekeyBody + 128
)

var (
	evictionDecoder = wire.New(wire.Limits{Bytes: maxEviction, Items: 16, Depth: 4})
	charterDecoder  = wire.New(wire.Limits{Bytes: issuer.MaxCharter, Items: issuer.MaxMembers})
)

var (
	errNoEvictions = errors.New("door: this issuer has no place to keep evictions")
	errEvicting    = errors.New("door: this issuer has agreed to remove a member that the charter names")
	errAnother     = errors.New("door: this issuer has agreed to another eviction of this generation")
)

// charter returns the charter without the member.
func (e *Eviction) charter() (*issuer.Charter, error) {
	var c issuer.Charter
	if err := charterDecoder.Unmarshal(e.Charter, &c); err != nil {
		return nil, fmt.Errorf("door: read eviction: %w", err)
	}
	return &c, nil
}

// evicting reports whether this issuer has agreed to an eviction that may still
// be signed.
func (k *Keeper) evicting() bool { return k.eviction != nil && k.eviction.holds(k.c, k.Now()) }

// holds reports whether the eviction may still be signed in the place of others.
func (e *Eviction) holds(held *issuer.Charter, now time.Time) bool {
	c, err := e.charter()
	return err == nil && c.Gen > held.Gen && now.Unix() < int64(e.Until)
}

// LoadEviction sets what the book held, after [Keeper.Load].
func (k *Keeper) LoadEviction(b []byte) error {
	if v, ok := versionOf(b); ok && v != evictionVersion {
		return fmt.Errorf("door: read eviction: it is of version %d, this program knows version %d; update it", v, evictionVersion)
	}
	var e Eviction
	if err := evictionDecoder.Unmarshal(b, &e); err != nil {
		return fmt.Errorf("door: read eviction: %w", err)
	}
	if _, err := e.charter(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.eviction = &e
	if k.signed != nil {
		return k.enacted(k.signed)
	}
	return nil
}

// enacted writes down that a charter is that of the eviction under way, also
// where the power went after the charter was written.
func (k *Keeper) enacted(s *issuer.SignedCharter) error {
	if k.eviction == nil || k.eviction.Enacted || !bytes.Equal(k.eviction.Charter, s.Charter) {
		return nil
	}
	k.eviction.Enacted = true
	return k.saveEviction(*k.eviction)
}

func (k *Keeper) saveEviction(e Eviction) error {
	if k.Evictions == nil {
		return errNoEvictions
	}
	e.Version = evictionVersion
	if err := k.Evictions.SaveEviction(wire.MustMarshal(e)); err != nil {
		return fmt.Errorf("door: save eviction: %w", err)
	}
	k.eviction = &e
	return nil
}

// Evict proposes that a member goes: a charter without it, and at the given time
// a new K for all others. It draws the key, seals it and forgets it. Call
// [Keeper.Enact] until the issuers have signed. Proposed again, in the same words,
// is the eviction that is under way already.
func (k *Keeper) Evict(name string, at time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.c == nil {
		return errNoCharter
	}
	notice := at.Sub(k.Now())
	if notice < MinNotice || notice > MaxNotice {
		return fmt.Errorf("door: the new key cannot count in %v; %v to %v is possible", notice, MinNotice, MaxNotice)
	}
	i := slices.IndexFunc(k.c.Members, func(m issuer.Member) bool { return m.Name == name })
	if i < 0 {
		return fmt.Errorf("door: there is no member %q", name)
	}
	if len(k.c.Members) == 1 {
		return fmt.Errorf("door: %q is the only member; leave instead", name)
	}
	member := k.c.Members[i].Ed25519
	if e := k.eviction; k.evicting() && len(e.Rekey) > 0 && k.skip == 0 {
		if e.Member != member {
			return errAnother
		}
		return nil
	}
	next := without(k.c, i)
	next.Gen += k.skip
	var key [pseudonym.KeySize]byte
	if _, err := io.ReadFull(k.Rand, key[:]); err != nil {
		return fmt.Errorf("door: draw key: %w", err)
	}
	body, err := newRekey(next, at, key)
	clear(key[:])
	if err != nil {
		return err
	}
	return k.saveEviction(Eviction{Member: member, Until: k.until(), Charter: wire.MustMarshal(next), Rekey: body})
}

func (k *Keeper) until() uint64 { return uint64(k.Now().Add(EvictionOath).Unix()) }

// without returns the next charter, without member i.
func without(c *issuer.Charter, i int) *issuer.Charter {
	next := *c
	next.Gen++
	next.V++
	next.Members = slices.Delete(slices.Clone(c.Members), i, i+1)
	return &next
}

// Judge is this issuer's word on a charter that another one proposes in order to
// remove a member; the caller asks its owner first, whom [Evicts] tells about whom.
// What was agreed to is on the disk then.
func (k *Keeper) Judge(c *issuer.Charter) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.c == nil {
		return errNoCharter
	}
	m := Evicts(k.c, c)
	if m == nil {
		return fmt.Errorf("door: charter of generation %d is not that of generation %d with one member less", c.Gen, k.c.Gen)
	}
	b := wire.MustMarshal(c)
	if e := k.eviction; k.evicting() {
		if bytes.Equal(e.Charter, b) {
			return nil // said before
		}
		if earlier, err := e.charter(); err != nil || c.Gen <= earlier.Gen || c.Member(e.Member) != nil {
			return errAnother
		}
	}
	return k.saveEviction(Eviction{Member: m.Ed25519, Until: k.until(), Charter: b})
}

// Evicts returns the member that a charter removes from the one held, or nil
// where it does anything else.
func Evicts(held, c *issuer.Charter) *issuer.Member {
	if !ahead(held, c) {
		return nil
	}
	for i := range held.Members {
		want := without(held, i)
		want.Gen = c.Gen
		if sameCharter(want, c) {
			return &held.Members[i]
		}
	}
	return nil
}

// JudgeRekey is this issuer's word on the rekey of the charter that it agreed to
// last: there is one for each charter, it leaves time to be heard, and this
// device's own slot holds a key. What was agreed to is on the disk then.
func (k *Keeper) JudgeRekey(body []byte, id *issuer.Identity) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.eviction == nil {
		return errors.New("door: a rekey without an eviction")
	}
	e := *k.eviction
	if len(e.Rekey) > 0 {
		if !bytes.Equal(e.Rekey, body) {
			return errAnother
		}
		return nil // said before
	}
	c, err := e.charter()
	if err != nil {
		return err
	}
	b, err := decodeBody(body, c)
	if err != nil {
		return err
	}
	notice := time.Unix(int64(b.At), 0).Sub(k.Now())
	if notice < MinNotice/2 || notice > MaxNotice {
		return fmt.Errorf("door: the new key would count in %v", notice)
	}
	if _, err := b.open(c, id); err != nil {
		return err
	}
	e.Rekey = body
	return k.saveEviction(e)
}

// Unfinished returns when the new key counts of an eviction that this issuer has
// proposed or agreed to, and false where none is to be signed any more: there is
// none, it took too long, or its key is there.
func (k *Keeper) Unfinished() (at time.Time, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.eviction
	if e == nil || len(e.Rekey) == 0 || k.c == nil {
		return at, false
	}
	c, err := e.charter()
	if err != nil {
		return at, false
	}
	b, err := decodeBody(e.Rekey, c)
	if err != nil {
		return at, false
	}
	keyless := e.Enacted && k.Ring != nil && k.Ring.Gen() < c.Gen
	return time.Unix(int64(b.At), 0), k.evicting() || keyless
}

// Enact has the issuers sign the eviction that this one proposed or agreed to.
// Until they have it returns nothing; call it again. Then it returns the rekey, a
// message of type [TypeAnswer] for all members, and has kept the charter. An
// error says that they will not; another attempt is a new proposal.
func (k *Keeper) Enact() (rekey []byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.eviction == nil || len(k.eviction.Rekey) == 0 {
		return nil, errors.New("door: there is no eviction to have signed")
	}
	if c, err := k.eviction.charter(); err != nil || c.Gen <= k.c.Gen && !k.eviction.Enacted {
		return nil, errors.New("door: another charter took the place of the eviction; propose it anew")
	}
	notary, ok := k.council().(Notary)
	if !ok {
		return nil, errors.New("door: these issuers sign no rekey")
	}
	e := k.eviction
	next, err := e.charter()
	if err != nil {
		return nil, err
	}
	s, err := k.council().Sign(next, e.Rekey)
	if err != nil {
		k.skip = (k.skip + 1) % (maxAhead + 1)
		return nil, err
	}
	sig, err := notary.Attest(e.Rekey)
	if err != nil || s == nil || sig == nil {
		return nil, err
	}
	msg := encodeRekey(s, e.Rekey, *sig)
	if _, _, _, err := decodeRekey(msg, k.c); err != nil {
		return nil, fmt.Errorf("door: the issuers signed another eviction than was asked for: %w", err)
	}
	if e.Enacted {
		return msg, nil // said before, or the charter came from elsewhere
	}
	return msg, k.adopt(s, next)
}
