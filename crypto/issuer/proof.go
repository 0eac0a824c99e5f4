// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"crypto/subtle"

	"github.com/vecino-edge/vecino/crypto/group"
	"github.com/vecino-edge/vecino/crypto/signcrypt"
	"github.com/vecino-edge/vecino/crypto/wire"
)

// Proof shows that the asking device knows the secret value u of a U, so that
// nobody has a key issued that was made from somebody else's.
type Proof [2 * group.Size]byte

// claim is what a proof is about.
type claim struct {
	usage      signcrypt.Usage
	nbhd       [16]byte
	epoch      uint32
	usig, ukem [group.Size]byte
	reply      Pub
}

func (c claim) challenge(t [group.Size]byte) *group.Scalar {
	return group.Reduce(wire.Hash(wire.LabelProof, []byte(c.usage), c.nbhd[:], wire.U32(c.epoch),
		c.usig[:], c.ukem[:], t[:], c.reply[:]))
}

func (c claim) value() [group.Size]byte {
	if c.usage == signcrypt.Sig {
		return c.usig
	}
	return c.ukem
}

func (c claim) prove(nonce *group.Scalar, secret *signcrypt.SecretValue) (p Proof) {
	e := c.challenge(group.EncodePoint(group.Base(nonce)))
	z := secret.Respond(e, nonce)
	be, bz := group.EncodeScalar(e), group.EncodeScalar(z)
	copy(p[:], be[:])
	copy(p[group.Size:], bz[:])
	return p
}

func (c claim) verify(p Proof) bool {
	u, err := group.DecodePoint(c.value())
	if err != nil {
		return false
	}
	e, err := group.DecodeScalar([group.Size]byte(p[:group.Size]))
	if err != nil {
		return false
	}
	z, err := group.DecodeScalar([group.Size]byte(p[group.Size:]))
	if err != nil {
		return false
	}
	t := group.EncodePoint(group.VarTimeDouble(group.Neg(e), u, z))
	got := group.EncodeScalar(c.challenge(t))
	return subtle.ConstantTimeCompare(got[:], p[:group.Size]) == 1
}
