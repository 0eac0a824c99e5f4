// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// Bounds of a charter's numbers.
const (
	MinEpoch  = 5                // seconds
	MaxEpoch  = 7 * 24 * 60 * 60 // seconds: a pseudonym that lasts longer hides nothing
	MaxEpoch0 = 1 << 40          // unix seconds, some 34,000 years ahead: sums of times stay within 64 bits
)

// Charter says what a neighbourhood is: its issuers, its members and the
// numbers on which all must agree. It is signed under P; the highest
// generation wins.
type Charter struct {
	_               struct{} `cbor:",toarray"`
	Label           wire.Label
	Nbhd            [16]byte
	Gen             uint32
	V               uint32 // evictions so far
	P               Pub    // the issuers' public key
	T               uint8  // issuers needed, more than half of them
	Issuers         []Issuer
	Members         []Member
	Epoch0          uint64 // unix seconds at which epoch 0 began
	EpochLen        uint32 // seconds
	Chunk           uint16 // bytes of a chunk's payload
	ChunksPerMinute uint16 // chunks that each device sends, cover included
	D               uint16 // seconds, the spread of leaving and entering at an epoch's edge
}

// Issuer is one of those who sign, with its public keys.
type Issuer struct {
	_       struct{} `cbor:",toarray"`
	Index   uint8
	Y       Pub // verification share of P
	POPRF   Pub // RFC 9497 key of its tokens
	HPKE    Pub
	Ed25519 Pub
}

// Member is a device by the identity that it shows at the door and to issuers.
type Member struct {
	_       struct{} `cbor:",toarray"`
	Name    string
	Ed25519 Pub
	X25519  Pub
}

// SignedCharter is a charter with its signature, as it travels and is stored.
// A charter with a new P has a second signature under the old one.
type SignedCharter struct {
	_          struct{} `cbor:",toarray"`
	Charter    []byte
	Signatures []Signature
}

// ErrCharter refuses a charter that does not hold.
var ErrCharter = errors.New("issuer: charter refused")

// MaxCharter is the most bytes that a signed charter may have.
const MaxCharter = 16 << 10

var charterDecoder = wire.New(wire.Limits{Bytes: MaxCharter, Items: MaxMembers})

// Hash is what a hello says of the charter that its sender holds. It covers the
// charter without its signatures: there are many valid ones of one charter, and
// whoever passes it on could add a second that nobody checks.
func (s *SignedCharter) Hash() [32]byte {
	h := wire.Digest(s.Charter)
	return [32]byte(h[:32])
}

// Encode returns the signed charter's bytes.
func (s *SignedCharter) Encode() []byte { return wire.MustMarshal(s) }

// DecodeCharter decodes a signed charter and verifies it under the P that it
// names. The caller compares that P with the one it trusts.
func DecodeCharter(b []byte) (*SignedCharter, *Charter, error) {
	var s SignedCharter
	if err := charterDecoder.Unmarshal(b, &s); err != nil {
		return nil, nil, fmt.Errorf("%w: %v", ErrCharter, err)
	}
	if n := len(s.Signatures); n < 1 || n > 2 {
		return nil, nil, fmt.Errorf("%w: %d signatures", ErrCharter, n)
	}
	var c Charter
	if err := charterDecoder.Unmarshal(s.Charter, &c); err != nil {
		return nil, nil, fmt.Errorf("%w: %v", ErrCharter, err)
	}
	if err := c.check(); err != nil {
		return nil, nil, fmt.Errorf("%w: %v", ErrCharter, err)
	}
	if !s.Signatures[0].Verify(c.P, s.Charter) {
		return nil, nil, fmt.Errorf("%w: wrong signature", ErrCharter)
	}
	return &s, &c, nil
}

// PeekCharter returns the neighbourhood and generation that a signed charter
// claims. It verifies nothing, which costs much where there are many members.
func PeekCharter(b []byte) (nbhd [16]byte, gen uint32, ok bool) {
	var s SignedCharter
	var c Charter
	if charterDecoder.Unmarshal(b, &s) != nil || charterDecoder.Unmarshal(s.Charter, &c) != nil {
		return nbhd, 0, false
	}
	return c.Nbhd, c.Gen, true
}

// Follows reports whether a verified charter may take the place of old: it is
// of the same neighbourhood and newer, and a new P is signed under the old.
func (s *SignedCharter) Follows(c, old *Charter) bool {
	if c.Nbhd != old.Nbhd || c.Gen <= old.Gen {
		return false
	}
	return c.P == old.P || len(s.Signatures) == 2 && s.Signatures[1].Verify(old.P, s.Charter)
}

// Epoch returns the epoch at the given time, and false before the first one and
// after the last that 32 bits can count.
func (c *Charter) Epoch(now time.Time) (uint32, bool) {
	since := now.Unix() - int64(c.Epoch0)
	if since < 0 || since/int64(c.EpochLen) > math.MaxUint32 {
		return 0, false
	}
	return uint32(since / int64(c.EpochLen)), true
}

// EpochStart returns the time at which an epoch begins.
func (c *Charter) EpochStart(epoch uint32) time.Time {
	return time.Unix(int64(c.Epoch0)+int64(epoch)*int64(c.EpochLen), 0)
}

// Issuer returns the issuer with an index, nil where there is none.
func (c *Charter) Issuer(index uint8) *Issuer {
	for i := range c.Issuers {
		if c.Issuers[i].Index == index {
			return &c.Issuers[i]
		}
	}
	return nil
}

// Member returns the member with an identity key, nil where there is none.
func (c *Charter) Member(ed25519 Pub) *Member {
	for i := range c.Members {
		if c.Members[i].Ed25519 == ed25519 {
			return &c.Members[i]
		}
	}
	return nil
}
