// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package homomorphic

import (
	"fmt"

	"github.com/vecino-edge/vecino/crypto/rlwe"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// scope names a session among those of an epoch.
type scope struct {
	_     struct{} `cbor:",toarray"`
	Task  [16]byte
	Group uint8
}

// What a message of type 6 says.
const (
	subRoster = iota
	subAck
	subHoldings
	subActive
	subSignature
)

// rosterMessage announces a roster. Its bytes are what the roster's hash covers.
type rosterMessage struct {
	_       struct{} `cbor:",toarray"`
	Sub     uint8
	Scope   scope
	Mode    Mode
	Tau     uint8
	Members []Key // ascending
}

type ackMessage struct {
	_      struct{} `cbor:",toarray"`
	Sub    uint8
	Scope  scope
	Roster Hash
}

// holdings says what a member has at the middle of a round.
type holdings struct {
	_       struct{} `cbor:",toarray"`
	Sub     uint8
	Scope   scope
	Roster  Hash
	Round   uint32
	Dealt   set    // whose secrets of the epoch it has a share of
	Shares  set    // whose secrets of the round; none with Lattice
	Held    set    // whose uploads are complete
	Digests []Hash // of the uploads in Held, by ascending index
}

// active is a sum to be opened: over whom, by whom.
type active struct {
	_       struct{} `cbor:",toarray"`
	Members set
	Openers set
	Uploads Hash // over the digests of the members' uploads
}

// activeMessage proposes an active set or signs it.
type activeMessage struct {
	_      struct{} `cbor:",toarray"`
	Sub    uint8
	Scope  scope
	Roster Hash
	Round  uint32
	Active active
}

// shareMessage brings a share of a secret, of the epoch or of one round.
type shareMessage struct {
	_      struct{} `cbor:",toarray"`
	Scope  scope
	Roster Hash
	Round  *uint32 // nil for the epoch
	Data   []byte
}

// answerMessage is one piece of an opener's part.
type answerMessage struct {
	_      struct{} `cbor:",toarray"`
	Scope  scope
	Roster Hash
	Round  uint32
	Active active
	Piece  uint8
	Data   []byte
}

// upload is a member's contribution to a round.
type upload struct {
	_      struct{} `cbor:",toarray"`
	Scope  scope
	Roster Hash
	Round  uint32
	Pairs  set // with whom it has a mask in common; none with Lattice
	Data   []byte
}

var (
	controlDecoder = wire.New(wire.Limits{Bytes: MaxControl, Items: MaxRoster, Depth: 4})
	shareDecoder   = wire.New(wire.Limits{Bytes: MaxShare, Items: 16, Depth: 4})
	answerDecoder  = wire.New(wire.Limits{Bytes: MaxAnswer, Items: 16, Depth: 4})
	uploadDecoder  = wire.New(wire.Limits{Bytes: MaxUpload, Items: 16, Depth: 4})
)

// subtype returns what a message of type 6 says, or 255. The second byte of an
// array of fewer than 24 elements is its first element, if that is small.
func subtype(data []byte) uint8 {
	if len(data) < 2 || data[1] > subSignature {
		return 255
	}
	return data[1]
}

// decode decodes data into v. All ways in which bytes can be wrong are one.
func decode(d wire.Decoder, data []byte, v any) error {
	if err := d.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return nil
}

// check refuses holdings whose digests are not those of what is held.
func (h *holdings) check() error {
	if len(h.Digests) != h.Held.len() {
		return fmt.Errorf("%w: %d digests of %d uploads", ErrMalformed, len(h.Digests), h.Held.len())
	}
	return nil
}

// digest returns the digest of the upload of member i, or nil.
func (h *holdings) digest(i int) *Hash {
	if !h.Held.has(i) {
		return nil
	}
	return &h.Digests[(h.Held & (only(i) - 1)).len()]
}

// hash names the active set of a round in the guard's record.
func (a *active) hash(roster Hash, round uint32) Hash {
	h := wire.Hash(wire.LabelActive, roster[:], wire.U32(round), wire.MustMarshal(a))
	return Hash(h[:32])
}

// digestOf returns the digest by which holdings name an upload.
func digestOf(upload []byte) Hash {
	h := wire.Digest(upload)
	return Hash(h[:32])
}

// bundle returns the digest of an active set's uploads.
func bundle(digests []Hash) Hash {
	parts := make([][]byte, 0, len(digests))
	for i := range digests {
		parts = append(parts, digests[i][:])
	}
	h := wire.Hash(wire.LabelActive, parts...)
	return Hash(h[:32])
}

// seedOf returns the seed of the public polynomial of a piece. The attempt is
// always 0: a round that fails is skipped.
func seedOf(c *Config, r *roster, round uint32, vector, chunk int) *[rlwe.SeedSize]byte {
	const attempt = 0
	seed := wire.Hash(wire.LabelSum, c.Nbhd[:], wire.U32(c.Epoch), c.Task[:], wire.U32(round),
		wire.U8(attempt), wire.U8(uint8(vector)), wire.U32(uint32(chunk)), r.hash[:])
	return &seed
}
