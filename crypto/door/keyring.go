// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// MaxKeys is how many keys K a device keeps: at the door it answers those who
// slept through as many evictions but one.
const MaxKeys = 8

// ringKey is one K and since when it counts.
type ringKey struct {
	_   struct{} `cbor:",toarray"`
	Gen uint32   // of the charter that came with it
	V   uint32   // evictions before it
	At  uint64   // unix seconds
	K   [pseudonym.KeySize]byte
}

// Keyring holds the neighbourhood's keys K: the one in use, one that is to come,
// and earlier ones for those who slept. It is safe for concurrent use; take it
// from [NewKeyring] or [DecodeKeyring].
type Keyring struct {
	mu   sync.Mutex
	keys []ringKey // by ascending Gen, at least one
}

// NewKeyring returns the keyring of a device that has just founded or joined:
// its K belongs to the charter that came with it, and to all evictions before.
func NewKeyring(k [pseudonym.KeySize]byte, gen, v uint32) *Keyring {
	return &Keyring{keys: []ringKey{{Gen: gen, V: v, K: k}}}
}

// Add takes the key of a rekey, and reports whether it is new and newer than all
// others; the caller then saves the ring.
func (r *Keyring) Add(n *NewKey) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.Charter.Gen <= r.newest().Gen || n.Charter.V <= r.newest().V {
		return false
	}
	r.keys = append(r.keys, ringKey{Gen: n.Charter.Gen, V: n.Charter.V, At: uint64(n.At.Unix()), K: n.K})
	r.keys = r.keys[max(0, len(r.keys)-MaxKeys):]
	return true
}

func (r *Keyring) newest() *ringKey { return &r.keys[len(r.keys)-1] }

// Gen returns the generation of the charter of the newest key: whatever belongs
// to a rekey of this generation or an earlier one is known.
func (r *Keyring) Gen() uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newest().Gen
}

// Since returns from when the key of v evictions counts, and false where it is
// not known: there was no eviction, or this device joined later.
func (r *Keyring) Since(v uint32) (at time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.keys {
		if k.V == v && k.At > 0 {
			return time.Unix(int64(k.At), 0), true
		}
	}
	return time.Time{}, false
}

// Current returns the K that counts at the given time.
func (r *Keyring) Current(now time.Time) [pseudonym.KeySize]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at(now).K
}

// at returns the newest key whose time has come, or else the oldest.
func (r *Keyring) at(now time.Time) *ringKey {
	for i := range slices.Backward(r.keys) {
		if i == 0 || now.Unix() >= int64(r.keys[i].At) {
			return &r.keys[i]
		}
	}
	panic("door: a keyring without keys")
}

// Next returns when the newest key takes the place of the one in use, and false
// where it already has. Around that time a device leaves and enters again.
func (r *Keyring) Next(now time.Time) (at time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at(now) == r.newest() {
		return time.Time{}, false
	}
	return time.Unix(int64(r.newest().At), 0), true
}

// settled returns the K in use, and whether it is the one that belongs to the
// charter of v evictions, with no other to come.
func (r *Keyring) settled(now time.Time, v uint32) (k [pseudonym.KeySize]byte, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := r.at(now)
	return key.K, key == r.newest() && key.V == v
}

// DoorKeys returns the door's keys among members, the newest first: an issuer
// listens under all of them, and whoever slept asks under the one that it has.
func (r *Keyring) DoorKeys() (keys [][32]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range slices.Backward(r.keys) {
		keys = append(keys, MemberKey(k.K))
	}
	return keys
}

const keyringVersion = 1

type savedKeyring struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Keys    []ringKey
}

var keyringDecoder = wire.New(wire.Limits{Bytes: 1024, Items: 16, Depth: 4})

// Encode returns the keys as bytes, secrets all.
func (r *Keyring) Encode() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return wire.MustMarshal(savedKeyring{Version: keyringVersion, Keys: r.keys})
}

// DecodeKeyring reads what Encode wrote.
func DecodeKeyring(b []byte) (*Keyring, error) {
	if v, ok := versionOf(b); ok && v != keyringVersion {
		return nil, fmt.Errorf("door: read keys: they are of version %d, this program knows version %d; update it", v, keyringVersion)
	}
	var s savedKeyring
	if err := keyringDecoder.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("door: read keys: %w", err)
	}
	if n := len(s.Keys); n == 0 || n > MaxKeys {
		return nil, fmt.Errorf("door: read keys: %d keys, 1 to %d can be", n, MaxKeys)
	}
	for i, k := range s.Keys {
		if k.At > maxUnix || i > 0 && (k.Gen <= s.Keys[i-1].Gen || k.V <= s.Keys[i-1].V) {
			return nil, errors.New("door: read keys: they are out of order")
		}
	}
	return &Keyring{keys: s.Keys}, nil
}

// key returns the K that a welcome holds, and false while it is changing: one
// who is let in then would have no slot in the rekey.
func (k *Keeper) key() (key [pseudonym.KeySize]byte, ok bool) {
	if k.Ring == nil {
		return k.K, true
	}
	return k.Ring.settled(k.Now(), k.c.V)
}
