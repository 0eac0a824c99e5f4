// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package pseudonym

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// TypePair is the message type by which two devices make a secret that lets
// them recognise each other in later epochs.
const TypePair = 16

// Kinds of pair messages.
const (
	pairOffer   = 0 // the sender's half of the secret, and a wish for an edge
	pairAccept  = 1 // the other half, in answer to an offer
	pairDecline = 2 // no place is free
)

// ErrPair refuses a pair message that is not well formed or answers nothing
// that was said.
var ErrPair = errors.New("pseudonym: pair message refused")

// pairMessage travels signcrypted, so its sender is known by its pseudonym.
type pairMessage struct {
	_      struct{} `cbor:",toarray"`
	Kind   uint8
	Places uint8    // free edges of the sender, at most MaxPairs
	Half   [32]byte // the sender's half; zeros in a decline
	Echo   [32]byte // the half that is answered; zeros in an offer
}

var pairDecoder = wire.New(wire.Limits{Bytes: 128, Items: 16, Depth: 4})

// wellFormed reports whether the fields are those that the kind has.
func (m *pairMessage) wellFormed() bool {
	var none [32]byte
	switch m.Kind {
	case pairOffer:
		return m.Places <= MaxPairs && m.Half != none && m.Echo == none
	case pairAccept:
		return m.Places <= MaxPairs && m.Half != none && m.Echo != none
	case pairDecline:
		return m.Places == 0 && m.Half == none && m.Echo != none
	}
	return false
}

// pairSecret is the same for both, whoever offered.
func pairSecret(a, b [32]byte) [32]byte {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return wire.Key(wire.LV(a[:], b[:]), wire.LabelPair)
}

// pairTag is what the sender puts into its hello of an epoch for the other that
// knows the secret. It holds the sender's key, so that a tag copied into another
// hello matches nothing, nor does the tag of the one answer for the other.
func pairTag(secret *[32]byte, epoch uint32, sender [32]byte) (tag Tag) {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write(wire.LV([]byte(wire.LabelTag), wire.U32(epoch), sender[:]))
	copy(tag[:], mac.Sum(nil))
	return tag
}
