// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package token gives each member of a neighbourhood one blind token for each
// epoch: the issuers know whom they give it to, and do not know it again when it
// is redeemed for the keys of a pseudonym. A token is an output y of the POPRF
// of RFC 9497 (ristretto255, SHA-512) for a serial that the member draws, under
// the key of each issuer; that a member gets no second one is held up by grants,
// which t issuers must have signed before one of them evaluates.
//
// A [Mint] is the issuer's side and an [Asking] with its [Wallet] the member's;
// neither sends anything nor reads a clock. The zero values are not usable. A
// Mint is safe for concurrent use if its book is, the rest is not.
package token

import (
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Message types of the neighbours' plane that belong here.
const (
	TypeRequest = 19
	TypeAnswer  = 20
)

// MaxBatch is the most epochs of one request: a day of hours and one.
const MaxBatch = 25

// The epochs that are served lie from Behind before the present one, since
// clocks differ, to Ahead after it.
const (
	Behind = 1
	Ahead  = 25
)

// MaxIssuers and MaxMembers bound a neighbourhood, as in its charter.
const (
	MaxIssuers = 16
	MaxMembers = 32
)

// ErrRefused is the one error for a request or an answer that is not right.
var ErrRefused = errors.New("token: refused")

// Pub is an encoded public key: of ristretto255, X25519 or Ed25519.
type Pub = [32]byte

// Charter is what this package needs to know of a neighbourhood's charter,
// which somebody else has verified.
type Charter struct {
	Nbhd    [16]byte
	V       uint32   // evictions so far
	From    uint32   // first epoch whose tokens are of V: the one after that in which V began
	T       uint8    // issuers needed
	Issuers []Issuer // by ascending index, no key twice
	Members []Pub    // their Ed25519 identities
}

// Issuer is one of those who give tokens.
type Issuer struct {
	Index                uint8 // 1 to MaxIssuers
	POPRF, HPKE, Ed25519 Pub
}

// Token is what a member redeems at an issuer in the token's epoch: it shows the
// serial and proves by a MAC under the issuer's output that it has a token.
type Token struct {
	Epoch, V uint32
	Serial   [32]byte
	Y        map[uint8][64]byte // output for each issuer, by its index; secret
}

// Output returns y of the token with the given serial as the issuer computes it
// who holds key. It fails where the key is zero.
func Output(key *group.Scalar, nbhd [16]byte, epoch, v uint32, serial [32]byte) (y [64]byte, err error) {
	return output(key, info(nbhd, epoch, v), serial[:])
}

// Tolerated returns how many of n issuers may be corrupt where t sign, without a
// member getting two tokens for one epoch: the largest f with 2t - n > f. Two
// sets of t that have no honest issuer in common have at least 2t - n corrupt
// ones in common.
func Tolerated(t, n int) int { return max(0, 2*t-n-1) }

// check holds the charter against what both sides rely on.
func (c *Charter) check() error {
	n := len(c.Issuers)
	if n == 0 || n > MaxIssuers || int(c.T) > n || 2*int(c.T) <= n || len(c.Members) > MaxMembers {
		return fmt.Errorf("token: charter: %d of %d issuers, %d members", c.T, n, len(c.Members))
	}
	keys := make(map[Pub]bool, 3*n)
	for i, s := range c.Issuers {
		if s.Index == 0 || s.Index > MaxIssuers || i > 0 && s.Index <= c.Issuers[i-1].Index {
			return errors.New("token: charter: issuers out of order")
		}
		// One key under two indices would count as two grants.
		if keys[s.POPRF] || keys[s.Ed25519] || s.POPRF == s.Ed25519 {
			return fmt.Errorf("token: charter: issuer %d has another's key", s.Index)
		}
		keys[s.POPRF], keys[s.Ed25519] = true, true
	}
	return nil
}

// issuer returns the issuer with an index, nil where there is none.
func (c *Charter) issuer(index uint8) *Issuer {
	for i := range c.Issuers {
		if c.Issuers[i].Index == index {
			return &c.Issuers[i]
		}
	}
	return nil
}

// info is what a token is publicly bound to.
func info(nbhd [16]byte, epoch, v uint32) []byte {
	return lv(wire.LabelToken, nbhd[:], wire.U32(epoch), wire.U32(v))
}

func lv(label wire.Label, parts ...[]byte) []byte {
	return wire.LV(append([][]byte{[]byte(label)}, parts...)...)
}
