// Copyright The Vecino Authors
// SPDX-License-Identifier: Apache-2.0

package group

import "filippo.io/edwards25519"

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
