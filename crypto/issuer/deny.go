// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/vecino-edge/vecino/crypto/wire"
)

// TypeDeny is the message type of a deny list.
const TypeDeny = 15

// Deny names pseudonyms that nobody listens to until their epoch ends. The
// issuers sign it under P.
type Deny struct {
	_     struct{} `cbor:",toarray"`
	Label wire.Label
	Nbhd  [16]byte
	Epoch uint32
	PIDs  [][16]byte // 1 to MaxMembers, ascending
}

// SignedDeny is a deny list as it travels.
type SignedDeny struct {
	_         struct{} `cbor:",toarray"`
	Deny      []byte
	Signature Signature
}

// ErrDeny refuses a deny list that does not hold.
var ErrDeny = errors.New("issuer: deny list refused")

var denyDecoder = wire.New(wire.Limits{Bytes: 1 << 10, Items: MaxMembers, Depth: 4})

// Encode returns the bytes that are signed.
func (d *Deny) Encode() []byte { return wire.MustMarshal(d) }

func (d *Deny) check(nbhd [16]byte) error {
	if d.Label != wire.LabelDeny || d.Nbhd != nbhd || len(d.PIDs) == 0 {
		return errors.New("another label or neighbourhood, or nobody named")
	}
	for i, p := range d.PIDs {
		if i > 0 && bytes.Compare(p[:], d.PIDs[i-1][:]) <= 0 {
			return errors.New("pseudonyms out of order")
		}
	}
	return nil
}

func decodeDeny(b []byte, nbhd [16]byte) (*Deny, error) {
	var d Deny
	if err := denyDecoder.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDeny, err)
	}
	if err := d.check(nbhd); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDeny, err)
	}
	return &d, nil
}

// DecodeDeny decodes a signed deny list and verifies it under the charter's P.
func DecodeDeny(b []byte, c *Charter) (*Deny, error) {
	var s SignedDeny
	if err := denyDecoder.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrDeny, err)
	}
	d, err := decodeDeny(s.Deny, c.Nbhd)
	if err != nil {
		return nil, err
	}
	if !s.Signature.Verify(c.P, s.Deny) {
		return nil, fmt.Errorf("%w: wrong signature", ErrDeny)
	}
	return d, nil
}
