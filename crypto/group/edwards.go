// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package group

import (
	"bytes"
	"crypto/ecdh"
	"sync"

	"filippo.io/edwards25519"
)

// WeakEd25519 reports whether an Ed25519 public key is one under which a
// signature says nothing: no point at all, or a point of small order, for which
// one signature holds for many messages. RFC 8032 does not refuse the latter.
func WeakEd25519(key [32]byte) bool {
	p, err := new(edwards25519.Point).SetBytes(key[:])
	if err != nil {
		return true
	}
	return p.MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1
}

// WeakX25519 reports whether an X25519 public key is of small order: what is
// agreed on with it is the same for everybody (RFC 7748, section 6.1).
func WeakX25519(key [32]byte) bool {
	public, err := ecdh.X25519().NewPublicKey(key[:])
	if err != nil {
		return true
	}
	_, err = probe().ECDH(public) // which refuses the outcome 0
	return err != nil
}

// probe is a private key: what it agrees on is 0 only with keys of small order.
var probe = sync.OnceValue(func() *ecdh.PrivateKey {
	k, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		panic("group: " + err.Error())
	}
	return k
})
