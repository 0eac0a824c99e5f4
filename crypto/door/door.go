// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

// Package door is how a device enters a neighbourhood: an invite, made by an
// issuer and carried by hand, a signed request to join, and the welcome that
// holds the charter and the neighbourhood's key K (crypto/PROTOCOL.md, "Door").
// The door is one topic, the only name that does not change; what is said there
// is encrypted under a key from the invite, or from K among members. It is also
// where members learn the time from the issuers ("Clock"), and the next K when
// somebody is removed ("Eviction"). Where there are several issuers, a [Council]
// signs for them all.
//
// A [Keeper] is safe for concurrent use; its zero value lets nobody in. Of the
// rest, each type says so.
package door

import (
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vecino-edge/vecino/crypto/issuer"
	"github.com/vecino-edge/vecino/crypto/pseudonym"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Message types of the door.
const (
	TypeRequest = 17
	TypeAnswer  = 18
)

// Topic returns the door's topic.
func Topic(nbhd [16]byte) string {
	return pseudonym.TopicName(nbhd[:], []byte(wire.LabelDoor))
}

// JoinKey returns the outer key between one who joins and the issuers.
func JoinKey(j [16]byte) [32]byte { return wire.Key(j[:], wire.LabelDoor) }

// MemberKey returns the outer key of the door among members.
func MemberKey(k [pseudonym.KeySize]byte) [32]byte { return wire.Key(k[:], wire.LabelDoor) }

// IssuerHash is the hash of the issuers' public key that an invite carries, so
// that whoever holds the invite knows the right charter from a wrong one.
func IssuerHash(p issuer.Pub) [32]byte {
	h := wire.Hash(wire.LabelIssuerKey, p[:])
	return [32]byte(h[:32])
}

// Invite lets one device into a neighbourhood.
type Invite struct {
	_          struct{} `cbor:",toarray"`
	Version    uint8
	Broker     string // URL, printable
	Username   string // of the neighbourhood's shared broker account, may be empty; printable
	Password   string
	Pin        []byte // SHA-256 of a SubjectPublicKeyInfo of the broker, or empty
	Nbhd       [16]byte
	J          [16]byte // secret of this invite
	IssuerHash [32]byte
	Expiry     uint64 // unix seconds
}

const inviteVersion = 1

// Bounds of an invite, in bytes.
const (
	maxInvite     = 1024
	maxURL        = 256
	maxCredential = 256 // of the user name and of the password
)

// ErrInvite refuses a code that is no invite.
var ErrInvite = errors.New("door: this is not an invite code; copy it whole, it is one word of letters and digits")

var inviteEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

var inviteDecoder = wire.New(wire.Limits{Bytes: maxInvite})

// Code returns the invite as text for people and QR codes.
func (i Invite) Code() string {
	i.Version = inviteVersion
	return inviteEncoding.EncodeToString(wire.MustMarshal(i))
}

// ParseCode reads an invite. Spaces, dashes and case do not matter.
func ParseCode(code string) (*Invite, error) {
	code = strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\n' || r == '\r' || r == '\t' {
			return -1
		}
		return r
	}, code)
	if len(code) > inviteEncoding.EncodedLen(maxInvite) {
		return nil, ErrInvite
	}
	code = strings.ToUpper(code)
	b, err := inviteEncoding.DecodeString(code)
	if err != nil || inviteEncoding.EncodeToString(b) != code { // bits behind the last byte
		return nil, ErrInvite
	}
	if v, ok := versionOf(b); ok && v != inviteVersion {
		return nil, fmt.Errorf("door: the invite is of version %d, this program knows version %d; update it", v, inviteVersion)
	}
	var i Invite
	if err := inviteDecoder.Unmarshal(b, &i); err != nil || !i.plausible() {
		return nil, ErrInvite
	}
	return &i, nil
}

// versionOf reads the first field of an invite, which all versions have: a CBOR
// array whose first element is an integer below 24.
func versionOf(b []byte) (version uint8, ok bool) {
	const array = 4 << 5
	if len(b) < 2 || b[0]&^31 != array || b[1] >= 24 {
		return 0, false
	}
	return b[1], true
}

func (i *Invite) plausible() bool {
	if i.Broker == "" || !printable(i.Broker, maxURL) || len(i.Pin) != 0 && len(i.Pin) != 32 {
		return false
	}
	return printable(i.Username, maxCredential) && printable(i.Password, maxCredential)
}

// Expired reports whether the invite has run out.
func (i *Invite) Expired(now time.Time) bool { return now.Unix() >= int64(i.Expiry) }
