// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package door

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// SyncAfter is how long a device hears no hello before it asks what it has
// missed, and how long it waits for an answer. One who answers waits for a
// random part of SyncSpread first and keeps silent where another has answered,
// and it answers once in SyncEvery: everybody who sleeps under one K hears it.
const (
	SyncAfter  = time.Minute
	SyncSpread = 10 * time.Second
	SyncEvery  = 30 * time.Second
)

// MaxChanges is how many charters that changed the issuers' key P are kept for
// those who slept: each is signed under the P before it.
const MaxChanges = 8

// syncRequest names nobody: it is said under an old K, which one who was evicted
// may have as well.
type syncRequest struct {
	_   struct{} `cbor:",toarray"`
	K   uint8    // kind
	Gen uint32   // of the charter that the sender holds
	Key uint32   // generation of its newest K
}

// EncodeSync returns the message of type [TypeRequest] by which one who slept asks,
// under its own key of the door, for what it has missed.
func EncodeSync(held *issuer.Charter, ring *Keyring) []byte {
	return wire.MustMarshal(syncRequest{K: kindSync, Gen: held.Gen, Key: ring.Gen()})
}

// Archive is what a member keeps for those who slept: the newest rekey, which has
// a slot for every member, however many it missed, and the charters by which P
// changed. Nothing in it is secret. The zero Archive is empty; it is safe for
// concurrent use.
type Archive struct {
	mu       sync.Mutex
	changes  [][]byte // signed charters, by ascending generation
	gens     []uint32
	rekey    []byte
	rekeyGen uint32
	answered time.Time
}

// Keep notes a charter that the member adopts, and reports whether the archive
// changed: it keeps those that were signed under an earlier P as well.
func (a *Archive) Keep(s *issuer.SignedCharter, c *issuer.Charter) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(s.Signatures) != 2 || len(a.gens) > 0 && c.Gen <= a.gens[len(a.gens)-1] {
		return false
	}
	a.changes, a.gens = append(a.changes, s.Encode()), append(a.gens, c.Gen)
	if n := len(a.gens) - MaxChanges; n > 0 {
		a.changes, a.gens = slices.Delete(a.changes, 0, n), slices.Delete(a.gens, 0, n)
	}
	return true
}

// KeepRekey notes a rekey that [OpenRekey] or [Keeper.Enact] returned no error for,
// and reports whether it is newer than the one kept.
func (a *Archive) KeepRekey(msg []byte) bool {
	var r rekeyAnswer
	var b rekeyBody
	if rekeyDecoder.Unmarshal(msg, &r) != nil || bodyDecoder.Unmarshal(r.Body, &b) != nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rekey != nil && b.Gen <= a.rekeyGen {
		return false
	}
	a.rekey, a.rekeyGen = slices.Clone(msg), b.Gen
	return true
}

// Rekey returns the newest rekey, nil where there was none: a message of type
// [TypeAnswer], which any member may repeat.
func (a *Archive) Rekey() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rekey
}

// Answer returns the messages of type [TypeAnswer] that bring one who slept up to
// date, in order, under the key of the door that it asked under. There are none
// for what is no request, for one who misses nothing, and within [SyncEvery] of
// an answer by this member or, through [Archive.Heard], by another.
func (a *Archive) Answer(msg []byte, now time.Time) (out [][]byte) {
	var r syncRequest
	if err := decoder.Unmarshal(msg, &r); err != nil || r.K != kindSync {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if since := now.Sub(a.answered); !a.answered.IsZero() && 0 <= since && since < SyncEvery {
		return nil
	}
	for i, gen := range a.gens {
		if gen > r.Gen {
			out = append(out, wire.MustMarshal(charterAnswer{Kind: kindCharter, Charter: a.changes[i]}))
		}
	}
	if a.rekey != nil && a.rekeyGen > r.Key {
		out = append(out, a.rekey)
	}
	if out != nil {
		a.answered = now
	}
	return out
}

// Heard notes that another member has just said a rekey at the door.
func (a *Archive) Heard(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answered = now
}

const archiveVersion = 1

type savedArchive struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Changes [][]byte // signed charters
	Rekey   []byte   // empty where there was none
}

var archiveDecoder = wire.New(wire.Limits{Bytes: MaxChanges*(issuer.MaxCharter+8) + maxRekeyMessage + 16, Items: 16, Depth: 4})

// Encode returns the archive as bytes.
func (a *Archive) Encode() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return wire.MustMarshal(savedArchive{Version: archiveVersion, Changes: a.changes, Rekey: a.rekey})
}

// DecodeArchive reads what Encode wrote. It verifies each charter under the P
// that it names.
func DecodeArchive(b []byte) (*Archive, error) {
	if v, ok := versionOf(b); ok && v != archiveVersion {
		return nil, fmt.Errorf("door: read archive: it is of version %d, this program knows version %d; update it", v, archiveVersion)
	}
	var s savedArchive
	if err := archiveDecoder.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("door: read archive: %w", err)
	}
	a := &Archive{}
	for i, change := range s.Changes {
		signed, c, err := issuer.DecodeCharter(change)
		if err != nil {
			return nil, fmt.Errorf("door: read archive: charter %d: %w", i, err)
		}
		if i >= MaxChanges || !a.Keep(signed, c) {
			return nil, fmt.Errorf("door: read archive: charter %d is out of order", i)
		}
	}
	if len(s.Rekey) > 0 && !a.KeepRekey(s.Rekey) {
		return nil, fmt.Errorf("%w: read archive", ErrRekey)
	}
	return a, nil
}
