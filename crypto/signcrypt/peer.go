// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package signcrypt

import (
	"fmt"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// PIDSize is the length in bytes of a pseudonym id.
const PIDSize = 16

// PID names a device within one epoch. Rosters, replay and once-per-round rules
// use it, never R: issuing that is retried gives another valid R for one U.
type PID [PIDSize]byte

// PseudonymID returns the pid of a public signing value.
func PseudonymID(usig [group.Size]byte) PID {
	h := wire.Hash(wire.LabelPseudonym, usig[:])
	return PID(h[:PIDSize])
}

// Peer is another device of the epoch, or the device itself, as its public
// keys show it, with the points that sealing and verifying need.
type Peer struct {
	ID       PID
	Sig, Kem PublicKey

	sigD, sigU, kemD, kemU *group.Point
}

// NewPeer decodes public keys. The issuers' part is implicit: a peer whose keys
// were never issued can be named, but neither sign nor open anything.
func (s *Scope) NewPeer(sig, kem PublicKey) (*Peer, error) {
	p := &Peer{ID: PseudonymID(sig.U), Sig: sig, Kem: kem}
	var err error
	decode := func(point **group.Point, b [group.Size]byte) {
		if err == nil {
			*point, err = group.DecodePoint(b)
		}
	}
	derive := func(point **group.Point, usage Usage, r [group.Size]byte) {
		if err == nil {
			*point, err = s.partialPublic(usage, r, sig.U, kem.U)
		}
	}
	decode(&p.sigU, sig.U)
	decode(&p.kemU, kem.U)
	derive(&p.sigD, Sig, sig.R)
	derive(&p.kemD, Kem, kem.R)
	if err != nil {
		return nil, fmt.Errorf("signcrypt: public key: %w", err)
	}
	return p, nil
}

// verifyAs verifies with the R that came in the envelope, which may be another
// one than the peer's hello showed.
func (s *Scope) verifyAs(p *Peer, r [group.Size]byte, th []byte, sig Signature) bool {
	if r == p.Sig.R {
		return s.Verify(p, th, sig)
	}
	d, err := s.partialPublic(Sig, r, p.Sig.U, p.Kem.U)
	if err != nil {
		return false
	}
	return s.verify(PublicKey{R: r, U: p.Sig.U}, d, p.sigU, th, sig)
}
